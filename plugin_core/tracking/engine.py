"""This process's write path: one journal, its drain, and the stores behind them, opened on first need.

Nothing here touches the network or a database before someone reads, or the drain has something to drain.
"""

from __future__ import annotations

import atexit
import os
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from plugin_core.model.changes import Change
from plugin_core.tracking.settings import Settings, current_settings, on_configure

if TYPE_CHECKING:
    from plugin_core.journal import Drainer, Journal, Series
    from plugin_core.redaction import Redactor
    from plugin_core.stores.protocol import BlobStore, TrackingStore

_lock = threading.RLock()
_engine: Engine | None = None


def engine() -> Engine:
    """The engine of this process, made from the current settings."""
    global _engine  # noqa: PLW0603 - one write path per process
    if _engine is None:
        with _lock:
            if _engine is None:
                _engine = Engine(current_settings())
    return _engine


def close_engine() -> None:
    """Empty the journal into the store (within the exit time-out) and start afresh on next use."""
    global _engine
    with _lock:
        closing, _engine = _engine, None
    if closing is not None:
        closing.close()


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
        self.known: set[object] = set()  # what was recorded once, by the keys of record_once
        self._pid = os.getpid()

    def record(self, *changes: Change) -> None:
        """Append changes to the journal: after the return they survive this process."""
        for change in changes:
            self.journal.append(change)

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

        Raises StoreUnavailableError when it cannot be opened.
        """
        self.flush(self.settings.flush_timeout_s)
        store = self._open_store()
        self._take_in_others(store)
        return store

    def _take_in_others(self, store: TrackingStore) -> None:
        spool = Path(self.settings.spool_dir)
        if not spool.is_dir():
            return
        from plugin_core.journal import drain_live, recover

        recover(spool, store)
        drain_live(spool, store)

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
        """Wait until what was recorded is in the store; False if it was not within the time-out (it stays safe)."""
        return self._drainer.flush(timeout_s)

    def close(self, timeout_s: float | None = None) -> None:
        """Drain what is left within the exit time-out, unless a living parent will, and let go of everything."""
        from plugin_core.tracking.load import parent_drains

        limit = self.settings.exit_flush_timeout_s if timeout_s is None else timeout_s
        self._drainer.close(0.0 if parent_drains() else limit)
        if self._store is not None:
            self._store.close()


def _close_at_exit() -> None:
    close_engine()


atexit.register(_close_at_exit)
on_configure(close_engine)
