"""Empties this process's journal into the store, in a daemon thread, without holding up whoever logs.

It takes what the journal mirrors in memory; only what memory had no room for is read back from the file. A store that
does not answer is tried again, ever more rarely; the events wait in the file.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from plugin_core.errors import ConflictError, StoreError, UnflushedError
from plugin_core.journal.delivery import REFUSALS, Delivery, set_aside
from plugin_core.journal.forks import begin_afresh_in_children
from plugin_core.journal.frames import POINT_BYTES
from plugin_core.journal.recovery import finish
from plugin_core.journal.segments import segments_in
from plugin_core.journal.worker import Worker
from plugin_core.journal.writer import Journal
from plugin_core.model.changes import AppendPoints, Batch, JournalSeen

if TYPE_CHECKING:
    from plugin_core.stores.protocol import TrackingStore

LEASE_S: Final = 60.0
LEASE_REFRESH_S: Final = 15.0
MIRROR_BYTES: Final = 64 * 1024 * 1024
_SLICE_S: Final = 0.1
_FULL_BYTES: Final = 4 * 1024 * 1024  # drained before the interval is over, so that no batch takes the store long
_FIRST_RETRY_S, _LAST_RETRY_S = 0.2, 5.0
_GIVE_UP_AFTER: Final = 3  # failures in a row, after which a flush no longer waits
_CHANGE_BYTES: Final = 1_000  # about what a change takes in memory

_log = logging.getLogger("flowtrail")


class _Request:
    """Someone waits for all that is in the journal now to be in the store."""

    def __init__(self) -> None:
        self.is_done = False
        self._answered = threading.Lock()
        self._answered.acquire()

    def answer(self, *, is_done: bool) -> None:
        self.is_done = is_done
        self._answered.release()

    def wait(self, timeout_s: float) -> bool:
        return self._answered.acquire(timeout=max(0.0, timeout_s)) and self.is_done


class Drainer:
    """The drain of one journal. Its thread starts with the first event, also in a forked child."""

    def __init__(
        self,
        journal: Journal,
        open_store: Callable[[], TrackingStore],
        *,
        interval_s: float = 1.0,
        mirror_bytes: int = MIRROR_BYTES,
        monotonic: Callable[[], float] = time.monotonic,
        now_ns: Callable[[], int] = time.time_ns,
        jitter: Callable[[float], float] | None = None,
    ) -> None:
        self._journal = journal
        self._open_store = open_store
        self._interval_s = interval_s
        self._mirror_bytes = mirror_bytes
        self._monotonic = monotonic
        self._now_ns = now_ns
        self._jitter = jitter or _jitter
        self.in_child()
        self._worker = Worker("flowtrail-drain", self._run)
        begin_afresh_in_children(self)
        journal.listen(self._worker.wake)

    def in_child(self) -> None:
        """Nothing in hand: what a forked child's parent has in hand is the parent's to drain."""
        self._requests: deque[_Request] = deque()
        self._held: deque[Batch] = deque()
        self._positions: dict[str, int] = {}  # what is known of the store's watermarks
        self._failures = 0
        self._tried_at = self._retry_at = 0.0
        self._lease_at: float | None = None  # when the store was told that we live

    # What others ask

    def flush(self, timeout_s: float) -> bool:
        """Whether all that was logged before the call reaches the store within the time-out.

        Where the store has failed several times in a row, the answer is no without a wait.
        """
        if self._is_drained:
            return True
        if self._worker.is_current:
            return False
        request = _Request()
        self._requests.append(request)
        self._worker.wake()
        return request.wait(timeout_s)

    def close(self, timeout_s: float) -> bool:
        """Flush, end the thread and the journal's file; whether all is in the store. What is not waits in the file.

        A strict journal raises UnflushedError in that case, unless the time-out is 0: then it was meant to wait.
        """
        deadline = self._monotonic() + timeout_s
        is_flushed = self.flush(timeout_s) if timeout_s > 0 else self._is_drained
        waiting, path = self._journal.pending_events, str(self._journal.spool)
        self._worker.stop(max(0.0, deadline - self._monotonic()))
        self._journal.close()
        if not is_flushed and self._journal.strict and timeout_s > 0:
            raise UnflushedError(waiting, path)
        return is_flushed

    @property
    def _is_drained(self) -> bool:
        return not self._held and not self._requests and self._journal.is_drained

    # The thread

    def _run(self) -> None:
        worker = self._worker
        self._failures = 0
        while not worker.stopping:
            if self._failures:
                self._pause()
            elif worker.wait(LEASE_REFRESH_S):
                self._gather()
            if self._requests or not worker.stopping:
                self._attempt()
        self._answer(self._asked(), is_done=False)

    def _gather(self) -> None:
        """Let events come together, unless someone waits or there are plenty."""
        deadline = self._monotonic() + self._interval_s
        worker, journal = self._worker, self._journal
        while not (self._requests or worker.stopping or journal.pending_bytes >= _FULL_BYTES):
            left = deadline - self._monotonic()
            if left <= 0:
                return
            worker.wait(min(left, _SLICE_S))

    def _pause(self) -> None:
        """Sleep until the store is to be tried again. While there is no hope, whoever asks is told so at once."""
        while not self._worker.stopping and (left := self._retry_at - self._monotonic()) > 0:
            if self._requests and self._failures >= _GIVE_UP_AFTER:
                if self._monotonic() - self._tried_at >= 1.0:
                    return
                self._answer(self._asked(), is_done=False)
            self._worker.wait(left)

    def _asked(self) -> list[_Request]:
        return [self._requests.popleft() for _ in range(len(self._requests))]

    def _answer(self, requests: list[_Request], *, is_done: bool) -> None:
        for request in requests:
            request.answer(is_done=is_done)

    def _attempt(self) -> None:
        """Drain once, whatever comes of it."""
        requests = self._asked()
        self._tried_at = self._monotonic()
        try:
            self._drain()
        except Exception as problem:  # noqa: BLE001 - the edge of the thread: it must outlive whatever the store does
            self._failed(problem, requests)
        else:
            if self._failures:
                _log.info("flowtrail's store answers again.")
            self._failures = 0
            self._answer(requests, is_done=True)

    def _failed(self, problem: Exception, requests: list[_Request]) -> None:
        self._failures += 1
        self._lease_at = None
        if self._failures == 1:
            what = problem if isinstance(problem, StoreError) else f"{type(problem).__name__}: {problem}"
            _log.warning("flowtrail cannot reach its store; events wait in %s (%s)", self._journal.spool, what)
        longest = min(_LAST_RETRY_S, _FIRST_RETRY_S * 2.0 ** min(self._failures, 10))
        pause = self._jitter(longest) if self._failures < _GIVE_UP_AFTER else _LAST_RETRY_S
        self._retry_at = self._monotonic() + pause
        self._make_room()
        if self._failures >= _GIVE_UP_AFTER:
            self._answer(requests, is_done=False)
        else:
            self._requests.extendleft(reversed(requests))

    def _make_room(self) -> None:
        """Let go of what the file holds too, where it is more than memory should."""
        held = sum(map(_weight, self._held))
        if held + self._journal.pending_bytes <= self._mirror_bytes:
            return
        self._journal.take_left()
        self._journal.forget()
        self._held = deque(b for b in self._held if self._journal.is_in_memory_only(b.journal))

    def _drain(self) -> None:
        """Bring all that is in the journal into the store. Raises what the store raises."""
        store = self._open_store()
        self._held.extend(self._journal.take_left())
        if (batch := self._journal.take()) is not None:
            self._held.append(batch)
        while self._held:
            self._apply(store, self._held[0])
            self._held.popleft()
        self._drain_retired(store)
        self._catch_up(store)
        self._refresh_lease(store)

    def _drain_retired(self, store: TrackingStore) -> None:
        """Files of ours that could not be written any more."""
        for retired in list(self._journal.retired):
            segments = segments_in(retired.folder).get(retired.journal, [])
            finish(Delivery(retired.journal, store).run(segments), store)
            self._journal.retired.remove(retired)

    def _apply(self, store: TrackingStore, batch: Batch) -> None:
        """Bring one batch into the store: as it is, or from the file where the store is not where it begins."""
        known = self._positions.get(batch.journal, 0)
        if known == batch.start and self._applied_whole(store, batch):
            self._at(batch.journal, batch.end)
        elif batch.journal == self._journal.id:
            self._read_back(store, batch.end)

    def _applied_whole(self, store: TrackingStore, batch: Batch) -> bool:
        try:
            if store.apply(self._with_lease(batch)):
                return True
        except ConflictError:
            return False
        except REFUSALS as refusal:
            if batch.journal == self._journal.id:
                return False
            return self._apply_singly(store, batch, refusal)
        position = self._positions[batch.journal] = store.watermark(batch.journal)
        return position >= batch.end

    def _apply_singly(self, store: TrackingStore, batch: Batch, refusal: Exception) -> bool:
        """Events of memory's ring, whose positions count them: all that the store takes."""
        for place, change in enumerate(batch.changes):
            start = batch.start + place
            one = Batch(journal=batch.journal, start=start, end=start + 1, changes=(change,))
            try:
                store.apply(one)
            except REFUSALS:
                store.apply(replace(one, changes=()))
                letter = {"position": start, "error": str(refusal), "change": repr(change)[:10_000]}
                set_aside(self._journal.spool, batch.journal, letter)
        return True

    def _catch_up(self, store: TrackingStore) -> None:
        """Where the mirror was dropped and nothing came after it, the file alone holds the rest."""
        journal = self._journal
        if journal.pending_bytes == 0 and self._positions.get(journal.id, 0) < journal.position:
            self._read_back(store, journal.position)

    def _read_back(self, store: TrackingStore, upto: int) -> None:
        """Bring what stands in our own file before ``upto`` into the store."""
        journal = self._journal
        paths = journal.paths
        if not paths:
            return
        segments = segments_in(paths[0].parent).get(journal.id, [])
        delivery = Delivery(journal.id, store, upto=upto)
        outcomes = delivery.run(segments)
        if any(o.damage for o in outcomes):
            _log.warning("flowtrail's journal %s is damaged: %s", journal.id, [o.damage for o in outcomes if o.damage])
        self._at(journal.id, delivery.position)

    def _at(self, journal: str, position: int) -> None:
        memory = {known: at for known, at in self._positions.items() if self._journal.is_in_memory_only(known)}
        kept = memory if journal == self._journal.id else self._positions
        self._positions = {**kept, journal: position}
        self._journal.applied(journal, position)

    # Life signs

    def _with_lease(self, batch: Batch) -> Batch:
        if batch.journal != self._journal.id or not self._lease_is_due:
            return batch
        return replace(batch, changes=(self._seen(), *batch.changes))

    @property
    def _lease_is_due(self) -> bool:
        return self._lease_at is None or self._monotonic() - self._lease_at >= LEASE_REFRESH_S

    def _seen(self) -> JournalSeen:
        self._lease_at = self._monotonic()
        now = self._now_ns() // 1000
        return JournalSeen(at=now, owner=self._journal.owner, lease_until=now + int(LEASE_S * 1e6))

    def _refresh_lease(self, store: TrackingStore) -> None:
        if self._journal.paths and self._lease_is_due:
            store.write([self._seen()])


def _jitter(longest_s: float) -> float:
    from random import SystemRandom  # the module's own generator is the user's, who may have seeded it

    return SystemRandom().uniform(0.0, longest_s)


def _weight(batch: Batch) -> int:
    return sum(POINT_BYTES * len(c.steps) // 2 if isinstance(c, AppendPoints) else _CHANGE_BYTES for c in batch.changes)
