"""A script with the SDK's own `load_run()`, started by a task of Prefect and an op of Dagster, finds their runs."""

import sys
import textwrap
from pathlib import Path

import pytest
from kit.clients import program_of

from plugin_core.model.queries import ComponentQuery

JOB = Path(__file__).parent / "programs" / "v2_job.py"
pytestmark = pytest.mark.slow

PREFECT = """
import subprocess, sys
from prefect import flow, task

@task
def train(n):
    subprocess.run(sys.argv[1:], check=True)

@flow(name="trains")
def trains():
    for n in range(2):
        train(n)

trains()
"""
DAGSTER = """
import subprocess, sys
from dagster import job, op

@op
def fit():
    subprocess.run(sys.argv[1:], check=True)

@job
def fits():
    fit()

assert fits.execute_in_process().success
"""


def run_recorded(served, code: str, name: str) -> None:
    script = served.folder / name
    script.write_text(textwrap.dedent(code))
    command = [sys.executable, "-m", "plugin_core.cli", "run", sys.executable, str(script)]
    job = [program_of("sagemaker-v2"), "-W", "ignore", str(JOB)]
    quiet = {"PREFECT_HOME": str(served.folder / "prefect"), "PREFECT_LOGGING_LEVEL": "ERROR"}
    served.finished([*command, *job], **served.record, **quiet, PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS="120")


def parameters_of(served, experiment: str, step: str) -> list[dict]:
    found = [
        c for c in served.store.components(ComponentQuery(experiment=experiment)) if (c.run_name or "").startswith(step)
    ]
    known = served.store.parameters([c.id for c in found])
    return [known[c.id] for c in found]


def test_a_script_started_by_a_prefect_task_logs_to_the_run_of_its_task(served):
    run_recorded(served, PREFECT, "trains.py")

    found = sorted(parameters_of(served, "trains", "train-"), key=lambda each: each["n"])
    assert found == [{"n": 0, "from_sdk": 7}, {"n": 1, "from_sdk": 7}]


def test_a_script_started_by_a_dagster_op_logs_to_the_run_of_its_op(served):
    run_recorded(served, DAGSTER, "fits.py")

    assert parameters_of(served, "fits", "fit-") == [{"from_sdk": 7}]
