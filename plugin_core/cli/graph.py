"""The lineage graph as text: trees, Mermaid, JSON. Pure but for ``read``, which asks the store."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from rich.text import Text
from rich.tree import Tree

from plugin_core.cli import render
from plugin_core.cli import terminal as look
from plugin_core.cli.terminal import Terminal
from plugin_core.cli.views import ArtifactRow
from plugin_core.lineage.repeats import ends_of, without_repeats
from plugin_core.model.components import Component
from plugin_core.model.lineage import Association, NodeKind, NodeRef
from plugin_core.model.queries import ComponentQuery, Direction, LineageQuery
from plugin_core.stores.protocol import TrackingStore

_SIBLINGS: Final = 40  # drawn below one node on a terminal
_RUN_ID: Final = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")


@dataclass(frozen=True, kw_only=True)
class Graph:
    """What a walk found. ``runs`` and ``artifacts`` describe the nodes that are one or the other."""

    starts: tuple[NodeRef, ...]
    depths: Mapping[NodeRef, int]
    edges: tuple[Association, ...]
    runs: Mapping[NodeRef, Component] = field(default_factory=dict[NodeRef, Component])
    artifacts: Mapping[NodeRef, ArtifactRow] = field(default_factory=dict[NodeRef, ArtifactRow])

    def name(self, node: NodeRef) -> str:
        """What people call a node."""
        if node in self.runs:
            return self.runs[node].display_name
        return self.artifacts[node].name if node in self.artifacts else node.key


def read(store: TrackingStore, starts: Sequence[NodeRef], direction: Direction, depth: int) -> Graph:
    """Walk from every start; a node that several walks reach has its least depth. NotFoundError."""
    depths: dict[NodeRef, int] = dict.fromkeys(starts, 0)
    edges: dict[tuple[NodeRef, NodeRef, str], Association] = {}
    for start in starts:
        found = store.lineage(start, LineageQuery(direction=direction, max_depth=depth))
        for vertex in found.vertices:
            depths[vertex.ref] = min(vertex.depth, depths.get(vertex.ref, vertex.depth))
        edges |= {(e.source, e.destination, e.type): e for e in found.edges}
    return _described(store, tuple(starts), depths, tuple(edges.values()))


def _described(
    store: TrackingStore, starts: tuple[NodeRef, ...], depths: Mapping[NodeRef, int], edges: tuple[Association, ...]
) -> Graph:
    names = tuple(node.key for node in depths if node.kind is NodeKind.COMPONENT)
    uris = tuple(node.key for node in depths if node.kind is NodeKind.ARTIFACT)
    components = store.components(ComponentQuery(names=names)) if names else []
    artifacts = store.artifacts(source_uris=uris) if uris else []
    by_name = {component.name.casefold(): component for component in components}
    return Graph(
        starts=starts,
        depths=depths,
        edges=edges,
        runs={
            n: by_name[n.key.casefold()] for n in depths if n.kind is NodeKind.COMPONENT and n.key.casefold() in by_name
        },
        artifacts={artifact.ref: ArtifactRow.of(artifact) for artifact in artifacts},
    )


def condensed(graph: Graph) -> Graph:
    """For people: without results known by name alone, where their content joins the same runs."""
    edges = without_repeats(graph.edges, keep=graph.starts)
    dropped = ends_of(graph.edges) - ends_of(edges)
    depths = {node: depth for node, depth in graph.depths.items() if node not in dropped}
    return replace(graph, edges=edges, depths=depths)


# Trees


def trees(graph: Graph, direction: Direction, terminal: Terminal) -> list[Text | Tree]:
    """One tree per direction from a single start; from several, one from each node that nothing came before."""
    if len(graph.starts) > 1:
        return [_tree(graph, root, _children(graph.edges, down=True), terminal, set()) for root in _sources(graph)]
    parts: list[Text | Tree] = []
    start = next(iter(graph.starts))
    for wanted, title, down in ((Direction.ASCENDANTS, "Came from", False), (Direction.DESCENDANTS, "Went into", True)):
        if direction in {wanted, Direction.BOTH}:
            tree = _tree(graph, start, _children(graph.edges, down=down), terminal, set())
            if tree.children:
                parts += [*([Text("")] if parts else []), terminal.heading(title), tree]
    return parts or [_label(graph, start, terminal), Text("Nothing is known that it came from or went into.", "dim")]


def _sources(graph: Graph) -> list[NodeRef]:
    reached = {edge.destination for edge in graph.edges}
    linked = reached | {edge.source for edge in graph.edges}
    first = [node for node in graph.depths if node not in reached and node in linked]
    return first or [node for node in graph.starts if node in linked] or list(graph.starts[:1])


def _children(edges: Iterable[Association], *, down: bool) -> dict[NodeRef, list[NodeRef]]:
    found: dict[NodeRef, list[NodeRef]] = {}
    for edge in edges:
        parent, child = (edge.source, edge.destination) if down else (edge.destination, edge.source)
        if child not in found.setdefault(parent, []):
            found[parent].append(child)
    return found


def _tree(
    graph: Graph, root: NodeRef, children: Mapping[NodeRef, Sequence[NodeRef]], terminal: Terminal, drawn: set[NodeRef]
) -> Tree:
    """Depth first without recursion: lineages are deeper than Python's stack. A node is opened once."""
    tree = terminal.tree(_label(graph, root, terminal))
    drawn.add(root)
    waiting = [(tree, node) for node in reversed(_shown(tree, children.get(root, ()), terminal))]
    while waiting:
        parent, node = waiting.pop()
        label = _label(graph, node, terminal)
        below = children.get(node, ())
        if node in drawn and below:
            label.append("  (see above)", "dim")
        branch = parent.add(label)
        if node not in drawn:
            drawn.add(node)
            waiting += [(branch, child) for child in reversed(_shown(branch, below, terminal))]
    return tree


def _shown(parent: Tree, nodes: Sequence[NodeRef], terminal: Terminal) -> list[NodeRef]:
    if terminal.interactive and len(nodes) > _SIBLINGS:
        parent.add(Text(f"{len(nodes) - _SIBLINGS} more: pipe the output, or --json", "dim"))
        return list(nodes[:_SIBLINGS])
    return list(nodes)


def _label(graph: Graph, node: NodeRef, terminal: Terminal) -> Text:
    name = look.clean(graph.name(node))
    if node in graph.runs:
        run = graph.runs[node]
        return Text.assemble((name, "bold"), "  ", terminal.status(run.status), (f"  {look.clean(node.key)}", "dim"))
    if node.kind is not NodeKind.ARTIFACT:
        return Text.assemble((name, "bold"), (f"  {node.kind.value}", "dim"))
    row = graph.artifacts.get(node)
    facts = [render.what(row), look.size(row.size_bytes)] if row is not None else []
    # The result of a run stands beside the run: its long id would say the same again.
    identity = "" if row is not None and _RUN_ID.search(node.key) else render.short_uri(node.key)
    shown = "  ".join(look.clean(part) for part in (*facts, identity) if part)
    mark = "▢" if terminal.unicode else "[]"
    return Text.assemble((mark, look.ORANGE), " ", name, (f"  {shown}", "dim"))


# Other forms


def mermaid(graph: Graph) -> str:
    """A Mermaid flowchart: runs have round ends, artifacts corners."""
    ids = {node: f"n{index}" for index, node in enumerate(graph.depths)}
    lines = ["flowchart LR"]
    for node, identifier in ids.items():
        left, right = ("([", "])") if node.kind is NodeKind.COMPONENT else ("[", "]")
        lines.append(f'    {identifier}{left}"{_mermaid_text(graph, node)}"{right}')
    lines += [
        f"    {ids[edge.source]} -->|{edge.type}| {ids[edge.destination]}"
        for edge in graph.edges
        if edge.source in ids and edge.destination in ids
    ]
    return "\n".join(lines)


def _mermaid_text(graph: Graph, node: NodeRef) -> str:
    detail = graph.runs[node].status.value if node in graph.runs else render.short_uri(node.key)
    parts = (look.clean(graph.name(node)), look.clean(detail))
    return "<br/>".join("".join(c if c.isalnum() or c in " -_.,:/" else f"#{ord(c)};" for c in p) for p in parts)


def document(graph: Graph) -> dict[str, Any]:
    """The graph for ``--json``."""
    return {
        "start": [_ref(node) for node in graph.starts],
        "nodes": [
            {
                **_ref(node),
                "name": graph.name(node),
                "type": graph.artifacts[node].type if node in graph.artifacts else None,
                "status": graph.runs[node].status if node in graph.runs else None,
                "depth": depth,
            }
            for node, depth in graph.depths.items()
        ],
        "edges": [
            {"source": _ref(edge.source), "destination": _ref(edge.destination), "type": edge.type}
            for edge in graph.edges
        ],
    }


def _ref(node: NodeRef) -> dict[str, str]:
    return {"kind": node.kind.value, "key": node.key}
