"""The lineage graph, walked from here by ListAssociations: QueryLineage tells no depth and ends at ten."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC
from typing import Any, Final

from plugin_core.errors import NotFoundError
from plugin_core.model.arns import job_type
from plugin_core.model.lineage import Association, NodeKind, NodeRef, Subgraph, Vertex
from plugin_core.model.queries import Direction, LineageQuery
from plugin_core.stores.aws import nodes
from plugin_core.stores.aws.calls import Calls
from plugin_core.stores.aws.fetching import Fetching
from plugin_core.stores.aws.plan import key_of

_COMPONENT: Final = "ExperimentTrialComponent"
_JOBS: Final = frozenset({"TrainingJob", "ProcessingJob", "TransformJob"})

Known = dict[tuple[NodeKind, str], tuple[NodeRef, str, str | None]]  # a node, its name and its type


class Graph:
    """Walks. Safe to share between threads."""

    def __init__(self, calls: Calls, fetching: Fetching) -> None:
        self._calls = calls
        self._fetching = fetching

    def edges(
        self, *, source: NodeRef | None = None, destination: NodeRef | None = None, type: str | None = None
    ) -> list[Association]:
        """Edges out of one node and into another, oldest first; none where AWS does not know one of them."""
        try:
            ends = {
                "SourceArn": None if source is None else self._fetching.arn(source),
                "DestinationArn": None if destination is None else self._fetching.arn(destination),
            }
        except NotFoundError:
            return []
        listed = self._calls.pages(
            "list_associations",
            "AssociationSummaries",
            AssociationType=type,
            SortBy="CreationTime",
            SortOrder="Ascending",
            **ends,
        )
        return [self._edge(each) for each in listed]

    def _edge(self, given: Mapping[str, Any]) -> Association:
        source, source_type = self._end(given, "Source")
        destination, destination_type = self._end(given, "Destination")
        return Association(
            source=source,
            destination=destination,
            type=str(given.get("AssociationType", "AssociatedWith")),
            created_at=given["CreationTime"].astimezone(UTC),
            source_name=self._name(source, given.get("SourceName")),
            source_type=source_type,
            destination_name=self._name(destination, given.get("DestinationName")),
            destination_type=destination_type,
        )

    def _end(self, given: Mapping[str, Any], word: str) -> tuple[NodeRef, str | None]:
        ref = self._fetching.ref(str(given[f"{word}Arn"]), given.get(f"{word}Name"))
        said = given.get(f"{word}Type")
        if ref.kind is NodeKind.COMPONENT:
            return ref, said if said in _JOBS else None
        return ref, "" if said == nodes.NO_TYPE else said

    def _name(self, ref: NodeRef, said: str | None) -> str:
        """As it was given: AWS takes no other characters in a name than letters, digits and hyphens."""
        if ref.kind is NodeKind.ARTIFACT:
            return self._fetching.artifact_name(ref.key) or said or ref.key
        return ref.key

    def lineage(self, start: NodeRef, query: LineageQuery) -> Subgraph:
        """See LineageStore."""
        self._fetching.described(start)
        depths, known, walked = self._walked(start, query.direction, query.max_depth)
        keys = [key for key, _ in sorted(depths.items(), key=lambda item: item[1]) if key != key_of(start)]
        wanted = [key for key in keys if self._is_wanted(known[key], query)]
        kept = wanted if query.limit is None else wanted[: query.limit]
        shown = {*kept, key_of(start)}
        edges = [e for e in walked if key_of(e.source) in shown and key_of(e.destination) in shown]
        return Subgraph(
            vertices=tuple(_vertex(known[key], depths[key]) for key in kept),
            edges=tuple(edges) if query.include_edges else (),
            truncated=len(kept) < len(wanted),
        )

    def _walked(
        self, start: NodeRef, direction: Direction, most: int
    ) -> tuple[dict[tuple[NodeKind, str], int], Known, list[Association]]:
        """Depths, what is known of each node, and edges, breadth first."""
        depths, known = {key_of(start): 0}, Known()
        edges: dict[tuple[Any, ...], Association] = {}
        level, depth = [start], 0
        while level and depth < most:
            depth += 1
            ahead: list[NodeRef] = []
            for edge, other in (pair for ref in level for pair in self._around(ref, direction)):
                edges.setdefault((edge.source, edge.destination, edge.type), edge)
                _learn(known, edge)
                if depths.setdefault(key_of(other), depth) == depth and other not in ahead:
                    ahead.append(other)
            level = [ref for ref in ahead if depths[key_of(ref)] == depth]
        return depths, known, list(edges.values())

    def _around(self, ref: NodeRef, direction: Direction) -> Iterable[tuple[Association, NodeRef]]:
        if direction is not Direction.ASCENDANTS:
            yield from ((edge, edge.destination) for edge in self.edges(source=ref))
        if direction is not Direction.DESCENDANTS:
            yield from ((edge, edge.source) for edge in self.edges(destination=ref))

    def _is_wanted(self, found: tuple[NodeRef, str, str | None], query: LineageQuery) -> bool:
        ref, _, type_ = found
        if (query.kinds and ref.kind not in query.kinds) or (query.types and type_ not in query.types):
            return False
        bounds = (query.created_before, query.created_after, query.modified_before, query.modified_after)
        if not query.properties and not any(bounds):
            return True
        thing = self._thing(ref)
        before, after, modified_before, modified_after = bounds
        return (
            (before is None or thing.created_at < before)
            and (after is None or thing.created_at > after)
            and (modified_before is None or thing.modified_at < modified_before)
            and (modified_after is None or thing.modified_at > modified_after)
            and query.properties.items() <= dict(thing.properties).items()
        )

    def _thing(self, ref: NodeRef) -> Any:
        if ref.kind is NodeKind.COMPONENT:
            return self._fetching.component(ref.key)[0].component(0)
        makers: dict[NodeKind, Callable[[nodes.NodeState], Any]] = {
            NodeKind.ARTIFACT: nodes.artifact_of,
            NodeKind.ACTION: nodes.action_of,
            NodeKind.CONTEXT: nodes.context_of,
        }
        return makers[ref.kind](self._fetching.node(ref))

    def path(self, source: NodeRef, destination: NodeRef, max_depth: int) -> Subgraph | None:
        """See LineageStore."""
        for end in (source, destination):
            self._fetching.described(end)
        if key_of(source) == key_of(destination):
            return Subgraph(vertices=(self._alone(source),), edges=())
        reached: dict[tuple[NodeKind, str], Association] = {}
        level, depth = [source], 0
        while level and depth < max_depth and key_of(destination) not in reached:
            depth += 1
            ahead: list[NodeRef] = []
            for edge in (edge for ref in level for edge in self.edges(source=ref)):
                key = key_of(edge.destination)
                if key not in reached and key != key_of(source):
                    reached[key] = edge
                    ahead.append(edge.destination)
            level = ahead
        return _traced(source, destination, reached) if key_of(destination) in reached else None

    def _alone(self, ref: NodeRef) -> Vertex:
        if ref.kind is NodeKind.COMPONENT:
            found = self._fetching.component(ref.key)[0]
            return Vertex(ref=ref, name=found.name, type=job_type(found.facts.get("job")), depth=0)
        node = self._fetching.node(ref)
        name = (node.display_name or node.key) if ref.kind is NodeKind.ARTIFACT else node.key
        return Vertex(ref=ref, name=name, type=node.type, depth=0)


def _traced(source: NodeRef, destination: NodeRef, reached: Mapping[tuple[NodeKind, str], Association]) -> Subgraph:
    edges: list[Association] = []
    at = key_of(destination)
    while at != key_of(source):
        edges.insert(0, reached[at])
        at = key_of(reached[at].source)
    first = edges[0]
    vertices = [Vertex(ref=first.source, name=first.source_name, type=first.source_type, depth=0)]
    vertices += [
        Vertex(ref=edge.destination, name=edge.destination_name, type=edge.destination_type, depth=depth)
        for depth, edge in enumerate(edges, 1)
    ]
    return Subgraph(vertices=tuple(vertices), edges=tuple(edges))


def _learn(known: Known, edge: Association) -> None:
    known.setdefault(key_of(edge.source), (edge.source, edge.source_name, edge.source_type))
    known.setdefault(key_of(edge.destination), (edge.destination, edge.destination_name, edge.destination_type))


def _vertex(found: tuple[NodeRef, str, str | None], depth: int) -> Vertex:
    ref, name, type_ = found
    return Vertex(ref=ref, name=name, type=type_, depth=depth)
