"""A piece of the graph as text: a tree for people, Mermaid for documents, JSON for programs. Draws nothing.

``branches`` and ``flowchart`` are the only places that lay out a tree and a flowchart; who calls them says what a
node is labelled with.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from plugin_core.model import arns
from plugin_core.model.lineage import Association, NodeKind, NodeRef, Subgraph, Vertex
from plugin_core.model.metrics import Json
from plugin_core.model.queries import Direction

AGAIN: Final = "  (see above)"  # behind a node that is unfolded further up

_KEY_SHOWN: Final = 60
_DIGEST_SHOWN: Final = 12
_SAMPLE: Final = "sample-"
_VERSION: Final = re.compile(r"#[0-9a-f]{64}$")  # of an asset: a hash as well
_MERMAID_SHAPES: Final[Mapping[NodeKind, tuple[str, str]]] = {
    NodeKind.ARTIFACT: ('[("', '")]'),
    NodeKind.COMPONENT: ('["', '"]'),
    NodeKind.ACTION: ('{{"', '"}}'),
    NodeKind.CONTEXT: ('(["', '"])'),
}
_MERMAID_PLAIN: Final = frozenset(" -_.,:/()")  # besides letters and digits; the rest could end a label

Neighbours: TypeAlias = Mapping[NodeRef, Sequence[NodeRef]]


# Layout


@dataclass(frozen=True, slots=True)
class Guides:
    """What joins the lines of a tree."""

    tee: str = "├─ "
    corner: str = "└─ "
    pipe: str = "│  "
    gap: str = "   "


LINES: Final = Guides()
ASCII: Final = Guides(tee="+- ", corner="`- ", pipe="|  ")


@dataclass(frozen=True, slots=True)
class Branch:
    """A line of a tree: what stands before the node's label; ``again`` if the node is unfolded further up.

    Without a node it stands for ``left_out`` siblings of the line before.
    """

    guide: str
    node: NodeRef | None
    again: bool = False
    left_out: int = 0


def neighbours(edges: Iterable[Association], *, down: bool) -> dict[NodeRef, list[NodeRef]]:
    """Where edges lead from each node: along the way of the data, or (not ``down``) against it."""
    found: dict[NodeRef, dict[NodeRef, None]] = {}
    for edge in edges:
        here, there = (edge.source, edge.destination) if down else (edge.destination, edge.source)
        found.setdefault(here, {})[there] = None
    return {here: list(there) for here, there in found.items()}


def branches(
    root: NodeRef,
    below: Neighbours,
    *,
    unfolded: set[NodeRef] | None = None,
    siblings: int | None = None,
    guides: Guides = LINES,
) -> list[Branch]:
    """The lines below ``root``: each node below the one it was reached from, unfolded once.

    ``unfolded`` are nodes that stand further up already, and gains those of this tree. Of more than ``siblings``
    below one node the rest is counted. With a stack, since chains may be longer than Python's.
    """
    seen = set[NodeRef]() if unfolded is None else unfolded
    seen.add(root)
    lines: list[Branch] = []
    stack = _pushed(root, "", below, siblings)
    while stack:
        node, left_out, indent, is_last = stack.pop()
        guide = indent + (guides.corner if is_last else guides.tee)
        again = node is not None and node in seen and bool(below.get(node))
        lines.append(Branch(guide, node, again, left_out))
        if node is not None and node not in seen:
            seen.add(node)
            stack += _pushed(node, indent + (guides.gap if is_last else guides.pipe), below, siblings)
    return lines


def _pushed(
    node: NodeRef, indent: str, below: Neighbours, siblings: int | None
) -> list[tuple[NodeRef | None, int, str, bool]]:
    nodes = list(below.get(node, ()))
    shown: list[tuple[NodeRef | None, int]] = [(there, 0) for there in nodes[:siblings]]
    if len(shown) < len(nodes):
        shown.append((None, len(nodes) - len(shown)))
    return [(there, left_out, indent, position == 0) for position, (there, left_out) in enumerate(reversed(shown))]


def flowchart(labels: Mapping[NodeRef, Sequence[str]], edges: Iterable[Association]) -> str:
    """A Mermaid flowchart from left to right of labelled nodes; artifacts are drums, components boxes."""
    ids = {ref: f"n{position}" for position, ref in enumerate(labels)}
    lines = ["flowchart LR"]
    lines += [f"  {ids[ref]}{_mermaid_node(ref.kind, parts)}" for ref, parts in labels.items()]
    lines += [
        f"  {ids[edge.source]} -->|{_mermaid_text(edge.type)}| {ids[edge.destination]}"
        for edge in edges
        if edge.source in ids and edge.destination in ids
    ]
    return "\n".join(lines)


def _mermaid_node(kind: NodeKind, parts: Sequence[str]) -> str:
    before, after = _MERMAID_SHAPES.get(kind, ('["', '"]'))
    return f"{before}{'<br/>'.join(_mermaid_text(part) for part in parts)}{after}"


def _mermaid_text(text: str) -> str:
    return "".join(c if c.isalnum() or c in _MERMAID_PLAIN else f"#{ord(c)};" for c in _printable(text))


def short_uri(uri: str) -> str:
    """A hash cut to what people can compare, and still ask for; another URI as it is."""
    if (version := _VERSION.search(uri)) is not None:
        return uri[: version.start() + len("#") + _DIGEST_SHOWN]
    kind, _, digest = uri.partition(arns.CONTENT_PREFIX)
    return f"{kind}{arns.CONTENT_PREFIX}{digest[:_DIGEST_SHOWN]}" if digest and kind in {"", _SAMPLE} else uri


def _printable(text: str) -> str:
    """Without what steers a terminal: names are users', and may hold line breaks and escapes."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


# The answer to a lineage query


def to_tree(graph: Subgraph, start: Vertex, direction: Direction) -> str:
    """One line a node, indented below the node it was reached from; a node met again is not unfolded again.

    What is joined to the start only through nodes that a filter left out is listed at the end.
    """
    vertices = {vertex.ref: vertex for vertex in graph.vertices} | {start.ref: start}
    lines, shown = [_label(start)], {start.ref}
    for title, down in _sections(direction):
        below = branches(start.ref, neighbours(graph.edges, down=down))
        lines += [*title, *(_line(branch, vertices) for branch in below)]
        shown |= {branch.node for branch in below if branch.node is not None}
    lines += [f"...{_label(vertex)}" for vertex in graph.vertices if vertex.ref not in shown]
    if graph.truncated:
        lines.append("(there is more than was asked for)")
    return "\n".join(lines)


def _sections(direction: Direction) -> list[tuple[list[str], bool]]:
    if direction is Direction.BOTH:
        return [(["came from"], False), (["went into"], True)]
    return [([], direction is Direction.DESCENDANTS)]


def _line(branch: Branch, vertices: Mapping[NodeRef, Vertex]) -> str:
    assert branch.node is not None
    return f"{branch.guide}{_label(vertices[branch.node])}{AGAIN if branch.again else ''}"


def _label(vertex: Vertex) -> str:
    key = _short(vertex.ref)
    name = _printable(vertex.name or key)
    return f"{name}  [{vertex.type or vertex.ref.kind.value}]" + (f"  {key}" if key != name else "")


def _short(node: NodeRef) -> str:
    key = short_uri(_printable(node.key))
    return key if len(key) <= _KEY_SHOWN else f"{key[: _KEY_SHOWN // 3]}...{key[-_KEY_SHOWN * 2 // 3 :]}"


def to_mermaid(graph: Subgraph, start: Vertex) -> str:
    """A Mermaid flowchart of names with their types."""
    vertices = {start.ref: start} | {vertex.ref: vertex for vertex in graph.vertices}
    labels = {ref: (v.name or ref.key, v.type or ref.kind.value) for ref, v in vertices.items()}
    return flowchart(labels, graph.edges)


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
