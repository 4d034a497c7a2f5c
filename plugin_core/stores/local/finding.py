"""Finds nodes by what people have in hand, counts, and deletes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, func, or_, select, union

from plugin_core.errors import ConflictError
from plugin_core.model.lineage import NodeKind, NodeRef
from plugin_core.stores.local import fold as f
from plugin_core.stores.local import schema as s
from plugin_core.stores.local import statements as q
from plugin_core.stores.local.executing import many
from plugin_core.stores.local.graph import node_refs
from plugin_core.stores.local.resolving import node_id

_AFTER_ALL: Final = "\U0010ffff"
_DIGEST: Final = "sha256:"

_COUNTED: Final = {
    "experiments": s.experiments,
    "trials": s.trials,
    "components": s.components,
    "artifacts": s.artifacts,
    "associations": s.associations,
    "series": s.series,
}


def find_nodes(connection: Connection, text: str, kinds: Sequence[NodeKind], limit: int) -> list[NodeRef]:
    """Nodes that are called ``text``, then those whose name, URI, hash or orchestrator id begins with it."""
    found: dict[int, None] = {}
    for matches in (_equals, _begins):
        if len(found) < limit:
            query = _matching(f.clean(text), matches, kinds).limit(limit + len(found))
            found.update(dict.fromkeys(connection.execute(query).scalars()))
    ids = list(found)[:limit]
    refs = node_refs(connection, ids)
    return [refs[node] for node in ids]


def _equals(column: ColumnElement[Any], text: str) -> ColumnElement[bool]:
    return column == text


def _begins(column: ColumnElement[Any], text: str) -> ColumnElement[bool]:
    return (column >= text) & (column < text + _AFTER_ALL)


def _matching(text: str, matches: Any, kinds: Sequence[NodeKind]) -> Select[Any]:
    """Ids of nodes, those of the best known columns first."""
    key, c = s.nodes.c.key, s.components.c
    ids = union(
        select(s.nodes.c.id).where(or_(matches(key, text), matches(key, text.casefold()))),
        select(s.nodes.c.id).where(matches(key, _DIGEST + text.lower())),
        *(select(c.id).where(column.is_not(None), matches(column, text)) for column in (c.execution_id, c.step_id)),
        select(c.id).where(c.run_name.is_not(None), matches(c.run_name, text)),
        select(s.artifacts.c.id).where(
            s.artifacts.c.blob.is_not(None),
            or_(matches(s.artifacts.c.blob, text), matches(s.artifacts.c.blob, _DIGEST + text.lower())),
        ),
    ).subquery()
    query = select(s.nodes.c.id).where(s.nodes.c.id.in_(select(ids.c.id))).order_by(s.nodes.c.key, s.nodes.c.id)
    return query.where(s.nodes.c.kind.in_([str(kind) for kind in kinds])) if kinds else query


def counts(connection: Connection) -> dict[str, int]:
    """How many there are of what."""
    found = {
        name: connection.execute(select(func.count()).select_from(table)).scalar_one()
        for name, table in _COUNTED.items()
    }
    points = connection.execute(select(func.coalesce(func.sum(s.series.c.count), 0))).scalar_one()
    return found | {"points": int(points)}


def delete(connection: Connection, ref: NodeRef, *, cascade: bool) -> None:
    """Delete a node with all that is its own; ConflictError if others belong to it and ``cascade`` is not given."""
    node = node_id(connection, ref)
    belonging = list(_belonging(connection, node, ref.kind))
    if belonging and not cascade:
        raise ConflictError(
            f"{ref.kind} {ref.key!r} has {len(belonging)} others that belong to it.",
            hint="Delete these before, or all at once with cascade=True.",
        )
    many(connection, q.DELETE_NODE, ({"node": gone} for gone in dict.fromkeys([*belonging, node])))


def _belonging(connection: Connection, node: int, kind: NodeKind) -> Iterator[int]:
    """Ids of what goes with a node: of an experiment all, of a trial the components in no other."""
    t, c, m = s.trials.c, s.components.c, s.trial_components.c
    if kind is NodeKind.EXPERIMENT:
        yield from connection.execute(select(t.id).where(t.experiment_id == node)).scalars()
        yield from connection.execute(select(c.id).where(c.experiment_id == node)).scalars()
    elif kind is NodeKind.TRIAL:
        elsewhere = select(m.component_id).where(m.trial_id != node, m.component_id == c.id).exists()
        members = select(m.component_id).where(m.trial_id == node)
        yield from connection.execute(select(c.id).where(c.id.in_(members), ~elsewhere)).scalars()
