"""This process's write path: one journal, its drain, and the stores behind them, opened on first need.

Nothing here touches the network or a database before someone reads, or the drain has something to drain.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from plugin_core.errors import StoreError
from plugin_core.model.changes import Change
from plugin_core.stores.aws.address import NO_BLOBS, is_sagemaker
from plugin_core.tracking.carrier import from_env
from plugin_core.tracking.intake import settle_dead, take_in
from plugin_core.tracking.settings import Settings, current_settings, on_configure

if TYPE_CHECKING:
    from plugin_core.journal import Drainer, Journal, Series
    from plugin_core.redaction import Redactor
    from plugin_core.stores.protocol import BlobStore, TrackingStore
    from plugin_core.tracking.uploader import Uploader

_log = logging.getLogger("flowtrail")
_SETTLED_FOR_S: Final = 5.0
_TAKEN_IN_AT_EXIT_BYTES: Final = 64 * 1024 * 1024
_lock = threading.RLock()
_engine: Engine | None = None
_elsewhere: dict[str, Engine] = {}


def engine() -> Engine:
    """The engine of this process, made from the current settings."""
    global _engine  # noqa: PLW0603 - one write path per process
    if _engine is None:
        with _lock:
            if _engine is None:
                _engine = Engine(current_settings())
    return _engine


def engine_at(store: str) -> Engine:
    """The engine of this process for a store that its runs were given; their files are not the blob store's."""
    with _lock:
        if store not in _elsewhere:
            _elsewhere[store] = Engine(replace(current_settings(), store=store, blobs=NO_BLOBS))
        return _elsewhere[store]


def close_engine() -> None:
    """Empty the journals into their stores (within the exit time-out) and start afresh on next use."""
    global _engine  # noqa: PLW0603 - as above
    with _lock:
        closing = [each for each in (_engine, *_elsewhere.values()) if each is not None]
        _engine = None
        _elsewhere.clear()
    for each in closing:
        each.close()


def now_us() -> int:
    """Microseconds since the epoch, UTC."""
    return time.time_ns() // 1000


class Engine:
    """Records changes of this process and reads the store back. Safe to share between threads; survives a fork."""

    def __init__(self, settings: Settings) -> None:
        from plugin_core.journal import Drainer, Journal
        from plugin_core.redaction import Redactor

        self.settings = settings
        self.redactor: Redactor = Redactor(settings.redact)
        self.journal: Journal = Journal.create(
            Path(settings.spool_dir), store_url=settings.store, durability=settings.durability, strict=settings.strict
        )
        self._drainer: Drainer = Drainer(self.journal, self._open_store)
        self._store: TrackingStore | None = None
        self._blobs: BlobStore | None = None
        self._store_lock = threading.Lock()
        self._settled_until = 0.0
        self.uploads: Uploader | None = self._uploader()  # None: bytes go to the blob store at once
        self.known: set[object] = set()  # what was recorded once, by the keys of record_once

    def record(self, *changes: Change) -> None:
        """Append changes to the journal: after the return they survive this process."""
        if changes:
            self.journal.append_all(changes)

    def record_once(self, key: object, *changes: Change) -> None:
        """Record changes that need recording only once per process, told apart by ``key``."""
        if key not in self.known:
            self.known.add(key)
            self.record(*changes)

    def series(self, component: str, metric: str) -> Series:
        """The series to log points of a metric to."""
        return self.journal.series(component, metric)

    @property
    def store(self) -> TrackingStore:
        """The store, holding all that this process and others on this machine logged until now.

        Raises StoreUnavailableError when it cannot be opened. Bytes may still be on their way to the blob store.
        """
        self._drainer.flush(self.settings.flush_timeout_s)
        store = self._open_store()
        self._take_in_others(store)
        return store

    def _take_in_others(self, store: TrackingStore) -> None:
        spool = Path(self.settings.spool_dir)
        take_in(store, spool)
        if time.monotonic() >= self._settled_until:
            self._settled_until = time.monotonic() + _SETTLED_FOR_S
            self._settle(store, spool)

    def _settle(self, store: TrackingStore, spool: Path) -> None:
        try:
            settle_dead(store, spool)
        except StoreError as error:  # reading goes on: a read-only store shows what it was told
            _log.debug("flowtrail cannot settle the runs of dead processes: %s", error)

    def _uploader(self) -> Uploader | None:
        """What sends bytes to a blob store that is not on this machine. Strict mode waits for it, to say what fails."""
        settings = self.settings
        if settings.strict or settings.blobs.startswith("file:") or is_sagemaker(settings.blobs):
            return None
        from plugin_core.tracking.uploader import Uploader

        uploader = Uploader(
            Path(settings.spool_dir),
            blobs_url=settings.blobs,
            store_url=settings.store,
            open_blobs=lambda: self.blobs,
            record=self.record,
        )
        if from_env(os.environ) is None:  # children leave what they have to those who started them
            uploader.start()
        return uploader

    @property
    def blobs(self) -> BlobStore:
        """Where bytes are kept."""
        if self._blobs is None:
            from plugin_core.stores import open_blobs

            self._blobs = open_blobs(self.settings.blobs)
        return self._blobs

    def _open_store(self) -> TrackingStore:
        from plugin_core.stores import open_store

        with self._store_lock:
            if self._store is None:
                self._store = open_store(self.settings.store)
            return self._store

    def flush(self, timeout_s: float) -> bool:
        """Wait until what was recorded is in the stores; False if it was not within the time-out (it stays safe)."""
        deadline = time.monotonic() + timeout_s
        is_drained = self._drainer.flush(timeout_s)
        if self.uploads is None or self.uploads.is_idle:
            return is_drained
        is_sent = self.uploads.wait(max(0.0, deadline - time.monotonic()))
        return self._drainer.flush(max(0.0, deadline - time.monotonic())) and is_sent

    def close(self, timeout_s: float | None = None) -> None:
        """Drain what is left within the exit time-out and let go of everything.

        A child leaves its journal to the recording process that started it, while that one lives: it need not
        open the store for the few events that it wrote.
        """
        limit = self.settings.exit_flush_timeout_s if timeout_s is None else timeout_s
        is_left_to_parent = self._parent_drains()
        if self.uploads is not None:
            self._close_uploads(self.uploads, 0.0 if is_left_to_parent else limit)
        if is_left_to_parent:
            self._drainer.close(0.0)
        elif self._drainer.close(limit):  # otherwise the store would not take what they left, either
            self._take_in_children()
        if self._store is not None:
            self._store.close()

    def _close_uploads(self, uploads: Uploader, limit: float) -> None:
        if uploads.is_idle:
            uploads.close(limit)
            return
        from plugin_core.tracking.files import progress_bar

        with progress_bar("what was logged", uploads.left_bytes, doing="sending") as progress:
            uploads.close(limit, progress=progress)

    def _parent_drains(self) -> bool:
        parent = from_env(os.environ)
        if parent is None or parent.journal is None or parent.spool != str(self.settings.spool_dir):
            return False
        from plugin_core.journal import list_journals

        journals = list_journals(Path(self.settings.spool_dir))
        return any(found.journal == parent.journal and found.is_alive for found in journals)

    def _take_in_children(self) -> None:
        """Bring in what processes that have ended left in the spool, if it is little; `recover` is for the rest."""
        from plugin_core.journal import list_journals, recover

        spool = Path(self.settings.spool_dir)
        left = [found for found in list_journals(spool) if found.is_alive is False] if spool.is_dir() else []
        if not left or sum(found.size_bytes for found in left) > _TAKEN_IN_AT_EXIT_BYTES:
            return
        try:
            recover(spool, self._open_store())
        except StoreError as error:
            _log.debug("flowtrail leaves %d journals in the spool: %s", len(left), error)


def _close_at_exit() -> None:
    close_engine()


atexit.register(_close_at_exit)
on_configure(close_engine)
