"""Finds nodes by what people have in hand, and counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, func, or_, select, union

from plugin_core.model.lineage import NodeKind, NodeRef
from plugin_core.stores.local import fold as f
from plugin_core.stores.local import schema as s
from plugin_core.stores.local.graph import node_refs

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
