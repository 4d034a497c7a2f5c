"""Looks into one file of a journal, wherever it lies and whatever state it is in; changes nothing."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from plugin_core.errors import InvalidValueError
from plugin_core.journal import frames
from plugin_core.journal.reader import Damage, SegmentReader
from plugin_core.journal.segments import Segment, segment_at
from plugin_core.model.changes import Change

_WINDOW_BYTES: Final = 64 * 1024  # within one, points stand by series, behind the other changes


class JournalFile:
    """A file of a journal: ``header`` is None where it cannot be read, ``start`` its position in the journal.

    ``events``, ``is_sealed`` and ``damage`` are those of what ``changes`` has read so far. Of a file that
    ``is_newer`` nothing is read: only a newer flowtrail can.
    """

    def __init__(self, path: Path) -> None:
        """InvalidValueError for what cannot be read, or is no journal."""
        self.path = path
        with _readable(path):
            self._segment = _segment(path)
            with SegmentReader(self._segment) as reader:
                self.header = reader.header
                self.size_bytes = reader.end - reader.segment.start
        self.journal, self.start = self._segment.journal, self._segment.start
        self.is_newer = self.header is not None and self.header.format > frames.FORMAT_VERSION
        self.is_sealed = False
        self.events = 0
        self.damage = Damage()

    def changes(self) -> Iterator[Change]:
        """Every change that is whole. InvalidValueError if the file cannot be read to its end."""
        if self.is_newer:
            return
        with _readable(self.path), SegmentReader(self._segment, window_bytes=_WINDOW_BYTES) as reader:
            self.damage = reader.damage
            for window in reader.windows(self.start):
                self.events += window.events
                yield from window.changes
            self.is_sealed = reader.is_sealed


@contextmanager
def _readable(path: Path) -> Generator[None]:
    try:
        yield
    except OSError as error:
        raise InvalidValueError(
            f"{path} cannot be read: {error.strerror}.",
            hint="Journals lie in the spool_dir of `flowtrail config show`.",
        ) from error


def _segment(path: Path) -> Segment:
    """By the file's name; by its header if it was given another. One of the two must be whole."""
    named = segment_at(path)
    if named is not None:
        return named
    with SegmentReader(Segment("", 0, path, "", 0)) as reader:
        header = reader.header
    if header is None:
        raise InvalidValueError(
            f"{path} is no journal of flowtrail's.",
            hint="If it is one that is damaged, give it back the name that it had in the spool.",
        )
    return Segment(header.journal, header.start, path, header.owner.host, header.owner.pid)
