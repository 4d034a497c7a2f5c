from __future__ import annotations

import os
import signal
import stat
import threading
from pathlib import Path

import pytest

from plugin_core.errors import InvalidValueError
from plugin_core.journal import Journal, recover
from plugin_core.journal.segments import Disk
from plugin_core.model.changes import PutExperiment


def recovered(place) -> list[int]:
    recover(place.spool, place.store, fallback=place.fallback)
    return place.store.steps()


def test_a_journal_that_is_not_used_makes_no_file(place) -> None:
    journal = place.journal()
    journal.series("c", "m")
    assert journal.owner.pid == os.getpid()
    journal.close()

    assert not place.spool.exists()


def test_only_its_user_can_read_it(place) -> None:
    place.journal().series("c", "m").log(1.0)

    assert stat.S_IMODE(place.spool.stat().st_mode) == 0o700
    assert stat.S_IMODE(place.files[0].stat().st_mode) == 0o600


def test_steps_count_on_from_the_last_one_logged(place) -> None:
    series = place.journal().series("c", "m")
    for step in (None, None, 10, None, 3, None):
        series.log(1.0, step)
    series.log_data("text")

    assert recovered(place) == []  # its owner lives
    batch = series._journal.take()
    assert list(batch.changes[0].steps) == [0, 1, 10, 11, 3, 4, 5]


def test_a_series_is_the_same_object_each_time(place) -> None:
    journal = place.journal()

    assert journal.series("c", "m") is journal.series("c", "m")
    assert journal.series("c", "m") is not journal.series("c", "n")


@pytest.mark.parametrize("already", [False, True])
def test_a_step_past_64_bits_is_refused_and_nothing_else_is_hurt(place, already: bool) -> None:
    journal = place.journal()
    series = journal.series("c", "m")
    if already:
        series.log(0.0, 0)
    with pytest.raises(InvalidValueError, match="64 bits"):
        series.log(1.0, 2**63)
    series.log(2.0, 2**63 - 1)
    with pytest.raises(InvalidValueError, match="64 bits"):
        series.log(3.0)
    series.log(4.0, 1)
    journal.close()

    assert recovered(place) == [*([0] if already else []), 2**63 - 1, 1]


def test_a_change_of_64_mebibytes_is_refused(place) -> None:
    journal = place.journal()
    with pytest.raises(InvalidValueError, match="in one piece"):
        journal.append(PutExperiment(at=1, name="e", description="x" * (64 << 20)))

    assert journal.position == 0


def test_a_journal_goes_on_in_segments_and_drained_ones_are_deleted(place) -> None:
    journal = place.journal(segment_bytes=64 * 1024)
    drainer = place.drainer(journal)
    place.store.break_down()
    for i in range(5000):
        journal.series("c", "m").log(0.5, i)
        if i % 100 == 0:
            journal.append(PutExperiment(at=i, name="e", description="x" * 500))
    sealed = len(place.files) - 1
    assert sealed >= 3

    place.store.come_back()
    assert drainer.flush(20)
    assert len(place.files) == 1
    assert place.store.steps() == list(range(5000))


def test_segments_of_a_dead_journal_are_read_in_order(place) -> None:
    journal = place.journal(segment_bytes=64 * 1024)
    for i in range(5000):
        journal.series("c", f"m{i % 7}").log(0.5, i)
    journal.close()
    assert len(place.files) >= 3

    report = recover(place.spool, place.store, fallback=place.fallback)
    assert report.events == 5000
    assert report.lost_events == report.skipped_bytes == report.missing_bytes == 0
    assert place.files == []


def test_a_closed_journal_begins_a_new_file_when_someone_still_logs(place) -> None:
    journal = place.journal()
    series = journal.series("c", "m")
    series.log(1.0)
    before = journal.id
    journal.close()
    series.log(2.0)

    assert journal.id != before
    journal.close()
    assert recovered(place) == [0, 1]


def test_threads_lose_nothing_between_them(place) -> None:
    journal = place.journal(segment_bytes=64 * 1024)
    drainer = place.drainer(journal)

    def work(number: int) -> None:
        for i in range(3000):
            journal.series("c", "m" if i % 2 else f"own{number}").log(float(number), number * 10_000 + i)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert drainer.flush(30)
    assert len(place.store.steps()) == 6000
    assert all(len(place.store.steps(metric=f"own{n}")) == 1500 for n in range(4))
    assert place.store.twice() == []


class Interrupting(Disk):
    """A disk during whose every n-th write something happens."""

    def __init__(self, every: int, happens) -> None:
        self.every, self.happens, self.calls = every, happens, 0

    def write(self, fd: int, data: bytes) -> int:
        written = os.write(fd, data)
        self.calls += 1
        if self.calls % self.every == 0:
            self.happens()
        return written

    write_holding = write


def test_a_signal_handler_may_log_while_a_log_call_is_at_work(place) -> None:
    journal: Journal
    handled: list[int] = []

    def handler(*_: object) -> None:
        handled.append(len(handled))
        journal.series("c", "h").log(1.0)
        journal.append(PutExperiment(at=len(handled), name="h"))

    journal = place.journal(disk=Interrupting(7, lambda: len(handled) < 50 and os.kill(os.getpid(), signal.SIGUSR1)))
    before = signal.signal(signal.SIGUSR1, handler)
    try:
        for i in range(1000):
            journal.series("c", "m").log(0.5, i)
    finally:
        signal.signal(signal.SIGUSR1, before)
    journal.close()

    report = recover(place.spool, place.store, fallback=place.fallback)
    assert place.store.steps() == list(range(1000))
    assert place.store.steps(metric="h") == list(range(50))
    assert report.lost_events == report.bad_regions == 0
    assert report.quarantined == []


@pytest.mark.parametrize("is_drained_in_memory", [True, False])
def test_an_interrupt_in_the_middle_of_a_write_loses_and_doubles_nothing(place, is_drained_in_memory: bool) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    journal = place.journal(disk=Interrupting(11, interrupt))
    drainer = place.drainer(journal)
    returned, interrupted = [], []
    for i in range(300):
        try:
            journal.series("c", "m").log(0.5, i)
            returned.append(i)
        except KeyboardInterrupt:
            interrupted.append(i)
        if is_drained_in_memory and i % 50 == 0:
            assert drainer.flush(10)
    if is_drained_in_memory:
        drainer.close(10)
    else:
        journal.close()
        assert recover(place.spool, place.store, fallback=place.fallback).lost_events == 0

    assert interrupted
    assert set(returned) <= set(place.store.steps()) <= {*returned, *interrupted}
    assert place.store.twice() == []
    assert place.files == []


@pytest.mark.parametrize("durability", ["process", "1s", "every"])
def test_the_disk_is_told_as_often_as_was_asked(place, durability: str) -> None:
    synced: list[int] = []
    disk = Disk()
    disk.sync = synced.append  # type: ignore[method-assign, assignment]
    journal = place.journal(durability=durability, disk=disk)
    for i in range(5):
        journal.series("c", "m").log(0.5, i)
        journal.append(PutExperiment(at=i, name="e"))
    if durability == "1s":
        journal.sync()
        journal.sync()

    assert len(synced) == {"process": 0, "1s": 1, "every": 10}[durability]


def test_a_link_in_the_place_of_the_file_is_not_followed(place, tmp_path: Path) -> None:
    journal = place.journal()
    journal.series("c", "m").log(1.0)
    target = tmp_path / "precious"
    target.write_text("mine")
    place.files[0].unlink()
    (place.spool / f"h-1-{'0' * 32}.0.jrn").symlink_to(target)

    recover(place.spool, place.store, fallback=place.fallback)
    assert target.read_text() == "mine"


def test_changes_of_one_moment_are_one_write_and_a_frame_each(tmp_path):
    written = []

    class Counting(Disk):
        def write_holding(self, fd, data):
            written.append(len(data))
            return super().write_holding(fd, data)

    journal = Journal(tmp_path, store_url="sqlite:////nowhere/record.db", disk=Counting(), fallback=tmp_path / "other")
    journal.append(PutExperiment(at=1, name="e"))
    written.clear()
    journal.append_all([PutExperiment(at=2, name=f"e{i}") for i in range(5)])

    assert len(written) == 1
    batch = journal.take()
    assert [change.name for change in batch.changes] == ["e", "e0", "e1", "e2", "e3", "e4"]
    assert journal.pending_events == 6


def test_changes_of_one_moment_are_written_one_by_one_where_a_write_fails(tmp_path):
    class Full(Disk):
        full = False

        def write_holding(self, fd, data):
            if self.full and len(data) > 200:
                raise OSError(28, "No space left on device")
            return super().write_holding(fd, data)

    disk = Full()
    journal = Journal(tmp_path, store_url="sqlite:////nowhere/record.db", disk=disk, fallback=tmp_path / "other")
    journal.append(PutExperiment(at=1, name="e"))
    disk.full = True
    journal.append_all([PutExperiment(at=2, name=f"e{i}") for i in range(5)])

    batch = journal.take()
    assert [change.name for change in batch.changes] == ["e", "e0", "e1", "e2", "e3", "e4"]
