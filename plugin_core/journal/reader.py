"""Reads a segment back, through small windows, whatever state it is in.

Every frame's checksum is verified; past damage the reader looks for the next frame that is whole. It never raises for
what a file holds, never returns what was not written, and counts what is missing. Whole files are never in memory.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Self
from zlib import crc32

from plugin_core.journal import codec, frames
from plugin_core.journal.frames import Frame, Header
from plugin_core.journal.points import columns
from plugin_core.journal.segments import Segment
from plugin_core.model.changes import Change
from plugin_core.model.metrics import Json

WINDOW_BYTES: Final = 1024 * 1024
_PASSED_OVER: Final = frozenset({frames.HEADER, frames.SERIES})  # were read before
_OUT_OF_ORDER: Final = 16  # frames of one signal handler inside another call may stand before that call's own


@dataclass(kw_only=True)
class Damage:
    """What a segment lacks. Positions are the journal's."""

    regions: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])  # bad bytes, from and up to
    lost_events: int = 0  # gaps in the sequence
    nameless_points: int = 0  # points whose series' name was in a bad region
    duplicates: int = 0  # frames that were there twice
    torn_bytes: int = 0  # of a last frame that was never finished: its event was not acknowledged
    unknown: list[int] = field(default_factory=list[int])  # frames that only a newer version can read

    @property
    def skipped_bytes(self) -> int:
        """Bytes that are no part of any frame."""
        return sum(end - start for start, end in self.regions)

    def __bool__(self) -> bool:
        return bool(self.regions or self.lost_events or self.nameless_points or self.duplicates)


@dataclass(frozen=True, slots=True)
class Window:
    """Some of a segment: the changes between two positions."""

    start: int
    end: int
    changes: tuple[Change, ...]
    events: int


class _Sequence:
    """Which frames were seen, so that each is taken once and those that are missing can be counted."""

    def __init__(self) -> None:
        self.next: int | None = None
        self._missing: list[range] = []
        self._before: set[int] = set()

    def accepts(self, number: int) -> bool:
        if number == self.next:
            self.next = number + 1
            return True
        if self.next is None:
            self._before = set(range(max(0, number - _OUT_OF_ORDER), number))
            self.next = number + 1
            return True
        if number > self.next:
            self._missing.append(range(self.next, number))
            self.next = number + 1
            return True
        return self._late(number)

    def _late(self, number: int) -> bool:
        if number in self._before:
            self._before.remove(number)
            return True
        for place, gap in enumerate(self._missing):
            if number in gap:
                self._missing[place : place + 1] = [
                    g for g in (range(gap.start, number), range(number + 1, gap.stop)) if g
                ]
                return True
        return False

    @property
    def lost(self) -> int:
        return sum(map(len, self._missing))


class SegmentReader:
    """One segment, open for reading. ``header`` is None if it cannot be read; the file's name tells enough then."""

    def __init__(self, segment: Segment, *, window_bytes: int = WINDOW_BYTES) -> None:
        """Open it; OSError if it is not there."""
        self.segment = segment
        self.damage = Damage()
        self.is_sealed = False  # a frame was read that says that nothing follows
        self.expected: int | None = None  # the sequence number after the last frame that was read
        self.salt = frames.salt_of(segment.journal)
        self.window_bytes = window_bytes
        self._fd = os.open(segment.path, os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0))
        self._names: dict[int, tuple[str, str]] | None = None
        self.header = self._read_header()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._fd)

    @property
    def fd(self) -> int:
        """The open file, to lock it."""
        return self._fd

    @property
    def end(self) -> int:
        """The position after the file's last byte, whole or not."""
        return self.segment.start + os.fstat(self._fd).st_size

    def _read_header(self) -> Header | None:
        frame = self._frame_at(0, os.fstat(self._fd).st_size)
        return frames.read_header(frame) if frame is not None and frame.type == frames.HEADER else None

    def _frame_at(self, offset: int, size: int) -> Frame | None:
        """The whole frame at an offset of the file, if there is one."""
        length = frames.claimed_length(os.pread(self._fd, frames.HEAD_BYTES, offset), 0)
        if length is None or offset + length > size:
            return None
        data = os.pread(self._fd, length, offset)
        return frames.unpack(data, 0, length, self.salt) if len(data) == length else None

    def frame_at(self, position: int) -> Frame | None:
        """The whole frame at a position, if there is one."""
        return self._frame_at(position - self.segment.start, os.fstat(self._fd).st_size)

    def series_names(self) -> dict[int, tuple[str, str]]:
        """What the segment says its series' numbers mean, wherever in it that stands."""
        mark = frames.SYNC + bytes((frames.SERIES, 0))
        names: dict[int, tuple[str, str]] = {}
        offset, size = 0, os.fstat(self._fd).st_size
        while data := os.pread(self._fd, WINDOW_BYTES, offset):
            at = data.find(mark)
            while at >= 0:
                frame = self._frame_at(offset + at, size)
                said = frames.read_series(frame) if frame is not None else None
                if said is not None:
                    names[said[0]] = said[1:]
                at = data.find(mark, at + 1)
            if len(data) <= len(mark):
                break
            offset += len(data) - len(mark) + 1
        return names

    def windows(
        self, start: int, *, is_live: bool = False, upto: int | None = None, expected: int | None = None
    ) -> Iterator[Window]:
        """The changes from a position on. ``damage`` fills as they are read.

        Of a live journal nothing is read at or past something that is not whole: it may be in the making.
        ``expected`` is the sequence number that should come first, where that is known.
        """
        size = os.fstat(self._fd).st_size
        if upto is not None:
            size = min(size, upto - self.segment.start)
        offset = max(0, start - self.segment.start)
        if offset >= size:
            return
        self._names = self.series_names()
        sequence = _Sequence()
        sequence.next = expected
        bad_from: int | None = None
        need = 0
        while offset < size:
            data = os.pread(self._fd, min(max(self.window_bytes, need), size - offset), offset)
            if not data:
                break
            window = _Parser(self, data, offset, sequence, is_last=offset + len(data) >= size)
            window.run(bad_from, is_live=is_live)
            bad_from, need = window.bad_from, window.need
            self.damage.lost_events = sequence.lost
            self.expected = sequence.next
            if window.at:
                base = self.segment.start + offset
                yield Window(base, base + window.at, window.changes(), window.events)
            elif need <= len(data) or offset + len(data) >= size:
                break  # a live journal's end, or what stands before it, is not whole yet
            offset += window.at

    def name_of(self, number: int) -> tuple[str, str] | None:
        """Component and metric of a series."""
        assert self._names is not None
        return self._names.get(number)


class _Parser:
    """Goes through one window. ``at`` is how far it came: what follows is to be read again, with more behind it."""

    def __init__(self, reader: SegmentReader, data: bytes, offset: int, sequence: _Sequence, *, is_last: bool) -> None:
        self._reader = reader
        self._data = data
        self._offset = offset
        self._sequence = sequence
        self._is_last = is_last
        self._salt = reader.salt
        self._changes: list[Change] = []
        self._points: dict[int, bytearray] = {}
        self._point_data: dict[int, dict[int, Json]] = {}
        self.at = 0
        self.events = 0
        self.need = 0  # bytes that the frame at ``at`` claims
        self.bad_from: int | None = None  # where bad bytes began, in the file, that reach to ``at``

    def run(self, bad_from: int | None, *, is_live: bool) -> None:
        """Read as far as whole frames, and damage between them, go."""
        self.bad_from = bad_from
        while self.at < len(self._data):
            if self._points_run() or self._frame():
                continue
            if self.need and not self._is_last:
                return
            if is_live or not self._skip_to(self._next_frame(self.at + 1)):
                return

    def _points_run(self) -> bool:
        """Take consecutive points: nearly all of what a journal holds, so this is kept fast."""
        data, at, size = self._data, self.at, frames.POINT_BYTES
        head, body, salt = frames.POINT_HEAD, frames.POINT_BODY_BYTES, self._salt
        unpack, accepts, view = frames.POINT_FRAME.unpack_from, self._sequence.accepts, memoryview(data)
        while data.startswith(head, at) and at + size <= len(data):
            fields = unpack(data, at)
            if crc32(view[at : at + body], salt) != fields[6]:
                break
            if accepts(fields[1]):
                self._keep_point(fields[5], data[at : at + size])
            else:
                self._reader.damage.duplicates += 1
            at += size
        if at == self.at:
            return False
        self._sound(self.at)
        self.at = at
        return True

    def _keep_point(self, number: int, frame: bytes) -> None:
        points = self._points.get(number)
        if points is None:
            self._points[number] = bytearray(frame)
        else:
            points += frame
        self.events += 1

    def _frame(self) -> bool:
        """Take one frame of any type; False if none begins here, or not all of it is in the window."""
        length = self._length_at(self.at)
        if length is None:
            self.need = 0
            return False
        if self.at + length > len(self._data):
            self.need = length
            return False
        self.need = 0
        frame = self._whole(self.at, length)
        if frame is None:
            return False
        self._sound(self.at)
        if self._sequence.accepts(frame.sequence):
            self._take(frame)
        else:
            self._reader.damage.duplicates += 1
        self.at += length
        return True

    def _length_at(self, at: int) -> int | None:
        return frames.claimed_length(self._data, at)

    def _whole(self, at: int, length: int) -> Frame | None:
        frame = frames.unpack(self._data, at, length, self._salt)
        if frame is not None and frame.type == frames.HEADER and self._offset + at:
            return None  # of another file: a segment has one header, at its beginning
        return frame

    def _take(self, frame: Frame) -> None:
        if frame.type in (frames.SEALED, frames.CLOSED):
            self._reader.is_sealed = True
        elif frame.type == frames.CHANGE:
            self._decoded(frame, lambda: self._changes.append(codec.decode(frame.payload)))
        elif frame.type == frames.POINT_DATA:
            self._decoded(frame, lambda: self._keep_data(frame))
        elif frame.type not in _PASSED_OVER:
            self._unknown()

    def _decoded(self, frame: Frame, take: Any) -> None:
        try:
            take()
        except codec.UnknownChangeError:
            self._unknown()
        else:
            self.events += frame.type == frames.CHANGE

    def _unknown(self) -> None:
        self._reader.damage.unknown.append(self._position(self.at))

    def _keep_data(self, frame: Frame) -> None:
        number, step, time_us, data = codec.decode_data_point(frame.payload)
        place = len(self._points.get(number, b"")) // frames.POINT_BYTES
        self._point_data.setdefault(number, {})[place] = data
        self._keep_point(number, frames.pack_point(frame.sequence, step, time_us, float("nan"), number, 0))

    def _next_frame(self, at: int) -> int | None:
        """Where, from ``at`` on, the next whole frame begins; None if none does in this window."""
        data = self._data
        while (at := data.find(frames.SYNC, at)) >= 0:
            length = self._length_at(at)
            if length is not None and at + length <= len(data) and self._whole(at, length):
                return at
            if length is not None and at + length > len(data) and not self._is_last:
                return at  # whether it is whole is seen in the next window
            at += 1
        return None

    def _skip_to(self, found: int | None) -> bool:
        """Leave out bad bytes; False at the end of the window."""
        if self.bad_from is None:
            self.bad_from = self._offset + self.at
        if found is not None:
            if found + (self._length_at(found) or 0) > len(self._data):
                self.at, self.need = found, self._length_at(found) or 0
                return False
            self.at = found
            return True
        if not self._is_last:
            self.at = len(self._data) - 1  # the first byte of a frame may be the last one here
            self.need = 2
            return False
        self._torn_or_bad()
        self.at = len(self._data)
        return False

    def _torn_or_bad(self) -> None:
        """Judge a file's end that is no frame: one that was never finished is no damage."""
        assert self.bad_from is not None
        start, end = self.bad_from, self._offset + len(self._data)
        tail = self._data[start - self._offset :] if start >= self._offset else b"?"
        length = frames.claimed_length(tail, 0)
        if (length is not None and len(tail) < length) or not tail.strip(b"\0"):
            self._reader.damage.torn_bytes += end - start
        else:
            base = self._reader.segment.start
            self._reader.damage.regions.append((base + start, base + end))
        self.bad_from = None

    def _sound(self, at: int) -> None:
        """A whole frame begins at ``at``: bad bytes, if there were any, end there."""
        if self.bad_from is not None:
            start = self._reader.segment.start
            self._reader.damage.regions.append((start + self.bad_from, start + self._offset + at))
            self.bad_from = None

    def _position(self, at: int) -> int:
        return self._reader.segment.start + self._offset + at

    def changes(self) -> tuple[Change, ...]:
        """What was read: the changes in order, then the points by series."""
        points: list[Change] = []
        for number, joined in self._points.items():
            name = self._reader.name_of(number)
            if name is None:
                self._reader.damage.nameless_points += len(joined) // frames.POINT_BYTES
            else:
                points.append(columns(*name, joined, self._point_data.get(number, {})))
        return (*self._changes, *points)
