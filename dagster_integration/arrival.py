"""Recording of steps in processes that did not begin their run: where Dagster's executors send them.

A spawned child is told by the process that starts it. Others (containers, workers of Dask and Celery)
find what they need in a tag of the run, which the process that works it off puts there.
"""

from __future__ import annotations

import functools
import json
import os
from typing import TYPE_CHECKING, Any, Final

from plugin_core.capture import arrival
from plugin_core.capture.imports import when_imported
from plugin_core.tracking.children import send_along, send_no_longer

if TYPE_CHECKING:
    from dagster import DagsterInstance, DagsterRun

    from plugin_core.capture.events import ExecutionKey

ORIGIN_TAG: Final = "flowtrail/origin"
_TARGET: Final = "dagster_integration.arrival:arrive"
_REMEMBERED: Final = 64
runs_here: Final[dict[str, ExecutionKey]] = {}  # the runs that this process works off, by their ids
_known: Final[dict[str, str | None]] = {}  # run id -> what its tag says
_told = False  # by the process that started this one

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=runs_here.clear)


def origin_tag() -> str:
    """How and where this process records, as the value of a tag."""
    return json.dumps(arrival.origin(), separators=(",", ":"))


# Spawned children


def tell_children(*, autolog: bool) -> None:
    """Have spawned children record as this process does."""
    send_along(_TARGET, lambda: {"autolog": autolog, "origin": arrival.origin()})


def tell_children_no_longer() -> None:
    """Take back ``tell_children``."""
    send_no_longer(_TARGET)


def arrive(told: dict[str, Any]) -> None:
    """A process that records has started this one."""
    when_imported("dagster", functools.partial(_begin, told))


def _begin(told: dict[str, Any], _dagster: object) -> None:
    global _told  # noqa: PLW0603 - a fact of this process
    from dagster_integration import instrumentor

    with instrumentor.own_guard("the arrival of work from another process"):
        arrival.take_over(told["origin"])
        _told = True
        if told["autolog"]:
            instrumentor.instrument(reason="autolog")


# Others


def arrive_for(run: DagsterRun, instance: DagsterInstance) -> None:
    """Record as the process that works a run off, if that is another one."""
    if run.run_id in runs_here:
        return
    text = _origin_of(run, instance)
    if text is not None:
        arrival.take_over(json.loads(text))


def _origin_of(run: DagsterRun, instance: DagsterInstance) -> str | None:
    if run.run_id not in _known:
        found = run.tags.get(ORIGIN_TAG)
        if found is None and not _told:  # some executors send the run as it was before it began
            stored = instance.get_run_by_id(run.run_id)
            found = None if stored is None else stored.tags.get(ORIGIN_TAG)
        if len(_known) >= _REMEMBERED:
            _known.clear()
        _known[run.run_id] = found
    return _known[run.run_id]
