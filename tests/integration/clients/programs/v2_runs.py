"""Runs of the SageMaker SDK v2, as its users write them: recorded, loaded, listed, and read into a table."""

import json
import pathlib

from sagemaker.analytics import ExperimentAnalytics
from sagemaker.experiments import Run, list_runs, load_run

pathlib.Path("notes.txt").write_text("what was tried\n")
with Run(experiment_name="Churn", run_name="First", tags=[{"Key": "team", "Value": "growth"}]) as run:
    run.log_parameter("depth", 3)
    run.log_parameters({"booster": "gbtree", "rate": 0.5, "bad": float("nan")})
    for step in range(12):
        run.log_metric("loss", 1.0 / (step + 1), step=step)
    run.log_artifact("data", "s3://flowtrail/in.csv", media_type="text/csv", is_output=False)
    run.log_file("notes.txt", name="notes")
    run.log_confusion_matrix([0, 1, 1, 0], [0, 1, 0, 0], title="confusion")
    run.log_precision_recall([0, 1, 1, 0], [0.1, 0.8, 0.6, 0.3], title="precision", is_output=False)
    run.log_roc_curve([0, 1, 1, 0], [0.1, 0.8, 0.6, 0.3], title="roc")
    with load_run() as inner:
        inner.log_parameter("inner", "yes")

again = Run(experiment_name="churn", run_name="first")
with load_run(experiment_name="churn", run_name="first") as loaded:
    loaded.log_metric("loss", 0.01, step=12)
try:
    with Run(experiment_name="churn", run_name="broken"):
        raise ValueError("the data is gone")
except ValueError:
    pass

frame = ExperimentAnalytics(experiment_name="churn").dataframe()
print(
    json.dumps(
        {
            "config": again.experiment_config,
            "listed": sorted(run.run_name for run in list_runs(experiment_name="churn")),
            "columns": sorted(frame.columns),
            "rows": frame.set_index("TrialComponentName")[["depth", "booster", "loss - Count"]].fillna("").T.to_dict(),
        }
    )
)
