"""Points of metrics: to AWS ten in a call, back from it by step.

AWS keeps the finite numbers. All others, and what it refuses, are held in the component's document. It gives back
statistics and no points: of several points of one step only the last, and times to the minute.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from plugin_core.errors import InvalidValueError, StoreUnavailableError
from plugin_core.model.changes import AppendPoints
from plugin_core.model.metrics import MetricPoint, MetricSummary, MetricWindows
from plugin_core.model.queries import WindowQuery
from plugin_core.stores.aws.calls import Calls
from plugin_core.stores.aws.state import ComponentState, HeldPoint, micros, moment

POINTS_A_CALL: Final = 10
_WORTH_ANOTHER_TRY: Final = frozenset({"INTERNAL_ERROR", "CONFLICT_ERROR"})
_FIRST_MICROS: Final = 0
_LAST_MICROS: Final = 253_402_300_799_000_000
_STATISTICS: Final = ("Min", "Max", "Avg", "StdDev", "Last", "Count")
_PERIODS: Final = {60: "OneMinute", 300: "FiveMinute", 3_600: "OneHour"}
_MICROS: Final = 1_000_000


@dataclass
class Progress:
    """Which points of a batch AWS has acknowledged, so that another try does not send them again."""

    sent: set[tuple[str, int]] = field(default_factory=set[tuple[str, int]])  # component, number of the call
    noted: set[tuple[str, int]] = field(default_factory=set[tuple[str, int]])  # component, number of the change

    def copy(self) -> Progress:
        """Another that goes on from here."""
        return Progress(set(self.sent), set(self.noted))

    def take(self, other: Progress) -> None:
        """Go on from where another is."""
        self.sent, self.noted = other.sent, other.noted


def note_points(state: ComponentState, appended: Sequence[AppendPoints], progress: Progress) -> None:
    """Note of points what is no call of its own: the last steps, and what AWS cannot hold."""
    for place, points in enumerate(appended):
        last = max(points.steps)
        state.last_steps[points.metric] = max(last, state.last_steps.get(points.metric, last))
        if (state.name.casefold(), place) in progress.noted:
            continue
        progress.noted.add((state.name.casefold(), place))
        odd = [point for at, point in enumerate(_rows(points)) if not _is_held_by_aws(point, at in points.data)]
        if odd:
            state.held_points.setdefault(points.metric, []).extend(odd)


def _rows(points: AppendPoints) -> Iterator[HeldPoint]:
    for at, (step, time, value) in enumerate(zip(points.steps, points.times, points.values, strict=True)):
        yield step, time, value, points.data.get(at)


def _is_held_by_aws(point: HeldPoint, has_data: bool) -> bool:
    return math.isfinite(point[2]) and not has_data and _FIRST_MICROS <= point[1] <= _LAST_MICROS


class Sender:
    """Sends points; tells those that AWS refused."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def __call__(
        self, component: str, appended: Sequence[AppendPoints], progress: Progress
    ) -> dict[str, list[HeldPoint]]:
        """Send points of a component, those that AWS can hold, but for what it has acknowledged."""
        data = [
            _datum(points.metric, row)
            for points in appended
            for at, row in enumerate(_rows(points))
            if _is_held_by_aws(row, at in points.data)
        ]
        refused: dict[str, list[HeldPoint]] = {}
        for first in range(0, len(data), POINTS_A_CALL):
            done = (component.casefold(), first)
            if done not in progress.sent:
                for datum in self._put(component, data[first : first + POINTS_A_CALL]):
                    held = (datum["Step"], micros(datum["Timestamp"]), datum["Value"], None)
                    refused.setdefault(datum["MetricName"], []).append(held)
                progress.sent.add(done)
        return refused

    def _put(self, component: str, data: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Send points of one call; those that AWS will never take."""
        answer = self._calls("batch_put_metrics", TrialComponentName=component.lower(), MetricData=data)
        errors = answer.get("Errors") or ()
        again = [data[error["MetricIndex"]] for error in errors if error["Code"] in _WORTH_ANOTHER_TRY]
        if again:
            if len(again) == len(data):
                raise StoreUnavailableError(f"SageMaker did not take points of {component}.", hint="Try again later.")
            self._put(component, again)
        return [data[error["MetricIndex"]] for error in errors if error["Code"] not in _WORTH_ANOTHER_TRY]


def _datum(metric: str, row: HeldPoint) -> dict[str, Any]:
    step, time, value, _ = row
    return {"MetricName": metric, "Timestamp": moment(time), "Step": step, "Value": value}


# Back


class Series:
    """Reads the series of one component."""

    def __init__(self, calls: Calls, state: ComponentState) -> None:
        self._calls = calls
        self._state = state

    def points(self, metric: str) -> list[MetricPoint]:
        """By step: the last of each, then what was held of it."""
        found: list[HeldPoint] = [(step, micros(at), value, None) for step, at, value in self._by_step(metric)]
        found += self._state.held_points.get(metric, [])
        found.sort(key=lambda point: point[0])
        return [MetricPoint(step, moment(time), value, data) for step, time, value, data in found]

    def _by_step(self, metric: str) -> Iterator[tuple[int, datetime, float]]:
        if not any(each["MetricName"] == metric for each in self._state.metrics):
            return
        steps, (last, counts) = self._statistics(metric, ("Last", "Count"), WindowQuery())
        times = self._times(metric, counts)
        for step, value, at in zip(steps, last, times, strict=True):
            yield step, moment(at), value

    def _times(self, metric: str, counts: Sequence[float]) -> Iterator[int]:
        """When each step's last point was logged, to the minute, as far as points were logged in their steps' order."""
        minutes, (logged,) = self._statistics(metric, ("Count",), WindowQuery(period_s=60))
        place, passed, seen = 0, 0.0, 0.0
        for count in counts:
            seen += count
            while place < len(minutes) - 1 and passed + logged[place] < seen:
                passed += logged[place]
                place += 1
            yield minutes[place] * _MICROS if minutes else 0

    def windows(self, metric: str, query: WindowQuery) -> MetricWindows:
        """A series cut into windows, by AWS."""
        keys, columns = self._statistics(metric, _STATISTICS, query)
        limit = len(keys) if query.limit is None else query.limit
        least, most, mean, deviation, last, counts = (array("d", column[:limit]) for column in columns)
        if query.period_s is None:
            steps, times = keys[:limit], list(self._times(metric, counts)) if keys else []
        else:
            steps, times = [0] * len(keys[:limit]), [key * _MICROS for key in keys[:limit]]
        return MetricWindows(
            steps=array("q", steps),
            times=array("q", times),
            counts=array("q", map(int, counts)),
            minimum=least,
            maximum=most,
            mean=mean,
            std_dev=deviation,
            last=last,
            truncated=len(keys) > limit,
        )

    def _statistics(
        self, metric: str, statistics: Sequence[str], query: WindowQuery
    ) -> tuple[list[int], list[list[float]]]:
        """The windows' keys, and a column for each statistic."""
        shared = {"MetricName": metric, "ResourceArn": self._state.arn, **_axis(query)}
        keys: list[int] = []
        columns: list[list[float]] = [[] for _ in statistics]
        while True:
            queries = [{**shared, "MetricStat": statistic} for statistic in statistics]
            results = self._calls("batch_get_metrics", MetricQueries=queries)["MetricQueryResults"]
            keys += [int(key) for key in results[0].get("XAxisValues", ())]
            for column, result in zip(columns, results, strict=True):
                column += [float(value) for value in result.get("MetricValues", ())]
            if results[0].get("Status") != "Truncated" or not results[0].get("XAxisValues"):
                return keys, columns
            shared["Start"] = keys[-1] + 1


def _axis(query: WindowQuery) -> dict[str, Any]:
    if query.period_s is None:
        if query.since is not None or query.until is not None:
            raise InvalidValueError("SageMaker does not cut a series by step within bounds of time.")
        first, last = query.first_step, query.last_step
        axis: dict[str, Any] = {"XAxisType": "IterationNumber", "Period": "IterationNumber"}
    else:
        if query.period_s not in _PERIODS:
            raise InvalidValueError(f"SageMaker knows periods of {', '.join(map(str, _PERIODS))} seconds.")
        first, last = (None if at is None else int(at.timestamp()) for at in (query.since, query.until))
        axis = {"XAxisType": "Timestamp", "Period": _PERIODS[query.period_s]}
    bounds = {"Start": first, "End": last}
    return axis | {name: value for name, value in bounds.items() if value is not None}


def summaries(state: ComponentState) -> dict[str, MetricSummary]:
    """What a component's series come to: AWS's summaries, and what was held."""
    found = {str(each["MetricName"]): _summary(state, each) for each in state.metrics}
    for metric, points in state.held_points.items():
        found[metric] = _with_held(metric, found.get(metric), points)
    return dict(sorted(found.items()))


def _summary(state: ComponentState, given: Mapping[str, Any]) -> MetricSummary:
    name, count = str(given["MetricName"]), int(given.get("Count", 0))
    return MetricSummary(
        name=name,
        count=count,
        last=given.get("Last", math.nan),
        last_step=state.last_steps.get(name, max(0, count - 1)),
        last_time=given["TimeStamp"].astimezone(UTC),
        minimum=given.get("Min"),
        maximum=given.get("Max"),
        mean=given.get("Avg"),
        std_dev=given.get("StdDev"),
    )


def _with_held(metric: str, known: MetricSummary | None, held: Iterable[HeldPoint]) -> MetricSummary:
    """A summary with points that AWS does not know. They are no finite numbers: only count and end can differ."""
    points = list(held)
    step, time, value, _ = max(points, key=lambda point: (point[0], point[1]))
    is_last = known is None or (step, moment(time)) >= (known.last_step, known.last_time) or known.last_step == step
    return MetricSummary(
        name=metric,
        count=len(points) + (0 if known is None else known.count),
        last=value if known is None or is_last else known.last,
        last_step=step if known is None else max(step, known.last_step),
        last_time=moment(time) if known is None or is_last else known.last_time,
        minimum=None if known is None else known.minimum,
        maximum=None if known is None else known.maximum,
        mean=None if known is None else known.mean,
        std_dev=None if known is None else known.std_dev,
    )
