"""Forces the journal to the disk once a second while it is written to: what a loss of power may take is bounded."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from plugin_core.journal.worker import Worker

if TYPE_CHECKING:
    from plugin_core.journal.writer import Journal

INTERVAL_S: Final = 1.0


def sync_files(paths: Iterable[Path], sync: Callable[[int], None]) -> None:
    """Force files to the disk, those that are not gone: they were drained and deleted.

    By descriptors of their own: a duplicate of the writer's would carry the writer's lock into a child that is forked
    meanwhile.
    """
    for path in paths:
        with suppress(FileNotFoundError):
            _sync_file(path, sync)


def _sync_file(path: Path, sync: Callable[[int], None]) -> None:
    fd = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    try:
        sync(fd)
    finally:
        os.close(fd)


class Syncer:
    """A thread of its own: the drain may be waiting for a store that does not answer."""

    def __init__(self, journal: Journal, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._journal = journal
        self._monotonic = monotonic
        self._worker = Worker("flowtrail-sync", self._run)
        journal.listen(self._worker.wake)

    def _run(self) -> None:
        worker = self._worker
        while not worker.stopping:
            worker.wait()
            while not worker.stopping:
                self._sleep()
                self._journal.sync()
                if self._journal.is_quiet:
                    break

    def _sleep(self) -> None:
        due = self._monotonic() + INTERVAL_S
        while not self._worker.stopping and (left := due - self._monotonic()) > 0:
            self._worker.wait(left)

    def stop(self) -> None:
        """End the thread; the next event starts it again."""
        self._worker.stop(0.0)
