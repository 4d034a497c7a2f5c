"""Fewer points when the spool is full: of each series the least, the greatest, the last, and every 2^k-th.

What is left out is counted. Parameters, states and artifacts are never left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

from plugin_core.model.changes import Micros, SetTags
from plugin_core.model.lineage import NodeKind, NodeRef

WARN_AT: Final = 0.8  # of the cap; below it, nothing is thinned any more
MAX_SPOOL_BYTES: Final = 1 << 30
SHARE_OF_FREE: Final = 0.1
DROPPED_TAG: Final = "flowtrail:dropped-points"
_KEPT_PER_STRIDE: Final = 64


def cap_bytes(free_bytes: int, used_bytes: int, limit: int = MAX_SPOOL_BYTES) -> int:
    """What all journals of a spool may take: 1 GiB, or a tenth of the disk's room (what they take counted in)."""
    return min(limit, int((free_bytes + used_bytes) * SHARE_OF_FREE))


class Thinned:
    """What a series has seen since its points are thinned."""

    __slots__ = ("_kept", "_max", "_min", "_seen", "_stride", "dropped", "last")

    def __init__(self) -> None:
        self._seen = self._kept = self.dropped = 0
        self._stride = 1
        self._min, self._max = float("inf"), float("-inf")
        self.last: tuple[int, int, float] | None = None  # the newest point (step, time, value), if it was left out

    def keeps(self, step: int, time_us: int, value: float) -> bool:
        """Whether a point is written; one that is not may yet turn out to be the last."""
        extreme = value < self._min or value > self._max
        self._min, self._max = min(value, self._min), max(value, self._max)
        self._seen += 1
        if not extreme and self._seen % self._stride:
            self.dropped += 1
            self.last = (step, time_us, value)
            return False
        self._kept += 1
        if self._kept >= _KEPT_PER_STRIDE:
            self._kept, self._stride = 0, self._stride * 2
        self.last = None
        return True

    def take_last(self) -> tuple[int, int, float] | None:
        """The newest point, if it was left out, to be written after all."""
        last, self.last = self.last, None
        if last is not None:
            self.dropped -= 1
        return last


def dropped_tags(seen: Iterable[tuple[str, Thinned | None]], *, at: Micros) -> Iterator[SetTags]:
    """Changes that say of each component how many points of its series were left out."""
    counts: Counter[str] = Counter()
    for component, thinned in seen:
        if thinned is not None and thinned.dropped:
            counts[component] += thinned.dropped
    for component, count in counts.items():
        yield SetTags(at=at, node=NodeRef(NodeKind.COMPONENT, component), tags={DROPPED_TAG: str(count)})
