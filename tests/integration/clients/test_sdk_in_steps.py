"""The SDK's own `load_run()`, unmodified, finds the run of its Prefect task or Dagster op, and so do their scripts."""

import sys
import textwrap
from pathlib import Path

import pytest
from kit.clients import ROOT, program_of

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


TASKS = """
import threading
from prefect import flow, task
from sagemaker.experiments import load_run

both = threading.Barrier(2)

@task
def tune(n):
    both.wait(timeout=100)
    with load_run() as run:
        both.wait(timeout=100)
        deeper(n)
        run.log_metric("loss", n / 4, step=0)
        both.wait(timeout=100)

def deeper(n):
    load_run().log_parameter("from_sdk", n)

@flow(name="tunes")
def tunes():
    tune.map([1, 2]).result()

tunes()
"""
OPS = """
import os
from dagster import DynamicOut, DynamicOutput, job, op
from sagemaker.experiments import load_run

@op(out=DynamicOut())
def numbers():
    yield DynamicOutput(1, "one")
    yield DynamicOutput(2, "two")

@op
def grow(n):
    with load_run() as run:
        run.log_parameter("from_sdk", n)
    assert "TRAINING_JOB_ARN" not in os.environ

@job
def grows():
    numbers().map(grow)

assert grows.execute_in_process().success
"""


def recorded(served, code: str, name: str, python: str, *arguments: str, **variables: str) -> None:
    """Run a program of an orchestrator as `flowtrail run` does."""
    script = served.folder / name
    script.write_text(textwrap.dedent(code))
    command = [sys.executable, "-m", "plugin_core.cli", "run", python, "-W", "ignore", str(script), *arguments]
    quiet = {"PREFECT_HOME": str(served.folder / "prefect"), "PREFECT_LOGGING_LEVEL": "ERROR"}
    patient = {"PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120"}
    served.finished(command, **served.record, **quiet, **patient, **variables)


def run_recorded(served, code: str, name: str) -> None:
    recorded(served, code, name, sys.executable, program_of("sagemaker-v2"), "-W", "ignore", str(JOB))


def run_with_sdk(served, code: str, name: str) -> None:
    """Where orchestrator and SDK live together; flowtrail comes from its source."""
    recorded(served, code, name, program_of("steps"), PYTHONPATH=str(ROOT))


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


def test_load_run_finds_the_run_of_its_own_task_among_tasks_that_run_at_once(served):
    run_with_sdk(served, TASKS, "tunes.py")

    found = sorted(parameters_of(served, "tunes", "tune-"), key=lambda each: each["n"])
    assert found == [{"n": 1, "from_sdk": 1}, {"n": 2, "from_sdk": 2}]
    losses = {
        component.run_name: [point.value for point in served.store.points(component.id, "loss")]
        for component in served.store.components(ComponentQuery(experiment="tunes"))
        if component.parent is not None
    }
    assert sorted(losses.values()) == [[0.25], [0.5]]


def test_load_run_finds_the_run_of_its_own_op(served):
    run_with_sdk(served, OPS, "grows.py")

    assert sorted(each["from_sdk"] for each in parameters_of(served, "grows", "grow")) == [1, 2]
