"""The bytes of values are stored behind the step's back: what goes wrong there is told, and stays there."""

from socket import gethostname

import pytest

from plugin_core import configure
from plugin_core.capture.payloads import PayloadWriter
from plugin_core.capture.values import Payload
from plugin_core.errors import NotFoundError
from plugin_core.journal import waiting
from plugin_core.tracking.engine import engine


@pytest.fixture
def failures():
    return []


@pytest.fixture
def writer(flowtrail_record, failures):
    return PayloadWriter(engine(), lambda what, error: failures.append((what, str(error))))


def put(writer, name, write):
    writer.put(source_uri=f"mem://{name}", type="Value", name=name, payload=Payload("text/plain", ".txt", write))
    assert writer.wait(30)


def test_a_payload_is_stored_and_noted_at_its_artifact(writer, flowtrail_record, failures):
    put(writer, "a", lambda: b"42")

    found = flowtrail_record.store.artifact("mem://a")
    assert (found.size_bytes, found.media_type, failures) == (2, "text/plain", [])
    with engine().blobs.open(found.blob) as stored:
        assert stored.read() == b"42"


def test_a_payload_that_cannot_be_written_is_told_and_the_next_one_is_stored(writer, flowtrail_record, failures):
    def broken():
        raise ZeroDivisionError("no bytes")

    put(writer, "a", broken)
    put(writer, "b", lambda: b"42")

    assert failures == [("storing a value", "no bytes")]
    assert flowtrail_record.store.artifact("mem://b").blob is not None


def test_a_blob_store_that_is_in_the_way_is_told_and_nothing_is_claimed_to_be_stored(
    writer, flowtrail_record, failures
):
    flowtrail_record.folder.mkdir()
    (flowtrail_record.folder / "blobs").write_text("in the way")
    put(writer, "a", lambda: b"42")

    assert [what for what, _ in failures] == ["storing a value"]
    with pytest.raises(NotFoundError):
        flowtrail_record.store.artifact("mem://a")


def test_a_payload_that_turns_out_to_hold_a_secret_is_not_stored(writer, flowtrail_record, failures):
    put(writer, "a", lambda: None)

    assert failures == []
    assert not (flowtrail_record.folder / "blobs").exists()


def test_the_same_value_is_stored_once(writer, flowtrail_record):
    written = []
    for _ in range(3):
        put(writer, "a", lambda: written.append(1) or b"42")

    assert written == [1]


def test_a_payload_for_a_bucket_waits_in_the_spool_and_the_record_says_where(flowtrail_record, failures):
    configure(blobs="s3://bucket/record?endpoint=http://127.0.0.1:9", strict=False, exit_flush_timeout_s=0)
    put(PayloadWriter(engine(), lambda what, error: failures.append((what, str(error)))), "a", lambda: b"42")

    found = flowtrail_record.store.artifact("mem://a")
    assert (found.size_bytes, found.blob, found.properties, failures) == (2, None, {"sent_from": gethostname()}, [])
    (parcel,) = waiting(flowtrail_record.spool)
    assert (parcel.artifact.source_uri, parcel.path.read_bytes()) == ("mem://a", b"42")
