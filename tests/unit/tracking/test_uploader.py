"""How long anyone waits for bytes on their way: as long as they move, and no longer than the time-out otherwise."""

import os
import threading
import time
from dataclasses import replace

import pytest

from plugin_core.errors import StoreUnavailableError
from plugin_core.journal import waiting
from plugin_core.journal.outbox import sweep
from plugin_core.model.changes import PutArtifact
from plugin_core.stores.blobs import FolderBlobs
from plugin_core.tracking.uploader import Uploader


class Slow(FolderBlobs):
    """A blob store that takes as long as it is told to, on the test's clock, and tells how far it is."""

    def __init__(self, root, lasts) -> None:
        super().__init__(root)
        self.lasts, self.now, self.fails = lasts, 0.0, False
        self.tries = 0

    def put_file(self, path, /, *, progress=None):
        self.tries += 1
        if self.fails:
            raise StoreUnavailableError("It is away.")
        for _ in range(self.lasts):
            self.now += 0.9
            progress(1, 2)
        return super().put_file(path, progress=progress)


@pytest.fixture
def blobs(tmp_path):
    return Slow(tmp_path / "blobs", 100)


@pytest.fixture
def said():
    return []


@pytest.fixture
def uploader(tmp_path, blobs, said):
    found = Uploader(
        tmp_path / "spool",
        blobs_url="s3://bucket",
        store_url="sqlite:////nowhere/record.db",
        open_blobs=lambda: blobs,
        record=said.append,
        monotonic=lambda: blobs.now,
    )
    yield found
    found.close(0)


def post(uploader, data=b"42"):
    digest = uploader.outbox.put_bytes(data)
    artifact = PutArtifact(at=1, source_uri=digest, type="DataSet", name="x", blob=digest)
    uploader.post(artifact)
    return artifact


def test_bytes_that_move_are_waited_for_at_the_end_however_long_it_takes(uploader, blobs, said):
    artifact = post(uploader)

    assert uploader.close(1.0)
    assert blobs.now > 80
    assert said == [artifact]


def test_who_flushes_waits_no_longer_than_the_time_out(uploader, blobs, said):
    go_on = threading.Event()
    blobs.lasts, blobs.put_file = 0, lambda path, /, *, progress=None: go_on.wait() and str(path)
    post(uploader)
    threading.Timer(0.05, lambda: setattr(blobs, "now", 5.0)).start()

    assert not uploader.wait(2.0)
    assert not uploader.wait(2.0)  # nothing has moved for so long: no second wait
    assert said == []
    go_on.set()


def test_a_store_that_fails_is_not_waited_for_and_tried_again_ever_more_rarely(uploader, blobs, said):
    blobs.fails = True
    post(uploader)
    while not uploader._retry_at:
        time.sleep(0.001)

    assert not uploader.wait(60)
    assert uploader._retry_at == 1.0
    assert (blobs.tries, said) == (1, [])


def test_a_forked_copy_does_not_wait_for_what_its_parent_posted(uploader, blobs):
    blobs.fails = True
    post(uploader)
    uploader.in_child()

    assert uploader.is_idle


def test_who_waits_at_the_end_is_told_how_far_it_is(uploader, blobs):
    told, is_awaited, put_file = [], threading.Event(), blobs.put_file
    blobs.put_file = lambda path, /, *, progress=None: is_awaited.wait() and put_file(path, progress=progress)
    post(uploader)
    left = uploader._left
    uploader._left = lambda: is_awaited.set() or left()
    assert uploader.close(1.0, progress=lambda done, total: told.append((done, total)))

    assert (1, 2) in told


def test_what_another_machine_does_not_send_within_an_hour_is_sent_from_here(uploader, blobs, said, tmp_path):
    blobs.fails = True
    artifact = post(uploader)
    (parcel,) = waiting(tmp_path / "spool")
    elsewhere = replace(parcel, owner=replace(parcel.owner, host="elsewhere"))
    assert not elsewhere.is_left

    os.utime(parcel.note, (0, 0))
    assert elsewhere.is_left
    assert not parcel.is_left
    assert elsewhere.artifact == artifact


def test_what_was_never_acknowledged_is_swept_and_what_waits_is_not(uploader, blobs, tmp_path):
    blobs.fails = True
    post(uploader)
    orphan = uploader.outbox.put_bytes(b"killed before it was posted")
    for path in (tmp_path / "spool").rglob("*"):
        if path.is_file():
            os.utime(path, (0, 0))
    sweep(tmp_path / "spool", 10_000)

    kept = {path.name for path in (tmp_path / "spool").rglob("*") if path.is_file()}
    assert orphan.removeprefix("sha256:") not in kept
    assert [parcel.path.read_bytes() for parcel in waiting(tmp_path / "spool")] == [b"42"]
