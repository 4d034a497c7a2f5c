"""Predict how far diabetes progresses within a year, with a model of its own for each age group.

dagster job execute -f definitions.py -j diabetes --tags '{"dagster/partition": "45-to-59"}'
"""

import os
import sys
from importlib import resources
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import dagster as dg
import joblib
import pandas as pd
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge, SGDRegressor
from sklearn.metrics import mean_absolute_error, r2_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from dagster_integration import track
from plugin_core import load_run

TARGET = "progression"
COLUMNS = {
    "bp": "blood_pressure",
    "s1": "cholesterol",
    "s2": "ldl",
    "s3": "hdl",
    "s4": "cholesterol_per_hdl",
    "s5": "log_triglycerides",
    "s6": "glucose",
    "target": TARGET,
}
YEARS = {"under-45": (0, 44), "45-to-59": (45, 59), "60-and-over": (60, 120)}
AGE_GROUPS = dg.StaticPartitionsDefinition(list(YEARS))
# The processes are forked from one that has the libraries loaded: importing them takes longer than the steps do.
A_PROCESS_FOR_EACH_STEP = {
    "max_concurrent": 2,
    "start_method": {"forkserver": {"preload_modules": ["dagster", "pandas", "sklearn.linear_model"]}},
}
TRAIN_BOOSTING = Path(__file__).with_name("train_boosting.py")


class Shelf(dg.ConfigurableResource):
    """The folder in which others find what is published here."""

    folder: str

    def place(self, *parts: str) -> Path:
        """Where a file goes; its folder exists."""
        file = Path(self.folder, *parts)
        file.parent.mkdir(parents=True, exist_ok=True)
        return file


@dg.asset
def patients() -> pd.DataFrame:
    """The table that ships with scikit-learn, a patient a row; its file is recorded as the input."""
    with resources.as_file(resources.files("sklearn.datasets.data") / "diabetes_data_raw.csv.gz") as source:
        load_run().log_file(source, is_output=False)
    return load_diabetes(as_frame=True, scaled=False).frame.rename(columns=COLUMNS)


@dg.asset_check(asset=patients, blocking=True)
def patients_are_plausible(patients: pd.DataFrame) -> dg.AssetCheckResult:
    """No gaps, and nobody older than 120: otherwise nothing is trained."""
    gaps, oldest = int(patients.isna().sum().sum()), float(patients["age"].max())
    return dg.AssetCheckResult(
        passed=gaps == 0 and oldest <= max(map(max, YEARS.values())),
        metadata={"patients": len(patients), "gaps": gaps, "oldest": oldest},
    )


@dg.multi_asset(outs={"training": dg.AssetOut(), "holdout": dg.AssetOut()}, partitions_def=AGE_GROUPS)
def age_group(context: dg.AssetExecutionContext, patients: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The patients of one age group; a quarter of them is held out."""
    group = patients[patients["age"].between(*YEARS[context.partition_key])]
    load_run().log_metric("patients", len(group))
    training, holdout = train_test_split(group, test_size=0.25, random_state=7)
    return training.reset_index(drop=True), holdout.reset_index(drop=True)


class RidgeConfig(dg.Config):
    """How strongly large weights are held down."""

    alpha: float = 10.0


@dg.asset(partitions_def=AGE_GROUPS)
def ridge(training: pd.DataFrame, config: RidgeConfig) -> Pipeline:
    """A linear model, solved at once."""
    model = make_pipeline(StandardScaler(), Ridge(alpha=config.alpha))
    return model.fit(training.drop(columns=TARGET), training[TARGET])


class DescentConfig(dg.Config):
    """How long to learn, and how fast at first."""

    rounds: int = 30
    rate: float = 0.3


@dg.asset(partitions_def=AGE_GROUPS, retry_policy=dg.RetryPolicy(max_retries=2))
def descent(context: dg.AssetExecutionContext, training: pd.DataFrame, config: DescentConfig) -> Pipeline:
    """A linear model, learned by gradient descent. If it diverges, the step is retried at a tenth of the rate."""
    run = load_run()
    run.log_parameter("rate", rate := config.rate / 10**context.retry_number)
    features, target = training.drop(columns=TARGET), training[TARGET]
    scaler, learner = StandardScaler().fit(features), SGDRegressor(learning_rate="constant", eta0=rate, random_state=7)
    for step in range(config.rounds):
        learner.partial_fit(scaler.transform(features), target)
        error = mean_absolute_error(target, learner.predict(scaler.transform(features)))
        run.log_metric("training_error", error, step=step)
        if error > target.max():
            raise ArithmeticError(f"The error grew to {error:.3g} at a rate of {rate}: it diverges.")
    return make_pipeline(scaler, learner)


@dg.asset(partitions_def=AGE_GROUPS)
def boosting(
    context: dg.AssetExecutionContext, training: pd.DataFrame, pipes: dg.PipesSubprocessClient
) -> dg.Output[Any]:
    """Boosted trees, grown by a script in a process of its own that Dagster Pipes starts."""
    with TemporaryDirectory() as folder:
        table, model = Path(folder, "training.csv"), Path(folder, "model.joblib")
        training.to_csv(table, index=False)
        ran = pipes.run(
            command=[sys.executable, str(TRAIN_BOOSTING)],
            context=context,
            extras={"table": str(table), "model": str(model), "target": TARGET, "trees": 60},
        )
        return dg.Output(joblib.load(model), metadata=ran.get_materialize_result().metadata)


@dg.asset(partitions_def=AGE_GROUPS)
def best_model(ridge: Any, descent: Any, boosting: Any, holdout: pd.DataFrame) -> dg.Output[Any]:
    """The candidate with the least error on the patients held out; its metadata, and so the record, compares them."""
    candidates = {"ridge": ridge, "descent": descent, "boosting": boosting}
    features, target = holdout.drop(columns=TARGET), holdout[TARGET]
    errors = {name: mean_absolute_error(target, model.predict(features)) for name, model in candidates.items()}
    best = min(errors, key=errors.__getitem__)
    share = r2_score(target, candidates[best].predict(features))
    compared = {f"{name}_error": error for name, error in errors.items()}
    return dg.Output(candidates[best], metadata={"chosen": best, "holdout_r2": share, **compared})


@dg.asset(partitions_def=AGE_GROUPS)
def published(
    context: dg.AssetExecutionContext, best_model: Any, holdout: pd.DataFrame, shelf: Shelf
) -> dg.MaterializeResult:
    """The chosen model and the patients it has not seen, as files for others."""
    model = shelf.place(context.partition_key, "model.joblib")
    table = shelf.place(context.partition_key, "patients.csv")
    joblib.dump(best_model, model)
    holdout.drop(columns=TARGET).to_csv(table, index=False)
    for file in (model, table):
        load_run().log_file(file)
    return dg.MaterializeResult(
        metadata={"model": dg.MetadataValue.path(model), "patients": dg.MetadataValue.path(table)}
    )


defs = track(
    dg.Definitions(
        assets=[patients, age_group, ridge, descent, boosting, best_model, published],
        asset_checks=[patients_are_plausible],
        jobs=[
            dg.define_asset_job(
                "diabetes",
                partitions_def=AGE_GROUPS,
                executor_def=dg.multiprocess_executor.configured(A_PROCESS_FOR_EACH_STEP),
            )
        ],
        resources={
            "pipes": dg.PipesSubprocessClient(),
            "shelf": Shelf(folder=os.environ.get("DIABETES_SHELF", "shelf")),
        },
    )
)
