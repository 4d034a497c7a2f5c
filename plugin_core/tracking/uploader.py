"""Sends what waits in the spool to a blob store on the network, in a thread, so that no step waits for it.

It sends what other processes left there, too: those that were killed, and children that leave it to us. A blob store
that does not answer is tried again, ever more rarely; the bytes wait on the disk.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final

from plugin_core.errors import ArtifactCorruptError
from plugin_core.journal import Outbox, deliver, waiting
from plugin_core.journal.destination import is_for
from plugin_core.journal.forks import begin_afresh_in_children
from plugin_core.journal.worker import Worker

if TYPE_CHECKING:
    from plugin_core.journal import Parcel
    from plugin_core.model.changes import PutArtifact
    from plugin_core.stores.protocol import BlobStore, Progress

_log = logging.getLogger("flowtrail")
_LOOK_S: Final = 15.0  # how often we look for what others left
_FIRST_RETRY_S, _LAST_RETRY_S = 1.0, 60.0
_POLL_S: Final = 0.01


class Uploader:
    """Sends bytes from one spool to one blob store. ``record`` is told what the record says of them then."""

    def __init__(
        self,
        spool: Path,
        *,
        blobs_url: str,
        store_url: str,
        open_blobs: Callable[[], BlobStore],
        record: Callable[[PutArtifact], None],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.outbox = Outbox(spool, blobs_url=blobs_url, store_url=store_url)
        self._spool = spool
        self._blobs_url = blobs_url
        self._store_url = store_url
        self._open_blobs = open_blobs
        self._record = record
        self._monotonic = monotonic
        self._progress: Progress | None = None
        import_module("concurrent.futures.thread")  # AWS's SDK needs it, and at the end of the process it is too late
        self.in_child()
        self._worker = Worker("flowtrail-uploads", self._run)
        begin_afresh_in_children(self)

    def in_child(self) -> None:
        """Nothing in hand: what a forked child's parent has posted is the parent's to wait for."""
        self._posted: set[Path] = set()
        self._refused: set[Path] = set()
        self._failures = 0
        self._retry_at = 0.0
        self._moved_at = self._monotonic()

    def post(self, artifact: PutArtifact) -> None:
        """Have bytes that were put into the outbox sent. OSError."""
        if not self._left():
            self._moved_at = self._monotonic()
        self._posted.add(self.outbox.post(artifact))
        self._worker.wake()

    def start(self) -> None:
        """Look for what others left, and go on looking."""
        self._worker.wake()

    @property
    def is_idle(self) -> bool:
        """Whether all that was posted here is sent."""
        return not self._left()

    def wait(self, timeout_s: float, *, while_moving: bool = False) -> bool:
        """Whether all that was posted here is sent, after at most the time-out; at once where nothing has moved for so
        long. With ``while_moving`` it lasts as long as bytes move.
        """
        deadline = self._monotonic() + timeout_s
        while self._left():
            now = self._monotonic()
            is_late = now >= deadline and not while_moving
            if is_late or self._failures or now - self._moved_at >= timeout_s or self._worker.is_current:
                return False
            time.sleep(_POLL_S)
        return True

    @property
    def left_bytes(self) -> int:
        """How much that we posted is still to be sent."""
        return sum(parcel.size_bytes for parcel in waiting(self._spool) if parcel.note in self._left())

    def close(self, timeout_s: float, *, progress: Progress | None = None) -> bool:
        """Send what we posted and what others left: wait while bytes move, and no longer than the time-out where none
        do. Ends the thread. ``progress`` is told how far each file is.
        """
        self._progress = progress
        is_sent = timeout_s <= 0 or self._sent_all(timeout_s)
        self._worker.stop(0.0)
        if not is_sent:
            _log.warning(
                "flowtrail leaves %d files in %s that the blob store did not take in time; `flowtrail recover` sends "
                "them.",
                len(self._left()),
                self._spool,
            )
        return is_sent

    def _sent_all(self, timeout_s: float) -> bool:
        left = {parcel.note for parcel in waiting(self._spool) if self._is_ours(parcel)}
        if left - self._posted:
            self._posted |= left
            self._worker.wake()
        self._moved_at = self._monotonic()
        return self.wait(timeout_s, while_moving=True)

    def _left(self) -> set[Path]:
        self._posted.difference_update([note for note in list(self._posted) if not note.exists()])
        return self._posted

    # The thread

    def _run(self) -> None:
        worker = self._worker
        while not worker.stopping:
            try:
                self._send_all()
                self._failures = 0
            except Exception as problem:  # noqa: BLE001 - the edge of the thread: it must outlive what a store does
                self._failed(problem)
                self._pause()
            else:
                worker.wait(_LOOK_S)

    def _pause(self) -> None:
        while not self._worker.stopping and (left := self._retry_at - self._monotonic()) > 0:
            self._worker.wait(left)

    def _send_all(self) -> None:
        for parcel in waiting(self._spool):
            if self._is_ours(parcel):
                self._send(parcel)
            if self._worker.stopping:
                return

    def _is_ours(self, parcel: Parcel) -> bool:
        """Whether it is for our stores, and ours or left by a process that is gone."""
        is_here = parcel.blobs == self._blobs_url and is_for(parcel.store, self._store_url)
        return is_here and (parcel.note in self._posted or parcel.is_left)

    def _send(self, parcel: Parcel) -> None:
        if parcel.note in self._refused:
            return
        try:
            deliver(parcel, self._open_blobs(), self._say, progress=self._moved)
        except ArtifactCorruptError as problem:
            self._refused.add(parcel.note)
            _log.warning("flowtrail cannot send what waits: %s", problem)
        self._moved_at = self._monotonic()

    def _say(self, artifact: PutArtifact) -> None:
        if self._worker.stopping:
            raise InterruptedError  # whoever sends it again says so
        self._record(artifact)

    def _moved(self, done: int, total: int | None, /) -> None:
        self._moved_at = self._monotonic()
        if self._progress is not None:
            self._progress(done, total)

    def _failed(self, problem: Exception) -> None:
        if self._worker.stopping:
            return
        self._failures += 1
        if self._failures == 1:
            _log.warning("flowtrail cannot reach its blob store; bytes wait in %s (%s)", self._spool, problem)
        self._retry_at = self._monotonic() + min(_LAST_RETRY_S, _FIRST_RETRY_S * 2.0 ** min(self._failures - 1, 10))
