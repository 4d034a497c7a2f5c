"""A bucket that hangs, fails or is gone does not hold up who logs, and nothing that was logged is lost."""

import hashlib
import json
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from kit.aws import CREDENTIALS, blobs_url, s3_client
from kit.faulty import Fault, Faulty
from kit.programs import until
from kit.wire import authorised, serving

from dagster_integration import tracked_job
from dagster_integration.instrumentor import uninstrument
from plugin_core import Run, configure, list_runs, load_run
from plugin_core.cli import main
from plugin_core.journal import deliver, waiting
from plugin_core.model.components import Status
from plugin_core.stores import open_blobs, open_store
from plugin_core.tracking.engine import close_engine, engine
from plugin_core.wire.s3.app import object_api

DATA = b"weights" * 1000
DIGEST = f"sha256:{hashlib.sha256(DATA).hexdigest()}"


@pytest.fixture(scope="module")
def served(tmp_path_factory) -> Iterator[tuple[Faulty, str]]:
    folder = tmp_path_factory.mktemp("server")
    store = open_store(f"sqlite:///{folder / 'record.db'}")
    api = object_api(store.objects, open_blobs((folder / "blobs").as_uri()), staging=folder / "staging")
    faulty = Faulty(authorised(api))
    with serving(faulty) as url:
        yield faulty, url
    store.close()


@pytest.fixture
def faulty(served) -> Iterator[Faulty]:
    found = served[0]
    found.faults, found.seen = [], []
    yield found
    found.faults = []


@pytest.fixture
def bucket(served, faulty, request) -> str:
    name = "b" + hashlib.sha256(request.node.name.encode()).hexdigest()[:20]
    s3_client(served[1]).create_bucket(Bucket=name)
    faulty.seen = []
    return name


@pytest.fixture
def environ(flowtrail_record, served, bucket, monkeypatch) -> dict[str, str]:
    """What records into the bucket, in this process and in others."""
    record = {**flowtrail_record.environment, **CREDENTIALS, "FLOWTRAIL_BLOBS": blobs_url(bucket, served[1])}
    record["FLOWTRAIL_EXIT_FLUSH_TIMEOUT_S"] = "60"
    for name, value in record.items():
        monkeypatch.setenv(name, value)
    configure(blobs=record["FLOWTRAIL_BLOBS"], strict=False, exit_flush_timeout_s=60)
    return {**os.environ, **record}


@pytest.fixture
def weights(tmp_path) -> Path:
    path = tmp_path / "weights.bin"
    path.write_bytes(DATA)
    return path


def kept(environ) -> bytes:
    with open_blobs(environ["FLOWTRAIL_BLOBS"]).open(DIGEST) as opened:
        return opened.read()


def flowtrail(capsys, *command: str) -> tuple[int, str, str]:
    code = main(list(command))
    out, err = capsys.readouterr()
    return code, out, err


def test_who_logs_goes_on_while_the_bucket_hangs_and_a_reader_is_told_that_the_bytes_are_on_their_way(
    environ, faulty, weights, flowtrail_record, capsys
):
    faulty.faults = [Fault("PUT", "hold")]
    with Run("exp", "r1") as run:
        run.log_file(weights)

    assert run.output_artifacts["weights.bin"].value == DIGEST
    assert flowtrail_record.store.artifact(DIGEST).blob is None
    code, _, err = flowtrail(capsys, "get", DIGEST)
    assert code != 0
    assert "on their way" in err

    faulty.faults = []
    until(lambda: engine().flush(60))
    assert flowtrail_record.store.artifact(DIGEST).blob == DIGEST
    assert kept(environ) == DATA
    assert waiting(flowtrail_record.spool) == []


@pytest.mark.parametrize(
    "fault",
    [
        Fault("PUT", "refuse", status=500, code="InternalError", times=5),
        Fault("PUT", "refuse", status=403, code="AccessDenied", times=1),
        Fault("PUT", "lose", times=5),
        Fault("PUT", "spoil", times=4),
    ],
    ids=lambda fault: fault.code or fault.what,
)
def test_what_fails_longer_than_a_client_tries_is_sent_later(environ, faulty, weights, flowtrail_record, caplog, fault):
    faulty.faults = [fault]
    with caplog.at_level(logging.WARNING, "flowtrail"), Run("exp", "r1") as run:
        run.log_file(weights)
        until(lambda: engine().flush(60))

    assert flowtrail_record.store.artifact(DIGEST).blob == DIGEST
    assert kept(environ) == DATA
    assert len([record for record in caplog.records if "cannot reach its blob store" in record.message]) <= 1


@pytest.fixture
def uninstrumented():
    yield
    uninstrument()


def test_a_step_ends_while_the_bucket_hangs(environ, faulty, weights, flowtrail_record, uninstrumented):
    @dg.op
    def train():
        load_run().log_file(weights)
        load_run().log_file(__file__)

    @tracked_job(config={"execution": {"config": {"in_process": {}}}})
    def training():
        train()

    faulty.faults = [Fault("PUT", "hold")]
    assert training.execute_in_process().success
    assert {run.status for run in list_runs("training")} == {Status.COMPLETED}
    on_their_way = {parcel.artifact.source_uri for parcel in waiting(flowtrail_record.spool)}
    assert len(on_their_way) == 2
    assert not any(artifact.blob for artifact in flowtrail_record.store.artifacts())

    faulty.faults = []
    until(lambda: engine().flush(60))
    arrived = {artifact.source_uri for artifact in flowtrail_record.store.artifacts() if artifact.blob}
    assert arrived == on_their_way


LOGS = """
import os, sys
from plugin_core import Run
with Run("exp", "r1") as run:
    run.log_file(sys.argv[1])
    run.log_file(sys.argv[2])
    print("logged", flush=True)
    sys.stdin.read()
"""


def test_what_a_killed_process_had_logged_is_sent_by_recover(environ, faulty, weights, flowtrail_record, capsys):
    faulty.faults = [Fault("PUT", "hold")]
    command = [sys.executable, "-c", LOGS, str(weights), __file__]
    process = subprocess.Popen(command, env=environ, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout.readline() == "logged\n"
    process.send_signal(signal.SIGKILL)
    process.communicate()
    faulty.faults = []

    code, out, _ = flowtrail(capsys, "doctor")
    assert "2 files" in out
    assert "2 files" in flowtrail(capsys, "recover", "--dry-run")[1]
    code, out, _ = flowtrail(capsys, "recover", "--json")
    assert (code, json.loads(out)["uploads"]["sent"], waiting(flowtrail_record.spool)) == (0, 2, [])
    store = open_store(flowtrail_record.url)
    assert store.artifact(DIGEST).blob == DIGEST
    assert [found.name for found in store.artifacts() if found.blob is not None] == ["test_uploads.py", "weights.bin"]
    store.close()
    assert kept(environ) == DATA


def test_recover_says_what_it_could_not_send_and_the_bytes_stay(environ, faulty, weights, flowtrail_record, capsys):
    faulty.faults = [Fault("PUT", "refuse", status=403, code="AccessDenied")]
    with Run("exp", "r1") as run:
        run.log_file(weights)
    close_engine()

    code, out, _ = flowtrail(capsys, "recover")
    assert (code, "1 file still to be sent" in out, "s3:PutObject" in out) == (1, True, True)
    assert [parcel.path.read_bytes() for parcel in waiting(flowtrail_record.spool)] == [DATA]


def test_a_process_that_ends_while_the_bucket_refuses_says_what_it_leaves(environ, faulty, weights, caplog):
    faulty.faults = [Fault("PUT", "refuse", status=403, code="AccessDenied")]
    with caplog.at_level(logging.WARNING, "flowtrail"):
        with Run("exp", "r1") as run:
            run.log_file(weights)
        close_engine()

    assert [record.getMessage() for record in caplog.records if "`flowtrail recover` sends" in record.getMessage()]


def test_a_process_that_ends_sends_what_it_logged(environ, faulty, weights, flowtrail_record):
    command = [sys.executable, "-c", LOGS, str(weights), __file__]
    subprocess.run(command, env=environ, text=True, input="", check=True, capture_output=True)

    assert kept(environ) == DATA
    assert waiting(flowtrail_record.spool) == []
    assert flowtrail_record.store.artifact(DIGEST).blob == DIGEST


def test_what_a_child_leaves_is_sent_by_the_process_that_started_it(environ, faulty, weights, flowtrail_record):
    faulty.faults = [Fault("PUT", "hold")]
    child = LOGS.replace('Run("exp", "r1")', "load_run()").replace("import Run", "import load_run")
    with Run("exp", "r1"):
        subprocess.run(
            [sys.executable, "-c", child, str(weights), __file__], input="", text=True, check=True, capture_output=True
        )
        assert len(waiting(flowtrail_record.spool)) == 2
        faulty.faults = []
    close_engine()
    until(lambda: not waiting(flowtrail_record.spool))

    assert kept(environ) == DATA


def test_bytes_that_changed_while_they_waited_are_not_sent_for_what_they_were(
    environ, faulty, weights, flowtrail_record, capsys
):
    faulty.faults = [Fault("PUT", "refuse", status=403, code="AccessDenied")]
    with Run("exp", "r1") as run:
        run.log_file(weights)
    close_engine()
    faulty.faults = []
    (parcel,) = waiting(flowtrail_record.spool)
    parcel.path.chmod(0o600)
    parcel.path.write_bytes(DATA[:-1] + b"X")

    code, out, _ = flowtrail(capsys, "recover")
    assert (code, parcel.digest in out) == (1, True)
    assert flowtrail_record.store.artifact(DIGEST).blob is None
    assert parcel.note.exists()


def test_two_that_send_the_same_do_not_meet(environ, faulty, weights, flowtrail_record):
    faulty.faults = [Fault("PUT", "refuse", status=403, code="AccessDenied")]
    with Run("exp", "r1") as run:
        run.log_file(weights)
    close_engine()
    faulty.faults = [hold := Fault("PUT", "hold")]
    (parcel,) = waiting(flowtrail_record.spool)
    blobs, said = open_blobs(environ["FLOWTRAIL_BLOBS"]), []
    faulty.seen = []
    first = threading.Thread(target=deliver, args=(parcel, blobs, said.append))
    first.start()
    until(lambda: faulty.seen)

    assert deliver(parcel, blobs, said.append) is False
    faulty.faults.remove(hold)
    first.join()
    assert (len(said), deliver(parcel, blobs, said.append)) == (1, False)


def test_a_file_that_the_spool_has_no_room_for_is_recorded_by_where_it_is(environ, tmp_path, flowtrail_record, caplog):
    large = tmp_path / "large.bin"
    with large.open("wb") as written:
        free = os.statvfs(tmp_path)
        written.truncate(free.f_bavail * free.f_frsize)  # a hole: it takes no room itself
    with caplog.at_level(logging.WARNING, "flowtrail"), Run("exp", "r1") as run:
        run.log_file(large)

    assert run.output_artifacts["large.bin"].value == large.as_uri()
    assert "has no room" in caplog.text


def test_a_spool_that_cannot_be_written_costs_the_bytes_and_not_the_run(environ, weights, flowtrail_record, caplog):
    flowtrail_record.spool.mkdir(parents=True)
    (flowtrail_record.spool / "uploads").write_text("in the way")
    with caplog.at_level(logging.WARNING, "flowtrail"), Run("exp", "r1") as run:
        run.log_file(weights)

    assert run.output_artifacts["weights.bin"].value == weights.as_uri()


def test_strict_mode_waits_for_the_bucket_and_says_what_fails(environ, faulty, weights):
    configure(strict=True)
    faulty.faults = [Fault("PUT", "refuse", status=403, code="AccessDenied")]
    with Run("exp", "r1") as run, pytest.raises(Exception, match="s3:PutObject"):
        run.log_file(weights)


def test_nobody_else_may_read_what_waits(environ, faulty, weights, flowtrail_record):
    faulty.faults = [Fault("PUT", "hold")]
    with Run("exp", "r1") as run:
        run.log_file(weights)

    assert (flowtrail_record.spool / "uploads").stat().st_mode & 0o077 == 0
