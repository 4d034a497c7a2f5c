"""Metrics: series of points and their summaries."""

from __future__ import annotations

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
