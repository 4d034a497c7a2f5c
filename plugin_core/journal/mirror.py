"""What a journal has written and the drain has not taken, kept in memory so that the drain need not read the file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from plugin_core.journal.points import columns
from plugin_core.model.changes import Batch, Change

if TYPE_CHECKING:
    from plugin_core.journal.series import Series


class Mirror:
    """Changes in order, and the series that have points. Points themselves lie with their series.

    A cache and no more: it may be dropped at any time, and the file be read instead. Used under the journal's lock.
    """

    def __init__(self) -> None:
        self.taken = 0  # the position up to which the drain has taken, or the mirror was dropped
        self.is_quiet = True  # nothing was written since
        self._listeners: list[Callable[[], None]] = []
        self._changes: list[Change] = []
        self._dirty: list[Series] = []

    def listen(self, listener: Callable[[], None]) -> None:
        """Have ``listener`` called when something is written after a silence."""
        self._listeners.append(listener)

    def keep(self, changes: Sequence[Change]) -> None:
        """Changes were written."""
        self._changes += changes
        if self.is_quiet:
            self.stir()

    def has_points(self, series: Series) -> None:
        """A series that had nothing pending now has."""
        self._dirty.append(series)
        self.stir()

    def stir(self) -> None:
        """Tell those who wait that there is something to take."""
        if self.is_quiet:
            self.is_quiet = False
            for listener in self._listeners:
                listener()

    def clear(self, position: int) -> None:
        """Drop all that was written before ``position``."""
        for series in self._dirty:
            series.take()
        self._changes, self._dirty = [], []
        self.taken, self.is_quiet = position, True

    def take(self, journal: str, position: int) -> Callable[[], Batch] | None:
        """Hand over all that was written before ``position``; None if that is nothing.

        What is returned makes the batch: that takes time, and need not be done under the lock.
        """
        changes, points = self._changes, [(s.component, s.metric, *s.take()) for s in self._dirty]
        self._changes, self._dirty = [], []
        start, self.taken, self.is_quiet = self.taken, position, True
        if start == position:
            return None

        def batch() -> Batch:
            series = [columns(*taken) for taken in points]
            return Batch(journal=journal, start=start, end=position, changes=(*changes, *series))

        return batch
