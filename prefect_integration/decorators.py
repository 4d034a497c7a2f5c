"""``tracked_flow`` and ``tracked_task``: Prefect's own flows and tasks, marked to be recorded.

A mark changes nothing else: the function, the task key, source code, cache policies, hooks and all
methods are Prefect's. With FLOWTRAIL_DISABLED set, what comes out is a plain Flow or Task.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final, ParamSpec, TypeVar, overload

import prefect
from prefect import Flow, Task

from plugin_core.errors import InvalidValueError
from plugin_core.tracking.settings import is_disabled
from prefect_integration.instrumentor import instrument
from prefect_integration.marks import mark_of, marked
from prefect_integration.translate import Mark

if TYPE_CHECKING:
    from prefect.tasks import MaterializingTask

    from plugin_core.tracking.settings import CaptureLevel
else:
    try:
        from prefect.tasks import MaterializingTask
    except ImportError:  # this Prefect has no assets yet
        MaterializingTask = Task

P = ParamSpec("P")
R = TypeVar("R")
_LEVELS: Final = ("off", "params", "meta", "full")


class TrackedFlow(Flow[P, R]):
    """A flow that is recorded, also where ``autolog()`` is off."""

    def with_options(self, *args: Any, **kwargs: Any) -> Flow[P, R]:
        """As ``Flow.with_options``; what comes out is recorded too."""
        return _as_tracked(super().with_options(*args, **kwargs), mark_of(self))


class TrackedTask(Task[P, R]):
    """A task that is recorded, also where ``autolog()`` is off."""

    def with_options(self, *args: Any, **kwargs: Any) -> Task[P, R]:
        """As ``Task.with_options``; what comes out is recorded too."""
        return _as_tracked(super().with_options(*args, **kwargs), mark_of(self))


class TrackedMaterializingTask(MaterializingTask[P, R]):
    """A task that materializes assets, and is recorded."""

    def with_options(self, *args: Any, **kwargs: Any) -> MaterializingTask[P, R]:
        """As ``MaterializingTask.with_options``; what comes out is recorded too."""
        return _as_tracked(super().with_options(*args, **kwargs), mark_of(self))


_TRACKED: Final[dict[type[Any], type[Any]]] = {
    Flow: TrackedFlow,
    MaterializingTask: TrackedMaterializingTask,
    Task: TrackedTask,
}

T = TypeVar("T")


def _as_tracked(runnable: T, mark: Mark) -> T:
    """A copy of a flow or task that carries the mark. Of other subclasses the class is kept, and the mark set."""
    tracked = marked(copy.copy(runnable), mark)
    kind = _TRACKED.get(type(tracked))
    if kind is not None:
        tracked.__class__ = kind
    return tracked


@overload
def tracked_flow(
    fn: Flow[P, R],
    /,
    *,
    experiment: str | None = None,
    capture: CaptureLevel | None = None,
    record_tags: Iterable[str] = (),
    **options: Any,
) -> Flow[P, R]: ...
@overload
def tracked_flow(
    fn: Callable[P, R],
    /,
    *,
    experiment: str | None = None,
    capture: CaptureLevel | None = None,
    record_tags: Iterable[str] = (),
    **options: Any,
) -> Flow[P, R]: ...
@overload
def tracked_flow(
    fn: None = None,
    /,
    *,
    experiment: str | None = None,
    capture: CaptureLevel | None = None,
    record_tags: Iterable[str] = (),
    **options: Any,
) -> Callable[[Callable[P, R]], Flow[P, R]]: ...
def tracked_flow(
    fn: Any = None,
    /,
    *,
    experiment: str | None = None,
    capture: CaptureLevel | None = None,
    record_tags: Iterable[str] = (),
    **options: Any,
) -> Any:
    """A flow that records itself: bare or with options, over a function or an existing flow.

    ``options`` are those of ``prefect.flow`` (over an existing flow: of ``Flow.with_options``).
    ``experiment`` is the name to record under instead of the flow's; ``capture`` says how much of
    parameters and results is recorded (off, params, meta, full) instead of FLOWTRAIL_CAPTURE;
    ``record_tags`` are tags of the record, beside those of the run. InvalidValueError for an unknown level.
    """
    mark = _mark(experiment, capture, record_tags)
    if fn is None:
        return lambda function: _tracked(_flow_of(function, options), mark)
    return _tracked(_flow_of(fn, options), mark)


def _flow_of(fn: Any, options: dict[str, Any]) -> Flow[..., Any]:
    made: Flow[..., Any]
    if not isinstance(fn, Flow):
        made = prefect.flow(fn, **options)
        return made
    return fn.with_options(**options) if options else fn


@overload
def tracked_task(
    fn: Task[P, R],
    /,
    *,
    experiment: str | None = None,
    capture: CaptureLevel | None = None,
    record_tags: Iterable[str] = (),
    **options: Any,
) -> Task[P, R]: ...
@overload
def tracked_task(
    fn: Callable[P, R],
    /,
    *,
    experiment: str | None = None,
    capture: CaptureLevel | None = None,
    record_tags: Iterable[str] = (),
    **options: Any,
) -> Task[P, R]: ...
@overload
def tracked_task(
    fn: None = None,
    /,
    *,
    experiment: str | None = None,
    capture: CaptureLevel | None = None,
    record_tags: Iterable[str] = (),
    **options: Any,
) -> Callable[[Callable[P, R]], Task[P, R]]: ...
def tracked_task(
    fn: Any = None,
    /,
    *,
    experiment: str | None = None,
    capture: CaptureLevel | None = None,
    record_tags: Iterable[str] = (),
    **options: Any,
) -> Any:
    """A task that records itself: bare or with options, over a function, a method or an existing task.

    As ``tracked_flow``; ``experiment`` counts where the task is called outside of any flow.
    """
    mark = _mark(experiment, capture, record_tags)
    if fn is None:
        return lambda function: _tracked(_task_of(function, options), mark)
    return _tracked(_task_of(fn, options), mark)


def _task_of(fn: Any, options: dict[str, Any]) -> Task[..., Any]:
    made: Task[..., Any]
    if not isinstance(fn, Task):
        made = prefect.task(fn, **options)
        return made
    return fn.with_options(**options) if options else fn


def _mark(experiment: str | None, capture: str | None, record_tags: Iterable[str]) -> Mark:
    if capture is not None and capture not in _LEVELS:
        raise InvalidValueError(f"capture must be one of {', '.join(_LEVELS)}, not {capture!r}.")
    return Mark(experiment=experiment, capture=capture, tags=tuple(record_tags))


def _tracked(runnable: T, mark: Mark) -> T:
    if is_disabled():
        return runnable
    instrument(reason="tracked")
    return _as_tracked(runnable, mark)
