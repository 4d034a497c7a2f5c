"""Cuts a series into windows of a step or of a period. What is done per point is done by calls into C. Pure."""

from __future__ import annotations

import math
import operator
from array import array
from bisect import bisect_left, bisect_right
from itertools import compress, pairwise, repeat
from typing import Final, NamedTuple

from plugin_core.model.metrics import MetricWindows
from plugin_core.model.queries import WindowQuery
from plugin_core.stores.local.listing import micros_of
from plugin_core.stores.local.points import Columns, moments

_SECOND: Final = 1_000_000


class _Points(NamedTuple):
    """Columns of equal length."""

    steps: array[int]
    times: array[int]
    values: array[float]


def cut(columns: Columns, query: WindowQuery) -> MetricWindows:
    """The windows of a query."""
    points = _numbers(columns)
    if query.since is not None or query.until is not None:
        points = _sorted_by(points, points.times)
        since = None if query.since is None else micros_of(query.since)
        points = _between(points, points.times, since, None if query.until is None else micros_of(query.until))
    if query.first_step is not None or query.last_step is not None:
        points = _sorted_by(points, points.steps)
        points = _between(points, points.steps, query.first_step, query.last_step)
    if query.period_s is None:
        return _by_step(_sorted_by(points, points.steps), query.limit)
    return _by_period(_sorted_by(points, points.times), query.period_s * _SECOND, query.limit)


def _numbers(columns: Columns) -> _Points:
    if not columns.data:
        return _Points(columns.steps, columns.times, columns.values)
    kept = [position not in columns.data for position in range(len(columns))]
    return _Points(
        array("q", compress(columns.steps, kept)),
        array("q", compress(columns.times, kept)),
        array("d", compress(columns.values, kept)),
    )


def _sorted_by(points: _Points, key: array[int]) -> _Points:
    """Points by a column; equal ones stay in their order."""
    if all(map(operator.le, key, key[1:])):
        return points
    order = sorted(range(len(key)), key=key.__getitem__)
    return _Points(
        array("q", map(points.steps.__getitem__, order)),
        array("q", map(points.times.__getitem__, order)),
        array("d", map(points.values.__getitem__, order)),
    )


def _between(points: _Points, key: array[int], first: int | None, last: int | None) -> _Points:
    start = 0 if first is None else bisect_left(key, first)
    stop = len(key) if last is None else bisect_right(key, last)
    return _Points(points.steps[start:stop], points.times[start:stop], points.values[start:stop])


def _by_step(points: _Points, limit: int | None) -> MetricWindows:
    bounds = _bounds(points.steps)
    if len(bounds) > len(points.steps):
        return _one_each(points, limit)
    truncated = limit is not None and len(bounds) - 1 > limit
    bounds = bounds if limit is None else bounds[: limit + 1]
    times = array("q", (points.times[stop - 1] for stop in bounds[1:]))
    return _summarized(points, bounds, times, truncated=truncated)


def _by_period(points: _Points, period_us: int, limit: int | None) -> MetricWindows:
    places = array("q", map(operator.floordiv, points.times, repeat(period_us)))
    bounds = _bounds(places)
    truncated = limit is not None and len(bounds) - 1 > limit
    bounds = bounds if limit is None else bounds[: limit + 1]
    times = array("q", (places[start] * period_us for start in bounds[:-1]))
    return _summarized(points, bounds, times, truncated=truncated)


def _bounds(keys: array[int]) -> list[int]:
    """Where runs of equal keys begin, and the end; for no keys the end alone."""
    if not keys:
        return [0]
    return [0, *compress(range(1, len(keys)), map(operator.ne, keys, keys[1:])), len(keys)]


def _one_each(points: _Points, limit: int | None) -> MetricWindows:
    """A point a window, which needs no sums."""
    count = len(points.steps)
    steps, times, values = points.steps[:limit], points.times[:limit], points.values[:limit]
    finite = array("d", (value if math.isfinite(value) else math.nan for value in values))
    return MetricWindows(
        steps=steps,
        times=times,
        counts=array("q", (1,)) * len(steps),
        minimum=finite,
        maximum=finite,
        mean=finite,
        std_dev=array("d", map(operator.sub, finite, finite)),
        last=values,
        truncated=len(steps) < count,
    )


def _summarized(points: _Points, bounds: list[int], times: array[int], *, truncated: bool) -> MetricWindows:
    steps, counts = array("q"), array("q")
    minimum, maximum, mean, std_dev, last = (array("d") for _ in range(5))
    for start, stop in pairwise(bounds):
        values = points.values[start:stop]
        found = moments(values)
        steps.append(max(points.steps[start:stop]))
        counts.append(stop - start)
        last.append(values[-1])
        for column, value in (
            (minimum, found.minimum),
            (maximum, found.maximum),
            (mean, found.mean),
            (std_dev, found.std_dev),
        ):
            column.append(math.nan if value is None else value)
    return MetricWindows(
        steps=steps,
        times=times,
        counts=counts,
        minimum=minimum,
        maximum=maximum,
        mean=mean,
        std_dev=std_dev,
        last=last,
        truncated=truncated,
    )
