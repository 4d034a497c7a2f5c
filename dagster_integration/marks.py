"""What is to be recorded: a mark on the user's functions and graphs, which every copy of a definition shares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

from dagster_integration import _compat
from dagster_integration.fallback import inside

if TYPE_CHECKING:
    from dagster import JobDefinition, NodeDefinition, OpDefinition

_ATTRIBUTE: Final = "__flowtrail__"


@dataclass(frozen=True, slots=True)
class Mark:
    """That something is recorded; ``experiment`` is the name for runs of assets that have no job of their own."""

    experiment: str | None = None


_of_jobs: WeakKeyDictionary[JobDefinition, Mark | None] = WeakKeyDictionary()


def mark_node(node: NodeDefinition, mark: Mark) -> None:
    """Mark an op, or a graph and all ops in it."""
    for inner in node.iterate_node_defs():
        _set(_bearer(inner), mark)


def mark_graph(graph: Any, mark: Mark) -> None:
    """Mark a graph itself: jobs made of it are recorded as a whole."""
    _set(graph, mark)


def mark_of_job(job: JobDefinition) -> Mark | None:
    """The mark of a job: its graph's, or that of any op in it; None if nobody wants it recorded."""
    if job not in _of_jobs:
        _of_jobs[job] = _find(job)
    return _of_jobs[job]


def _find(job: JobDefinition) -> Mark | None:
    marks = [mark for node in job.graph.iterate_node_defs() if (mark := _of_node(node)) is not None]
    return next((mark for mark in marks if mark.experiment is not None), marks[0] if marks else None)


def _of_node(node: Any) -> Mark | None:
    mark: Mark | None = getattr(node, _ATTRIBUTE, None) or getattr(_bearer(node), _ATTRIBUTE, None)
    if mark is None and hasattr(node, "parent_graph_def"):  # a selection of a job's ops
        return _of_node(node.parent_graph_def)
    return mark


def _bearer(node: Any) -> Any:
    """Of an op its function, since copies of the definition share that; of a graph itself."""
    compute = getattr(node, "compute_fn", None)
    if compute is None:
        return node
    function = getattr(compute, "decorated_fn", compute)
    return inside(_compat.observed_with(function) or function)


def _set(bearer: Any, mark: Mark) -> None:
    _of_jobs.clear()
    try:
        setattr(bearer, _ATTRIBUTE, mark)
    except (AttributeError, TypeError):
        return  # an object without attributes of its own: only autolog records it


def tag_of(definition: OpDefinition | JobDefinition, name: str) -> str | None:
    """The value of a ``flowtrail/...`` tag of a definition."""
    return definition.tags.get(f"flowtrail/{name}")
