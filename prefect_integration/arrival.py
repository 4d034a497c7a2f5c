"""Recording in processes that Prefect sends tasks to: pools, Dask and Ray workers.

A marker in the flow's context unpickles there before the engine runs, and turns recording on. Where
flowtrail is missing it unpickles to None.
"""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, Any, Final

from prefect_integration import _compat

if TYPE_CHECKING:
    from prefect_integration.watch import Recording

_ATTRIBUTE: Final = "_flowtrail_marker"
_SENT_SETTINGS: Final = ("experiment", "capture", "capture_max_bytes", "redact", "strict")
_CODE: Final = """\
try:
    from prefect_integration.arrival import arrive
except ImportError:
    marker = None
else:
    marker = arrive({origin!r})
"""
_EXPRESSION: Final = "(lambda names: (exec({code!r}, names), names['marker'])[1])({{}})"
_host: Final = socket.gethostname()
_remote = False


class Marker:
    """Turns recording on in each process that unpickles it, on its way through Dask's scheduler too."""

    def __init__(self, origin: dict[str, Any] | None = None) -> None:
        self.origin = origin

    def __reduce__(self) -> tuple[Any, ...]:
        # Only builtins are named: it has to unpickle where this package is not installed.
        code = _CODE.format(origin=self.origin or _origin())
        return eval, (_EXPRESSION.format(code=code), {})


_marker: Final = Marker()


def mark_context() -> None:
    """Put the marker into the flow context that encloses this code: Prefect sends it along with each task."""
    context = _compat.flow_context()
    if context is not None and context.flow is not None and vars(context.flow).get(_ATTRIBUTE) is None:
        setattr(context.flow, _ATTRIBUTE, _marker)


def arrive(origin: dict[str, Any]) -> Marker:
    """Record in this process as in the one that sent the work, unless this one was configured for itself."""
    global _remote  # noqa: PLW0603 - a fact of this process
    if (origin.get("host"), origin.get("pid")) == (_host, os.getpid()):
        return _marker
    _remote = origin.get("host") != _host
    from prefect_integration import instrumentor

    with instrumentor.own_guard("the arrival of work from another process"):
        _configure(origin)
        instrumentor.instrument(reason="arrival")
    return Marker(origin)


def _configure(origin: dict[str, Any]) -> None:
    if os.environ.get("FLOWTRAIL_STORE"):
        return
    from plugin_core.tracking.settings import configure, current_settings

    sent = dict(origin.get("settings") or {})
    if not _remote:
        sent.update(origin.get("folders") or {})
    now = current_settings()
    changes = {name: value for name, value in sent.items() if str(getattr(now, name)) != str(value)}
    if changes:
        configure(**changes)


def flush_if_remote(recording: Recording) -> None:
    """On another machine the disk may go away with the worker: wait a bounded time for the store."""
    if _remote:
        recording.flush()


def _origin() -> dict[str, Any]:
    """Where this process records, as plain data without passwords."""
    from plugin_core.tracking.settings import current_settings, has_credentials

    settings = current_settings()
    sent = {name: getattr(settings, name) for name in _SENT_SETTINGS if getattr(settings, name) not in (None, ())}
    sent |= {
        name: getattr(settings, name) for name in ("store", "blobs") if not has_credentials(getattr(settings, name))
    }
    folders = {"spool_dir": str(settings.spool_dir)}
    return {"host": _host, "pid": os.getpid(), "settings": sent, "folders": folders}
