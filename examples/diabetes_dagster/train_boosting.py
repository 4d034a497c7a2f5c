"""Grow boosted trees. Dagster Pipes says what to read and where to write; load_run() finds the run to log to."""

import joblib
import pandas as pd
from dagster_pipes import open_dagster_pipes
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.metrics import mean_absolute_error

from plugin_core import load_run


def main() -> None:
    """Log the error after each tree."""
    with open_dagster_pipes() as pipes:
        training = pd.read_csv(pipes.extras["table"])
        features, target = training.drop(columns=pipes.extras["target"]), training[pipes.extras["target"]]
        model = GradientBoostingRegressor(
            n_estimators=pipes.extras["trees"], max_depth=2, learning_rate=0.05, random_state=7
        ).fit(features, target)
        run = load_run()
        run.log_parameter("trained_in", "train_boosting.py")
        for step, predicted in enumerate(model.staged_predict(features)):
            run.log_metric("training_error", mean_absolute_error(target, predicted), step=step)
        joblib.dump(model, pipes.extras["model"])
        pipes.report_asset_materialization(metadata={"trees": len(model.estimators_)})


if __name__ == "__main__":
    main()
