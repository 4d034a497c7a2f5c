"""Dagster's decorators, with what they make marked to be recorded.

All options, overloads and behaviour are Dagster's own: the mark is an attribute of the user's function or
graph and nothing more. With FLOWTRAIL_DISABLED set, what comes out is plain.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import dagster

from dagster_integration.instrumentor import instrument
from dagster_integration.marks import Mark, mark_graph, mark_node
from plugin_core.tracking.settings import is_disabled


def _mark(made: Any) -> None:
    """Mark what a decorator of Dagster's made."""
    mark = Mark()
    if isinstance(made, dagster.JobDefinition):
        mark_graph(made.graph, mark)
    elif isinstance(made, dagster.GraphDefinition):
        mark_graph(made, mark)
    elif isinstance(made, dagster.OpDefinition):
        mark_node(made, mark)
    elif isinstance(made, dagster.AssetsDefinition):
        mark_node(made.node_def, mark)


def _tracking(decorator: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(decorator)
    def tracked(*args: Any, **kwargs: Any) -> Any:
        made = decorator(*args, **kwargs)
        if is_disabled():
            return made
        instrument(reason="tracked")
        if not isinstance(made, _DEFINITIONS) and callable(made):
            return _marking(made)
        _mark(made)
        return made

    return tracked


_DEFINITIONS = (dagster.JobDefinition, dagster.GraphDefinition, dagster.OpDefinition, dagster.AssetsDefinition)


def _marking(decorate: Callable[..., Any]) -> Callable[..., Any]:
    """The second half of a decorator with options: what it makes of the function is marked."""

    def decorated(function: Any) -> Any:
        made = decorate(function)
        _mark(made)
        return made

    return decorated


if TYPE_CHECKING:
    tracked_op = dagster.op
    tracked_graph = dagster.graph
    tracked_job = dagster.job
    tracked_asset = dagster.asset
    tracked_multi_asset = dagster.multi_asset
    tracked_asset_check = dagster.asset_check
else:
    tracked_op = _tracking(dagster.op)
    tracked_graph = _tracking(dagster.graph)
    tracked_job = _tracking(dagster.job)
    tracked_asset = _tracking(dagster.asset)
    tracked_multi_asset = _tracking(dagster.multi_asset)
    tracked_asset_check = _tracking(dagster.asset_check)
