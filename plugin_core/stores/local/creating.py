"""Refuses what is said to be new and is not, and what is to belong to something that does not exist.

Asked within the write transaction, after the nodes are there: a rival that makes the same thing has either
committed it, and is seen, or waits for us.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, Final

from sqlalchemy import Connection, Table, bindparam, select

from plugin_core.errors import ConflictError, NotFoundError
from plugin_core.model import changes as c
from plugin_core.model.lineage import NodeRef
from plugin_core.stores.local import fold as f
from plugin_core.stores.local import schema as s
from plugin_core.stores.local.executing import first_row, rows_in
from plugin_core.stores.local.fold import Folded, Key, key_of
from plugin_core.stores.local.rows import Ids

TABLES: Final[dict[str, Table]] = {
    f.EXPERIMENT: s.experiments,
    f.TRIAL: s.trials,
    f.COMPONENT: s.components,
    f.ARTIFACT: s.artifacts,
    f.ACTION: s.actions,
    f.CONTEXT: s.contexts,
}
_PUT: Final = {
    kind: select(table.c.id).where(table.c.put_us >= 0)  # what was only mentioned has -1
    for kind, table in TABLES.items()
}
_e: Final = s.associations.c
_BETWEEN: Final = select(_e.type).where(
    _e.source_id == bindparam("source"), _e.destination_id == bindparam("destination")
)


def check(connection: Connection, folded: Folded, ids: Ids, fresh: Collection[Key]) -> None:
    """Raise ConflictError or NotFoundError for the first change that says it is ``new`` and does not fit."""
    put = {key for changes in folded.puts.values() for key, _ in changes}
    for kind, changes in folded.puts.items():
        new = [(key, change) for key, change in changes if change.new]
        if new:
            _refuse_repeats(kind, new)
            _refuse_known(connection, kind, new, ids)
    for kind, name in _wanted(folded):
        key = key_of(kind, name)
        if key in fresh and key not in put:
            raise NotFoundError(kind, name)
    for edge in folded.associations:
        if edge.new:
            _refuse_known_edge(connection, edge, ids)


def exists(kind: str, name: str) -> ConflictError:
    """The error for making what is there."""
    return ConflictError(f"{kind} {name!r} exists already.", kind=kind, name=name)


def name_of(change: Any) -> str:
    """What a Put calls its thing."""
    name: str = change.source_uri if isinstance(change, c.PutArtifact) else change.name
    return name


def _refuse_repeats(kind: str, new: list[tuple[Key, Any]]) -> None:
    seen: set[Key] = set()
    for key, change in new:
        if key in seen:
            raise exists(kind, name_of(change))
        seen.add(key)


def _refuse_known(connection: Connection, kind: str, new: list[tuple[Key, Any]], ids: Ids) -> None:
    found = {node for (node,) in rows_in(connection, _PUT[kind], TABLES[kind].c.id, [ids[key] for key, _ in new])}
    for key, change in new:
        if ids[key] in found:
            raise exists(kind, name_of(change))


def _wanted(folded: Folded) -> Iterator[tuple[str, str]]:
    """What new things are to belong to, and the ends of new edges."""
    for changes in folded.puts.values():
        for _, change in changes:
            if change.new:
                yield from _owners(change)
    for edge in folded.associations:
        if edge.new:
            yield from ((str(end.kind), end.key) for end in (edge.source, edge.destination))


def _owners(change: Any) -> Iterator[tuple[str, str]]:
    for kind in (f.EXPERIMENT, f.TRIAL):
        name: str | None = getattr(change, kind, None)
        if name is not None:
            yield kind, name


def _refuse_known_edge(connection: Connection, edge: c.PutAssociation, ids: Ids) -> None:
    source, destination = (ids[key_of(str(end.kind), end.key)] for end in (edge.source, edge.destination))
    if first_row(connection, _BETWEEN, source=source, destination=destination) is not None:
        raise ConflictError(f"An association from {_shown(edge.source)} to {_shown(edge.destination)} exists already.")


def _shown(end: NodeRef) -> str:
    return f"{end.kind} {end.key!r}"
