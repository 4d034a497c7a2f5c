"""F17: any sequence of logging, draining, failing, killing and recovering brings each event once."""

from __future__ import annotations

import contextlib
import errno
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from kit.journal import Place

from plugin_core.errors import StoreUnavailableError
from plugin_core.journal import Drainer, Journal, drain_live, recover
from plugin_core.journal.segments import Disk
from plugin_core.model.changes import PutExperiment


class Moody(Disk):
    """Fails in the call that it is told, and in some that follow: writes half first, or nothing."""

    def __init__(self) -> None:
        self.fails_in = self.times = 0
        self.writes_half = False

    def write(self, fd: int, data: bytes) -> int:
        self.fails_in -= 1
        if not -self.times < self.fails_in <= 0:
            return super().write(fd, data)
        if self.writes_half and self.fails_in == 0:
            return super().write(fd, data[: len(data) // 2])
        raise OSError(errno.ENOSPC, "full")

    write_holding = write


class Process:
    """A journal and its drain, which drains when it is told and not by itself."""

    def __init__(self, place: Place) -> None:
        self.disk = Moody()
        self.journal = Journal(
            place.spool,
            store_url=place.store.url,
            durability="process",
            fallback=place.fallback,
            disk=self.disk,
            segment_bytes=2000,
        )
        self.drainer = Drainer(self.journal, lambda: place.store)  # type: ignore[arg-type, return-value]
        self.drainer._worker.wake = lambda: None  # type: ignore[method-assign]
        self.journal._mirror._listeners.clear()


class Model(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.place = Place(Path(self.folder.name))
        self.processes = [Process(self.place), Process(self.place)]
        self.logged = {"a": 0, "b": 0}
        self.changes = 0

    who = st.integers(0, 1)

    @rule(who=who, metric=st.sampled_from("ab"), n=st.integers(1, 60))
    def log(self, who: int, metric: str, n: int) -> None:
        series = self.processes[who].journal.series("c", metric)
        for _ in range(n):
            series.log(0.5, self.logged[metric])
            self.logged[metric] += 1

    @rule(who=who, size=st.integers(0, 3000))
    def append(self, who: int, size: int) -> None:
        self.processes[who].journal.append(PutExperiment(at=self.changes, name="e", description="x" * size))
        self.changes += 1

    @rule(who=who)
    def drain(self, who: int) -> None:
        with contextlib.suppress(StoreUnavailableError):
            self.processes[who].drainer._drain()

    @rule(who=who)
    def memory_is_short(self, who: int) -> None:
        self.processes[who].drainer._mirror_bytes = -1
        self.processes[who].drainer._make_room()

    @rule(who=who)
    def close(self, who: int) -> None:
        self.processes[who].journal.close()

    @rule(who=who)
    def kill(self, who: int) -> None:
        if len(self.processes[who].journal._ring) or self.processes[who].drainer._held:
            return  # what no file would take lives as long as its process
        self.processes[who].journal._close_fd()
        self.processes[who].journal._begin()
        self.processes[who] = Process(self.place)

    @rule(who=who, within=st.integers(1, 5), times=st.integers(1, 4), writes_half=st.booleans())
    def the_disk_will_fail(self, who: int, within: int, times: int, writes_half: bool) -> None:
        disk = self.processes[who].disk
        disk.fails_in, disk.times, disk.writes_half = within, times, writes_half

    @rule()
    def the_store_breaks(self) -> None:
        self.place.store.break_down()

    @rule()
    def the_store_is_back(self) -> None:
        self.place.store.come_back()

    @rule()
    def someone_recovers(self) -> None:
        with contextlib.suppress(StoreUnavailableError):
            recover(self.place.spool, self.place.store, fallback=self.place.fallback)  # type: ignore[arg-type]

    @rule()
    def someone_reads(self) -> None:
        with contextlib.suppress(StoreUnavailableError):
            drain_live(self.place.spool, self.place.store, fallback=self.place.fallback)  # type: ignore[arg-type]

    @invariant()
    def nothing_is_there_twice_or_made_up(self) -> None:
        for metric, count in self.logged.items():
            steps = self.place.store.steps(metric=metric)
            assert len(steps) == len(set(steps))
            assert set(steps) <= set(range(count))

    def teardown(self) -> None:
        with self.folder:
            self.check_that_all_arrives()

    def check_that_all_arrives(self) -> None:
        self.place.store.come_back()
        for process in self.processes:
            process.disk.times = 0
            process.drainer._drain()
            process.journal.close()
        report = recover(self.place.spool, self.place.store, fallback=self.place.fallback)  # type: ignore[arg-type]
        for metric, count in self.logged.items():
            assert sorted(self.place.store.steps(metric=metric)) == list(range(count))
        assert sorted(c.at for c in self.place.store.others) == list(range(self.changes))  # type: ignore[union-attr]
        assert report.lost_events == report.missing_bytes == 0
        assert self.place.files == []


Model.TestCase.settings = settings(
    max_examples=200, stateful_step_count=50, deadline=None, suppress_health_check=list(HealthCheck)
)
test_any_sequence_of_events_and_faults_brings_each_event_once = Model.TestCase
