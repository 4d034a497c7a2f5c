"""Writes a folded batch: names to ids, then one statement per table.

Runs inside a write transaction that the caller has begun; nothing here commits.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Final

from sqlalchemy import Connection, select

from plugin_core.stores.local import creating
from plugin_core.stores.local import fold as f
from plugin_core.stores.local import rows as r
from plugin_core.stores.local import schema as s
from plugin_core.stores.local import statements as q
from plugin_core.stores.local.executing import many, rows_in
from plugin_core.stores.local.fold import Folded, Key, clean, key_of
from plugin_core.stores.local.membership import number
from plugin_core.stores.local.removals import INPUT, OUTPUT, PARAMETER, PROPERTY, Removals
from plugin_core.stores.local.resolving import find_ids
from plugin_core.stores.local.rows import Ids
from plugin_core.stores.local.series import append_points

_JOURNALS: Final = select(s.journals.c.journal, s.journals.c.id)
_PUTS: Final = {
    f.EXPERIMENT: q.PUT_EXPERIMENT,
    f.TRIAL: q.PUT_TRIAL,
    f.COMPONENT: q.PUT_COMPONENT,
    f.ARTIFACT: q.PUT_ARTIFACT,
    f.ACTION: q.PUT_ACTION,
    f.CONTEXT: q.PUT_CONTEXT,
}


def apply_folded(connection: Connection, folded: Folded, *, may_refuse: bool = False) -> None:
    """Bring the record to what changes say; with ``may_refuse``, a ``new`` one must be of what does not exist."""
    ids, fresh = _ids(connection, folded.nodes)
    if may_refuse:
        creating.check(connection, folded, ids, fresh)
    owners = _put_journals(connection, folded)
    _put_nodes(connection, folded, ids, fresh)
    _place_components(connection, folded, ids)
    _set_statuses(connection, folded, ids, owners)
    _set_values(connection, folded, ids)
    append_points(connection, {(ids[key], metric): points for (key, metric), points in folded.points.items()})


def _ids(connection: Connection, named: Iterable[Key]) -> tuple[dict[Key, int], set[Key]]:
    """Ids of all that is named, and which of them are new; new ids rise in the order of first appearance."""
    ids = find_ids(connection, named)
    fresh = [key for key in named if key not in ids]
    many(connection, q.ADD_NODE, ({"kind": kind, "key": key} for kind, key in fresh))
    if fresh:
        ids |= find_ids(connection, fresh)
    return ids, set(fresh)


def _put_journals(connection: Connection, folded: Folded) -> dict[str, int]:
    rows = [
        {
            "journal": journal,
            "host": clean(owner.host),
            "pid": owner.pid,
            "boot_id": clean(owner.boot_id),
            "started": clean(owner.started),
        }
        for journal, owner in folded.owners.items()
    ]
    many(connection, q.PUT_JOURNAL, rows)
    seen = ({"name": clean(j.owner.journal), "at": j.at, "lease": j.lease_until} for j in folded.journals)
    many(connection, q.SEE_JOURNAL, seen)
    known = rows_in(connection, _JOURNALS, s.journals.c.journal, list(folded.owners))
    return {journal: place for journal, place in known}  # noqa: C416 - rows are of any length to a type checker


def _put_nodes(connection: Connection, folded: Folded, ids: Ids, fresh: set[Key]) -> None:
    """A row for each thing that was put, and for each that was only named and is new."""
    rows = {kind: [r.put(kind, key, change, ids) for key, change in changes] for kind, changes in folded.puts.items()}
    put = {key for changes in folded.puts.values() for key, _ in changes}
    for key in fresh - put:
        name, at = folded.nodes[key]
        rows.setdefault(key[0], []).append(r.mention(key[0], ids[key], name, at))
    for kind, statement in _PUTS.items():
        many(connection, statement, rows.get(kind, ()))


def _place_components(connection: Connection, folded: Folded, ids: Ids) -> None:
    """Enter components in their trials, and number the new ones of each experiment."""
    put = folded.puts.get(f.COMPONENT, [])
    members = (
        {"trial_id": ids[key_of(f.TRIAL, change.trial)], "component_id": ids[key]}
        for key, change in put
        if change.trial is not None
    )
    many(connection, q.ADD_MEMBER, members)
    placed = list({ids[key] for key, _ in put})
    number(connection, placed)


def _set_statuses(connection: Connection, folded: Folded, ids: Ids, owners: Mapping[str, int]) -> None:
    many(connection, q.SET_STATUS, (r.status(change, ids) for change in folded.statuses))
    started = (
        {"component": ids[key_of(f.COMPONENT, change.component)], "started": change.started_at}
        for change in folded.statuses
        if change.started_at is not None
    )
    many(connection, q.SET_STARTED, started)
    puts = ((key, change) for key, change in folded.puts.get(f.COMPONENT, ()))
    set_by = ((key_of(f.COMPONENT, change.component), change) for change in folded.statuses)
    owned = (
        {"component": ids[key], "owner": owners[clean(change.owner.journal)], "at": change.at}
        for key, change in chain(puts, set_by)
        if change.owner is not None
    )
    many(connection, q.SET_OWNER, owned)
    _touch(connection, folded, ids)


def _touch(connection: Connection, folded: Folded, ids: Ids) -> None:
    touched: dict[str, list[tuple[int, int]]] = {f.COMPONENT: [], f.EXPERIMENT: []}
    for key, at in folded.touched.items():
        touched[key[0]].append((ids[key], at))
    many(connection, q.TOUCH_COMPONENT, ({"component": node, "at": at} for node, at in touched[f.COMPONENT]))
    many(connection, q.USE_EXPERIMENT, ({"experiment": node, "at": at} for node, at in touched[f.EXPERIMENT]))


def _set_values(connection: Connection, folded: Folded, ids: Ids) -> None:
    gone = _removals(connection, folded, ids)
    many(connection, q.SET_PARAMETER, _parameters(folded, ids, gone))
    many(connection, q.SET_ARTIFACT_VALUE, _entries(folded, ids, gone))
    many(connection, q.PUT_ASSOCIATION, (r.association(change, ids) for change in folded.associations))
    many(connection, q.SET_TAG, (row for key, change in folded.tags for row in r.tags(ids[key], change)))
    many(connection, q.ADD_PROPERTY, _properties(folded, ids, gone))
    provenance = (row for key, known in folded.provenances for row in r.provenance(ids[key], known))
    many(connection, q.SET_PROVENANCE, provenance)


def _removals(connection: Connection, folded: Folded, ids: Ids) -> Removals:
    named = chain(
        (key_of(f.COMPONENT, change.component) for change in folded.parameters),
        (key_of(f.COMPONENT, change.component) for change in folded.artifact_values),
        (key for key, _ in folded.properties),
    )
    return Removals(connection, sorted({ids[key] for key in named}))


def _parameters(folded: Folded, ids: Ids, gone: Removals) -> Iterator[r.Row]:
    for row in chain.from_iterable(r.parameters(change, ids) for change in folded.parameters):
        if gone.are_before(row["at_us"], row["component_id"], PARAMETER, row["name"]):
            yield row


def _entries(folded: Folded, ids: Ids, gone: Removals) -> Iterator[r.Row]:
    for row in chain.from_iterable(r.artifact_values(change, ids) for change in folded.artifact_values):
        what = OUTPUT if row["is_output"] else INPUT
        if gone.are_before(row["at_us"], row["component_id"], what, row["name"]):
            yield row


def _properties(folded: Folded, ids: Ids, gone: Removals) -> Iterator[r.Row]:
    for key, change in folded.properties:
        for row in r.properties(ids[key], change):
            if gone.are_before(change.at, ids[key], PROPERTY, row["key"]):
                yield row
