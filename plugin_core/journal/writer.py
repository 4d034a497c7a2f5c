"""The journal of this process: every event becomes one frame in one file, by one ``os.write``, before the call returns.

What was written and not yet taken by the drain is mirrored in memory, so that the drain need not read it back. When
the file cannot be written the journal goes on in another one: in the fallback folder, then in memory; it never blocks
and, unless strict, never raises. It knows nothing of stores.
"""

# Series and Journal are one piece of machinery in two files, which use each other's private names.
# ruff: noqa: SLF001
# pyright: reportPrivateUsage=false

from __future__ import annotations

import contextlib
import functools
import logging
import os
import struct
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Literal, Self

from plugin_core.errors import InvalidValueError, StoreUnavailableError
from plugin_core.journal import codec, frames, owners, segments
from plugin_core.journal.destination import public_url
from plugin_core.journal.forks import begin_afresh_in_children
from plugin_core.journal.mirror import Mirror
from plugin_core.journal.progress import Progress
from plugin_core.journal.ring import Event, MemoryRing, Point
from plugin_core.journal.segments import Disk, OpenSegment, Retired
from plugin_core.journal.series import FAST, SLOW, Series
from plugin_core.journal.syncing import Syncer, sync_files
from plugin_core.journal.thinning import MAX_SPOOL_BYTES, WARN_AT, Thinned, cap_bytes, dropped_tags
from plugin_core.model.changes import Batch, Change
from plugin_core.model.components import Owner
from plugin_core.model.metrics import Json

Durability = Literal["process", "1s", "every"]
SEGMENT_BYTES: Final = 16 * 1024 * 1024
_SHUT: Final = 1 << 62  # no series' limit is past this: while the end is, every call takes the slow way
_PAYLOAD_BYTES: Final = frames.MAX_FRAME_BYTES - frames.MIN_FRAME_BYTES
_SAY_AGAIN_BYTES: Final = 8 * 1024  # a series is defined twice, this far apart: one bad block does not unname it
_RETRY_S: Final = 1.0

_log = logging.getLogger("flowtrail")


class Journal:
    """The append-only record of one process. Safe to share between threads, signal handlers and forked children."""

    def __init__(
        self,
        spool: Path,
        *,
        store_url: str,
        durability: Durability = "1s",
        strict: bool = False,
        fallback: Path | None = None,
        disk: Disk | None = None,
        segment_bytes: int = SEGMENT_BYTES,
        spool_bytes: int = MAX_SPOOL_BYTES,
        now_ns: Callable[[], int] = time.time_ns,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.spool = Path(os.path.abspath(spool))  # noqa: PTH100 - links are followed when the file is made, not here
        self.store_url = public_url(store_url)
        self.durability = durability
        self.strict = strict
        self._fallback = fallback
        self._disk = disk or Disk()
        self._write = self._disk.write
        self._segment_bytes = segment_bytes
        self._spool_bytes = spool_bytes
        self._now_ns = now_ns
        self._monotonic = monotonic
        self._series: dict[tuple[str, str], Series] = {}
        self._mirror = Mirror()
        self._born()
        begin_afresh_in_children(self)
        self._syncer = Syncer(self) if durability == "1s" else None

    @classmethod
    def create(cls, spool: Path, *, store_url: str, durability: Durability = "1s", strict: bool = False) -> Self:
        """A journal in ``spool``; its file is made with the first event.

        ``durability`` says when the disk is told: never (``process``), once a second, or at ``every`` event.
        ``strict`` raises StoreUnavailableError where an event cannot be written to the spool; else it goes to this
        user's folder in the temporary folder, then to memory.
        """
        return cls(spool, store_url=store_url, durability=durability, strict=strict)

    def _born(self) -> None:
        """The state of a process that has written nothing."""
        self._lock = threading.RLock()  # reentrant: a signal handler or a finalizer may log while we do
        self._fd = -1
        self._busy = 0
        self._unsynced: list[Path] = []  # sealed segments that the disk was not told of
        self._ring = MemoryRing(segments.new_journal_id(self._now_ns()))
        self.retired: list[Retired] = []
        self._left: list[Batch] = []  # what retired files hold and the drain has not taken
        self._warned: set[str] = set()
        self._thinning = False
        self._place = 0  # where the next file is made: 0 the spool, 1 the fallback, 2 nowhere
        self._retry_at = 0.0
        self._begin()

    def _begin(self) -> None:
        """Become a journal with no file yet."""
        self.id = segments.new_journal_id(self._now_ns())
        self._salt = frames.salt_of(self.id)
        self._owner: Owner | None = None
        self._open: OpenSegment | None = None
        self._end = _SHUT  # the position after the last frame, or shut
        self._known_end = 0  # the same while shut
        self._doubted = False
        self._doubted_sequence: int | None = None
        self._doubted_count = 1
        self._is_nested = False  # a call that interrupted another one is at work
        self._was_nested = False  # one was, and may have written behind a fragment
        self._seq = self._overhead = 0  # frames written; those of them that are no events
        self._numbers = 0
        self._synced = 0  # the position up to which the disk was told
        self._progress = Progress()
        self._mirror.clear(0)
        for series in list(self._series.values()):
            series.undefine()
            series.take()

    # What others ask

    @property
    def owner(self) -> Owner:
        """This process, as the writer of this journal."""
        owner = self._owner
        if owner is None:
            owner = self._owner = owners.this_owner(self.id)
        return owner

    @property
    def position(self) -> int:
        """The position after the last frame that was written."""
        end = self._end
        return self._known_end if end == _SHUT else end

    @property
    def pending_events(self) -> int:
        """Events that are not known to be in the store."""
        waiting = self._seq - self._overhead - self._progress.events
        return waiting + len(self._ring) + sum(r.events for r in self.retired)

    @property
    def pending_bytes(self) -> int:
        """Bytes that were written and not yet taken."""
        return self.position - self._mirror.taken

    @property
    def is_drained(self) -> bool:
        """Whether all that was logged is known to be in the store."""
        waits = self.retired or self._ring or self._doubted or self._thinning  # while thinning, the last points wait
        return self._progress.position == self.position and not waits

    @property
    def is_quiet(self) -> bool:
        """Whether nothing was written since the drain last took, nor since the disk was last told."""
        return self._mirror.is_quiet and self._synced == self.position

    @property
    def dropped_events(self) -> int:
        """Points left out because the spool was full, and events that not even memory had room for."""
        thinned = sum(s._thinned.dropped for s in list(self._series.values()) if s._thinned)
        return thinned + self._ring.dropped

    @property
    def paths(self) -> list[Path]:
        """The segments of this journal, oldest first."""
        opened = self._open
        return self._progress.files + ([opened.path] if opened else [])

    @property
    def folders(self) -> tuple[Path, ...]:
        """Where files of this journal may lie."""
        if self._fallback is None:
            self._fallback = segments.fallback_folder()
        return (self.spool, self._fallback)

    def listen(self, listener: Callable[[], None]) -> None:
        """Have ``listener`` called when something is written after a silence. It must neither block nor raise."""
        self._mirror.listen(listener)

    # Writing

    def series(self, component: str, metric: str) -> Series:
        """The series of a component's metric; the same object each time."""
        key = (component, metric)
        series = self._series.get(key)
        if series is None:
            with self._lock:
                series = self._series.setdefault(key, Series(self, component, metric))
        return series

    def append(self, change: Change) -> None:
        """Write one change. When it returns, the change survives this process.

        InvalidValueError for one of 64 MiB or more.
        """
        self.append_all((change,))

    def append_all(self, changes: Sequence[Change]) -> None:
        """Write changes of one moment, in one piece where nothing is out of the ordinary.

        InvalidValueError for a change of 64 MiB or more, and none of them is written.
        """
        payloads = list(map(codec.encode, changes))
        longest = max(map(len, payloads), default=0)
        if longest > _PAYLOAD_BYTES:
            raise InvalidValueError(f"A change of {longest} bytes is more than a journal takes in one piece.")
        with self._lock:
            if not self._written_at_once(changes, payloads):
                for change, payload in zip(changes, payloads, strict=True):
                    self._record(change, functools.partial(self._write_change, change, payload))

    def _written_at_once(self, changes: Sequence[Change], payloads: Sequence[bytes]) -> bool:
        """Write all frames in one piece; False, and nothing is written, if each has to be seen to by itself."""
        opened = self._open
        if self._busy or self._doubted or self._ring.events or opened is None or self._end >= opened.limit:
            return False
        data = frames.pack_all(frames.CHANGE, self._seq, payloads, self._salt)
        self._busy = SLOW
        try:
            self._put(data, count=len(payloads))
        except OSError as problem:
            if self.strict:
                self._retire()
                self._cannot_write(problem)
            return False
        finally:
            self._busy = 0
        self._mirror.keep(changes)
        if self.durability == "every":
            self._sync_fd(self._fd)
        if self._ring.events:  # of an interrupting call meanwhile
            with contextlib.suppress(OSError):
                self._empty_ring()
        return True

    def _write_change(self, change: Change, payload: bytes) -> None:
        self._put(frames.pack(frames.CHANGE, self._seq, payload, self._salt))
        self._mirror.keep((change,))

    def _log_slowly(self, series: Series, step: int, time_us: int, value: float, data: Json = None) -> None:
        """Write a point where more than one frame, or more than a frame, is to be done. Called under the lock."""
        if self._thinning and data is None:
            thinned = series._thinned = series._thinned or Thinned()
            if not thinned.keeps(step, time_us, value):
                return
        self._record_point(series, step, time_us, value, data)

    def _record_point(self, series: Series, step: int, time_us: int, value: float, data: Json) -> None:
        try:
            mirrored = frames.pack_point(0, step, time_us, value, 0, 0)
        except struct.error as e:
            raise InvalidValueError(f"Step {step} or time {time_us} does not fit 64 bits.") from e
        event: Point = (series, step, time_us, value, data)
        self._record(event, lambda: self._write_point(event, mirrored))

    def _write_point(self, event: Point, mirrored: bytes) -> None:
        series, step, time_us, value, data = event
        self._define(series)
        number = series._number
        if data is None:
            self._put(frames.pack_point(self._seq, step, time_us, value, number, self._salt))
        else:
            payload = codec.encode_data_point(number, step, time_us, data)
            self._put(frames.pack(frames.POINT_DATA, self._seq, payload, self._salt))
        series.keep(mirrored, data)

    def _define(self, series: Series) -> None:
        """Have the segment say what the series' number means, and open the fast way if there is one."""
        opened = self._open
        assert opened is not None
        if self._end >= series._good_until:
            if series._number < 0:
                series._number, self._numbers = self._numbers, self._numbers + 1
            self._put_overhead(
                frames.pack_series(self._seq, series._number, series.component, series.metric, self._salt)
            )
            again = series._in_segment == opened.start
            series._in_segment = opened.start
            series._good_until = opened.limit if again else min(self._end + _SAY_AGAIN_BYTES, opened.limit)
        series._limit = -1 if self._thinning or self.durability == "every" else series._good_until

    def _record(self, event: Event, write: Callable[[], None]) -> None:
        """Write an event. Called under the lock, perhaps by a handler that interrupted another call of this thread."""
        if self._busy:
            self._record_nested(event, write)
            return
        self._busy = SLOW
        try:
            self._record_somewhere(event, write)
        finally:
            self._busy = 0

    def _record_nested(self, event: Event, write: Callable[[], None]) -> None:
        """Write an event beside the one that is being written; keep it in memory until then if that cannot be."""
        if self._busy == FAST and not self._doubted:
            size = self._disk.size(self._fd)
            self._busy, self._is_nested, self._was_nested = SLOW, True, True
            try:
                write()
                return
            except OSError:
                with contextlib.suppress(OSError):
                    self._disk.truncate(self._fd, size)
            finally:
                self._busy, self._is_nested = FAST, False
        self._ring.add(event)
        self._mirror.stir()

    def _record_somewhere(self, event: Event, write: Callable[[], None]) -> None:
        """Write an event to the first place that takes it."""
        while not self._nowhere:
            try:
                self._ready()
                self._empty_ring()
                write()
            except OSError as problem:
                self._retire()
                self._cannot_write(problem)
            else:
                if self.durability == "every":
                    self._sync_fd(self._fd)
                with contextlib.suppress(OSError):
                    self._empty_ring()  # of what came from an interrupting call meanwhile
                return
        self._ring.add(event)
        self._warn("ring", "flowtrail keeps events in memory: no file can be written. They are lost with this process.")
        self._mirror.stir()

    def _put(self, frame: bytes, *, count: int = 1) -> None:
        """Write a frame, or ``count`` of them, in one piece; OSError, after which the file ends where it did before."""
        sequence, end = self._seq, self._end
        try:
            segments.write_whole(self._disk, self._fd, frame)
        except OSError:
            if not self._is_nested:
                self._mend(sequence)
            raise
        except BaseException:
            self._doubt(sequence, end, count)
            raise
        self._seq += count
        self._end += len(frame)

    def _put_overhead(self, frame: bytes) -> None:
        self._put(frame)
        self._overhead += 1

    def _mend(self, sequence: int) -> None:
        """Cut off what a write that failed may have left, and use its number again.

        Where it cannot be cut off, or an interrupting call wrote behind it, readers skip the fragment.
        """
        if self._open is None or self._end == _SHUT:
            return
        if self._seq == sequence + 1:
            self._seq = sequence
        try:
            if not self._was_nested:
                self._disk.truncate(self._fd, self._end - self._open.start)
        except OSError:
            self._was_nested = True
        if self._was_nested:
            self._was_nested = False
            with contextlib.suppress(OSError):
                self._end = self._open.start + self._disk.size(self._fd)

    def _doubt(self, sequence: int, end: int, count: int = 1) -> None:
        """An exception came between writing and counting: have the next call look at the file, by ``_settle``.

        ``sequence`` and ``end`` are those before the ``count`` frames.
        """
        self._doubted = True
        self._doubted_count = count
        self._doubted_sequence = sequence if self._end == end else None  # else the frame was counted
        if self._is_nested:
            for series in list(self._series.values()):
                series._limit = -1  # the call that was interrupted goes on, and counts on its own
        elif self._end != _SHUT:
            self._known_end, self._end = self._end, _SHUT

    def _settle(self) -> None:
        """Find out whether the frame in doubt was written. The mirror may lack it: the drain will read the file."""
        assert self._open is not None
        real = self._open.start + self._disk.size(self._fd)
        if real != self.position:
            self._seq = max(self._seq, (self._doubted_sequence or 0) + self._doubted_count)
        elif self._doubted_sequence is not None and self._seq == self._doubted_sequence + self._doubted_count:
            self._seq = self._doubted_sequence
        self._end = self._known_end = real
        self._doubted = False
        self.forget()

    def forget(self) -> None:
        """Drop the mirror: the drain reads the file instead."""
        with self._lock:
            self._mirror.clear(self.position)

    # Files

    @property
    def _nowhere(self) -> bool:
        """Whether every place was tried and failed, a moment ago."""
        if self._place < len(self.folders):
            return False
        if self._monotonic() < self._retry_at:
            return True
        self._place = 0
        return False

    def _ready(self) -> None:
        """Have an open segment with room; OSError if there is none to be had."""
        if self._open is not None and self._doubted:
            self._settle()
        if self._open is None:
            self._open_segment(self.folders[self._place])
        elif self._end >= self._open.limit:
            self._rotate()

    def _empty_ring(self) -> None:
        """Write what waited in memory, now that there is a file."""
        while self._ring.events:
            self._write_again(self._ring.events[0])
            self._ring.events.popleft()

    def _write_again(self, event: Event) -> None:
        if isinstance(event, tuple):
            self._write_point(event, frames.pack_point(0, *event[1:4], 0, 0))
        else:
            self._write_change(event, codec.encode(event))

    def _open_segment(self, folder: Path) -> None:
        start = self.position
        segments.make_folder(folder)
        if folder != self.spool and not segments.is_private(folder):
            raise PermissionError(f"{folder} is not this user's alone.")
        room = self._room(folder)
        owner = self.owner
        path = segments.segment_path(folder, host=owner.host, pid=owner.pid, journal=self.id, start=start)
        header = frames.Header(
            journal=self.id,
            start=start,
            owner=owner,
            store_url=self.store_url,
            spool=str(self.spool),
            namespace=owners.namespace(),
        )
        data = frames.pack_header(header, self._seq)
        self._fd = segments.create(path, data, self._disk)
        self._open = OpenSegment(path, start, start + room)
        self._end = start + len(data)
        self._seq += 1
        self._overhead += 1
        if self.durability != "process":
            segments.sync_folder(folder)

    def _room(self, folder: Path) -> int:
        """Bytes of the next segment; decides also whether points must be thinned."""
        used = segments.size_of(folder)
        cap = cap_bytes(self._disk.free_bytes(folder), used, self._spool_bytes)
        if used >= cap * WARN_AT:
            self._warn("cap", f"flowtrail's spool {folder} is nearly full ({used >> 20} MiB wait for the store).")
        self._set_thinning(on=used >= (cap * WARN_AT if self._thinning else cap))
        return min(self._segment_bytes, max(cap // 16, 64 * 1024))

    def _set_thinning(self, *, on: bool) -> None:
        if on and not self._thinning:
            for series in list(self._series.values()):
                series._limit = -1
        self._thinning = on

    def _rotate(self) -> None:
        """Seal the segment and go on in the next; out of the fallback folder, with a new journal in the spool."""
        opened = self._open
        assert opened is not None
        if self._place:
            self._put_overhead(frames.pack(frames.CLOSED, self._seq, b"", self._salt))
            self._retire()
            self._place = 0
            self._open_segment(self.folders[self._place])
            return
        self._put_overhead(frames.pack(frames.SEALED, self._seq, b"", self._salt))
        self._progress.seal(opened.path, self._end)
        if self.durability != "process":
            self._unsynced.append(opened.path)
        self._open = None
        self._close_fd()
        self._open_segment(self.spool)

    def _retire(self) -> None:
        """Let go of a journal that cannot be written; what it holds is drained from its files."""
        events = self._seq - self._overhead
        if paths := self.paths:
            self.retired.append(Retired(paths[-1].parent, self.id, events - self._progress.events))
            if (batch := self._take_mirror()) is not None:
                self._left.append(batch())
        self._close_fd()
        self._place = 0 if events else self._place + 1  # where a file took something, another may yet take more
        self._retry_at = self._monotonic() + _RETRY_S
        self._begin()

    def _close_fd(self) -> None:
        self._end, self._known_end = _SHUT, self.position
        fd, self._fd = self._fd, -1
        if fd >= 0:
            with contextlib.suppress(OSError):
                os.close(fd)

    def _cannot_write(self, problem: OSError) -> None:
        if self.strict:
            raise StoreUnavailableError(f"The journal cannot be written: {problem}.") from problem
        self._warn("write", f"flowtrail cannot write its journal to {self.spool} ({problem}); it goes on elsewhere.")

    def _warn(self, kind: str, message: str) -> None:
        if kind not in self._warned:
            self._warned.add(kind)
            _log.warning(message)

    # The drain's side

    def take(self) -> Batch | None:
        """What was written since the last take, in order; None if nothing.

        The caller sees to it that it reaches the store: by keeping the batch, or from the file.
        """
        with self._lock:
            if self._ring.events and self._open is None:
                self._mirror.is_quiet = True
                return self._ring.take()
            if self._doubted:
                self._settle()
            with contextlib.suppress(OSError):
                self._empty_ring()
            if self._thinning:
                self._recheck_thinning()
            batch = self._take_mirror()
        return None if batch is None else batch()

    def _take_mirror(self) -> Callable[[], Batch] | None:
        batch = self._mirror.take(self.id, self.position)
        if batch is not None:
            self._progress.take(self.position, self._seq - self._overhead)
        return batch

    def take_left(self) -> list[Batch]:
        """What was written to files that were given up since. It is in those files too."""
        with self._lock:
            left, self._left = self._left, []
        return left

    def is_in_memory_only(self, journal: str) -> bool:
        """Whether a batch's journal is the ring in memory, so that no file has its events."""
        return journal == self._ring.id

    def _recheck_thinning(self) -> None:
        for series in list(self._series.values()):
            last = series._thinned.take_last() if series._thinned else None
            if last is not None:
                self._record_point(series, *last, None)
        with contextlib.suppress(OSError):
            self._room(self.spool)
        if not self._thinning:
            self._tell_dropped()

    def _tell_dropped(self) -> None:
        """Say on the run's page how many points were left out."""
        seen = ((series.component, series._thinned) for series in list(self._series.values()))
        for change in dropped_tags(seen, at=self._now_ns() // 1000):
            self.append(change)

    def applied(self, journal: str, position: int) -> None:
        """The store holds everything of ``journal`` up to ``position``: files that end before go away."""
        with self._lock:
            done = self._progress.reach(position) if journal == self.id else []
        for path in done:
            segments.remove(path)

    def sync(self) -> None:
        """Force what was written to the disk. An error of the disk is a warning: the data is still in the kernel."""
        with self._lock:
            end = self.position
            if end == self._synced:
                return
            paths, self._unsynced = self._unsynced, []
            if self._open is not None:
                paths.append(self._open.path)
            self._synced = end
        sync_files(paths, self._sync_fd)
        self._look_for_file()

    def _look_for_file(self) -> None:
        """Where someone has deleted the file that is being written, go on in another one."""
        with self._lock:
            if self._open is not None and not self._busy and not self._open.path.exists():
                self._retire()
                self._warn("gone", f"flowtrail's journal in {self.spool} was deleted; it goes on in another file.")

    def _sync_fd(self, fd: int) -> None:
        try:
            self._disk.sync(fd)
        except OSError as problem:
            self._warn("sync", f"flowtrail's journal cannot be forced to the disk: {problem}.")
            if self.strict and self.durability == "every":
                raise StoreUnavailableError(f"The journal cannot be forced to the disk: {problem}.") from problem

    def close(self) -> None:
        """End this journal's file: it goes away if all of it is in the store, else it waits for a recovery.

        Whoever logs afterwards begins a new file.
        """
        with self._lock:
            if self._busy:
                return  # a signal handler in the middle of a call: the file waits for a recovery
            with contextlib.suppress(OSError):
                if self._thinning:
                    self._recheck_thinning()
                    self._tell_dropped()
                    self._thinning = False
                if self._doubted:
                    self._settle()
            if self._progress.position == self.position:
                for path in self.paths:
                    segments.remove(path)
            elif self._open is not None:
                with contextlib.suppress(OSError):
                    self._put_overhead(frames.pack(frames.CLOSED, self._seq, b"", self._salt))
                if self.durability != "process":
                    self.sync()
            self._close_fd()
            self._place = 0
            self._begin()
        if self._syncer is not None:
            self._syncer.stop()

    # Forks

    def in_child(self) -> None:
        """A forked child writes to a file of its own. The lock is replaced: a thread that is not here may hold it."""
        self._close_fd()  # or the lock on the parent's file would outlive the parent
        self._born()
