"""Points of metrics: put in batches, read back by step or by time."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from plugin_core.errors import NotFoundError
from plugin_core.model.changes import AppendPoints
from plugin_core.model.edits import UpdateComponent
from plugin_core.model.lineage import NodeKind
from plugin_core.model.queries import WindowQuery
from plugin_core.wire.caller import Permission
from plugin_core.wire.registry import Answer, operation
from plugin_core.wire.request import Request, micros
from plugin_core.wire.services import METRICS
from plugin_core.wire.validation import FIRST_SECOND, LAST_SECOND, moment

_LAST_STEP: Final = 2**63 - 1
_PERIODS_S: Final = {"OneMinute": 60, "FiveMinute": 300, "OneHour": 3_600}
_MICROS: Final = 1_000_000
_MOST_WINDOWS: Final = 50_000  # of one query
_COLUMNS: Final = {
    "Min": "minimum",
    "Max": "maximum",
    "Avg": "mean",
    "Count": "counts",
    "StdDev": "std_dev",
    "Last": "last",
}


@operation(Permission.PUT, service=METRICS)
def batch_put_metrics(request: Request) -> Answer:
    """Add points to a component's series, all in one transaction. One without a step goes on from the latest."""
    name = request.members["TrialComponentName"]
    points: dict[str, list[Any]] = {}
    for point in request.members["MetricData"]:
        points.setdefault(point["MetricName"], []).append(point)
    latest: dict[str, int] = {}
    if any("Step" not in point for point in request.members["MetricData"]):
        component = request.store.component(name).id
        known = request.store.summaries([component])[component]
        latest = {metric: summary.last_step for metric, summary in known.items()}
    appended = [_appended(name, metric, given, latest.get(metric, -1)) for metric, given in points.items()]
    request.store.write([UpdateComponent(at=request.at, name=name), *appended])  # the edit refuses one that is missing
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
    windows = request.store.windows(component.id, query["MetricName"], _query(query))
    values = getattr(windows, _COLUMNS[query["MetricStat"]])
    axis = windows.steps if query["XAxisType"] == "IterationNumber" else [at // _MICROS for at in windows.times]
    return {
        "Status": "Truncated" if windows.truncated else "Complete",
        "XAxisValues": list(axis),
        "MetricValues": [_number(value) for value in values],
    }


def _query(given: Mapping[str, Any]) -> WindowQuery:
    first, last = given.get("Start"), given.get("End")
    if given["XAxisType"] == "IterationNumber":
        return WindowQuery(first_step=first, last_step=last, limit=_MOST_WINDOWS)
    period = _PERIODS_S[given["Period"]]
    return WindowQuery(period_s=period, since=_time(first), until=_time(last), limit=_MOST_WINDOWS)


def _time(second: int | None) -> datetime | None:
    """A bound in seconds since the epoch; one that no calendar holds is at the calendar's end."""
    return None if second is None else moment(min(max(second, FIRST_SECOND), LAST_SECOND))


def _no_result(message: str) -> Answer:
    return {"Status": "ValidationError", "Message": message, "XAxisValues": [], "MetricValues": []}


def _number(value: float) -> float | str:
    """A number as JSON has it; AWS's JSON has words for those that JSON has not."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
