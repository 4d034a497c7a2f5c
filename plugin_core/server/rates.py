"""How many requests a key may make: a bucket for each that fills at a steady rate."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

BURST: Final = 4  # seconds' worth of requests that may come at once
_KEPT: Final = 10_000  # buckets; the one unused longest is dropped, and was full by then


class Rates:
    """Counts requests of one worker. Used from one event loop."""

    def __init__(self, per_s: float, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._per_s, self._monotonic = per_s, monotonic
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, who: str) -> bool:
        """Whether ``who`` may make one more request now."""
        if not self._per_s:
            return True
        now, full = self._monotonic(), self._per_s * BURST
        left, since = self._buckets.pop(who, (full, now))
        left = min(full, left + (now - since) * self._per_s)
        is_free = left >= 1
        self._buckets[who] = (left - is_free, now)
        if len(self._buckets) > _KEPT:
            self._buckets.popitem(last=False)
        return is_free
