"""Runs whose process is gone: from what is known of each to the status it should have.

Concludes as little as possible: a guess is marked as one, never touches a state that was reported, and
gives way to whatever is reported later. Knows no orchestrator; a judge is asked for the true state.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, TypeAlias

from plugin_core.model.changes import SetStatus
from plugin_core.model.components import Component, Owner, Status
from plugin_core.model.queries import ComponentQuery
from plugin_core.stores.protocol import TrackingStore

GRACE: Final = timedelta(minutes=5)  # how long a lease may be over before its holder counts as gone
_OPEN: Final = tuple(status for status in Status if not status.is_final)
_REVISED: Final = timedelta(days=7)  # how far back guesses are held against the judge's word

Truth: TypeAlias = tuple[Status, str | None]
Judge: TypeAlias = Callable[[str, str | None, str | None], Truth | None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """What is known of one run. ``alive`` is None and ``lease_until`` is None where nobody can tell.

    ``superseded``: a later attempt has begun. ``root_ended``: its execution's own status is final, and
    ``root_reported`` unless that is a guess. ``truth`` is what the orchestrator says.
    """

    component: Component
    alive: bool | None = None
    lease_until: datetime | None = None
    superseded: bool = False
    root_ended: bool = False
    root_reported: bool = True
    truth: Truth | None = None


def conclude(facts: Facts, *, now: datetime) -> SetStatus | None:
    """The status that a run should have, or None if it should stay as it is."""
    component = facts.component
    if component.status.is_final and not component.status_inferred:
        return None
    status, message = _judgement(facts, now)
    unchanged = status is component.status and (message is None or message == component.status_message)
    if status is None or unchanged:
        return None
    ended = _last_sign(facts, now) if status.is_final else None
    return SetStatus(
        at=_micros(now),
        component=component.name,
        status=status,
        message=message,
        ended_at=None if ended is None else _micros(ended),
        inferred=True,
    )


def _judgement(facts: Facts, now: datetime) -> tuple[Status | None, str | None]:
    component = facts.component
    if facts.truth is not None and facts.truth[0].is_final:
        return facts.truth
    if component.status.is_final:  # a guess, and nobody knows better
        return None, None
    if facts.superseded:
        return Status.FAILED, "A later attempt began before this one reported its end."
    if component.status is Status.PAUSED:  # a suspended run has no process, and is well
        return None, None
    if component.owner is None:
        return _by_execution(facts)
    return _by_process(facts, now)


def _by_execution(facts: Facts) -> tuple[Status | None, str | None]:
    """Of what has no process of its own, its execution was to report the end."""
    if not facts.root_ended:
        return None, None
    if facts.component.started_at is not None:
        return Status.FAILED, "Its execution ended without a report of its end."
    return (Status.CANCELLED, "Its execution ended before it began.") if facts.root_reported else (None, None)


def _by_process(facts: Facts, now: datetime) -> tuple[Status | None, str | None]:
    if facts.alive is False:
        return _process_gone(facts, now)
    return _by_lease(facts, now) if facts.alive is None else _alive_again(facts)


def _process_gone(facts: Facts, now: datetime) -> tuple[Status | None, str | None]:
    owner = facts.component.owner
    if facts.truth is not None and not _lease_is_over(facts, now):
        return None, None  # the orchestrator says that it goes on: perhaps another process took it up
    where = "" if owner is None else f" (pid {owner.pid} on {owner.host})"
    return Status.FAILED, f"Its process{where} ended without reporting a result."


def _by_lease(facts: Facts, now: datetime) -> tuple[Status | None, str | None]:
    """Of a process on another machine only its lease tells."""
    lease = facts.lease_until
    if lease is None or lease >= now:
        return _alive_again(facts)
    if _lease_is_over(facts, now):
        return Status.FAILED, f"Nothing was heard of its process since {lease.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC."
    return Status.NOT_RESPONDING, None


def _alive_again(facts: Facts) -> tuple[Status | None, str | None]:
    waiting = facts.component.status is Status.NOT_RESPONDING and facts.component.status_inferred
    return (Status.RUNNING, None) if waiting else (None, None)


def _lease_is_over(facts: Facts, now: datetime) -> bool:
    return facts.lease_until is None or facts.lease_until + GRACE < now


def _last_sign(facts: Facts, now: datetime) -> datetime:
    """When a run was last heard of: its end cannot be before."""
    component = facts.component
    return min(max(component.modified_at, component.started_at or component.created_at), now)


def _micros(moment: datetime) -> int:
    return round(moment.timestamp() * 1_000_000)


# Gathering and writing


def settle(
    store: TrackingStore,
    *,
    now: datetime,
    alive: Callable[[Owner], bool | None],
    judges: Mapping[str, Judge] | None = None,
    dry_run: bool = False,
) -> list[SetStatus]:
    """Conclude for every run that has not ended, and write it (not in a ``dry_run``); return what was concluded.

    ``alive`` tells whether an owner's process lives, None if that cannot be seen from here. ``judges``
    give an orchestrator's word, by its name; without any, guesses of before are left as they are.
    """
    waiting = store.components(ComponentQuery(statuses=_OPEN, descending=False))
    guessed = _guesses(store, now) if judges else []
    facts = gather(store, [*waiting, *guessed], alive=alive, judges=judges or {})
    changes = [change for fact in facts if (change := conclude(fact, now=now)) is not None]
    if changes and not dry_run:
        store.write(changes)
    return changes


def _guesses(store: TrackingStore, now: datetime) -> list[Component]:
    recent = ComponentQuery(statuses=(Status.FAILED, Status.CANCELLED), created_after=now - _REVISED)
    return [c for c in store.components(recent) if c.status_inferred and c.orchestrator is not None]


def gather(
    store: TrackingStore,
    components: Iterable[Component],
    *,
    alive: Callable[[Owner], bool | None],
    judges: Mapping[str, Judge],
) -> list[Facts]:
    """What is known of each run; each process, journal and orchestrator is asked once."""
    known = list(components)
    owners = {c.owner.journal: c.owner for c in known if c.owner is not None}
    living = {journal: alive(owner) for journal, owner in owners.items()}
    leases = store.leases(tuple(owners)) if owners else {}
    later = _later_attempts(store, known)
    roots = _ended_roots(store, known)
    return [
        Facts(
            component=c,
            alive=living[c.owner.journal] if c.owner is not None else None,
            lease_until=leases.get(c.owner.journal) if c.owner is not None else None,
            superseded=c.name in later,
            root_ended=c.root is not None and c.root != c.name and c.root in roots,
            root_reported=roots.get(c.root or "", True),
            truth=_truth(c, judges) if _is_in_doubt(c, living) and not _is_same(c, later.get(c.name)) else None,
        )
        for c in known
    ]


def _is_in_doubt(component: Component, living: Mapping[str, bool | None]) -> bool:
    """Who is certainly alive need not be asked about."""
    return component.owner is None or living[component.owner.journal] is not True


def _is_same(component: Component, later: Component | None) -> bool:
    """Whether a later attempt bears the same ids: what an orchestrator says of them is about that one."""
    one, other = component.orchestrator, None if later is None else later.orchestrator
    return (
        one is not None
        and other is not None
        and (one.execution_id, one.step_id)
        == (
            other.execution_id,
            other.step_id,
        )
    )


def _later_attempts(store: TrackingStore, components: Iterable[Component]) -> dict[str, Component]:
    """What replaced an attempt, by its name, in the executions of ``components``."""
    roots = {c.root for c in components if c.root is not None}
    found = (c for root in roots for c in store.components(ComponentQuery(root=root)))
    return {c.previous_attempt: c for c in found if c.previous_attempt is not None}


def _ended_roots(store: TrackingStore, components: Iterable[Component]) -> dict[str, bool]:
    """Executions that have ended, and whether that was reported."""
    roots = tuple({c.root for c in components if c.root is not None})
    found = store.components(ComponentQuery(names=roots)) if roots else []
    return {c.name: not c.status_inferred for c in found if c.status.is_final}


def _truth(component: Component, judges: Mapping[str, Judge]) -> Truth | None:
    ref = component.orchestrator
    judge = None if ref is None else judges.get(ref.system)
    return None if judge is None or ref is None else judge(ref.system, ref.execution_id, ref.step_id)


def local_liveness(spool: Path) -> Callable[[Owner], bool | None]:
    """Whether an owner's process lives, by the lock on its journal in ``spool``, its boot and its process id."""
    from plugin_core.journal import is_alive

    return lambda owner: is_alive(owner, spool)
