"""Dagster jobs and assets that record themselves.

The public door: ``track(defs)`` records a whole ``Definitions``, the ``tracked_*`` decorators single ops,
assets, checks, graphs and jobs, ``autolog()`` all that this process runs. Importing it imports neither
Dagster nor the recorder.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dagster_integration.resolver import register as _register

if TYPE_CHECKING:
    from dagster_integration.component import FlowtrailComponent
    from dagster_integration.decorators import (
        tracked_asset,
        tracked_asset_check,
        tracked_graph,
        tracked_job,
        tracked_multi_asset,
        tracked_op,
    )
    from dagster_integration.io_manager import FlowtrailIOManager
    from dagster_integration.resource import FlowtrailResource
    from dagster_integration.tracking import track

__all__ = [
    "FlowtrailComponent",
    "FlowtrailIOManager",
    "FlowtrailResource",
    "autolog",
    "stop_autolog",
    "track",
    "tracked_asset",
    "tracked_asset_check",
    "tracked_graph",
    "tracked_job",
    "tracked_multi_asset",
    "tracked_op",
]

_HOMES = {
    "FlowtrailComponent": "dagster_integration.component",
    "FlowtrailIOManager": "dagster_integration.io_manager",
    "FlowtrailResource": "dagster_integration.resource",
    "track": "dagster_integration.tracking",
    "tracked_asset": "dagster_integration.decorators",
    "tracked_asset_check": "dagster_integration.decorators",
    "tracked_graph": "dagster_integration.decorators",
    "tracked_job": "dagster_integration.decorators",
    "tracked_multi_asset": "dagster_integration.decorators",
    "tracked_op": "dagster_integration.decorators",
}

_register()


def autolog() -> None:
    """Record every job and asset run of this process from now on, without a change to their code.

    Works before and after Dagster is imported. Calling it again, or where FLOWTRAIL_DISABLED is set,
    changes nothing.
    """
    from dagster_integration.instrumentor import instrument

    instrument(reason="autolog")


def stop_autolog() -> None:
    """Undo ``autolog()``. What is tracked goes on being recorded; without any, Dagster is as it was found."""
    from dagster_integration.instrumentor import stop

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
