"""Which runs are entered in this process, and how often: only the outermost ``with`` begins and ends a run."""

from __future__ import annotations

import os
import threading
from typing import Final

from plugin_core.tracking.carrier import RunAddress

_lock: Final = threading.Lock()
_entered: Final[dict[str, tuple[RunAddress, int]]] = {}


def enter(address: RunAddress) -> bool:
    """Count one more ``with`` on a run; True for the outermost."""
    with _lock:
        depth = _entered[address.component][1] + 1 if address.component in _entered else 1
        _entered[address.component] = (address, depth)
        return depth == 1


def leave(address: RunAddress) -> bool:
    """Count one ``with`` less; True when it was the outermost, and was entered in this process."""
    with _lock:
        if address.component not in _entered:
            return False
        depth = _entered[address.component][1] - 1
        if depth:
            _entered[address.component] = (address, depth)
            return False
        del _entered[address.component]
        return True


def only_open() -> RunAddress | None:
    """The run that is entered, if it is the only one."""
    with _lock:
        return next(iter(_entered.values()))[0] if len(_entered) == 1 else None


def open_count() -> int:
    """How many runs are entered now."""
    return len(_entered)


def _reset_in_child() -> None:
    """A forked child has entered nothing: the runs it inherits are its parent's to end."""
    _entered.clear()
    _lock.release()


if hasattr(os, "register_at_fork"):
    # A fork may happen while another thread holds the lock.
    os.register_at_fork(before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_reset_in_child)


def is_clean_exit(exc: BaseException) -> bool:
    """Whether an exception is a program's orderly end."""
    return isinstance(exc, SystemExit) and exc.code in (None, 0)


def text_of(exc: BaseException | None) -> str:
    """What an exception says, or its type where it says nothing or cannot."""
    try:
        return str(exc) or type(exc).__name__
    except Exception:  # noqa: BLE001 - a user's exception may not print; its type has to do
        return type(exc).__name__
