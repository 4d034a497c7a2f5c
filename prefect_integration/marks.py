"""What flows and tasks carry for us: plain data in attributes of theirs, so that they pickle as before."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Final, TypeVar

from prefect_integration.translate import NO_MARK, Call, Mark

if TYPE_CHECKING:
    from prefect import Task

T = TypeVar("T")
_MARK: Final = "_flowtrail_mark"
_CALL: Final = "_flowtrail_call"


def marked(runnable: T, mark: Mark) -> T:
    """Put a mark on a flow or task."""
    setattr(runnable, _MARK, mark)
    return runnable


def is_marked(runnable: Any) -> bool:
    """Whether the author asked for this flow or task to be recorded."""
    return _MARK in vars(runnable)


def mark_of(runnable: Any) -> Mark:
    """The mark of a flow or task; an empty one if it has none."""
    found = vars(runnable).get(_MARK)
    return found if isinstance(found, Mark) else NO_MARK


def carrying(task: Task[..., Any], call: Call) -> Task[..., Any]:
    """A copy of a task for one call that runs in another process, with what is known of the call here.

    As a plain dict: the process that runs it may not have this package.
    """
    copied = copy.copy(task)
    setattr(copied, _CALL, {"map_index": call.map_index, "upstream": call.upstream})
    return copied


def call_of(task: Any) -> Call | None:
    """What ``carrying`` put on a task."""
    found = vars(task).get(_CALL)
    return Call(**found) if isinstance(found, dict) else None
