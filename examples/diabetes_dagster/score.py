"""Whom to call first: a Prefect flow that uses the model and the patients that the Dagster job has published.

python score.py shelf/45-to-59 --calls 10
"""

import argparse
from pathlib import Path
from typing import Any

import joblib
import pandas as pd

from plugin_core import load_run
from prefect_integration import tracked_flow, tracked_task


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
def write_calls(expected: pd.DataFrame, calls: int, file: Path) -> str:
    """Write the list, and record it as a file of this run."""
    expected.head(calls).to_csv(file, index_label="patient")
    load_run().log_file(file)
    return file.name


@tracked_flow(name="diabetes-calls")
def score(folder: Path, calls: int = 10) -> str:
    """Expect, sort, and list those to call first."""
    expected = predict(load_model(folder / "model.joblib"), load_patients(folder / "patients.csv"))
    return write_calls(expected, calls, folder / "calls.csv")


def main() -> None:
    """Take the parameters from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="folder that Dagster has published to")
    parser.add_argument("--calls", type=int, default=10, help="how many patients to list")
    options = parser.parse_args()
    print(f"Wrote {options.folder / score(**vars(options))}.")


if __name__ == "__main__":
    main()
