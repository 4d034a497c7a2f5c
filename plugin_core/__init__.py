"""flowtrail records what pipelines do: runs, parameters, metrics, artifacts and lineage.

The public door. Names are resolved on first use, so that importing this package costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from plugin_core.errors import (
        ArtifactCorruptError,
        ConflictError,
        FlowtrailError,
        InvalidValueError,
        NoActiveRunError,
        NotFoundError,
        RunStateError,
        SettingsError,
        StoreError,
        StoreReadOnlyError,
        StoreUnavailableError,
        StoreVersionError,
        UnflushedError,
    )
    from plugin_core.lineage import (
        LineageEntityEnum,
        LineageFilter,
        LineageQuery,
        LineageQueryDirectionEnum,
        LineageSourceEnum,
        LineageTrialComponent,
    )
    from plugin_core.tracking.listing import SortByType, SortOrderType, list_runs
    from plugin_core.tracking.load import load_run
    from plugin_core.tracking.run import Run
    from plugin_core.tracking.settings import configure

_HOMES = {
    "Run": "plugin_core.tracking.run",
    "load_run": "plugin_core.tracking.load",
    "list_runs": "plugin_core.tracking.listing",
    "SortByType": "plugin_core.tracking.listing",
    "SortOrderType": "plugin_core.tracking.listing",
    "configure": "plugin_core.tracking.settings",
    "LineageTrialComponent": "plugin_core.lineage",
    "LineageQuery": "plugin_core.lineage",
    "LineageEntityEnum": "plugin_core.lineage",
    "LineageFilter": "plugin_core.lineage",
    "LineageSourceEnum": "plugin_core.lineage",
    "LineageQueryDirectionEnum": "plugin_core.lineage",
    **dict.fromkeys(
        (
            "ArtifactCorruptError",
            "ConflictError",
            "FlowtrailError",
            "InvalidValueError",
            "NoActiveRunError",
            "NotFoundError",
            "RunStateError",
            "SettingsError",
            "StoreError",
            "StoreReadOnlyError",
            "StoreUnavailableError",
            "StoreVersionError",
            "UnflushedError",
        ),
        "plugin_core.errors",
    ),
}

__all__ = [
    "ArtifactCorruptError",
    "ConflictError",
    "FlowtrailError",
    "InvalidValueError",
    "LineageEntityEnum",
    "LineageFilter",
    "LineageQuery",
    "LineageQueryDirectionEnum",
    "LineageSourceEnum",
    "LineageTrialComponent",
    "NoActiveRunError",
    "NotFoundError",
    "Run",
    "RunStateError",
    "SettingsError",
    "SortByType",
    "SortOrderType",
    "StoreError",
    "StoreReadOnlyError",
    "StoreUnavailableError",
    "StoreVersionError",
    "UnflushedError",
    "configure",
    "list_runs",
    "load_run",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
