"""Runs and lineage of sagemaker-core, as its users write them."""

import json

from sagemaker.core.experiments.run import Run, list_runs, load_run
from sagemaker.core.lineage.artifact import Artifact
from sagemaker.core.lineage.association import Association
from sagemaker.core.lineage.lineage_trial_component import LineageTrialComponent

with Run(experiment_name="core", run_name="one") as run:
    run.log_parameter("depth", 3)
    run.log_metric("loss", 0.5, step=0)
    run.log_confusion_matrix([0, 1, 1], [0, 1, 0], title="matrix")
    config = run.experiment_config
Run(experiment_name="core", run_name="one")
with load_run(experiment_name="core", run_name="one") as loaded:
    loaded.log_parameter("again", "yes")

component = LineageTrialComponent.load(config["RunName"])
data = Artifact.create(artifact_name="core-data", artifact_type="DataSet", source_uri="s3://flowtrail/core.csv")
model = Artifact.create(artifact_name="core-model", artifact_type="Model", source_uri="s3://flowtrail/core.bin")
Association.create(
    source_arn=data.artifact_arn, destination_arn=component.trial_component_arn, association_type="ContributedTo"
)
Association.create(
    source_arn=component.trial_component_arn, destination_arn=model.artifact_arn, association_type="Produced"
)
print(
    json.dumps(
        {
            "config": config,
            "listed": [run.run_name for run in list_runs(experiment_name="core")],
            "data": [f"{type(found).__name__}:{found.artifact_name}" for found in component.dataset_artifacts()],
            "models": [f"{type(found).__name__}:{found.artifact_name}" for found in component.models()],
            "pipeline": component.pipeline_execution_arn(),
        }
    )
)
