"""The SDK's own `load_run()`, unmodified, finds the run of its Prefect task or Dagster op, and so do their scripts."""

import sys
import textwrap
from pathlib import Path

import pytest
from kit.clients import ROOT, program_of

from plugin_core.model.components import Component, Status
from plugin_core.model.queries import ComponentQuery

JOB = Path(__file__).parent / "programs" / "v2_job.py"
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]  # each starts programs that import an SDK and an orchestrator

PREFECT = """
import subprocess, sys
from prefect import flow, task

@task
def train_model(n):
    subprocess.run(sys.argv[1:], check=True)

@flow(name="trains")
def trains():
    for n in range(2):
        train_model(n)

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

assert fits.execute_in_process(raise_on_error=False).success
"""


TASKS = """
import threading
from prefect import flow, task
from sagemaker.experiments import load_run

both = threading.Barrier(2)

@task
def tune_model(n):
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
    tune_model.map([1, 2]).result()

tunes()
"""
OPS = """
import os
from dagster import DynamicOut, DynamicOutput, job, op
from sagemaker.experiments import load_run
from smexperiments.tracker import Tracker

@op(out=DynamicOut())
def numbers():
    yield DynamicOutput(1, "one")
    yield DynamicOutput(2, "two")

@op
def grow(n):
    with load_run() as run:
        run.log_parameter("from_sdk", n)
    assert "TRAINING_JOB_ARN" not in os.environ

@op
def track():
    with Tracker.load() as tracker:
        tracker.log_parameter("from_tracker", 3)

@op
def wilt():
    with load_run():
        pass
    raise ValueError("too dry")

@job
def grows():
    numbers().map(grow)
    track()
    wilt()

assert not grows.execute_in_process(raise_on_error=False).success
"""
CORE_OP = """
import os, sys
from dagster import job, op

sys.path.append(os.environ["CLIENT_PACKAGES"])  # the SDK, behind all that Dagster brings

@op
def sow():
    from sagemaker.core.experiments.run import load_run

    with load_run() as run:
        run.log_parameter("from_sdk", 5)

@job
def sows():
    sow()

assert sows.execute_in_process(raise_on_error=False).success
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


def steps_of(served, experiment: str, step: str) -> list[Component]:
    found = served.store.components(ComponentQuery(experiment=experiment))
    return [component for component in found if (component.run_name or "").startswith(step)]


def parameters_of(served, experiment: str, step: str) -> list[dict]:
    found = steps_of(served, experiment, step)
    known = served.store.parameters([c.id for c in found])
    return [known[c.id] for c in found]


def test_a_script_started_by_a_prefect_task_logs_to_the_run_of_its_task(served):
    run_recorded(served, PREFECT, "trains.py")

    found = sorted(parameters_of(served, "trains", "train-model-"), key=lambda each: each["n"])
    assert found == [{"n": 0, "from_sdk": 7}, {"n": 1, "from_sdk": 7}]


def test_a_script_started_by_a_dagster_op_logs_to_the_run_of_its_op(served):
    run_recorded(served, DAGSTER, "fits.py")

    assert parameters_of(served, "fits", "fit-") == [{"from_sdk": 7}]


def test_load_run_finds_the_run_of_its_own_task_among_tasks_that_run_at_once(served):
    run_with_sdk(served, TASKS, "tunes.py")

    found = sorted(parameters_of(served, "tunes", "tune-model-"), key=lambda each: each["n"])
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
    assert parameters_of(served, "grows", "track") == [{"from_tracker": 3}]
    (wilted,) = steps_of(served, "grows", "wilt")
    assert (wilted.status, wilted.status_message) == (Status.FAILED, "ValueError: too dry")


def test_load_run_of_sagemaker_core_finds_the_run_of_its_own_op(served):
    (packages,) = Path(program_of("sagemaker-core")).parents[1].glob("lib/python3*/site-packages")
    recorded(served, CORE_OP, "sows.py", sys.executable, CLIENT_PACKAGES=str(packages))

    assert parameters_of(served, "sows", "sow") == [{"from_sdk": 5}]
