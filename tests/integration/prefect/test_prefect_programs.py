"""Whole programs: unmodified scripts, workers, served flows, processes that are told to stop."""

import asyncio
import json
import signal
import textwrap
from pathlib import Path
from uuid import UUID

import pytest
from kit.programs import Programs, finished, running, until
from prefect.client.orchestration import get_client
from prefect.states import Cancelled, Completed, Crashed

from plugin_core.model.components import Status
from prefect_integration.reconcile import true_states

FLOW = """
from prefect import flow, task

@task
def square(x):
    return x * x

@flow(name="unmodified")
def unmodified(n: int = 3):
    return square(n)
"""

MAIN = "if __name__ == '__main__':\n"

pytestmark = pytest.mark.slow


@pytest.fixture
def program(record, tmp_path):
    return Programs(tmp_path, record.record.environment)


def script(folder: Path, code: str, name: str = "script.py") -> str:
    path = folder / name
    path.write_text(FLOW + textwrap.dedent(code))
    return str(path)


@pytest.mark.versions
def test_an_unmodified_script_is_recorded(program, record, tmp_path):
    finished(program(script(tmp_path, "print(unmodified(5))")))
    assert record.run("unmodified").status is Status.COMPLETED
    assert record.run("square").parameters == {"x": 5}


def test_prefect_may_be_imported_inside_a_running_event_loop(program, record, tmp_path):
    code = """
    async def main():
        from script import unmodified
        return unmodified(2)
    """
    script(tmp_path, "")
    (tmp_path / "late.py").write_text(textwrap.dedent(code) + "\nimport asyncio; print(asyncio.run(main()))\n")
    assert "4" in finished(program("-m", "late")).splitlines()  # Prefect may warn of its own events after it
    assert record.run("square").status is Status.COMPLETED


@pytest.mark.versions
@pytest.mark.since("prefect", "3.7")
def test_the_plugin_records_where_prefect_loads_plugins(program, record, tmp_path):
    finished(program(script(tmp_path, "unmodified(4)"), recorded=False, PREFECT_PLUGINS_ENABLED="1"))
    assert record.run("square").parameters == {"x": 4}


def test_switched_off_nothing_is_recorded(program, record, tmp_path):
    finished(program(script(tmp_path, "unmodified(4)"), FLOWTRAIL_DISABLED="1"))
    assert record.all() == []


def test_background_tasks_are_recorded_by_their_worker(program, record, tmp_path):
    served = """
    @task
    def bare():
        return 1

    if __name__ == "__main__":
        from prefect.task_worker import serve
        serve(square, bare)
    """
    caller = """
    from script import bare, square
    from prefect_integration import tracked_flow

    @tracked_flow(experiment="Renamed")
    def delays():
        for future in (square.delay(7), bare.delay()):
            future.wait(timeout=60)

    square.delay(6).wait(timeout=60)
    delays()
    """
    worker = script(tmp_path, served)
    (tmp_path / "caller.py").write_text(textwrap.dedent(caller))
    with running(program(worker)):
        finished(program(str(tmp_path / "caller.py")))
        until(lambda: len([run for run in record.all() if run.status.is_final]) == 4)
    alone, inside = sorted(record.runs("square"), key=lambda run: run.parameters["x"])
    assert (alone.experiment_name, alone.status, alone.parameters) == ("square", Status.COMPLETED, {"x": 6})
    assert (inside.experiment_name, inside.status, inside.parameters) == ("renamed", Status.COMPLETED, {"x": 7})
    bare = record.run("bare")
    assert (bare.experiment_name, bare.status) == ("renamed", Status.COMPLETED)
    assert {run.parent.component_name for run in (inside, bare)} == {record.run("renamed").component_name}


def test_a_served_flow_is_recorded(program, record, tmp_path):
    served = script(tmp_path, MAIN + "    unmodified.serve(name='served', pause_on_shutdown=False)")
    with running(program(served)):
        runs = until(lambda: _deploy_run("unmodified/served"))
        run = until(lambda: next((run for run in record.runs("unmodified") if run.status.is_final), None))
    assert run.status is Status.COMPLETED
    assert run.parameters == {"n": 8}
    assert record.run("square").parameters == {"x": 8}
    with true_states() as ask:
        assert ask("prefect", str(runs), None) == (Status.COMPLETED, None)


def _deploy_run(name: str):
    """Ask for a run of a deployment, once it is there."""
    from prefect.deployments import run_deployment
    from prefect.exceptions import ObjectNotFound

    async def ask():
        return await run_deployment(name, parameters={"n": 8}, timeout=0)

    try:
        return asyncio.run(ask()).id
    except ObjectNotFound:
        return None


def test_a_process_worker_runs_recorded_flows(program, record, tmp_path):
    code = """
    unmodified.from_source(source={folder!r}, entrypoint="script.py:unmodified").deploy(
        name="worked", work_pool_name="pool-of-a-test", ignore_warnings=True
    )
    """
    script(tmp_path, "")
    deploy = script(tmp_path, textwrap.dedent(code).format(folder=str(tmp_path)), "deploy.py")
    finished(program("-m", "prefect", "work-pool", "create", "--type", "process", "pool-of-a-test"))
    finished(program(deploy))
    with running(program("-m", "prefect", "worker", "start", "--pool", "pool-of-a-test", "--type", "process")):
        until(lambda: _deploy_run("unmodified/worked"))
        run = until(lambda: next((run for run in record.runs("unmodified") if run.status.is_final), None))
    assert (run.status, run.parameters) == (Status.COMPLETED, {"n": 8})
    assert run.properties["prefect_deployment_id"]


def test_a_process_that_is_told_to_stop_leaves_a_true_record(program, record, tmp_path):
    code = """
    import time

    @task
    def endless():
        open("began", "w").close()
        time.sleep(60)

    @flow
    def stopped():
        endless()

    stopped()
    """
    with running(program(script(tmp_path, code))) as process:
        until((tmp_path / "began").exists)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    assert process.returncode == -signal.SIGTERM
    for name in ("endless", "stopped"):
        run = until(lambda name=name: next((run for run in record.runs(name) if run.status.is_final), None))
        assert (run.status, run.properties["prefect_state"]) == (Status.FAILED, "Crashed")


def test_runs_of_a_killed_process_get_the_state_that_prefect_knows(program, record, tmp_path):
    code = """
    import threading, time

    @task
    def endless(name):
        open(name, "w").close()
        time.sleep(120)

    @flow
    def doomed(name):
        endless(name)

    for name in ("crashed", "cancelled", "completed", "silent"):
        threading.Thread(target=doomed, args=(name,)).start()
    """
    known = {"crashed": Crashed(message="The machine was lost."), "cancelled": Cancelled(), "completed": Completed()}
    with running(program(script(tmp_path, code))) as process:
        until(lambda: all((tmp_path / name).exists() for name in (*known, "silent")))
        process.kill()
        process.communicate(timeout=60)
    ids = {run.parameters["name"]: _flow_run_id(record, run) for run in record.runs("doomed")}
    for name, state in known.items():
        _set_state(ids[name], state)

    assert {change["inferred"] for change in _reconciled(program)} == {True}
    assert _statuses(record, "doomed") == {
        "crashed": Status.FAILED, "cancelled": Status.CANCELLED, "completed": Status.COMPLETED, "silent": Status.FAILED,
    }  # fmt: skip
    assert _statuses(record, "endless") == {
        "crashed": Status.FAILED, "cancelled": Status.CANCELLED, "completed": Status.FAILED, "silent": Status.FAILED,
    }  # fmt: skip
    messages = {run.parameters["name"]: run.status_message for run in record.runs("doomed")}
    assert messages["crashed"] == "Crashed: The machine was lost."
    assert "ended without reporting a result" in messages["silent"]

    _set_state(ids["silent"], Completed())
    (late,) = [change for change in _reconciled(program) if change["status"] == "completed"]
    assert (late["component"], late["inferred"]) == (_components(record, "doomed")["silent"], True)
    assert _statuses(record, "endless")["silent"] is Status.FAILED


def _flow_run_id(record, run):
    return UUID(record.record.store.component(run.component_name).orchestrator.execution_id)


def _set_state(flow_run_id, state):
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(flow_run_id, state, force=True)


def _reconciled(program):
    return json.loads(finished(program("-m", "plugin_core.cli", "reconcile", "--json")))


def _statuses(record, name):
    return {run.parameters["name"]: run.status for run in record.runs(name)}


def _components(record, name):
    return {run.parameters["name"]: run.component_name for run in record.runs(name)}
