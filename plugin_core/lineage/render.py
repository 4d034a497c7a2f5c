"""A piece of the graph as text: a tree for people, Mermaid for documents, JSON for programs. Draws nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from plugin_core.model import arns
from plugin_core.model.lineage import NodeKind, NodeRef, Subgraph, Vertex
from plugin_core.model.metrics import Json
from plugin_core.model.queries import Direction

_KEY_SHOWN: Final = 60
_DIGEST_SHOWN: Final = len(arns.CONTENT_PREFIX) + 10
_MERMAID_SHAPES: Final[Mapping[NodeKind, tuple[str, str]]] = {
    NodeKind.ARTIFACT: ('[("', '")]'),
    NodeKind.COMPONENT: ('["', '"]'),
    NodeKind.ACTION: ('{{"', '"}}'),
    NodeKind.CONTEXT: ('(["', '"])'),
}
_MERMAID_ESCAPES: Final = str.maketrans({'"': "#quot;", "<": "#lt;", ">": "#gt;", "&": "#amp;", "#": "#35;"})


def to_tree(graph: Subgraph, start: Vertex, direction: Direction) -> str:
    """One line a node, indented below the node it was reached from; a node met again is not unfolded again.

    What is joined to the start only through nodes that a filter left out is listed at the end.
    """
    vertices = {vertex.ref: vertex for vertex in graph.vertices} | {start.ref: start}
    lines, shown = [_label(start)], {start.ref}
    for title, neighbours in _sections(graph, direction):
        branches, reached = _branches(start.ref, vertices, neighbours)
        lines += [*title, *branches]
        shown |= reached
    lines += [f"...{_label(vertex)}" for vertex in graph.vertices if vertex.ref not in shown]
    if graph.truncated:
        lines.append("(there is more than was asked for)")
    return "\n".join(lines)


def _sections(graph: Subgraph, direction: Direction) -> list[tuple[list[str], dict[NodeRef, list[NodeRef]]]]:
    if direction is Direction.ASCENDANTS:
        return [([], _sources(graph))]
    if direction is Direction.DESCENDANTS:
        return [([], _destinations(graph))]
    return [(["came from"], _sources(graph)), (["went into"], _destinations(graph))]


def _sources(graph: Subgraph) -> dict[NodeRef, list[NodeRef]]:
    return _neighbours((edge.destination, edge.source) for edge in graph.edges)


def _destinations(graph: Subgraph) -> dict[NodeRef, list[NodeRef]]:
    return _neighbours((edge.source, edge.destination) for edge in graph.edges)


def _neighbours(pairs: Iterable[tuple[NodeRef, NodeRef]]) -> dict[NodeRef, list[NodeRef]]:
    found: dict[NodeRef, list[NodeRef]] = {}
    for here, there in dict.fromkeys(pairs):
        found.setdefault(here, []).append(there)
    return found


def _branches(
    root: NodeRef, vertices: Mapping[NodeRef, Vertex], neighbours: Mapping[NodeRef, list[NodeRef]]
) -> tuple[list[str], set[NodeRef]]:
    """The lines below ``root`` and the nodes in them; with a stack, since chains may be longer than Python's."""
    lines: list[str] = []
    unfolded = {root}
    stack = _pushed(root, "", vertices, neighbours)
    while stack:
        node, indent, is_last = stack.pop()
        below = _pushed(node, indent + ("   " if is_last else "│  "), vertices, neighbours)
        again = bool(below) and node in unfolded
        lines.append(f"{indent}{'└─ ' if is_last else '├─ '}{_label(vertices[node])}{'  (above)' if again else ''}")
        if not again:
            unfolded.add(node)
            stack += below
    return lines, unfolded


def _pushed(
    node: NodeRef, indent: str, vertices: Mapping[NodeRef, Vertex], neighbours: Mapping[NodeRef, list[NodeRef]]
) -> list[tuple[NodeRef, str, bool]]:
    below = [there for there in neighbours.get(node, ()) if there in vertices]
    return [(there, indent, position == 0) for position, there in enumerate(reversed(below))]


def _label(vertex: Vertex) -> str:
    key = _short(vertex.ref)
    name = _printable(vertex.name or key)
    return f"{name}  [{vertex.type or vertex.ref.kind.value}]" + (f"  {key}" if key != name else "")


def _short(node: NodeRef) -> str:
    key = _printable(node.key)
    if key.startswith(arns.CONTENT_PREFIX):
        return key[:_DIGEST_SHOWN]
    return key if len(key) <= _KEY_SHOWN else f"{key[: _KEY_SHOWN // 3]}...{key[-_KEY_SHOWN * 2 // 3 :]}"


def _printable(text: str) -> str:
    """Without what steers a terminal: names are users', and may hold line breaks and escapes."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def to_mermaid(graph: Subgraph, start: Vertex) -> str:
    """A Mermaid flowchart from left to right; artifacts are drums, components boxes."""
    vertices = {start.ref: start} | {vertex.ref: vertex for vertex in graph.vertices}
    ids = {ref: f"n{position}" for position, ref in enumerate(vertices)}
    lines = ["flowchart LR"]
    lines += [f"  {ids[ref]}{_mermaid_node(vertex)}" for ref, vertex in vertices.items()]
    lines += [
        f"  {ids[edge.source]} -->|{edge.type.translate(_MERMAID_ESCAPES)}| {ids[edge.destination]}"
        for edge in graph.edges
        if edge.source in ids and edge.destination in ids
    ]
    return "\n".join(lines)


def _mermaid_node(vertex: Vertex) -> str:
    before, after = _MERMAID_SHAPES.get(vertex.ref.kind, ('["', '"]'))
    text = _printable(f"{vertex.name or vertex.ref.key} ({vertex.type or vertex.ref.kind.value})")
    return f"{before}{text.translate(_MERMAID_ESCAPES)}{after}"


def to_json(graph: Subgraph, start: Vertex, direction: Direction) -> dict[str, Json]:
    """Keys start, direction, vertices (nearest first), edges (by ARN) and truncated."""
    return {
        "start": _vertex_json(start),
        "direction": direction.value,
        "vertices": [_vertex_json(vertex) for vertex in graph.vertices],
        "edges": [
            {
                "source": arns.to_arn(edge.source),
                "destination": arns.to_arn(edge.destination),
                "type": edge.type,
                "created_at": edge.created_at.isoformat(),
            }
            for edge in graph.edges
        ],
        "truncated": graph.truncated,
    }


def _vertex_json(vertex: Vertex) -> dict[str, Json]:
    return {
        "kind": vertex.ref.kind.value,
        "key": vertex.ref.key,
        "arn": arns.to_arn(vertex.ref),
        "name": vertex.name,
        "type": vertex.type,
        "depth": vertex.depth,
    }
