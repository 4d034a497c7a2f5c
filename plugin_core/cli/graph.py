"""What `flowtrail lineage` says of a graph: what its nodes are labelled with, in colour. ``read`` asks the store."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from rich.text import Text

from plugin_core.cli import render
from plugin_core.cli import terminal as look
from plugin_core.cli.terminal import Terminal
from plugin_core.cli.views import ArtifactRow
from plugin_core.lineage.render import (
    AGAIN,
    ASCII,
    LINES,
    Branch,
    Neighbours,
    branches,
    flowchart,
    neighbours,
    short_uri,
)
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


def trees(graph: Graph, direction: Direction, terminal: Terminal) -> list[Text]:
    """The lines of a tree per direction from a single start; from several, of one from each node without a cause."""
    if len(graph.starts) > 1:
        below, seen = neighbours(graph.edges, down=True), set[NodeRef]()
        return [line for root in _sources(graph) for line in _tree(graph, root, below, terminal, seen)]
    parts: list[Text] = []
    start = next(iter(graph.starts))
    for wanted, title, down in ((Direction.ASCENDANTS, "Came from", False), (Direction.DESCENDANTS, "Went into", True)):
        below = neighbours(graph.edges, down=down)
        if direction in {wanted, Direction.BOTH} and start in below:
            parts += [*([Text("")] if parts else []), terminal.heading(title)]
            parts += _tree(graph, start, below, terminal, set())
    return parts or [_label(graph, start, terminal), Text("Nothing is known that it came from or went into.", "dim")]


def _sources(graph: Graph) -> list[NodeRef]:
    reached = {edge.destination for edge in graph.edges}
    linked = reached | {edge.source for edge in graph.edges}
    first = [node for node in graph.depths if node not in reached and node in linked]
    return first or [node for node in graph.starts if node in linked] or list(graph.starts[:1])


def _tree(graph: Graph, root: NodeRef, below: Neighbours, terminal: Terminal, seen: set[NodeRef]) -> list[Text]:
    drawn = branches(
        root,
        below,
        unfolded=seen,
        siblings=_SIBLINGS if terminal.interactive else None,
        guides=LINES if terminal.unicode else ASCII,
    )
    return [_label(graph, root, terminal), *(_line(graph, branch, terminal) for branch in drawn)]


def _line(graph: Graph, branch: Branch, terminal: Terminal) -> Text:
    if branch.node is None:
        return Text(f"{branch.guide}{branch.left_out} more: pipe the output, or --json", "dim")
    note = AGAIN if branch.again else ""
    return Text.assemble((branch.guide, "dim"), _label(graph, branch.node, terminal), (note, "dim"))


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
    identity = "" if row is not None and _RUN_ID.search(node.key) else short_uri(node.key)
    shown = "  ".join(look.clean(part) for part in (*facts, identity) if part)
    mark = "▢" if terminal.unicode else "[]"
    return Text.assemble((mark, look.ORANGE), " ", name, (f"  {shown}", "dim"))


# Other forms


def mermaid(graph: Graph) -> str:
    """A Mermaid flowchart of names, with the states of runs and the URIs of artifacts."""
    return flowchart({node: (graph.name(node), _detail(graph, node)) for node in graph.depths}, graph.edges)


def _detail(graph: Graph, node: NodeRef) -> str:
    return graph.runs[node].status.value if node in graph.runs else short_uri(node.key)


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
