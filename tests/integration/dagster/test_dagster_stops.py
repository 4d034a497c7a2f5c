"""Workers that are told to stop, or killed, and what takes up their runs."""

import contextlib
import os
import signal
import subprocess
import sys
import time

import dagster as dg
import pytest
from dagster._core.definitions.reconstruct import ReconstructableJob
from dagster._core.execution.api import execute_run_iterator
from kit import dagster_jobs
from kit.dagster_past import check_import

from dagster_integration.bootstrap import bootstrap_env
from dagster_integration.instrumentor import instrument
from dagster_integration.reconcile import true_states
from plugin_core.cli import main
from plugin_core.model.components import Status

pytestmark = pytest.mark.slow

INTERRUPTED = (Status.CANCELLED, "Interrupted")
NOT_STARTED = (Status.CANCELLED, "NotStarted")


@pytest.fixture(scope="module")
def home(instance):
    """The folder of the instance, as DAGSTER_HOME."""
    return instance.root_directory


class Worker:
    """A process that works off a run, recorded as by ``flowtrail run``."""

    def __init__(self, record, home, job, started):
        environ = {**os.environ, **record.record.environment, "DAGSTER_HOME": home, "STARTED": str(started)}
        self._started = started
        self._said = started.with_suffix(".log")
        with self._said.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "dagster", "job", "execute", "-f", dagster_jobs.__file__, "-j", job],
                env={**environ, **bootstrap_env(environ)},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait(self):
        """Until a step is at work."""
        deadline = time.monotonic() + 120
        while not self._started.exists():
            assert self.process.poll() is None, self._said.read_text()
            assert time.monotonic() < deadline, self._said.read_text()
            time.sleep(0.05)

    def stop(self, number):
        """Send a signal, and wait for the end."""
        self.process.send_signal(number)
        self.process.wait(timeout=60)

    def end(self):
        """End all that is left of it."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(timeout=60)


@pytest.fixture(scope="module")
def stopped(shared_record, instance, home, tmp_path_factory):
    """Runs whose worker was stopped while a step was at work, each in another way."""
    folder = tmp_path_factory.mktemp("started")
    wanted = {
        "interrupted": signal.SIGINT,
        "terminated": signal.SIGTERM,
        "cancelled": signal.SIGTERM,
        "killed": signal.SIGKILL,
        "resumed": signal.SIGKILL,
    }
    workers = {job: Worker(shared_record, home, job, folder / job) for job in wanted}
    try:
        for job, worker in workers.items():
            worker.wait()
            if job == "cancelled":  # as Dagster's launchers do when somebody presses the button
                (run,) = instance.get_runs(dg.RunsFilter(job_name=job))
                instance.report_run_canceling(run)
            worker.stop(wanted[job])
    finally:
        for worker in workers.values():
            worker.end()
    return shared_record


def run_in_dagster(instance, record, job):
    return instance.get_run_by_id(record.execution(job).properties["dagster_run_id"])


@pytest.mark.parametrize("job", ["interrupted", "terminated"])
def test_a_worker_that_is_told_to_stop_leaves_a_failed_run_as_in_dagster(stopped, instance, job):
    root = stopped.execution(job)
    assert run_in_dagster(instance, stopped, job).status is dg.DagsterRunStatus.FAILURE
    assert (root.status, root.status_message) == (Status.FAILED, "The run was interrupted.")
    assert stopped.states(job) == {"slow": INTERRUPTED, "never": NOT_STARTED}
    (slow,) = (run for run in root.children if run.display_name == "slow")
    assert slow.metrics["started"].last == 1


def test_a_run_that_somebody_cancelled_is_cancelled(stopped, instance):
    root = stopped.execution("cancelled")
    assert run_in_dagster(instance, stopped, "cancelled").status is dg.DagsterRunStatus.CANCELED
    assert (root.status, root.status_message) == (Status.CANCELLED, "The run was terminated.")
    assert stopped.states("cancelled") == {"slow": INTERRUPTED, "never": NOT_STARTED}


def test_an_import_says_of_stopped_runs_what_recording_said(stopped, instance, tmp_path):
    ids = tuple(run_in_dagster(instance, stopped, job).run_id for job in ("interrupted", "terminated", "cancelled"))
    report = check_import(stopped.record, instance.root_directory, tmp_path, without=frozenset({"started"}), ids=ids)
    assert (report.imported, report.failed) == (3, 0)


def test_a_killed_worker_is_settled_by_its_absence_and_then_by_dagsters_word(stopped, instance, home, monkeypatch):
    root = stopped.execution("killed")
    steps = {run.display_name: run for run in root.children}
    assert {name: run.status for name, run in steps.items()} == {"quick": Status.COMPLETED, "slow": Status.FAILED}
    assert root.status is Status.FAILED
    assert "ended without reporting a result" in root.status_message

    monkeypatch.setenv("DAGSTER_HOME", home)
    run = run_in_dagster(instance, stopped, "killed")
    with true_states() as ask:
        assert ask("dagster", run.run_id, None) is None
        assert ask("dagster", run.run_id, f"{run.run_id}/slow") is None
        instance.report_run_canceled(run, "Nobody needs it.")
        assert ask("dagster", run.run_id, None) == (Status.CANCELLED, "Nobody needs it.")
    assert main(["reconcile", "--json"]) == 0
    assert (root.refresh().status, root.status_message) == (Status.CANCELLED, "Nobody needs it.")
    assert steps["slow"].refresh().status is Status.CANCELLED


def test_a_run_that_is_taken_up_again_is_the_same_execution(stopped, instance):
    run = run_in_dagster(instance, stopped, "resumed")
    assert (stopped.execution("resumed").status, run.status) == (Status.FAILED, dg.DagsterRunStatus.STARTED)

    instrument(reason="autolog")
    job = ReconstructableJob.for_file(dagster_jobs.__file__, "resumed")
    list(execute_run_iterator(job, run, instance, resume_from_failure=True))

    assert run_in_dagster(instance, stopped, "resumed").status is dg.DagsterRunStatus.SUCCESS
    assert stopped.execution("resumed").status is Status.COMPLETED
    assert stopped.states("resumed") == dict.fromkeys(["slow", "after_slow"], (Status.COMPLETED, None))


def test_what_an_executor_tells_again_of_a_resumed_run_is_recorded_once(shared_record, instance):
    instrument(reason="tracked")
    job = ReconstructableJob.for_file(dagster_jobs.__file__, "delegated")
    run = instance.create_run_for_job(job.get_definition())
    worker = execute_run_iterator(job, run, instance)
    next(event for event in worker if (event.event_type_value, event.step_key) == ("STEP_SUCCESS", "counted"))
    before = shared_record.step("counted")
    assert (before.status, shared_record.execution("delegated").status) == (Status.COMPLETED, Status.RUNNING)

    list(execute_run_iterator(job, instance.get_run_by_id(run.run_id), instance, resume_from_failure=True))

    after = shared_record.step("counted")
    assert (after.started_at, after.ended_at) == (before.started_at, before.ended_at)
    assert after.metrics["rows"].count == 1
    assert shared_record.states("delegated") == dict.fromkeys(["counted", "total"], (Status.COMPLETED, None))
    assert shared_record.direct_sources(shared_record.step("total")) == {"counted"}
    assert shared_record.execution("delegated").status is Status.COMPLETED
    worker.close()
