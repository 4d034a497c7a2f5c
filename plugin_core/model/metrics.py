"""Metrics: series of points and their summaries."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"


@dataclass(frozen=True, slots=True)
class MetricPoint:
    """One point of a series: ``step`` (0 or more), ``time`` (aware UTC, microseconds) and ``value``.

    ``value`` is a double, NaN and infinities included. A point that is not a number (a table row, a
    string) carries it in ``data`` and has NaN as its value.
    """

    step: int
    time: datetime
    value: float
    data: Json = None


@dataclass(frozen=True, kw_only=True, slots=True)
class MetricSummary:
    """What a series comes to. ``last`` is the last point logged at the highest step.

    minimum, maximum, mean and std_dev (of the population) are over the finite values, None without any.
    """

    name: str
    count: int
    last: float
    last_step: int
    last_time: datetime
    minimum: float | None
    maximum: float | None
    mean: float | None
    std_dev: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class MetricWindows:
    """A series in windows, oldest or lowest first: columns of equal length, 'q' and 'd'.

    A window of a period is at its first moment (``times``, microseconds) and its highest step; one of a step at
    the time of its last point. Minimum, maximum, mean and std_dev (of the population) are over finite values, NaN
    without any. ``truncated`` says that there are more windows than were asked for.
    """

    steps: array[int]
    times: array[int]
    counts: array[int]
    minimum: array[float]
    maximum: array[float]
    mean: array[float]
    std_dev: array[float]
    last: array[float]
    truncated: bool = False
