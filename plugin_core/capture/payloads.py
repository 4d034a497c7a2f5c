"""Stores what steps took and returned, behind the step's back: one thread, a bounded queue.

What does not fit the queue is not stored; its description is in the record all the same.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from plugin_core.errors import StoreError
from plugin_core.model.changes import PutArtifact
from plugin_core.tracking.engine import Engine, now_us
from plugin_core.tracking.files import named, put_bytes

if TYPE_CHECKING:
    from plugin_core.capture.values import Payload

_log = logging.getLogger("flowtrail")
_QUEUE_MAX: Final = 256


@dataclass(frozen=True, slots=True)
class _Job:
    source_uri: str
    type: str
    name: str
    payload: Payload


class PayloadWriter:
    """Writes payloads to the blob store on a thread that starts with the first, also anew after a fork."""

    def __init__(self, engine: Engine, on_failure: Callable[[str, BaseException], None]) -> None:
        self._engine = engine
        self._on_failure = on_failure
        self._queue: queue.Queue[_Job] = queue.Queue(_QUEUE_MAX)
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._seen: set[str] = set()

    def put(self, *, source_uri: str, type: str, name: str, payload: Payload) -> None:
        """Queue a payload; the same identity is stored once per process."""
        if source_uri in self._seen:
            return
        try:
            self._queue.put_nowait(_Job(source_uri, type, name, payload))
        except queue.Full:
            return
        self._seen.add(source_uri)
        self._ensure_thread()

    def wait(self, timeout_s: float) -> bool:
        """Wait until the queue is empty; False if it was not within the time-out."""
        deadline = time.monotonic() + timeout_s
        while self._queue.unfinished_tasks and self._thread is not None and self._thread.is_alive():
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.005)
        return True

    def _ensure_thread(self) -> None:
        if self._thread is not None and self._thread.is_alive():
            return
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._work, name="flowtrail-payloads", daemon=True)
                self._thread.start()

    def _work(self) -> None:
        while True:
            job = self._queue.get()
            try:
                self._store(job)
            except Exception as error:  # noqa: BLE001 - the edge of a thread that must outlive a bad payload
                self._on_failure("storing a value", error)
            finally:
                self._queue.task_done()

    def _store(self, job: _Job) -> None:
        data = job.payload.write()
        if data is None:  # a closer look found a secret in it
            return
        try:
            stored = put_bytes(self._engine, data)
        except (StoreError, OSError) as error:
            self._on_failure("storing a value", error)
            return
        artifact = PutArtifact(
            at=now_us(),
            source_uri=job.source_uri,
            type=job.type,
            name=job.name,
            media_type=job.payload.media_type,
            size_bytes=len(data),
        )
        self._engine.record(named(self._engine, artifact, stored))
