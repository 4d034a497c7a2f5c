"""Appends points to series: summaries merged, chunks joined while they are small.

A series logged live gets a small chunk with each drain. Chunks are joined in the manner of a
log-structured merge tree, eight of a size at a time, so that a series has few chunks and a point is
rewritten a few times at most. Chunks before ``open_ordinal`` are full, and are never changed again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from sqlalchemy import Connection, bindparam, select, tuple_, update

from plugin_core.stores.local import schema as s
from plugin_core.stores.local import statements as q
from plugin_core.stores.local.executing import AnySelect, all_rows, execute, many, rows_in_pairs
from plugin_core.stores.local.points import CHUNK_POINTS, Columns, Moments, last_index, merged, moments, pack, unpack

SeriesKey: TypeAlias = tuple[int, str]  # component id, metric

_NO_MOMENTS = Moments(0)
_FAN = 8
_PAIRS = 200  # series asked for in one statement

_SUMMARY = (
    "count", "finite", "minimum", "maximum", "mean", "m2", "std_dev", "last", "last_step", "last_us",
    "next_ordinal", "open_ordinal",
)  # fmt: skip
_PAIR = tuple_(s.series.c.component_id, s.series.c.name)
_KNOWN: AnySelect = select(
    s.series.c.component_id, s.series.c.name, s.series.c.id, *(s.series.c[name] for name in _SUMMARY)
).with_for_update()
_UPDATE = (
    update(s.series).where(s.series.c.id == bindparam("series")).values({name: bindparam(name) for name in _SUMMARY})
)
_OPEN_CHUNKS = (
    select(s.chunks.c.ordinal, s.chunks.c.count)
    .where(s.chunks.c.series_id == bindparam("series"), s.chunks.c.ordinal >= bindparam("first"))
    .order_by(s.chunks.c.ordinal)
)
_PAYLOADS = (
    select(s.chunks.c.payload)
    .where(s.chunks.c.series_id == bindparam("series"), s.chunks.c.ordinal >= bindparam("first"))
    .order_by(s.chunks.c.ordinal)
)


@dataclass(slots=True)
class _Series:
    """A series' row while it is being added to; ``id`` is None for one that is new."""

    id: int | None = None
    count: int = 0
    moments: Moments = _NO_MOMENTS
    last: float = math.nan
    last_step: int = -1
    last_us: int = 0
    next_ordinal: int = 0
    open_ordinal: int = 0

    def add(self, points: Columns) -> None:
        """Take points into the summary."""
        self.count += len(points)
        self.moments = merged(self.moments, moments(points.values))
        at = last_index(points.steps)
        if points.steps[at] >= self.last_step:
            self.last, self.last_step, self.last_us = points.values[at], points.steps[at], points.times[at]

    def row(self) -> dict[str, Any]:
        """Its columns."""
        m = self.moments
        return {
            "count": self.count,
            "finite": m.finite,
            "minimum": m.minimum,
            "maximum": m.maximum,
            "mean": m.mean,
            "m2": m.m2,
            "std_dev": m.std_dev,
            "last": None if math.isnan(self.last) else self.last,
            "last_step": self.last_step,
            "last_us": self.last_us,
            "next_ordinal": self.next_ordinal,
            "open_ordinal": self.open_ordinal,
        }


def append_points(connection: Connection, points: Mapping[SeriesKey, Columns]) -> None:
    """Add points to series, making those that do not exist."""
    keys = list(points)
    for start in range(0, len(keys), _PAIRS):
        _append(connection, {key: points[key] for key in keys[start : start + _PAIRS]})


def _append(connection: Connection, points: Mapping[SeriesKey, Columns]) -> None:
    known = _known(connection, points)
    fresh = {key: _Series() for key in points if key not in known}
    if fresh:
        many(connection, q.ADD_SERIES, (_fresh_row(key) for key in fresh))
        known |= _known(connection, fresh)
    chunks: list[dict[str, Any]] = []
    for key, columns in points.items():
        series = known[key]
        series.add(columns)
        chunks += _chunks(series, columns if key in fresh else _joined(connection, series, columns))
    many(connection, q.ADD_CHUNK, chunks)
    many(connection, _UPDATE, ({"series": series.id} | series.row() for series in known.values()))


def _known(connection: Connection, keys: Mapping[SeriesKey, Any]) -> dict[SeriesKey, _Series]:
    found = rows_in_pairs(connection, _KNOWN, _PAIR, list(keys))
    return {(component, name): _series(row) for component, name, *row in found}


def _series(row: Sequence[Any]) -> _Series:
    node, count, finite, minimum, maximum, mean, m2, _, last, *places = row
    own = Moments(finite, mean, m2, minimum, maximum)
    return _Series(node, count, own, math.nan if last is None else last, *places)


def _fresh_row(key: SeriesKey) -> dict[str, Any]:
    return {"component_id": key[0], "name": key[1], **_Series().row()}


def _joined(connection: Connection, series: _Series, new: Columns) -> Columns:
    """The points to write in chunks: the new ones after those of the chunks that they take in, which go."""
    found = all_rows(connection, _OPEN_CHUNKS, series=series.id, first=series.open_ordinal)
    first = _first_taken_in([(ordinal, count) for ordinal, count in found], len(new))
    if first is None:
        return new
    columns = Columns()
    for (payload,) in all_rows(connection, _PAYLOADS, series=series.id, first=first):
        old = unpack(payload)
        columns.extend(old.steps, old.times, old.values, old.data)
    columns.extend(new.steps, new.times, new.values, new.data)
    execute(connection, q.DELETE_CHUNKS, series=series.id, first=first)
    series.next_ordinal = first
    return columns


def _first_taken_in(chunks: list[tuple[int, int]], new: int) -> int | None:
    """The ordinal of the first chunk to join with ``new`` points; None for none.

    A chunk is joined once FAN - 1 times as many points have come after it.
    """
    after = new + sum(count for _, count in chunks)
    for ordinal, count in chunks:
        after -= count
        if count < CHUNK_POINTS and after >= (_FAN - 1) * count:
            return ordinal
    return None


def _chunks(series: _Series, points: Columns) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for start in range(0, len(points), CHUNK_POINTS):
        part = points.part(start, start + CHUNK_POINTS) if len(points) > CHUNK_POINTS else points
        rows.append(
            {
                "series_id": series.id,
                "ordinal": series.next_ordinal,
                "count": len(part),
                "min_step": min(part.steps),
                "max_step": max(part.steps),
                "payload": pack(part),
            }
        )
        series.next_ordinal += 1
        if len(part) == CHUNK_POINTS:
            series.open_ordinal = series.next_ordinal
    return rows
