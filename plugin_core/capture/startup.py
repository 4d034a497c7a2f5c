"""Recording from the start of a process, and in all that it starts, without a change to their code.

The parent leaves two environment variables: PYTHONPATH with the folder of our ``sitecustomize`` in
front, and FLOWTRAIL_AUTOLOG, which says what to call when which orchestrator is imported.
"""

from __future__ import annotations

import functools
import logging
import os
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Final

from plugin_core.capture.imports import when_imported

AUTOLOG_VARIABLE: Final = "FLOWTRAIL_AUTOLOG"
_FOLDER: Final = str(Path(__file__).with_name("on_start"))
_log = logging.getLogger("flowtrail")


def startup_environment(environ: Mapping[str, str], *, orchestrator: str, autolog: str) -> dict[str, str]:
    """What to add to a child's environment so that it calls ``autolog`` ("module:function") on import.

    ``orchestrator`` is the name of the module whose import is waited for. Calls add up, each from the
    environment that the one before made.
    """
    path = environ.get("PYTHONPATH", "").split(os.pathsep)
    others = [entry for entry in path if entry and entry != _FOLDER]
    wanted = _parsed(environ.get(AUTOLOG_VARIABLE, "")) | {orchestrator: autolog}
    return {
        "PYTHONPATH": os.pathsep.join([_FOLDER, *others]),
        AUTOLOG_VARIABLE: ",".join(f"{name}={target}" for name, target in wanted.items()),
    }


def arm(environ: Mapping[str, str]) -> None:
    """Wait for the orchestrators that the parent named. Never raises."""
    for orchestrator, target in _parsed(environ.get(AUTOLOG_VARIABLE, "")).items():
        when_imported(orchestrator, functools.partial(_call, target))


def _call(target: str, _module: ModuleType) -> None:
    name, _, function = target.partition(":")
    try:
        getattr(import_module(name), function)()
    except Exception as error:  # noqa: BLE001 - a process edge: inside somebody's import of the orchestrator
        _log.warning("flowtrail cannot record with %s: %s", target, type(error).__name__)


def _parsed(text: str) -> dict[str, str]:
    pairs = (entry.partition("=") for entry in text.split(",") if "=" in entry)
    return {name: target for name, _, target in pairs}
