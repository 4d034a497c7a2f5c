"""Flow runs of deployments, served and by a process worker: cancelled, killed, suspended, run again, called."""

import asyncio
import itertools
import os
import signal
from datetime import UTC, datetime, timedelta

import pytest
from kit.programs import Programs, finished, running, until
from prefect import flow, task
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.deployments import run_deployment
from prefect.exceptions import ObjectNotFound
from prefect.flow_runs import resume_flow_run
from prefect.states import Cancelling, Scheduled

import prefect_integration
from plugin_core.model.components import Status
from plugin_core.testing.fixtures import Record
from plugin_core.tracking.settings import configure, reset_configuration
from prefect_integration import instrumentor

FLOWS = """
import os, time
from pathlib import Path
from prefect import flow, serve, task
from prefect.flow_runs import suspend_flow_run
from prefect_integration import tracked_flow

@task
def add(x, y):
    return x + y

@task
def endless(name):
    Path(name).write_text(str(os.getpid()))
    time.sleep(120)

@flow
def waits(name):
    endless(name)

@flow(persist_result=True)
def suspends(name):
    before = len(Path(name).read_text()) if Path(name).exists() else 0
    Path(name).write_text("x" * (before + 1))
    first = add(1, 1)
    if before < 2:
        suspend_flow_run(timeout=300)
    second = add(first, os.getpid())
    if before == 1:
        raise ValueError("fails when it goes on")
    return second

@tracked_flow(name="Called by others", experiment="Callee")
def called(x):
    return add(x, 0)

if __name__ == "__main__":
    serve(*(a_flow.to_deployment("served") for a_flow in (waits, suspends, called)))
"""
POOL = "pool-of-deployments"
QUICK = {"PREFECT_RUNNER_POLL_FREQUENCY": "1", "PREFECT_WORKER_QUERY_SECONDS": "1"}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("deployments")
    (folder / "flows.py").write_text(FLOWS)
    return folder


@pytest.fixture(scope="module")
def program(prefect_api, folder):
    return Programs(folder, Record(folder / "flowtrail").environment)


@pytest.fixture(scope="module")
def served(program):
    """A process that serves the flows."""
    with running(program("flows.py", **QUICK)):
        yield "served"


@pytest.fixture(scope="module")
def worked(program, folder):
    """A process worker, and the same flows deployed to its pool."""
    with get_client(sync_client=True) as client:
        client.create_work_pool(WorkPoolCreate(name=POOL, type="process"))
    for name in ("waits", "called"):
        loaded = flow.from_source(source=str(folder), entrypoint=f"flows.py:{name}")
        loaded.deploy("worked", work_pool_name=POOL, ignore_warnings=True, print_next_steps=False)
    with running(program("-m", "prefect", "worker", "start", "--pool", POOL, **QUICK)):
        yield "worked"


@pytest.fixture
def record(folder, flowtrail_record, reader):
    """The record that all deployments of this module share."""
    record = Record(folder / "flowtrail")
    configure(store=record.url, blobs=(record.folder / "blobs").as_uri(), spool_dir=record.spool, strict=True)
    yield reader(record)
    reset_configuration()


def deployed(name):
    with get_client(sync_client=True) as client:
        try:
            return client.read_deployment_by_name(name)
        except ObjectNotFound:
            return None


def start(deployment, **parameters):
    """Ask for a run of a deployment, once it is there."""
    found = until(lambda: deployed(deployment))
    with get_client(sync_client=True) as client:
        return client.create_flow_run_from_deployment(found.id, parameters=parameters).id


def state_of(flow_run_id):
    with get_client(sync_client=True) as client:
        return client.read_flow_run(flow_run_id).state


def set_state(flow_run_id, state):
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(flow_run_id, state, force=True)


def until_final(flow_run_id):
    """The state that a flow run ends in."""
    until(lambda: state_of(flow_run_id).is_final())
    return state_of(flow_run_id)


def owner_of(record, run):
    """The process that a run is or was in."""
    return record.record.store.component(run.component_name).owner.pid


def runs_of(record, name, flow_run_id):
    """The runs of a flow or task that belong to one flow run, oldest first."""
    return [run for run in record.runs(name) if run.trial_name.endswith(flow_run_id.hex[-12:])]


def run_of(record, name, flow_run_id):
    (run,) = runs_of(record, name, flow_run_id)
    return run


@pytest.fixture(scope="module")
def stopped(served, worked, folder):
    """Of each deployment a flow run that was cancelled while its task ran, and one whose process was killed."""
    ids, began = {}, {}
    for key in itertools.product((served, worked), ("cancelled", "killed")):
        began[key] = folder / "-".join(key)
        ids[key] = start(f"waits/{key[0]}", name=began[key].name)
    pids = {key: int(until(lambda file=file: file.exists() and file.read_text())) for key, file in began.items()}
    for deployment in (served, worked):
        set_state(ids[deployment, "cancelled"], Cancelling())
        os.kill(pids[deployment, "killed"], signal.SIGKILL)
    for flow_run_id in ids.values():
        until_final(flow_run_id)
    return ids


@pytest.fixture(scope="module")
def settled(stopped, program):
    """The same, after the command that settles what is in doubt."""
    finished(program("-m", "plugin_core.cli", "reconcile"))
    return stopped


@pytest.mark.parametrize("deployment", ["served", "worked"])
def test_a_cancelled_flow_run_is_cancelled_in_the_record(stopped, record, deployment):
    execution, step = (run_of(record, name, stopped[deployment, "cancelled"]) for name in ("waits", "endless"))
    assert execution.status is Status.CANCELLED
    assert (step.status, step.properties["prefect_state"]) == (Status.FAILED, "Crashed")


@pytest.mark.parametrize("deployment", ["served", "worked"])
def test_a_killed_flow_run_has_failed_for_the_reason_that_its_runner_saw(settled, record, deployment):
    execution, step = (run_of(record, name, settled[deployment, "killed"]) for name in ("waits", "endless"))
    assert execution.status is Status.FAILED
    assert execution.status_message.startswith("Crashed: ")
    assert (step.status, "ended as Crashed" in step.status_message) == (Status.FAILED, True)


def test_a_suspended_flow_run_goes_on_in_another_process_and_may_be_run_again(served, record):
    flow_run_id = start("suspends/served", name="suspended")
    until(lambda: state_of(flow_run_id).is_paused())
    (paused,) = until(lambda: [run for run in record.runs("suspends") if run.status is Status.PAUSED])
    processes = [owner_of(record, paused)]
    assert paused.ended_at is None

    resume_flow_run(flow_run_id)
    assert until_final(flow_run_id).is_failed()
    resumed = run_of(record, "suspends", flow_run_id)
    processes.append(owner_of(record, resumed))
    assert (resumed.component_name, resumed.status, resumed.attempt) == (paused.component_name, Status.FAILED, 1)

    set_state(flow_run_id, Scheduled())
    until(lambda: state_of(flow_run_id).is_completed())
    again = runs_of(record, "suspends", flow_run_id)[1]
    processes.append(owner_of(record, again))
    assert (again.attempt, again.status) == (2, Status.COMPLETED)
    assert record.record.store.component(again.component_name).previous_attempt == paused.component_name

    steps = runs_of(record, "add", flow_run_id)
    assert len(set(processes)) == 3
    assert [(step.status, owner_of(record, step), step.parent.component_name) for step in steps] == [
        (Status.COMPLETED, processes[0], paused.component_name),
        (Status.CACHED, processes[1], paused.component_name),
        (Status.COMPLETED, processes[1], paused.component_name),
        (Status.CACHED, processes[2], again.component_name),
        (Status.COMPLETED, processes[2], again.component_name),
    ]


def test_a_run_of_a_deployment_belongs_to_the_flow_or_task_that_asked_for_it(served, worked, record):
    @task
    def asks():
        return run_deployment(f"Called by others/{worked}", parameters={"x": 2}, timeout=0)

    @flow
    async def calls():
        started = await run_deployment(f"Called by others/{served}", parameters={"x": 1}, timeout=0)
        later = {"timeout": 0, "as_subflow": False, "scheduled_time": datetime.now(UTC) + timedelta(days=1)}
        return started, asks(), await run_deployment(f"Called by others/{served}", parameters={"x": 3}, **later)

    until(lambda: deployed(f"Called by others/{served}"))
    prefect_integration.autolog()
    of_flow, of_task, of_nobody = asyncio.run(calls())
    instrumentor.uninstrument()
    for flow_run in (of_flow, of_task):
        until_final(flow_run.id)
    assert run_of(record, "callee", of_flow.id).parent.component_name == record.run("calls").component_name
    assert run_of(record, "callee", of_task.id).parent.component_name == record.run("asks").component_name
    assert "flowtrail.parent" in of_flow.labels
    assert "flowtrail.parent" not in of_nobody.labels


def test_prefect_s_command_line_finds_a_tracked_flow_by_its_entrypoint(worked, program):
    command = ("deploy", "flows.py:called", "--name", "typed", "--pool", POOL)
    finished(program("-m", "prefect", "--no-prompt", *command))
    assert deployed("Called by others/typed").entrypoint == "flows.py:called"
