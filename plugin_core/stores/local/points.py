"""Points in packed chunks: columns of steps, times and values, and what they come to.

A chunk is one format byte, the number of points (u32), three columns and, if any point is not a number,
JSON. A column is a codec byte, a length (u32) and bytes: 8-byte little-endian words, raw, or in eight
planes (all first bytes, all second bytes ...) deflated. Steps and times are differences to the point
before. Everything that is done per point is done by one call into C per column.
"""

from __future__ import annotations

import json
import math
import operator
import struct
import sys
import zlib
from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import accumulate, repeat
from typing import Final

from plugin_core.errors import StoreError
from plugin_core.model.metrics import Json
from plugin_core.model.parameters import from_text, to_text

CHUNK_POINTS: Final = 65_536

_FORMAT: Final = 1
_RAW: Final = 0
_DELTA_RAW: Final = 1
_PLANES: Final = 2
_DELTA_PLANES: Final = 3
_HEAD: Final = struct.Struct("<BI")
_MIN_DEFLATED: Final = 32  # bytes; shorter columns do not shrink
_LEVEL: Final = 1
_WORD: Final = 8


@dataclass(slots=True)
class Columns:
    """Points in the order they were logged; ``data`` holds the JSON of those that are not numbers, by position."""

    steps: array[int] = field(default_factory=lambda: array("q"))
    times: array[int] = field(default_factory=lambda: array("q"))
    values: array[float] = field(default_factory=lambda: array("d"))
    data: dict[int, Json] = field(default_factory=dict[int, Json])

    def __len__(self) -> int:
        return len(self.steps)

    def extend(self, steps: array[int], times: array[int], values: array[float], data: Mapping[int, Json]) -> None:
        """Add points after those that are here."""
        if data:
            start = len(self.steps)
            self.data.update((start + position, value) for position, value in data.items())
        self.steps.extend(steps)
        self.times.extend(times)
        self.values.extend(values)

    def part(self, start: int, stop: int) -> Columns:
        """The points from ``start`` up to ``stop``."""
        data = {i - start: value for i, value in self.data.items() if start <= i < stop} if self.data else {}
        return Columns(self.steps[start:stop], self.times[start:stop], self.values[start:stop], data)


def pack(columns: Columns) -> bytes:
    """Encode points as a chunk."""
    parts = [_HEAD.pack(_FORMAT, len(columns))]
    for codec, body in (_packed(columns.steps), _packed(columns.times), _deflated(_bytes(columns.values), _RAW)):
        parts += (_HEAD.pack(codec, len(body)), body)
    if columns.data:
        texts = {position: to_text(value) for position, value in columns.data.items()}
        parts.append(zlib.compress(json.dumps(texts).encode("ascii"), _LEVEL))
    return b"".join(parts)


def _packed(words: array[int]) -> tuple[int, bytes]:
    try:
        deltas = array("q", map(operator.sub, words, array("q", (0,)) + words[:-1]))
    except OverflowError:  # a difference of 64-bit words may need 65 bits
        return _deflated(_bytes(words), _RAW)
    return _deflated(_bytes(deltas), _DELTA_RAW)


def _deflated(raw: bytes, codec: int) -> tuple[int, bytes]:
    if len(raw) < _MIN_DEFLATED:
        return codec, raw
    body = zlib.compress(b"".join(raw[plane::_WORD] for plane in range(_WORD)), _LEVEL)
    return (codec + _PLANES, body) if len(body) < len(raw) else (codec, raw)


def _bytes(words: array[int] | array[float]) -> bytes:
    if sys.byteorder == "big":
        words = words[:]
        words.byteswap()
    return words.tobytes()


def unpack(chunk: bytes) -> Columns:
    """Decode a chunk. Raises StoreError for one that is damaged or of a format that came later."""
    try:
        return _unpack(chunk)
    except (struct.error, zlib.error, ValueError, IndexError, OverflowError) as error:
        raise StoreError(
            f"A chunk of points cannot be read: {error}.",
            hint="`flowtrail doctor` checks the store; a newer flowtrail may know the format.",
        ) from error


def _unpack(chunk: bytes) -> Columns:
    version, count = _HEAD.unpack_from(chunk)
    if version != _FORMAT:
        raise ValueError(f"format {version} is not known")
    steps, at = _words(chunk, _HEAD.size, count)
    times, at = _words(chunk, at, count)
    values, at = _doubles(chunk, at, count)
    data: dict[int, Json] = {}
    if at < len(chunk):
        data = {int(i): from_text(value) for i, value in json.loads(zlib.decompress(chunk[at:])).items()}
    return Columns(steps, times, values, data)


def _words(chunk: bytes, at: int, count: int) -> tuple[array[int], int]:
    codec, raw, after = _column(chunk, at, count)
    words = array("q")
    _fill(words, raw)
    if codec in {_DELTA_RAW, _DELTA_PLANES}:
        words = array("q", accumulate(words))
    return words, after


def _doubles(chunk: bytes, at: int, count: int) -> tuple[array[float], int]:
    _, raw, after = _column(chunk, at, count)
    values = array("d")
    _fill(values, raw)
    return values, after


def _fill(words: array[int] | array[float], raw: bytes) -> None:
    words.frombytes(raw)
    if sys.byteorder == "big":
        words.byteswap()


def _column(chunk: bytes, at: int, count: int) -> tuple[int, bytes, int]:
    codec, length = _HEAD.unpack_from(chunk, at)
    start = at + _HEAD.size
    body = chunk[start : start + length]
    if codec >= _PLANES:
        body = _undeflated(body, count)
    if len(body) != count * _WORD:
        raise ValueError(f"a column has {len(body)} bytes for {count} points")
    return codec, body, start + length


def _undeflated(body: bytes, count: int) -> bytes:
    planes = zlib.decompressobj().decompress(body, count * _WORD + 1)
    words = bytearray(len(planes))
    for plane in range(_WORD):
        words[plane::_WORD] = planes[plane * count : (plane + 1) * count]
    return bytes(words)


def by_step(columns: Columns) -> Iterator[tuple[int, int, float, Json]]:
    """Points as (step, time, value, data), by step, those of one step in the order they were logged."""
    steps, times, values, data = columns.steps, columns.times, columns.values, columns.data
    rows = zip(steps, times, values, map(data.get, range(len(steps))) if data else repeat(None), strict=False)
    if all(map(operator.le, steps, steps[1:])):
        return rows
    return iter(sorted(rows, key=operator.itemgetter(0)))


@dataclass(frozen=True, slots=True)
class Moments:
    """Count, mean, sum of squared distances from the mean (m2) and extremes of the finite values."""

    finite: int
    mean: float | None = None
    m2: float | None = None
    minimum: float | None = None
    maximum: float | None = None

    @property
    def std_dev(self) -> float | None:
        """Standard deviation of the population."""
        return None if self.m2 is None else math.sqrt(self.m2 / self.finite)


def moments(values: array[float]) -> Moments:
    """Moments of the finite values among ``values``."""
    if not _all_finite(values):
        values = array("d", filter(math.isfinite, values))
    if not values:
        return Moments(0)
    mean = _mean(values)
    distances = array("d", map(operator.sub, values, repeat(mean)))
    return Moments(len(values), mean, sum(map(operator.mul, distances, distances)), min(values), max(values))


def _all_finite(values: array[float]) -> bool:
    total = sum(values)
    return math.isfinite(total) or all(map(math.isfinite, values))


def _mean(values: array[float]) -> float:
    total = sum(values)
    count = len(values)
    return total / count if math.isfinite(total) else math.fsum(map(operator.truediv, values, repeat(count)))


def merged(first: Moments, second: Moments) -> Moments:
    """Moments of both together, after Chan, Golub and LeVeque (1979): stable for large counts."""
    if first.mean is None or first.m2 is None or first.minimum is None or first.maximum is None:
        return second
    if second.mean is None or second.m2 is None or second.minimum is None or second.maximum is None:
        return first
    finite = first.finite + second.finite
    distance = second.mean - first.mean
    return Moments(
        finite,
        first.mean + distance * (second.finite / finite),
        first.m2 + second.m2 + distance * distance * (first.finite * second.finite / finite),
        min(first.minimum, second.minimum),
        max(first.maximum, second.maximum),
    )


def last_index(steps: array[int]) -> int:
    """Position of the last point logged at the highest step."""
    highest = max(steps)
    if steps[-1] == highest:
        return len(steps) - 1
    return len(steps) - 1 - steps[::-1].index(highest)
