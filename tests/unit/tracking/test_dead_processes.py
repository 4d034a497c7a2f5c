"""No run stays running after its process is gone, and a guess never replaces what was reported."""

import os
import subprocess
import sys
import tempfile

from plugin_core import Run, configure, list_runs
from plugin_core.model.components import Status

KILLED = """
import os, signal
from plugin_core import Run
with Run("exp", "{name}") as run:
    run.log_metric("m", 1.0)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def kill_in(record, name):
    done = subprocess.run(
        [sys.executable, "-c", KILLED.format(name=name)], env={**os.environ, **record.environment}, check=False
    )
    assert done.returncode == -9


def test_a_run_whose_process_was_killed_is_failed_to_whoever_reads_next(flowtrail_record):
    kill_in(flowtrail_record, "r1")

    (run,) = list_runs("exp")
    assert run.status is Status.FAILED
    assert "ended without reporting a result" in run.status_message
    assert run.metrics["m"].count == 1
    assert flowtrail_record.store.component("exp-r1").status_inferred


def test_a_run_of_a_living_process_is_left_running(flowtrail_record):
    with Run("exp", "r1") as run:
        assert list_runs("exp")[0].status is Status.RUNNING
        assert run.status is Status.RUNNING


def test_who_takes_up_a_killed_run_again_is_believed(flowtrail_record):
    kill_in(flowtrail_record, "r1")
    assert list_runs("exp")[0].status is Status.FAILED

    with Run("exp", "r1") as again:
        assert again.status is Status.RUNNING
    assert (again.status, flowtrail_record.store.component("exp-r1").status_inferred) == (Status.COMPLETED, False)


def test_what_waits_in_the_fallback_folder_is_read_though_there_is_no_spool(tmp_path, flowtrail_record, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    spool = tmp_path / "spool"
    spool.touch()  # so that no folder can be made there
    environment = {**os.environ, **flowtrail_record.environment, "FLOWTRAIL_SPOOL_DIR": str(spool)}
    subprocess.run([sys.executable, "-c", KILLED.format(name="r1")], env=environment, check=False, capture_output=True)
    configure(spool_dir=str(spool))

    assert [run.run_name for run in list_runs("exp")] == ["r1"]
