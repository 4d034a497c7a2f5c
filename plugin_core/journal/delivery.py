"""From a journal's files into the store, window by window, each event once whoever else is at it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from plugin_core.errors import ConflictError
from plugin_core.journal import frames
from plugin_core.journal.reader import Damage, SegmentReader, Window
from plugin_core.journal.segments import Segment
from plugin_core.model.changes import Batch, Change, JournalSeen

if TYPE_CHECKING:
    from plugin_core.stores.protocol import TrackingStore

DEAD_LETTERS: Final = "dead-letters"
# What a store raises for a change that it will never take. All else (unavailable, read-only) is tried again.
REFUSALS: Final = (ValueError, TypeError, LookupError, ArithmeticError, AttributeError, ConflictError)
_FINER: Final = 16  # a window that is refused is read again in windows this many times smaller, down to one frame


@dataclass(kw_only=True)
class Delivered:
    """What came of one segment. ``is_done``: all of it that this version can read is in the store."""

    segment: Segment
    events: int = 0
    dead_letters: int = 0
    missing_bytes: int = 0  # of segments that should stand before this one and are not there
    is_done: bool = False
    is_newer: bool = False  # of a format that only a newer flowtrail can read
    is_sealed: bool = False  # its owner has said that nothing follows in it
    damage: Damage = field(default_factory=Damage)


class Delivery:
    """Brings one journal's segments into a store. ``seen`` tells the store of the owner, with the first events."""

    def __init__(
        self,
        journal: str,
        store: TrackingStore,
        *,
        is_live: bool = False,
        upto: int | None = None,
        seen: Callable[[frames.Header], JournalSeen] | None = None,
        told: Callable[[int], None] | None = None,
    ) -> None:
        self.position = store.watermark(journal)
        self._journal = journal
        self._store = store
        self._is_live = is_live
        self._upto = upto
        self._seen = seen
        self._told = told
        self._expected: int | None = None

    def run(self, segments: Sequence[Segment]) -> list[Delivered]:
        """Deliver what is not in the store yet. Raises the store's errors; what was delivered until then stays so."""
        outcomes: list[Delivered] = []
        for segment in segments:
            if self._upto is not None and segment.start >= self._upto:
                break
            try:
                reader = SegmentReader(segment)
            except FileNotFoundError:
                continue  # someone else drained and deleted it
            with reader:
                outcome = self._segment(reader)
            outcomes.append(outcome)
            if not outcome.is_done:
                break
        return outcomes

    def _segment(self, reader: SegmentReader) -> Delivered:
        outcome = Delivered(segment=reader.segment, damage=reader.damage)
        if reader.header is not None and reader.header.format > frames.FORMAT_VERSION:
            outcome.is_newer = True
            return outcome
        end = reader.end
        if self.position < end:
            outcome.missing_bytes = self._bridge(reader.segment.start)
            self._read(reader, outcome)
        outcome.damage, outcome.is_sealed = reader.damage, reader.is_sealed
        outcome.is_done = self.position >= end
        return outcome

    def _bridge(self, start: int) -> int:
        """Go on behind a segment that is gone, and say how many bytes that leaves out."""
        missing = start - self.position
        if missing <= 0:
            return 0
        self._apply(Batch(journal=self._journal, start=self.position, end=start, changes=()))
        self._expected = None
        return missing

    def _read(self, reader: SegmentReader, outcome: Delivered) -> None:
        """Deliver a segment from the position on; where someone else has got ahead, from there on."""
        again = True
        while again:
            again = False
            first = self.position <= reader.segment.start
            expected = self._expected if first else None
            reader.damage = Damage()
            for window in reader.windows(self.position, is_live=self._is_live, upto=self._upto, expected=expected):
                if not self._window(reader, window, outcome):
                    again = True
                    break
        self._expected = reader.expected

    def _window(self, reader: SegmentReader, window: Window, outcome: Delivered) -> bool:
        """Apply a window; False if the store is past it already."""
        changes = self._with_owner(reader, window)
        batch = Batch(journal=self._journal, start=window.start, end=window.end, changes=changes)
        try:
            is_new = self._apply(batch)
        except REFUSALS:
            self._apart(reader, window, outcome, reader.window_bytes)
            is_new = True
        else:
            outcome.events += window.events if is_new else 0
        if self._told is not None:
            self._told(window.end - window.start)
        return is_new

    def _with_owner(self, reader: SegmentReader, window: Window) -> tuple[Change, ...]:
        if self._seen is None or reader.header is None:
            return window.changes
        seen, self._seen = self._seen(reader.header), None
        return (seen, *window.changes)

    def _apply(self, batch: Batch) -> bool:
        """Apply a batch and move on; False, and the store's own position, if it is elsewhere."""
        try:
            is_new = self._store.apply(batch)
        except ConflictError:
            self.position = self._store.watermark(self._journal)
            if self.position == batch.start:
                raise  # it is not about positions
            return False
        self.position = batch.end if is_new else self._store.watermark(self._journal)
        return is_new

    def _apart(self, reader: SegmentReader, window: Window, outcome: Delivered, window_bytes: int) -> None:
        """Deliver what the store refused as a whole in ever smaller pieces, and set aside what it refuses then."""
        finer = max(1, window_bytes // _FINER)
        with SegmentReader(reader.segment, window_bytes=finer) as again:
            for piece in again.windows(window.start, upto=window.end):
                batch = Batch(journal=self._journal, start=piece.start, end=piece.end, changes=piece.changes)
                try:
                    outcome.events += piece.events if self._apply(batch) else 0
                except REFUSALS as refusal:
                    if finer > 1:
                        self._apart(reader, piece, outcome, finer)
                    else:
                        self._set_aside(reader, piece, refusal)
                        outcome.dead_letters += 1
                        self._apply(Batch(journal=self._journal, start=piece.start, end=piece.end, changes=()))

    def _set_aside(self, reader: SegmentReader, piece: Window, refusal: Exception) -> None:
        data = os.pread(reader.fd, piece.end - piece.start, piece.start - reader.segment.start)
        why = {"journal": self._journal, "position": piece.start, "error": f"{type(refusal).__name__}: {refusal}"}
        set_aside(reader.segment.path.parent, self._journal, {**why, "frame": data.hex()})


def set_aside(spool: Path, journal: str, letter: dict[str, Any]) -> None:
    """Keep an event that the store will never take, for someone to look at."""
    folder = spool / DEAD_LETTERS
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0)
    fd = os.open(folder / f"{journal}.jsonl", flags, 0o600)
    try:
        os.write(fd, json.dumps(letter).encode("ascii") + b"\n")
    finally:
        os.close(fd)
