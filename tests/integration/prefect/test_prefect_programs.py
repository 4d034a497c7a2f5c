"""Whole programs: unmodified scripts, workers, served flows, processes that are told to stop."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from plugin_core.model.components import Status
from prefect_integration.bootstrap import bootstrap_env
from prefect_integration.reconcile import true_state

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
    """Starts a Python program as ``flowtrail run`` does, with this test's Prefect and this test's record."""
    from prefect.settings import get_current_settings

    environ = {
        **os.environ,
        **get_current_settings().to_environment_variables(exclude_unset=True),
        **record.record.environment,
        "PREFECT_LOGGING_LEVEL": "WARNING",
    }

    def start(*command: str, recorded: bool = True, **variables: str) -> subprocess.Popen[str]:
        given = {**environ, **(bootstrap_env(environ) if recorded else {}), **variables}
        return subprocess.Popen(
            [sys.executable, *command],
            cwd=tmp_path,
            env=given,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    return start


def script(folder: Path, code: str, name: str = "script.py") -> str:
    path = folder / name
    path.write_text(FLOW + textwrap.dedent(code))
    return str(path)


@contextlib.contextmanager
def running(process: subprocess.Popen[str]) -> Iterator[subprocess.Popen[str]]:
    """A process in its own session, and its children; ended with the test."""
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


def until(condition, *, within_s: float = 90.0):
    """What ``condition`` gives, as soon as it is something."""
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.3)
    raise AssertionError("it did not happen")


def finished(process: subprocess.Popen[str]) -> str:
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    return output


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
    assert finished(program("-m", "late")).strip().endswith("4")
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
    worker = script(tmp_path, MAIN + "    from prefect.task_worker import serve\n    serve(square)")
    (tmp_path / "caller.py").write_text("from script import square\nsquare.delay(6).wait(timeout=60)\n")
    with running(program(worker)):
        finished(program(str(tmp_path / "caller.py")))
        run = until(lambda: next((run for run in record.all() if run.status.is_final), None))
    assert (run.experiment_name, run.status, run.parameters) == ("square", Status.COMPLETED, {"x": 6})


def test_a_served_flow_is_recorded(program, record, tmp_path):
    served = script(tmp_path, MAIN + "    unmodified.serve(name='served', pause_on_shutdown=False)")
    with running(program(served)):
        runs = until(lambda: _deploy_run("unmodified/served"))
        run = until(lambda: next((run for run in record.runs("unmodified") if run.status.is_final), None))
    assert run.status is Status.COMPLETED
    assert run.parameters == {"n": 8}
    assert record.run("square").parameters == {"x": 8}
    assert true_state("prefect", str(runs), None) == (Status.COMPLETED, None)


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
