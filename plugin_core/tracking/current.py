"""The current run of this thread or task, and the places where adapters let ``load_run()`` look."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from contextvars import ContextVar, Token
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from plugin_core.tracking.run import Run

_current: ContextVar[Run | None] = ContextVar("flowtrail_current_run", default=None)
_resolvers: Final[dict[str, Callable[[], Run | None]]] = {}
_children_covered = False
RESOLVERS: Final = "flowtrail.resolvers"  # entry points: name -> () -> Run | None
_log = logging.getLogger("flowtrail")


def current_run() -> Run | None:
    """The run that encloses this code in this thread or asyncio task, if any."""
    return _current.get()


def attach(run: Run | None) -> Token[Run | None]:
    """Make ``run`` the current one here; give the token back to ``detach``. From the first on, children get theirs."""
    global _children_covered  # noqa: PLW0603
    if not _children_covered:
        from plugin_core.tracking import children

        children.install()
        _children_covered = True
    return _current.set(run)


def detach(token: Token[Run | None]) -> None:
    """Undo ``attach``. From another context than the one attached in (an abandoned generator), nothing is undone."""
    try:
        _current.reset(token)
    except ValueError:
        return


def register_resolver(name: str, resolver: Callable[[], Run | None]) -> None:
    """Let ``load_run()`` ask ``resolver`` for the run of an orchestrator's own context; registering again replaces."""
    _resolvers[name] = resolver


def resolvers() -> dict[str, Callable[[], Run | None]]:
    """The registered resolvers by name, in the order they came."""
    return dict(_resolvers)


@functools.cache
def installed_resolvers() -> dict[str, Callable[[], Run | None]]:
    """What installed packages offer to find a run with where no adapter was imported, in the order of their names.

    Their modules should be light: they are imported in every process that asks for a run and has none.
    """
    from importlib.metadata import entry_points

    found: dict[str, Callable[[], Run | None]] = {}
    for entry in sorted(entry_points(group=RESOLVERS), key=lambda entry: entry.name):
        try:
            found[entry.name] = entry.load()
        except Exception as error:  # noqa: BLE001 - a plugin's edge
            _log.debug("flowtrail cannot use the resolver %s: %s", entry.name, type(error).__name__)
    return found
