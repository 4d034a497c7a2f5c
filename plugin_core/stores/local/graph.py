"""Reads the lineage graph: artifacts, actions, contexts, edges, walks and paths."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, TypeAlias

from sqlalchemy import Connection, func, select

from plugin_core.errors import NotFoundError
from plugin_core.model import arns
from plugin_core.model.lineage import (
    Action,
    Artifact,
    Association,
    Context,
    NodeKind,
    NodeRef,
    SourceType,
    Subgraph,
    Vertex,
)
from plugin_core.model.provenance import NO_PROVENANCE, Provenance
from plugin_core.model.queries import Direction, LineageQuery
from plugin_core.stores.local import schema as s
from plugin_core.stores.local.executing import AnySelect, raw_rows, rows_in
from plugin_core.stores.local.listing import Tags, micros_of, moment
from plugin_core.stores.local.resolving import node_id
from plugin_core.stores.local.values import properties as properties_of

Properties: TypeAlias = dict[str, str]

_KINDS: Final = {kind.value: kind for kind in NodeKind}

ARTIFACTS: Final = (
    select(
        s.artifacts.c.id,
        s.nodes.c.key,
        s.artifacts.c.type,
        s.artifacts.c.name,
        s.artifacts.c.created_us,
        s.artifacts.c.modified_us,
        s.artifacts.c.source_types,
        s.artifacts.c.media_type,
        s.artifacts.c.size_bytes,
        s.artifacts.c.blob,
    )
    .join(s.nodes, s.nodes.c.id == s.artifacts.c.id)
    .order_by(s.artifacts.c.created_us.desc(), s.artifacts.c.id.desc())
)


def artifact_of(
    row: Sequence[Any], properties: Properties, tags: Tags, provenance: Provenance = NO_PROVENANCE
) -> Artifact:
    """An artifact from a row of ARTIFACTS; one that was only named is called by its URI."""
    _, uri, type_, name, created, modified, source_types, media_type, size_bytes, blob = row
    types = json.loads(source_types) if source_types else ()
    return Artifact(
        source_uri=uri,
        type=type_ or "",
        name=uri if name is None else name,
        created_at=moment(created),
        modified_at=moment(modified),
        source_types=tuple(SourceType(kind=kind, value=value) for kind, value in types),
        media_type=media_type,
        size_bytes=size_bytes,
        blob=blob,
        properties=properties,
        tags=tags,
        provenance=provenance,
    )


_DESCRIBED: Final = ("id", "name", "type", "source_uri", "created_us", "modified_us", "description")
CONTEXTS: Final[AnySelect] = select(*(s.contexts.c[name] for name in _DESCRIBED))
ACTIONS: Final[AnySelect] = select(*(s.actions.c[name] for name in (*_DESCRIBED, "status")))


def action_of(row: Sequence[Any], properties: Properties, tags: Tags, provenance: Provenance = NO_PROVENANCE) -> Action:
    """An action from a row of ACTIONS."""
    _, name, type_, source_uri, created, modified, description, status = row
    return Action(
        name=name,
        type=type_ or "",
        source_uri=source_uri or "",
        created_at=moment(created),
        modified_at=moment(modified),
        description=description,
        status=status,
        properties=properties,
        tags=tags,
        provenance=provenance,
    )


def context_of(
    row: Sequence[Any], properties: Properties, tags: Tags, provenance: Provenance = NO_PROVENANCE
) -> Context:
    """A context from a row of CONTEXTS."""
    _, name, type_, source_uri, created, modified, description = row
    return Context(
        name=name,
        type=type_ or "",
        source_uri=source_uri or "",
        created_at=moment(created),
        modified_at=moment(modified),
        description=description,
        properties=properties,
        tags=tags,
        provenance=provenance,
    )


# Vertices

_VERTICES: Final = (
    select(
        s.nodes.c.id,
        s.nodes.c.kind,
        s.nodes.c.key,
        func.coalesce(s.components.c.name, s.actions.c.name, s.contexts.c.name, s.trials.c.name, s.experiments.c.name),
        s.artifacts.c.name,
        func.coalesce(s.artifacts.c.type, s.actions.c.type, s.contexts.c.type),
        *(
            func.coalesce(*(table.c[column] for table in (
                s.components, s.artifacts, s.actions, s.contexts, s.trials, s.experiments,
            )))
            for column in ("created_us", "modified_us")
        ),
        s.components.c.source_arn,
    )
    .select_from(s.nodes)
    .outerjoin(s.components, s.components.c.id == s.nodes.c.id)
    .outerjoin(s.artifacts, s.artifacts.c.id == s.nodes.c.id)
    .outerjoin(s.actions, s.actions.c.id == s.nodes.c.id)
    .outerjoin(s.contexts, s.contexts.c.id == s.nodes.c.id)
    .outerjoin(s.trials, s.trials.c.id == s.nodes.c.id)
    .outerjoin(s.experiments, s.experiments.c.id == s.nodes.c.id)
)  # fmt: skip


class _Found(NamedTuple):
    """A node as a walk meets it."""

    ref: NodeRef
    name: str
    type: str | None
    created_us: int
    modified_us: int


def _described(connection: Connection, ids: Sequence[int]) -> dict[int, _Found]:
    found: dict[int, _Found] = {}
    rows = rows_in(connection, _VERTICES, s.nodes.c.id, ids)
    for node, kind, key, name, label, type_, created, modified, source_arn in rows:
        ref = NodeRef(_KINDS[kind], name or key)
        found[node] = _Found(ref, label or name or key, type_ or arns.job_type(source_arn), created, modified)
    return found


def node_refs(connection: Connection, ids: Sequence[int]) -> dict[int, NodeRef]:
    """What ids stand for."""
    return {node: found.ref for node, found in _described(connection, ids).items()}


# Edges

Edge: TypeAlias = tuple[int, int, str, int]  # source id, destination id, type, time

_a: Final = s.associations.c
EDGES: Final = select(_a.source_id, _a.destination_id, _a.type, _a.at_us)


def associations(
    connection: Connection, source: NodeRef | None, destination: NodeRef | None, type_: str | None
) -> list[Association]:
    """Edges out of ``source`` and into ``destination``, oldest first; none for a node that is not known."""
    query = EDGES.order_by(_a.at_us, _a.source_id, _a.destination_id)
    try:
        if source is not None:
            query = query.where(_a.source_id == node_id(connection, source))
        if destination is not None:
            query = query.where(_a.destination_id == node_id(connection, destination))
    except NotFoundError:
        return []
    if type_ is not None:
        query = query.where(_a.type == type_)
    return edges_of(connection, raw_rows(connection, query))


def edges_of(connection: Connection, edges: Iterable[Any]) -> list[Association]:
    """Associations from rows of EDGES."""
    given: list[Edge] = list(edges)
    return list(_associations(given, _described(connection, list({node for edge in given for node in edge[:2]}))))


# Walks


@dataclass(slots=True)
class _Walk:
    """Nodes met, with their least depth, in order; and the edges walked."""

    depths: dict[int, int] = field(default_factory=dict[int, int])
    edges: dict[Edge, None] = field(default_factory=dict[Edge, None])


def _step(connection: Connection, frontier: Sequence[int], direction: Direction) -> Iterator[tuple[int, Edge]]:
    """Edges at the frontier, each with the node at its other end."""
    if direction is not Direction.DESCENDANTS:
        for edge in rows_in(connection, EDGES, _a.destination_id, frontier):
            yield edge[0], edge
    if direction is not Direction.ASCENDANTS:
        for edge in rows_in(connection, EDGES, _a.source_id, frontier):
            yield edge[1], edge


def _walk(connection: Connection, start: int, direction: Direction, max_depth: int) -> _Walk:
    walk = _Walk({start: 0})
    frontier = [start]
    for depth in range(1, max_depth + 1):
        reached: list[int] = []
        for node, edge in _step(connection, frontier, direction):
            walk.edges[edge] = None  # both ends of an edge may be walked from
            if node not in walk.depths:
                walk.depths[node] = depth
                reached.append(node)
        if not reached:
            break
        frontier = reached
    return walk


def lineage(connection: Connection, start: NodeRef, query: LineageQuery) -> Subgraph:
    """What is reachable from ``start``, by a query's direction, depth and filters."""
    first = node_id(connection, start)
    walk = _walk(connection, first, query.direction, query.max_depth)
    nodes = _described(connection, list(walk.depths))
    wanted = [node for node in walk.depths if node != first]
    if _chooses(query):
        wanted = [node for node in wanted if _passes(nodes[node], query)]
    if query.properties:
        wanted = _with_properties(connection, wanted, query.properties)
    kept = wanted if query.limit is None else wanted[: query.limit]
    shown = {first, *kept} if query.include_edges else frozenset[int]()
    edges = (edge for edge in walk.edges if edge[0] in shown and edge[1] in shown)
    return Subgraph(
        vertices=tuple(_vertex(nodes[node], walk.depths[node]) for node in kept),
        edges=tuple(_associations(edges, nodes)),
        truncated=len(kept) < len(wanted),
    )


def _vertex(found: _Found, depth: int) -> Vertex:
    return Vertex(ref=found.ref, name=found.name, type=found.type, depth=depth)


def _associations(edges: Iterable[Edge], nodes: Mapping[int, _Found]) -> Iterator[Association]:
    for source, to, type_, at in edges:
        one, other = nodes[source], nodes[to]
        yield Association(
            source=one.ref,
            destination=other.ref,
            type=type_,
            created_at=moment(at),
            source_name=one.name,
            source_type=one.type,
            destination_name=other.name,
            destination_type=other.type,
        )


def _chooses(query: LineageQuery) -> bool:
    times = (query.created_before, query.created_after, query.modified_before, query.modified_after)
    return bool(query.kinds or query.types) or any(time is not None for time in times)


def _passes(node: _Found, query: LineageQuery) -> bool:
    return (
        (not query.kinds or node.ref.kind in query.kinds)
        and (not query.types or node.type in query.types)
        and (query.created_before is None or node.created_us < micros_of(query.created_before))
        and (query.created_after is None or node.created_us > micros_of(query.created_after))
        and (query.modified_before is None or node.modified_us < micros_of(query.modified_before))
        and (query.modified_after is None or node.modified_us > micros_of(query.modified_after))
    )


def _with_properties(connection: Connection, ids: Sequence[int], wanted: Mapping[str, str]) -> list[int]:
    found = properties_of(connection, ids)
    return [node for node in ids if wanted.items() <= found[node].items()]


def path(connection: Connection, source: NodeRef, destination: NodeRef, max_depth: int) -> Subgraph | None:
    """A shortest path along the edges' direction, searched from both ends, the smaller one first."""
    first, last = node_id(connection, source), node_id(connection, destination)
    edges = _shortest(connection, first, last, max_depth)
    if edges is None:
        return None
    ids = [first, *(edge[1] for edge in edges)]
    nodes = _described(connection, ids)
    return Subgraph(
        vertices=tuple(_vertex(nodes[node], depth) for depth, node in enumerate(ids)),
        edges=tuple(_associations(edges, nodes)),
    )


def _shortest(connection: Connection, first: int, last: int, max_depth: int) -> list[Edge] | None:
    """The edges of a shortest path in order; None if there is none of at most ``max_depth`` edges."""
    if first == last:
        return []
    # The edge by which each node was reached: from the source forwards, from the destination backwards.
    forward: dict[int, Edge | None] = {first: None}
    backward: dict[int, Edge | None] = {last: None}
    ahead, behind = [first], [last]
    for _ in range(max_depth):
        if len(ahead) <= len(behind):
            ahead = _advance(connection, ahead, forward, Direction.DESCENDANTS)
            met = next((node for node in ahead if node in backward), None)
        else:
            behind = _advance(connection, behind, backward, Direction.ASCENDANTS)
            met = next((node for node in behind if node in forward), None)
        if met is not None:
            return [*reversed(list(_trace(met, forward, 0))), *_trace(met, backward, 1)]
        if not ahead or not behind:
            return None
    return None


def _advance(
    connection: Connection, frontier: Sequence[int], reached_by: dict[int, Edge | None], direction: Direction
) -> list[int]:
    reached: list[int] = []
    for node, edge in _step(connection, frontier, direction):
        if node not in reached_by:
            reached_by[node] = edge
            reached.append(node)
    return reached


def _trace(node: int, reached_by: Mapping[int, Edge | None], end: int) -> Iterator[Edge]:
    """Edges from a node back to where the search began; ``end`` is the end of an edge that lies there."""
    edge = reached_by[node]
    while edge is not None:
        yield edge
        edge = reached_by[edge[0] if end == 0 else edge[1]]
