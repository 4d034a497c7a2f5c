"""Whom to call first: a Prefect flow that uses the model and the patients that the Dagster job has published.

python score.py --age-group 45-to-59 --calls 10
"""

import argparse
import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import joblib
import pandas as pd

from plugin_core import load_run
from prefect_integration import tracked_flow, tracked_task

SHELF = Path(os.environ.get("DIABETES_SHELF", "shelf"))


@tracked_task
def load_model(file: Path) -> Any:
    """The model, as Dagster published it."""
    return joblib.load(file)


@tracked_task
def load_patients(file: Path) -> pd.DataFrame:
    """The patients, as Dagster published them."""
    return pd.read_csv(file)


@tracked_task
def predict(model: Any, patients: pd.DataFrame) -> pd.DataFrame:
    """The patients with the progression that is expected of each, the worst first."""
    expected = model.predict(patients).round(1)
    load_run().log_metric("mean_expected_progression", float(expected.mean()))
    return patients.assign(expected_progression=expected).sort_values("expected_progression", ascending=False)


@tracked_task
def keep_calls(expected: pd.DataFrame, calls: int) -> str:
    """The patients to call, as a file of this run; return its name."""
    with TemporaryDirectory() as folder:
        file = Path(folder, "calls.csv")
        expected.head(calls).to_csv(file, index_label="patient")
        load_run().log_file(file)
    return file.name


@tracked_flow(name="diabetes-calls")
def score(age_group: str, calls: int = 10) -> str:
    """Expect, sort, and list those to call first."""
    model, patients = load_model(SHELF / age_group / "model.joblib"), load_patients(SHELF / age_group / "patients.csv")
    return keep_calls(predict(model, patients), calls)


def main() -> None:
    """Take the parameters from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--age-group", default="45-to-59", help="a partition that Dagster has published")
    parser.add_argument("--calls", type=int, default=10, help="how many patients to list")
    print(f"Recorded whom to call first as {score(**vars(parser.parse_args()))}.")


if __name__ == "__main__":
    main()
