"""Points of metrics: put in batches, read back by step or by time."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from plugin_core.errors import NotFoundError
from plugin_core.model.changes import AppendPoints
from plugin_core.model.lineage import NodeKind
from plugin_core.model.metrics import MetricPoint
from plugin_core.wire.caller import Permission
from plugin_core.wire.entities import arn_of
from plugin_core.wire.registry import Answer, operation
from plugin_core.wire.request import Request, micros
from plugin_core.wire.services import METRICS

_LAST_STEP: Final = 2**63 - 1
_PERIODS_S: Final = {"OneMinute": 60, "FiveMinute": 300, "OneHour": 3_600}
_MOST_WINDOWS: Final = 50_000  # of one query


@operation(Permission.PUT, service=METRICS)
def batch_put_metrics(request: Request) -> Answer:
    """Add points to a component's series, all in one transaction. One without a step goes on from the latest."""
    name = request.members["TrialComponentName"]
    request.store.node(arn_of(NodeKind.COMPONENT, name))  # it must be there
    points: dict[str, list[Any]] = {}
    for point in request.members["MetricData"]:
        points.setdefault(point["MetricName"], []).append(point)
    latest: dict[str, int] = {}
    if any("Step" not in point for point in request.members["MetricData"]):
        component = request.store.component(name).id
        known = request.store.summaries([component])[component]
        latest = {metric: summary.last_step for metric, summary in known.items()}
    request.store.write([_appended(name, metric, given, latest.get(metric, -1)) for metric, given in points.items()])
    return {}


def _appended(component: str, metric: str, given: Iterable[Mapping[str, Any]], latest: int) -> AppendPoints:
    steps, times, values = array("q"), array("q"), array("d")
    for point in given:
        step = point.get("Step", min(latest + 1, _LAST_STEP))
        latest = max(latest, step)
        steps.append(step)
        times.append(micros(point["Timestamp"]))
        values.append(float(point["Value"]))
    return AppendPoints(component=component, metric=metric, steps=steps, times=times, values=values)


@operation(Permission.READ, service=METRICS)
def batch_get_metrics(request: Request) -> Answer:
    """Statistics of series by step, or by minute, five minutes or hour; times are seconds since the epoch."""
    return {"MetricQueryResults": [_result(request, query) for query in request.members["MetricQueries"]]}


def _result(request: Request, query: Mapping[str, Any]) -> Answer:
    try:
        node = request.store.node(query["ResourceArn"])
        if node.kind is not NodeKind.COMPONENT:
            return _no_result("The ResourceArn is not that of a trial component.")
        component = request.store.component(node.key)
    except NotFoundError as error:
        return _no_result(error.message)
    if (query["XAxisType"] == "IterationNumber") != (query["Period"] == "IterationNumber"):
        return _no_result("The period IterationNumber goes with the x-axis IterationNumber, and no other does.")
    windows = _windows(request.store.points(component.id, query["MetricName"]), query)
    found = sorted(windows.items())
    shown = found[:_MOST_WINDOWS]
    statistic = _STATISTICS[query["MetricStat"]]
    return {
        "Status": "Complete" if len(shown) == len(found) else "Truncated",
        "XAxisValues": [x for x, _ in shown],
        "MetricValues": [_number(statistic(values)) for _, values in shown],
    }


def _no_result(message: str) -> Answer:
    return {"Status": "ValidationError", "Message": message, "XAxisValues": [], "MetricValues": []}


def _windows(points: Iterable[MetricPoint], query: Mapping[str, Any]) -> dict[int, list[float]]:
    """Values by step, or by the second in which a window begins."""
    period = _PERIODS_S.get(query["Period"])
    first, last = query.get("Start", -_LAST_STEP), query.get("End", _LAST_STEP)
    found: dict[int, list[float]] = {}
    for point in points:
        at = point.step if period is None else int(point.time.timestamp()) // period * period
        if first <= (point.step if period is None else point.time.timestamp()) <= last:
            found.setdefault(at, []).append(point.value)
    return found


def _mean(values: list[float]) -> float:
    return math.fsum(values) / len(values)


def _std_dev(values: list[float]) -> float:
    mean = _mean(values)
    return math.sqrt(math.fsum((value - mean) ** 2 for value in values) / len(values))


_STATISTICS: Final[Mapping[str, Callable[[list[float]], float]]] = {
    "Min": min,
    "Max": max,
    "Avg": _mean,
    "Count": len,
    "StdDev": _std_dev,
    "Last": lambda values: values[-1],
}


def _number(value: float) -> float | str:
    """A number as JSON has it; AWS's JSON has words for those that JSON has not."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
