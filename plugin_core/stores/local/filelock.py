"""One writer at a time: a file lock beside the store, which ends with its holder and names it while it lasts."""

from __future__ import annotations

import os
import random
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from plugin_core.stores.local.failures import locked

if sys.platform != "win32":
    import fcntl

_FIRST_WAIT_S = 0.0005
_LONGEST_WAIT_S = 0.02
_spread = random.SystemRandom()  # the module's own generator is the user's, who may have seeded it


class FileLock:
    """An exclusive ``flock``. Not for two threads at once, and not across a fork: see ``forget``."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd: int | None = None

    @contextmanager
    def held(self, timeout_s: float) -> Generator[None]:
        """Hold the lock; StoreUnavailableError, naming the holder, if it is not free in time."""
        fd = self._open()
        self._take(fd, timeout_s)
        try:
            os.pwrite(fd, b"%-12d\n" % os.getpid(), 0)
            yield
        finally:
            _unlock(fd)

    def _open(self) -> int:
        if self._fd is None:
            self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        return self._fd

    def _take(self, fd: int, timeout_s: float) -> None:
        deadline = time.monotonic() + timeout_s
        wait_s = _FIRST_WAIT_S
        while not _try_lock(fd):
            if time.monotonic() >= deadline:
                raise locked(self._path.with_suffix(""), self.holder())
            time.sleep(wait_s * (0.5 + _spread.random()))
            wait_s = min(wait_s * 2, _LONGEST_WAIT_S)

    def holder(self) -> str | None:
        """The process that holds the lock, or held it last."""
        try:
            return self._path.read_text(encoding="ascii").strip() or None
        except (OSError, ValueError):
            return None

    def forget(self) -> None:
        """Close the file. A child of a fork must, or its copy keeps the lock alive after the parent's death."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


if sys.platform != "win32":

    def _try_lock(fd: int) -> bool:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _unlock(fd: int) -> None:
        fcntl.flock(fd, fcntl.LOCK_UN)

else:  # SQLite's own lock and its busy handler do where there is no flock

    def _try_lock(_fd: int) -> bool:
        return True

    def _unlock(_fd: int) -> None:
        return None
