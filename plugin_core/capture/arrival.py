"""Recording in a process that was sent work by another: as the sender records, and safe when the work is done.

An origin is what travels with the work: plain data without passwords, which fits JSON.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, Protocol

from plugin_core.tracking.settings import configure, current_settings, has_credentials, origins

if TYPE_CHECKING:
    from plugin_core.tracking.settings import Settings

_SENT: Final = ("experiment", "capture", "capture_max_bytes", "redact", "strict")
_PLACES: Final = ("store", "blobs")
_host: Final = socket.gethostname()
_taken: Final[dict[str, str]] = {}  # fields that a sender has set here, as text
_is_remote = False


class Flushing(Protocol):
    """What can wait for the store."""

    def flush(self, timeout_s: float | None = None) -> bool:
        """Wait until what was recorded is in the store; False if it took longer."""
        ...


def origin() -> dict[str, Any]:
    """How and where this process records, for those that it sends work to."""
    settings = current_settings()
    sent = {name: _plain(settings, name) for name in _SENT if getattr(settings, name) not in (None, ())}
    sent |= {name: getattr(settings, name) for name in _PLACES if not has_credentials(getattr(settings, name))}
    return {"host": _host, "pid": os.getpid(), "settings": sent, "folders": {"spool_dir": str(settings.spool_dir)}}


def is_from_here(origin: Mapping[str, Any]) -> bool:
    """Whether this very process is the sender."""
    return (origin.get("host"), origin.get("pid")) == (_host, os.getpid())


def take_over(origin: Mapping[str, Any]) -> None:
    """Record in this process as the sender does, and where it does, unless this one was told a place of its own."""
    global _is_remote  # noqa: PLW0603 - a fact of this process
    _is_remote = origin.get("host") != _host
    sent = dict(origin.get("settings") or {})
    if not _is_remote:
        sent |= origin.get("folders") or {}
    if _has_its_own_place():
        sent = {name: value for name, value in sent.items() if name in _SENT}
    now = current_settings()
    changes = {name: value for name, value in sent.items() if str(_plain(now, name)) != str(value)}
    if changes:
        _taken.update({name: str(value) for name, value in changes.items()})
        configure(**changes)


def flush_if_remote(recording: Flushing) -> None:
    """On another machine the disk may go away with the process: wait a bounded time for the store."""
    if _is_remote:
        recording.flush()


def _has_its_own_place() -> bool:
    """Whether somebody chose this process's store: its code, its environment, or files that the sender has not."""
    kind = origins()["store"].kind
    if kind == "argument":
        return _taken.get("store") != current_settings().store
    return kind == "environment" or (_is_remote and kind not in {"default", "parent"})


def _plain(settings: Settings, name: str) -> Any:
    value = getattr(settings, name)
    return list(value) if isinstance(value, tuple) else value
