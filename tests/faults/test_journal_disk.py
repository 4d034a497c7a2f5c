"""F3, F5, F6: the disk fails at any call. Nothing is raised, nothing is lost that can be kept, one warning is said."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from plugin_core.errors import StoreUnavailableError
from plugin_core.journal import recover
from plugin_core.journal.segments import Disk
from plugin_core.model.changes import PutExperiment


class Failing(Disk):
    """Fails as told: ``fails(operation, call number, path or descriptor)`` returns an error number, or 0."""

    def __init__(self, fails) -> None:
        self.fails, self.calls = fails, 0

    def _check(self, operation: str, what) -> None:
        self.calls += 1
        if number := self.fails(operation, self.calls, what):
            raise OSError(number, os.strerror(number))

    def open(self, path: Path) -> int:
        self._check("open", path)
        return super().open(path)

    def write(self, fd: int, data: bytes) -> int:
        try:
            self._check("write", fd)
        except OSError as e:
            if e.errno != errno.ENODATA:
                raise
            return os.write(fd, data[: len(data) // 2])  # a short write
        return os.write(fd, data)

    write_holding = write

    def truncate(self, fd: int, size: int) -> None:
        self._check("truncate", fd)
        os.ftruncate(fd, size)

    def sync(self, fd: int) -> None:
        self._check("sync", fd)
        os.fdatasync(fd)


def log(journal, n: int = 30) -> None:
    for i in range(n):
        journal.series("c", "m").log(0.5, i)
        if i % 10 == 0:
            journal.append(PutExperiment(at=i, name=f"e{i}"))


def check_all_there(place, n: int = 30) -> None:
    assert place.store.steps() == list(range(n))
    assert [c.name for c in place.store.others] == [f"e{i}" for i in range(0, n, 10)]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EACCES, errno.ENODATA])
@pytest.mark.parametrize("at", range(1, 36))
def test_a_disk_that_fails_once_at_any_call_costs_nothing(place, caplog, at: int, number: int) -> None:
    journal = place.journal(disk=Failing(lambda operation, call, _: number if call == at else 0))
    drainer = place.drainer(journal)
    log(journal)

    assert drainer.flush(20)
    check_all_there(place)
    assert len(caplog.records) <= 1
    drainer.close(5)
    assert place.files == []


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.ENODATA])
@pytest.mark.parametrize("since", [1, 2, 3, 17])
def test_a_disk_that_fails_for_good_leaves_the_events_in_memory_for_the_store(place, since: int, number: int) -> None:
    journal = place.journal(disk=Failing(lambda operation, call, _: number if call >= since else 0))
    drainer = place.drainer(journal)
    log(journal)

    assert drainer.flush(20)
    check_all_there(place)


def test_a_spool_that_cannot_be_written_is_replaced_by_the_temporary_folder(place, caplog) -> None:
    def fails(operation: str, call: int, what) -> int:
        return errno.EROFS if operation == "open" and what.parent == place.spool else 0

    journal = place.journal(disk=Failing(fails))
    log(journal)
    assert place.files == []
    assert len(list(place.fallback.glob("*.jrn"))) == 1
    assert place.fallback.stat().st_mode & 0o777 == 0o700
    assert len(caplog.records) == 1
    journal.close()

    assert recover(place.spool, place.store, fallback=place.fallback).events == 33
    check_all_there(place)
    assert list(place.fallback.glob("*.jrn")) == []


def test_a_temporary_folder_that_others_may_write_to_is_not_used(place) -> None:
    place.fallback.mkdir(mode=0o777)
    place.fallback.chmod(0o777)
    journal = place.journal(
        disk=Failing(lambda op, _, what: errno.EROFS if op == "open" and "spool" in str(what) else 0)
    )
    journal.series("c", "m").log(0.5)

    assert list(place.fallback.iterdir()) == []
    assert len(journal._ring) == 1


def test_a_journal_leaves_the_temporary_folder_when_the_spool_is_back(place) -> None:
    away = [True]
    disk = Failing(lambda op, _, what: errno.EROFS if op == "open" and away[0] and what.parent == place.spool else 0)
    journal = place.journal(disk=disk, segment_bytes=64 * 1024)
    log(journal, 10)
    away[0] = False
    log(journal, 5000)

    assert len(place.files) >= 1
    drainer = place.drainer(journal)
    assert drainer.flush(20)
    assert len(place.store.steps()) == 5010


def test_memory_holds_ten_thousand_events_and_counts_what_it_lets_go(place, caplog) -> None:
    journal = place.journal(disk=Failing(lambda *_: errno.ENOSPC))
    for i in range(10_100):
        journal.series("c", "m").log(0.5, i)
    drainer = place.drainer(journal)

    assert drainer.flush(20)
    assert place.store.steps() == list(range(100, 10_100))
    assert journal.dropped_events == 100
    assert len(caplog.records) <= 2


def test_events_in_memory_go_to_a_file_as_soon_as_one_can_be_written(place) -> None:
    full, now = [True], [0.0]
    journal = place.journal(disk=Failing(lambda *_: errno.ENOSPC if full[0] else 0), monotonic=lambda: now[0])
    log(journal)
    full[0] = False
    now[0] = 10.0
    journal.series("c", "m").log(0.5, 30)
    journal.close()

    recover(place.spool, place.store, fallback=place.fallback)
    assert place.store.steps() == list(range(31))


def test_strict_says_so_at_once(place) -> None:
    journal = place.journal(strict=True, disk=Failing(lambda op, call, _: errno.ENOSPC if call == 5 else 0))
    with pytest.raises(StoreUnavailableError, match="No space left"):
        log(journal)
    log(journal)

    assert place.drainer(journal).flush(20)


def test_strict_says_so_at_once_of_changes_that_belong_together_too(place) -> None:
    fails: list[int] = []  # one write each
    disk = Failing(lambda operation, *_: fails.pop() if fails and operation == "write" else 0)
    journal = place.journal(strict=True, disk=disk)
    journal.append(PutExperiment(at=0, name="first"))
    fails.append(errno.ENOSPC)
    with pytest.raises(StoreUnavailableError, match="No space left"):
        journal.append_all([PutExperiment(at=1, name="a"), PutExperiment(at=1, name="b")])
    journal.append_all([PutExperiment(at=2, name="c"), PutExperiment(at=2, name="d")])

    assert place.drainer(journal).flush(20)
    kept = [change for batch in place.store.batches for change in batch.changes]
    assert {change.name for change in kept if isinstance(change, PutExperiment)} == {"first", "c", "d"}


def test_a_disk_that_cannot_be_told_is_a_warning_only(place, caplog) -> None:
    disk = Failing(lambda operation, *_: errno.EIO if operation == "sync" else 0)
    journal = place.journal(disk=disk, durability="every")
    log(journal)

    assert place.drainer(journal).flush(20)
    check_all_there(place)
    assert len(caplog.records) == 1


@pytest.mark.parametrize("what", ["deleted", "replaced by a file"])
def test_a_spool_that_vanishes_while_it_is_written_to_is_made_again(place, what: str) -> None:
    import shutil

    journal = place.journal(segment_bytes=64 * 1024)
    drainer = place.drainer(journal)
    journal.series("c", "m").log(0.5, 0)
    assert drainer.flush(20)
    shutil.rmtree(place.spool)
    if what != "deleted":
        place.spool.write_text("in the way")
    for i in range(1, 5000):
        journal.series("c", "m").log(0.5, i)

    assert drainer.flush(20)
    assert place.store.steps() == list(range(5000))


LIMITED = """
import sys, resource
from pathlib import Path
from plugin_core.journal import Journal
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
journal = Journal(Path(sys.argv[1]), store_url=sys.argv[2], fallback=Path(sys.argv[3]), durability="process")
for i in range(10_000):
    journal.series("c", "m").log(0.5, i)
print("done", flush=True)
"""


def test_a_limit_on_the_size_of_files_is_met_with_more_files(place) -> None:
    arguments = [str(place.spool), place.store.url, str(place.fallback)]
    done = subprocess.run([sys.executable, "-c", LIMITED, *arguments], capture_output=True, text=True, check=True)
    assert done.stdout == "done\n"

    report = recover(place.spool, place.store, fallback=place.fallback)
    assert place.store.steps() == list(range(10_000))
    assert report.lost_events == 0
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 100_000


def test_a_file_that_someone_deletes_is_noticed_by_the_next_sync(place, caplog) -> None:
    journal = place.journal(durability="process")
    journal.series("c", "m").log(0.5, 0)
    place.files[0].unlink()
    journal.series("c", "m").log(0.5, 1)
    journal.sync()
    journal.series("c", "m").log(0.5, 2)
    assert len(place.files) == 1
    assert len(caplog.records) == 1

    assert place.drainer(journal).flush(20)
    assert place.store.steps() == [0, 1, 2]


def test_what_memory_alone_took_arrives_also_after_a_file_was_written(place) -> None:
    full = [True]
    now = [0.0]
    journal = place.journal(disk=Failing(lambda *_: errno.ENOSPC if full[0] else 0), monotonic=lambda: now[0])
    drainer = place.drainer(journal)
    for i in range(5):
        full[0], now[0] = i % 2 == 0, now[0] + 10
        journal.append(PutExperiment(at=i, name=f"e{i}"))
        assert drainer.flush(20)
        journal.close()

    assert [c.name for c in place.store.others] == [f"e{i}" for i in range(5)]
