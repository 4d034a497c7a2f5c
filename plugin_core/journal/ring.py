"""The last stop: events in memory, when no file can be written. Bounded; the oldest go first, and are counted.

To the store it is a journal like any other, whose positions count events.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from plugin_core.journal import frames
from plugin_core.journal.points import columns
from plugin_core.model.changes import AppendPoints, Batch, Change
from plugin_core.model.metrics import Json

if TYPE_CHECKING:
    from plugin_core.journal.series import Series

CAPACITY: Final = 10_000
Point = tuple["Series", int, int, float, Json]  # series, step, time (microseconds), value, data
Event = Change | Point


class MemoryRing:
    """Events that wait for a file to become writable, or for the store to take them."""

    def __init__(self, id: str) -> None:
        self.id = id
        self.events: deque[Event] = deque()
        self.dropped = 0
        self._position = 0

    def __len__(self) -> int:
        return len(self.events)

    def add(self, event: Event) -> None:
        """Keep an event, at the cost of the oldest if there is no room."""
        if len(self.events) >= CAPACITY:
            self.events.popleft()
            self.dropped += 1
        self.events.append(event)

    def take(self) -> Batch:
        """All that is here, as a batch; it is the caller's now."""
        events, self.events = self.events, deque()
        start, self._position = self._position, self._position + len(events)
        return Batch(journal=self.id, start=start, end=self._position, changes=tuple(map(_change, events)))


def _change(event: Event) -> Change:
    if not isinstance(event, tuple):
        return event
    series, step, time_us, value, data = event
    return one_point(series.component, series.metric, step, time_us, value, data)


def one_point(component: str, metric: str, step: int, time_us: int, value: float, data: Json) -> AppendPoints:
    """A single point as columns."""
    frame = frames.pack_point(0, step, time_us, value, 0, 0)
    return columns(component, metric, frame, {} if data is None else {0: data})
