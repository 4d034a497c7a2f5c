"""Prefect flows that record themselves.

The public door: ``tracked_flow`` and ``tracked_task`` decorate what is to be recorded, ``autolog()``
records all flows and tasks of this process. Importing it imports neither Prefect nor the recorder.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prefect_integration.resolver import register as _register

if TYPE_CHECKING:
    from prefect_integration.blocks import FlowtrailStore
    from prefect_integration.decorators import tracked_flow, tracked_task

__all__ = ["FlowtrailStore", "autolog", "stop_autolog", "tracked_flow", "tracked_task"]

_HOMES = {
    "FlowtrailStore": "prefect_integration.blocks",
    "tracked_flow": "prefect_integration.decorators",
    "tracked_task": "prefect_integration.decorators",
}

_register()


def autolog() -> None:
    """Record every flow and task that runs in this process from now on, without a change to their code.

    Works before and after Prefect is imported, also inside a running event loop. Calling it again, or
    where FLOWTRAIL_DISABLED is set, changes nothing.
    """
    from prefect_integration.instrumentor import instrument

    instrument(reason="autolog")


def stop_autolog() -> None:
    """Undo ``autolog()``. Tracked flows and tasks go on being recorded; without any, Prefect is as it was found."""
    from prefect_integration.instrumentor import stop

    stop("autolog")


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
