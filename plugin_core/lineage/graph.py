"""Ancestors, descendants and paths: the questions people ask, with answers that print as trees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from plugin_core.errors import NotFoundError
from plugin_core.lineage.nodes import Start, store, to_node
from plugin_core.lineage.render import to_json, to_mermaid, to_tree
from plugin_core.model.lineage import NodeKind, NodeRef, Subgraph, Vertex
from plugin_core.model.metrics import Json
from plugin_core.model.queries import Direction, LineageQuery

if TYPE_CHECKING:
    from plugin_core.stores.protocol import TrackingStore

_FAR = 100  # edges; a step takes two, so this is further than flows are long


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class LineageGraph(Subgraph):
    """A piece of the graph and the node it was asked of. Printing it shows the tree."""

    start: Vertex
    direction: Direction

    def to_tree(self) -> str:
        """The tree as text, one node a line."""
        return to_tree(self, self.start, self.direction)

    def to_mermaid(self) -> str:
        """A Mermaid flowchart, for Markdown pages."""
        return to_mermaid(self, self.start)

    def to_json(self) -> dict[str, Json]:
        """Start, vertices and edges, ready for ``json.dumps``."""
        return to_json(self, self.start, self.direction)

    def __repr__(self) -> str:
        return self.to_tree()


def ancestors(
    start: Start, *, max_depth: int = _FAR, kinds: tuple[NodeKind, ...] = (), types: tuple[str, ...] = ()
) -> LineageGraph:
    """What ``start`` came from: a run, the name of one, an artifact's URI or hash, an ARN or a NodeRef.

    ``kinds`` and ``types`` (DataSet, Model ...) choose what is returned, not how far the walk goes;
    ``max_depth`` counts edges. Raises NotFoundError, InvalidValueError for a text that means several nodes.
    """
    return walk(start, LineageQuery(direction=Direction.ASCENDANTS, max_depth=max_depth, kinds=kinds, types=types))


def descendants(
    start: Start, *, max_depth: int = _FAR, kinds: tuple[NodeKind, ...] = (), types: tuple[str, ...] = ()
) -> LineageGraph:
    """What came of ``start``; takes and raises what ``ancestors`` does."""
    return walk(start, LineageQuery(direction=Direction.DESCENDANTS, max_depth=max_depth, kinds=kinds, types=types))


def walk(start: Start, query: LineageQuery) -> LineageGraph:
    """Ask any lineage query from ``start``."""
    node, record = to_node(start), store()
    found = record.lineage(node, query)
    return LineageGraph(
        vertices=found.vertices,
        edges=found.edges,
        truncated=found.truncated,
        start=_start(record, node),
        direction=query.direction,
    )


def path(source: Start, destination: Start, *, max_depth: int = _FAR) -> LineageGraph | None:
    """A shortest way that data took from ``source`` to ``destination``, both included; None if it took none."""
    found = store().path(to_node(source), to_node(destination), max_depth=max_depth)
    if found is None:
        return None
    return LineageGraph(
        vertices=found.vertices, edges=found.edges, start=found.vertices[0], direction=Direction.DESCENDANTS
    )


def _start(store: TrackingStore, node: NodeRef) -> Vertex:
    """A node as the start of a walk: at depth 0, with its name and type."""
    name, kind = _described(store, node)
    return Vertex(ref=node, name=name, type=kind, depth=0)


def _described(store: TrackingStore, node: NodeRef) -> tuple[str, str | None]:
    try:
        if node.kind is NodeKind.ARTIFACT:
            artifact = store.artifact(node.key)
            return artifact.name, artifact.type
        if node.kind is NodeKind.COMPONENT:
            return store.component(node.key).display_name, None
        if node.kind is NodeKind.ACTION:
            return node.key, store.action(node.key).type
        if node.kind is NodeKind.CONTEXT:
            return node.key, store.context(node.key).type
    except NotFoundError:  # deleted a moment ago
        pass
    return node.key, None
