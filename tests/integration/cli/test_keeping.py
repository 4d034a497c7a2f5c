"""`get`, `recover`, `reconcile`, `doctor` and what `run` leaves: with real processes, journals and blobs."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from plugin_core.stores import open_blobs
from plugin_core.tracking.settings import configure

LOGS = """
from plugin_core import Run
with Run("iris", "second") as run:
    run.log_parameter("depth", 3)
    for step in range(5):
        run.log_metric("accuracy", step / 5, step=step)
"""
DIES = LOGS + "    import os; os.kill(os.getpid(), 9)\n"
STAYS = LOGS + "    print('ready', flush=True); input()\n"


def environment(folder: Path) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("FLOWTRAIL_", "PREFECT_"))}
    return {**kept, "FLOWTRAIL_STORE": f"sqlite:///{folder / 'record.db'}"}


def python(folder: Path, code: str, *before: str) -> subprocess.CompletedProcess[str]:
    command = [*before, sys.executable, "-c", code]
    return subprocess.run(command, cwd=folder, env=environment(folder), capture_output=True, text=True, check=False)


def run_recorded(folder: Path, code: str, *options: str) -> subprocess.CompletedProcess[str]:
    return python(folder, code, sys.executable, "-m", "plugin_core.cli", "run", *options)


@pytest.fixture
def stored(record: Path) -> Path:
    """The record, with the bytes of its frame."""
    open_blobs((record / "blobs").as_uri()).put_bytes(b"a,b\n1,2\n")
    return record


def test_an_artifact_is_copied_to_a_file_named_after_it(stored, flowtrail, monkeypatch):
    monkeypatch.chdir(stored)
    answer = flowtrail("get", "frame", "--json")

    assert (stored / "frame.csv").read_bytes() == b"a,b\n1,2\n"
    assert (answer.json["path"], answer.json["size_bytes"]) == ("frame.csv", 8)
    assert "checksum verified" in flowtrail("get", "frame", "-o", "other.csv").err


def test_a_file_that_is_there_is_kept(stored, flowtrail):
    target = stored / "mine"
    target.write_text("mine")

    assert flowtrail("get", "frame", "-o", str(target)).status == 1
    assert target.read_text() == "mine"
    assert flowtrail("get", "frame", "-o", str(target), "--force").status == 0
    assert target.read_bytes() == b"a,b\n1,2\n"


def test_bytes_can_be_printed(stored):
    command = [sys.executable, "-m", "plugin_core.cli", "get", "frame", "-o", "-"]
    done = subprocess.run(command, cwd=stored, env=environment(stored), capture_output=True, check=True)
    assert (done.stdout, done.stderr) == (b"a,b\n1,2\n", b"")


def test_what_was_only_described_says_where_it_was(stored, flowtrail):
    answer = flowtrail("get", "model")
    assert (answer.status, "/models/m.pkl" in answer.err) == (1, True)


def test_damaged_bytes_are_not_handed_out(stored, flowtrail):
    (blob,) = [path for path in (stored / "blobs").rglob("*") if path.is_file() and path.stat().st_size == 8]
    blob.chmod(0o644)
    blob.write_bytes(b"a,b\n1,3\n")
    answer = flowtrail("get", "frame", "-o", str(stored / "out.csv"))

    assert (answer.status, "flowtrail-E014" in answer.err) == (4, True)
    assert not (stored / "out.csv").exists()


def test_one_line_says_what_was_recorded(folder, flowtrail):
    done = run_recorded(folder, LOGS)

    assert done.returncode == 0
    assert done.stdout == ""
    assert done.stderr.startswith("flowtrail: recorded ")
    assert done.stderr.endswith("Look: flowtrail show iris-second\n")
    assert flowtrail("show", "second", "--json").json["metrics"]["accuracy"]["last"] == 0.8


def test_quiet_says_nothing(folder):
    assert run_recorded(folder, LOGS, "-q").stderr == ""


def test_a_command_that_recorded_nothing_is_told_so(folder):
    assert run_recorded(folder, "pass").stderr.startswith("flowtrail: nothing was recorded")


def test_what_a_killed_process_logged_is_in_the_record_and_the_run_has_failed(folder, flowtrail):
    done = run_recorded(folder, DIES)
    shown = flowtrail("show", "second", "--json").json

    assert done.returncode == -signal.SIGKILL
    assert shown["metrics"]["accuracy"]["count"] == 5
    assert (shown["run"]["status"], shown["run"]["status_inferred"]) == ("failed", True)
    assert "ended without reporting" in shown["run"]["message"]


def test_recover_brings_in_what_waits(folder, flowtrail):
    python(folder, DIES)
    waiting = flowtrail("recover", "--dry-run", "--json").json
    report = flowtrail("recover", "--json").json

    assert [journal["is_alive"] for journal in waiting] == [False]
    assert (report["journals"], report["lost_events"]) == (1, 0)
    assert report["events"] >= 5
    assert flowtrail("recover").out == "Nothing waited.\n"
    assert flowtrail("recover", "--dry-run").err == "Nothing waits.\n"


def test_recover_takes_another_folder(folder, flowtrail, tmp_path_factory):
    python(folder, DIES)
    configure(spool_dir=tmp_path_factory.mktemp("empty"))

    assert flowtrail("recover").out == "Nothing waited.\n"
    assert "events of 1 journal." in flowtrail("recover", "--spool", str(folder / "spool")).out


def test_reconcile_settles_the_dead_and_leaves_the_living(folder, flowtrail):
    python(folder, DIES)
    with alive(folder) as living:
        foreseen = flowtrail("reconcile", "--dry-run", "--json").json
        assert [change["status"] for change in foreseen] == []  # the same run is open in a living process
        living.kill()
        living.wait()
    changes = flowtrail("reconcile", "--no-ask", "--json").json

    assert [(c["component"], c["status"], c["inferred"]) for c in changes] == [("iris-second", "failed", True)]
    assert flowtrail("reconcile", "--no-ask").err.startswith("Nothing to settle")


def alive(folder: Path) -> subprocess.Popen[str]:
    """A process with an open run, that has logged."""
    started = subprocess.Popen(
        [sys.executable, "-c", STAYS],
        cwd=folder,
        env=environment(folder),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert started.stdout is not None
    assert started.stdout.readline() == "ready\n"
    return started


def test_what_a_living_process_logged_is_shown_at_once(folder, flowtrail):
    with alive(folder) as living:
        shown = flowtrail("show", "second", "--json").json
        living.communicate("\n")

    assert (shown["run"]["status"], shown["metrics"]["accuracy"]["count"]) == ("running", 5)


def test_the_doctor_finds_a_healthy_record_healthy(stored, flowtrail):
    answer = flowtrail("doctor", "--json")
    checks = {check["name"]: check for check in answer.json}

    assert answer.status == 0
    assert {"settings", "store", "spool", "quarantine", "blobs", "versions", "prefect"} <= set(checks)
    assert "7 components" in checks["store"]["message"]
    assert flowtrail("doctor").out.splitlines()[0].startswith("✓ settings")


def test_the_doctor_tells_of_waiting_journals_and_dead_runs(folder, flowtrail):
    python(folder, DIES)
    waiting = {check["name"]: check for check in flowtrail("doctor", "--json").json}
    flowtrail("recover")
    dead = {check["name"]: check for check in flowtrail("doctor", "--json").json}

    assert (waiting["spool"]["level"], waiting["spool"]["fix"]) == ("warn", "flowtrail recover")
    assert (dead["runs"]["level"], dead["runs"]["fix"]) == ("warn", "flowtrail reconcile")


def test_the_doctor_fails_over_a_store_that_cannot_be_used(folder, flowtrail):
    (folder / "record.db").write_bytes(b"not a database, and long enough to be seen as one" * 100)
    answer = flowtrail("doctor")

    assert answer.status == 1
    assert "✕ store" in answer.out


def test_a_store_that_may_not_be_written_is_still_read(record, flowtrail, monkeypatch):
    from plugin_core.cli import session
    from plugin_core.errors import StoreReadOnlyError

    def refuse(*_, **__):
        raise StoreReadOnlyError("The disk is read-only.")

    monkeypatch.setattr(session.Session, "store", refuse)  # root may write anywhere: the refusal has to be made
    answer = flowtrail("ls")

    assert (answer.status, len(answer.out.splitlines())) == (0, 3)
    assert "without what waits" in answer.err
