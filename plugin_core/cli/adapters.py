"""Adapters of orchestrators, found by entry points: the command line knows none of them by name.

``flowtrail.bootstrap``: ``(environ) -> additions``, what makes a child process record itself.
``flowtrail.reconcile``: ``() -> context manager`` of what is asked while it is open, for as many runs as there are:
``(system, execution_id, step_id) -> (Status, message) | None``, the true state.
``flowtrail.importers``: ``(request, counted) -> report``, what brings past runs in (``capture.importing``).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from importlib.metadata import entry_points
from typing import Any, TypeAlias

from plugin_core.capture.importing import Importer
from plugin_core.model.components import Status

Bootstrap: TypeAlias = Callable[[Mapping[str, str]], Mapping[str, str]]
Truth: TypeAlias = tuple[Status, str | None]
Judge: TypeAlias = Callable[[str, str | None, str | None], Truth | None]
OpenJudge: TypeAlias = Callable[[], AbstractContextManager[Judge]]


def bootstraps() -> dict[str, Bootstrap]:
    """Bootstraps by adapter; one that cannot be imported is left out with a word on stderr."""
    return _loaded("flowtrail.bootstrap")


def judges() -> dict[str, OpenJudge]:
    """What opens judges of the true state, by orchestrator; as ``bootstraps``."""
    return _loaded("flowtrail.reconcile")


def importers() -> dict[str, Importer]:
    """Importers of past runs by orchestrator; as ``bootstraps``."""
    return _loaded("flowtrail.importers")


def _loaded(group: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for entry in sorted(entry_points(group=group), key=lambda e: e.name):
        try:
            found[entry.name] = entry.load()
        except Exception as error:  # noqa: BLE001 - somebody else's package must not break this command
            print(f"flowtrail: {entry.name} cannot be used ({type(error).__name__}: {error})", file=sys.stderr)
    return found
