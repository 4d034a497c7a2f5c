"""QueryLineage: the graph around a node. Vertices and edges are always there, since clients read both."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from plugin_core.model.arns import to_arn
from plugin_core.model.lineage import Association, NodeKind, Vertex
from plugin_core.model.queries import ComponentQuery, Direction, LineageQuery
from plugin_core.wire import entities
from plugin_core.wire.caller import Permission
from plugin_core.wire.faults import invalid
from plugin_core.wire.registry import Answer, operation
from plugin_core.wire.request import Request

_KINDS: Final = {
    "TrialComponent": NodeKind.COMPONENT,
    "Artifact": NodeKind.ARTIFACT,
    "Context": NodeKind.CONTEXT,
    "Action": NodeKind.ACTION,
}
_WORDS: Final = {kind: word for word, kind in _KINDS.items()}
_NAMES_AT_ONCE: Final = 500


@operation(Permission.READ)
def query_lineage(request: Request) -> Answer:
    """What is around the start. Without MaxResults all of it: the SDK asks for one page only."""
    given = request.members
    if not given.get("StartArns"):
        raise invalid("A lineage query needs a StartArn.")
    filters = given.get("Filters", {})
    found = request.store.lineage(request.store.node(given["StartArns"][0]), _query(given, filters))
    vertices = _typed(request, found.vertices, filters.get("Types", ()))
    first = request.pages.open(given["NextToken"]) if "NextToken" in given else 0
    end = first + given["MaxResults"] if "MaxResults" in given else len(vertices)
    more = {"NextToken": request.pages.seal(end)} if end < len(vertices) else {}
    edges = found.edges if given.get("IncludeEdges", True) and not first else ()
    return {"Vertices": vertices[first:end], "Edges": _edges(edges), **more}


def _query(given: Mapping[str, Any], filters: Mapping[str, Any]) -> LineageQuery:
    types: Sequence[str] = filters.get("Types", ())
    return LineageQuery(
        direction=Direction(given.get("Direction", Direction.BOTH)),
        max_depth=given.get("MaxDepth", 10),
        kinds=tuple(_KINDS[word] for word in filters.get("LineageTypes") or _KINDS),
        types=() if set(types) & set(entities.JOB_TYPES.values()) else tuple(types),
        created_before=filters.get("CreatedBefore"),
        created_after=filters.get("CreatedAfter"),
        modified_before=filters.get("ModifiedBefore"),
        modified_after=filters.get("ModifiedAfter"),
        properties=filters.get("Properties", {}),
        include_edges=given.get("IncludeEdges", True),
    )


def _typed(request: Request, vertices: Iterable[Vertex], wanted: Sequence[str]) -> list[Answer]:
    """Vertices with AWS's types: a component has that of the job that it comes of."""
    found = list(vertices)
    jobs = _jobs(request, [vertex.ref.key for vertex in found if vertex.ref.kind is NodeKind.COMPONENT])
    shown = [
        entities.described(
            Arn=to_arn(vertex.ref),
            Type=jobs.get(vertex.ref.key.casefold(), vertex.type),
            LineageType=_WORDS[vertex.ref.kind],
        )
        for vertex in found
    ]
    return [vertex for vertex in shown if not wanted or vertex.get("Type") in wanted]


def _jobs(request: Request, components: Sequence[str]) -> dict[str, str]:
    """By component (without case): what kind of job it comes of."""
    jobs: dict[str, str] = {}
    for i in range(0, len(components), _NAMES_AT_ONCE):
        for component in request.store.components(ComponentQuery(names=tuple(components[i : i + _NAMES_AT_ONCE]))):
            kind = entities.job_type(component)
            if kind is not None:
                jobs[component.name.casefold()] = kind
    return jobs


def _edges(edges: Iterable[Association]) -> list[Answer]:
    return [
        {"SourceArn": to_arn(edge.source), "DestinationArn": to_arn(edge.destination), "AssociationType": edge.type}
        for edge in edges
        if {edge.source.kind, edge.destination.kind} <= _WORDS.keys()
    ]
