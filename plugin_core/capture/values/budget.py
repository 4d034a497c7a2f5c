"""The time that one value may cost, and how much content fits into it."""

from __future__ import annotations

import functools
import hashlib
import time
from typing import Final

from plugin_core.capture.values.description import Clock

_MB: Final = 1_000_000
# (bytes a second at least, bytes read as a whole). Steps far apart, so that the same data is read the same way in
# every process of like machines: sha256 runs at 1.3 GB/s and more with the CPU's help, at about 0.5 without.
_TIERS: Final = ((0.9e9, 10 * _MB), (0.25e9, 5 * _MB // 2), (0.0, _MB // 2))
_CHUNK: Final = 2 * _MB


class BudgetSpentError(Exception):
    """The time for this value is over; what is known so far must do."""


class Budget:
    """Counts down from ``budget_s`` seconds of ``clock``."""

    def __init__(self, clock: Clock, budget_s: float) -> None:
        self._clock = clock
        self._end = clock() + budget_s

    @property
    def left_s(self) -> float:
        """Seconds left; 0 or less when spent."""
        return self._end - self._clock()

    def stage(self, share: float) -> Budget:
        """A budget that ends after a share of what is left, so that something remains when the stage fails."""
        return Budget(self._clock, max(0.0, self.left_s * share))

    def extend(self, seconds: float) -> None:
        """Give time back: importing a handler, once per process, is not the value's cost."""
        self._end += seconds

    def check(self) -> None:
        """Raise BudgetSpentError when the time is over."""
        if self._clock() >= self._end:
            raise BudgetSpentError


@functools.lru_cache(maxsize=1)
def whole_limit() -> int:
    """How many bytes are read as a whole on this machine; larger content is sampled. Measured once (0.3 ms)."""
    data = bytes(1 << 16)
    best = min(_seconds(data) for _ in range(5))
    speed = len(data) / best if best > 0 else float("inf")
    return next(size for least, size in _TIERS if speed >= least)


def _seconds(data: bytes) -> float:
    start = time.perf_counter()
    hashlib.sha256(data)
    return time.perf_counter() - start


class BoundedBytes:
    """A file to write into, that ends the attempt when it grows too large or takes too long."""

    def __init__(self, budget: Budget, most: int) -> None:
        self._budget = budget
        self._most = most
        self._size = 0
        self._parts: list[bytes] = []

    def write(self, data: bytes | bytearray | memoryview) -> int:
        """Take some bytes. Raises BudgetSpentError."""
        self._budget.check()
        part = bytes(data)
        self._size += len(part)
        if self._size > self._most:
            raise BudgetSpentError
        self._parts.append(part)
        return len(part)

    def getvalue(self) -> bytes:
        """Everything that was written."""
        return b"".join(self._parts)


class Digest:
    """A sha256 that stops when the budget is spent."""

    def __init__(self, budget: Budget, header: str) -> None:
        self._budget = budget
        self._hash = hashlib.sha256(header.encode("utf-8", "surrogatepass"))

    def update(self, data: bytes | bytearray | memoryview) -> None:
        """Add bytes; a memoryview must be contiguous. Raises BudgetSpentError."""
        view = memoryview(data)
        view = view.cast("B") if view.nbytes and (view.format != "B" or view.ndim != 1) else view
        for start in range(0, view.nbytes, _CHUNK):
            self._budget.check()
            self._hash.update(view[start : start + _CHUNK])

    def text(self, text: str) -> None:
        """Add text, with its length."""
        data = text.encode("utf-8", "surrogatepass")
        self._hash.update(len(data).to_bytes(8, "little"))
        self.update(data)

    def identity(self, *, whole: bool = True) -> str:
        """``sha256:<hex>``, or ``sample-sha256:<hex>``."""
        return f"{'' if whole else 'sample-'}sha256:{self._hash.hexdigest()}"


_BLOCKS: Final = 64
_BLOCK: Final = 16
SAMPLED: Final = _BLOCKS * _BLOCK


def sample_ranges(length: int) -> list[range]:
    """Where to look in a sequence too long to read: 64 blocks of 16, evenly spaced, the first and the last included.

    Depends on the length alone, so that the same data is sampled the same way everywhere.
    """
    if length <= SAMPLED:
        return [range(length)]
    last = length - _BLOCK
    return [range(start, start + _BLOCK) for start in (last * i // (_BLOCKS - 1) for i in range(_BLOCKS))]


def sample_positions(length: int) -> list[int]:
    """The positions of ``sample_ranges``, as a list."""
    return [position for block in sample_ranges(length) for position in block]
