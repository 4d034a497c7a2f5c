"""Brings into the store what processes left behind that are gone, and what living ones have not drained yet.

A file is deleted only when all of it is in the store and nobody will write to it any more. A damaged one is kept in
quarantine, with a report beside it; one that holds what only a newer flowtrail can read stays where it is.
"""

from __future__ import annotations

import contextlib
import logging
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from plugin_core.journal import kept, owners, segments
from plugin_core.journal.delivery import Delivered, Delivery
from plugin_core.journal.destination import is_for
from plugin_core.journal.frames import Header
from plugin_core.journal.reader import SegmentReader
from plugin_core.journal.segments import Segment
from plugin_core.model.changes import JournalSeen
from plugin_core.model.components import Owner

if TYPE_CHECKING:
    from plugin_core.stores.protocol import Progress, TrackingStore

LEASE_S: Final = 60.0
_FOREIGN_REST_S: Final = 86_400.0  # an unfinished file of another machine is deleted when untouched for this long

_log = logging.getLogger("flowtrail")


@dataclass(frozen=True, kw_only=True, slots=True)
class JournalInfo:
    """A journal that lies in a spool. ``is_alive`` is None for one of another machine."""

    journal: str
    owner: Owner | None
    store_url: str | None
    paths: tuple[Path, ...]
    size_bytes: int
    is_alive: bool | None


@dataclass(kw_only=True)
class RecoveryReport:
    """What a recovery found and did."""

    journals: int = 0  # of which something was brought in
    events: int = 0
    live: int = 0  # journals whose owners live
    other_stores: int = 0  # journals that belong in another store
    newer: int = 0  # journals that only a newer flowtrail can read, and that stay
    torn_bytes: int = 0  # of last frames that were never finished: their events were not acknowledged
    lost_events: int = 0
    nameless_points: int = 0
    bad_regions: int = 0
    skipped_bytes: int = 0
    missing_bytes: int = 0  # of segments that were gone
    dead_letters: int = 0  # events that the store will never take, set aside
    quarantined: list[Path] = field(default_factory=list[Path])
    unreadable: list[Path] = field(default_factory=list[Path])

    def add(self, outcome: Delivered) -> None:
        """Count one segment in."""
        damage = outcome.damage
        self.events += outcome.events
        self.newer += outcome.is_newer or bool(damage.unknown)
        self.torn_bytes += damage.torn_bytes
        self.lost_events += damage.lost_events
        self.nameless_points += damage.nameless_points
        self.bad_regions += len(damage.regions)
        self.skipped_bytes += damage.skipped_bytes
        self.missing_bytes += outcome.missing_bytes
        self.dead_letters += outcome.dead_letters


@dataclass(frozen=True, slots=True)
class _Found:
    """A journal in a folder, by its header, which is None if no segment's can be read."""

    journal: str
    chain: list[Segment]
    header: Header | None


def recover(
    spool: Path,
    store: TrackingStore,
    *,
    progress: Progress | None = None,
    include_live: bool = False,
    fallback: Path | None = None,
    now: Callable[[], float] = time.time,
) -> RecoveryReport:
    """Bring the journals of dead owners into the store and delete them; with ``include_live``, drain the others too.

    Journals that name another store are left alone. Raises the store's errors; what was brought in until then stays.
    """
    report = RecoveryReport()
    found = list(_found(spool, store, report, fallback))
    told = _Told(progress, sum(segment.size_bytes for f in found for segment in f.chain)) if progress else None
    for journal in found:
        try:
            _recover_one(journal, store, report, include_live=include_live, told=told, now=now)
        except OSError as problem:
            report.unreadable.append(journal.chain[-1].path)
            _log.warning("flowtrail cannot read %s: %s", journal.chain[-1].path, problem)
    for folder in {spool, *(f.chain[0].path.parent for f in found)}:
        segments.sweep(folder, now())
    return report


def drain_live(spool: Path, store: TrackingStore, *, fallback: Path | None = None) -> int:
    """Bring in what living processes have written until now, deleting nothing; return how many events that was."""
    report = RecoveryReport()
    for found in _found(spool, store, report, fallback):
        with contextlib.suppress(OSError):
            if _is_held(found):
                _deliver(found, store, report, is_live=True, told=None, now=time.time)
    return report.events


def list_journals(spool: Path, *, fallback: Path | None = None) -> list[JournalInfo]:
    """Every journal that lies in a spool, and in the fallback folder for it."""
    return [
        JournalInfo(
            journal=found.journal,
            owner=found.header.owner if found.header else None,
            store_url=found.header.store_url if found.header else None,
            paths=tuple(segment.path for segment in found.chain),
            size_bytes=sum(segment.size_bytes for segment in found.chain),
            is_alive=is_alive(found.header.owner, spool, fallback=fallback) if found.header else None,
        )
        for found in _chains(spool, fallback)
    ]


def is_alive(owner: Owner, spool: Path, *, fallback: Path | None = None) -> bool | None:
    """Whether a journal's owner still lives; None if it ran on another machine, of which nothing can be told."""
    listed = owners.in_process_table(owner)
    for folder in _folders(spool, fallback):
        chain = segments.segments_in(folder).get(owner.journal)
        if chain:
            held = owners.is_locked(chain[-1].path)
            header = _header(chain)
            if held:
                return not (listed is False and header is not None and header.namespace == owners.namespace())
            if listed is None and held is False and owners.same_machine(owner):
                return False  # another container of this machine; the lock tells
    return listed


def _folders(spool: Path, fallback: Path | None) -> tuple[Path, Path]:
    return spool, segments.fallback_folder() if fallback is None else fallback


def _chains(spool: Path, fallback: Path | None) -> Iterator[_Found]:
    """All journals of a spool: in its folder, and those in the fallback folder that were meant for it."""
    here, elsewhere = _folders(spool, fallback)
    for journal, chain in segments.segments_in(here).items():
        with contextlib.suppress(OSError):
            yield _Found(journal, chain, _header(chain))
    if elsewhere == here or not segments.is_private(elsewhere):
        return
    meant = os.path.abspath(spool)  # noqa: PTH100 - as the writer does
    for journal, chain in segments.segments_in(elsewhere).items():
        header = _header(chain)
        if header is not None and header.spool == meant:
            yield _Found(journal, chain, header)


def _header(chain: Sequence[Segment]) -> Header | None:
    for segment in chain:
        with contextlib.suppress(OSError), SegmentReader(segment) as reader:
            if reader.header is not None:
                return reader.header
    return None


def _found(spool: Path, store: TrackingStore, report: RecoveryReport, fallback: Path | None) -> Iterator[_Found]:
    for found in _chains(spool, fallback):
        if found.header is not None and not is_for(found.header.store_url, store.url):
            report.other_stores += 1
        else:
            yield found


def _is_held(found: _Found) -> bool:
    """Whether someone holds the journal's lock and may be its owner."""
    if not owners.is_locked(found.chain[-1].path):
        return False
    header = found.header
    if header is None or header.namespace != owners.namespace():
        return True
    return owners.in_process_table(header.owner) is not False


def _recover_one(
    found: _Found,
    store: TrackingStore,
    report: RecoveryReport,
    *,
    include_live: bool,
    told: _Told | None,
    now: Callable[[], float],
) -> None:
    if _is_held(found):
        report.live += 1
        if include_live:
            _deliver(found, store, report, is_live=True, told=told, now=now)
        return
    try:
        fd = os.open(found.chain[-1].path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return  # someone else was here first
    try:
        owners.lock(fd)  # so that others leave it to us; where that fails, the watermark sees to it that all is well
        outcomes = _deliver(found, store, report, is_live=False, told=told, now=now)
        if _is_over(found, outcomes, now):
            report.quarantined += finish(outcomes, store)
    finally:
        os.close(fd)


def _is_over(found: _Found, outcomes: Sequence[Delivered], now: Callable[[], float]) -> bool:
    """Whether nobody will write to the journal any more. Locks of other machines cannot be trusted to be seen here."""
    header = found.header
    if header is None or owners.same_machine(header.owner) or (outcomes and outcomes[-1].is_sealed):
        return True
    if header.owner.host == owners.this_owner("").host:
        return True  # this machine, before it was started again
    return now() - found.chain[-1].path.stat().st_mtime > _FOREIGN_REST_S


def _deliver(
    found: _Found,
    store: TrackingStore,
    report: RecoveryReport,
    *,
    is_live: bool,
    told: _Told | None,
    now: Callable[[], float],
) -> list[Delivered]:
    def seen(header: Header) -> JournalSeen:
        at = int(now() * 1e6)
        return JournalSeen(at=at, owner=header.owner, lease_until=at + (int(LEASE_S * 1e6) if is_live else 0))

    outcomes = Delivery(found.journal, store, is_live=is_live, seen=seen, told=told).run(found.chain)
    for outcome in outcomes:
        report.add(outcome)
    report.journals += any(outcome.events for outcome in outcomes)
    return outcomes


def finish(outcomes: Sequence[Delivered], store: TrackingStore) -> list[Path]:
    """Do away with segments whose owner is gone: delete what is in the store, quarantine what is damaged.

    Returns where the damaged ones lie now.
    """
    aside: list[Path] = []
    for outcome in outcomes:
        path = outcome.segment.path
        if not outcome.is_done or kept.stays(outcome, store):
            continue
        if outcome.damage:
            report = {"journal": outcome.segment.journal, "start": outcome.segment.start, **asdict(outcome.damage)}
            aside.append(segments.quarantine(path, report))
        else:
            segments.remove(path)
    return aside


class _Told:
    """Adds up what was read, for a progress bar."""

    def __init__(self, progress: Progress, total: int) -> None:
        self._progress = progress
        self._total = total
        self._done = 0

    def __call__(self, done: int) -> None:
        self._done += done
        self._progress(min(self._done, self._total), self._total)
