"""Wrappers put around an orchestrator's functions, and taken off again without a trace.

Where somebody else has wrapped over ours, theirs stays; ours then passes calls through, since it asks
``active`` first.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import ModuleType
from typing import Any

from plugin_core.capture.imports import forget, when_imported


class Patches:
    """A set of wrappers that come and go together."""

    def __init__(self) -> None:
        self.active = True
        self._undo: list[tuple[Any, str, Any, Any]] = []
        self._waiting: list[tuple[str, Callable[[ModuleType], None]]] = []

    def when_imported(self, name: str, install: Callable[[ModuleType], None]) -> None:
        """Call ``install`` with a module: now, or when it is imported, unless the patches were removed by then."""
        self._waiting.append((name, install))
        when_imported(name, install)

    def replace(self, owner: Any, name: str, make: Callable[[Any], Any]) -> None:
        """Put ``make(original)`` in the place of ``owner.name``, if there is such a thing."""
        original = vars(owner).get(name)
        if original is None:
            return
        made = make(original)
        wrapper = made if isinstance(original, property) else functools.wraps(original)(made)
        setattr(owner, name, wrapper)
        self._undo.append((owner, name, wrapper, original))

    def remove(self) -> None:
        """Take the wrappers off, the last one first."""
        self.active = False
        for name, install in self._waiting:
            forget(name, install)
        self._waiting.clear()
        for owner, name, wrapper, original in reversed(self._undo):
            if vars(owner).get(name) is wrapper:
                setattr(owner, name, original)
        self._undo.clear()
