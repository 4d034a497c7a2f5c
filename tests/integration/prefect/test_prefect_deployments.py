"""Flow runs of deployments, served and by a process worker: cancelled, killed, suspended, run again, called."""

import asyncio
import os
import signal
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from kit.programs import Programs, finished, running, until
from prefect import flow, task
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.objects import FlowRun
from prefect.deployments import run_deployment
from prefect.exceptions import ObjectNotFound
from prefect.flow_runs import resume_flow_run
from prefect.states import Cancelling, Scheduled

import prefect_integration
from plugin_core.cli import main
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

@tracked_flow(name="Waits for its end", experiment="Callee")
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

if __name__ == "__main__":
    serve(*(a_flow.to_deployment("served") for a_flow in (waits, suspends)))
"""
POOL = "pool-of-deployments"
WAITS = "Waits for its end"
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
def worked(program, folder, client):
    """A process worker, and the same flows deployed to its pool."""
    client.create_work_pool(WorkPoolCreate(name=POOL, type="process"))
    loaded = flow.from_source(source=str(folder), entrypoint="flows.py:waits")
    loaded.deploy("worked", work_pool_name=POOL, ignore_warnings=True, print_next_steps=False)
    with running(program("-m", "prefect", "worker", "start", "--pool", POOL, **QUICK)):
        yield "worked"


@pytest.fixture(scope="module")
def record(folder, reader):
    """The record that all deployments of this module share."""
    record = Record(folder / "flowtrail")
    configure(store=record.url, blobs=(record.folder / "blobs").as_uri(), spool_dir=record.spool, strict=True)
    yield reader(record)
    reset_configuration()


@pytest.fixture(scope="module")
def client(prefect_api):
    """Prefect's API: to open a client costs more than many questions."""
    with get_client(sync_client=True) as opened:
        yield opened


def deployed(client, name):
    try:
        return client.read_deployment_by_name(name)
    except ObjectNotFound:
        return None


def state_of(client, flow_run_id):
    return client.read_flow_run(flow_run_id).state


def until_final(client, flow_run_id):
    """The state that a flow run ends in."""
    until(lambda: state_of(client, flow_run_id).is_final())
    return state_of(client, flow_run_id)


def owner_of(record, run):
    """The process that a run is or was in."""
    return record.record.store.component(run.component_name).owner.pid


def runs_of(record, name, flow_run_id):
    """The runs of a flow or task that belong to one flow run, oldest first."""
    return [run for run in record.runs(name) if run.trial_name.endswith(flow_run_id.hex[-12:])]


def run_of(record, name, flow_run_id):
    (run,) = runs_of(record, name, flow_run_id)
    return run


@dataclass(frozen=True)
class Called:
    """Flow runs of deployments, by deployment and what becomes of each, and one that nobody is said to have called."""

    runs: dict[tuple[str, str], FlowRun]
    of_nobody: FlowRun


@pytest.fixture(scope="module")
def called(served, worked, folder, record, client):
    """Of each deployment a flow run that a flow has called, and one that its task has; each is at work."""

    def call(deployment, what, **how):
        return run_deployment(f"{WAITS}/{deployment}", parameters={"name": str(folder / what)}, timeout=0, **how)

    @task
    def asks():
        return call(served, "served-killed"), call(worked, "worked-killed")

    @flow
    async def calls():
        later = {"as_subflow": False, "scheduled_time": datetime.now(UTC) + timedelta(days=1)}
        called = await call(served, "served-cancelled"), await call(worked, "worked-cancelled")
        return called, asks(), await call(served, "never", **later)

    until(lambda: deployed(client, f"{WAITS}/{served}"))
    prefect_integration.autolog()
    of_flow, of_task, of_nobody = asyncio.run(calls())
    instrumentor.uninstrument()
    runs = dict(zip(((served, "cancelled"), (worked, "cancelled")), of_flow, strict=True))
    return Called(runs | dict(zip(((served, "killed"), (worked, "killed")), of_task, strict=True)), of_nobody)


@pytest.fixture(scope="module")
def stopped(called, folder, client):
    """Of each deployment a flow run that was cancelled while its task ran, and one whose process was killed."""
    began = {key: folder / "-".join(key) for key in called.runs}
    pids = {key: int(until(lambda file=file: file.exists() and file.read_text())) for key, file in began.items()}
    for (_, end), flow_run in called.runs.items():
        if end == "cancelled":
            client.set_flow_run_state(flow_run.id, Cancelling(), force=True)
    for (_, end), pid in zip(called.runs, pids.values(), strict=True):
        if end == "killed":
            os.kill(pid, signal.SIGKILL)
    for flow_run in called.runs.values():
        until_final(client, flow_run.id)
    return {key: flow_run.id for key, flow_run in called.runs.items()}


@pytest.fixture(scope="module")
def settled(stopped, record):
    """The same, after the command that settles what is in doubt."""
    assert main(["reconcile"]) == 0
    return stopped


@pytest.mark.parametrize("deployment", ["served", "worked"])
def test_a_cancelled_flow_run_is_cancelled_in_the_record(stopped, record, deployment):
    execution, step = (run_of(record, name, stopped[deployment, "cancelled"]) for name in ("callee", "endless"))
    assert execution.status is Status.CANCELLED
    assert (step.status, step.properties["prefect_state"]) == (Status.FAILED, "Crashed")


@pytest.mark.parametrize("deployment", ["served", "worked"])
def test_a_killed_flow_run_has_failed_for_the_reason_that_its_runner_saw(settled, record, deployment):
    execution, step = (run_of(record, name, settled[deployment, "killed"]) for name in ("callee", "endless"))
    assert execution.status is Status.FAILED
    assert execution.status_message.startswith("Crashed: ")
    assert (step.status, "ended as Crashed" in step.status_message) == (Status.FAILED, True)


def test_a_run_of_a_deployment_belongs_to_the_flow_or_task_that_asked_for_it(called, stopped, record):
    callers = {"cancelled": record.run("calls"), "killed": record.run("asks")}
    for (_, end), flow_run in called.runs.items():
        assert run_of(record, "callee", flow_run.id).parent.component_name == callers[end].component_name
        assert "flowtrail.parent" in flow_run.labels
    assert "flowtrail.parent" not in called.of_nobody.labels


def test_a_suspended_flow_run_goes_on_in_another_process_and_may_be_run_again(served, record, client, folder):
    deployment = until(lambda: deployed(client, "suspends/served"))
    asked = {"name": str(folder / "suspended")}
    flow_run_id = client.create_flow_run_from_deployment(deployment.id, parameters=asked).id
    until(lambda: state_of(client, flow_run_id).is_paused())
    (paused,) = until(lambda: [run for run in record.runs("suspends") if run.status is Status.PAUSED])
    processes = [owner_of(record, paused)]
    assert paused.ended_at is None

    resume_flow_run(flow_run_id)
    assert until_final(client, flow_run_id).is_failed()
    resumed = run_of(record, "suspends", flow_run_id)
    processes.append(owner_of(record, resumed))
    assert (resumed.component_name, resumed.status, resumed.attempt) == (paused.component_name, Status.FAILED, 1)

    client.set_flow_run_state(flow_run_id, Scheduled(), force=True)
    until(lambda: state_of(client, flow_run_id).is_completed())
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


def test_prefect_s_command_line_finds_a_tracked_flow_by_its_entrypoint(worked, program, client):
    command = ("deploy", "flows.py:waits", "--name", "typed", "--pool", POOL)
    finished(program("-m", "prefect", "--no-prompt", *command))
    assert deployed(client, f"{WAITS}/typed").entrypoint == "flows.py:waits"
