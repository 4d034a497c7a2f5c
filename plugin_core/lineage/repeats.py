"""What a picture of the graph can do without: results known by name alone, where their content joins the same runs.

A result gets an artifact under its orchestrator's name, and its content has one of its own. Both are true and
queries return both; drawn side by side they are the same arrow twice.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

from plugin_core.model.lineage import Association, NodeKind, NodeRef

_CONTENT: Final = ("sha256:", "sample-sha256:")


def without_repeats(edges: Sequence[Association], *, keep: Iterable[NodeRef] = ()) -> tuple[Association, ...]:
    """The edges but those of results whose makers and users are all joined by content as well; ``keep`` stays."""
    makers: defaultdict[NodeRef, set[NodeRef]] = defaultdict(set)
    users: defaultdict[NodeRef, set[NodeRef]] = defaultdict(set)
    for edge in edges:
        makers[edge.destination].add(edge.source)
        users[edge.source].add(edge.destination)
    joined = {
        (maker, user)
        for node in makers.keys() & users.keys()
        if _is_content(node)
        for maker in makers[node]
        for user in users[node]
    }
    repeats = {
        node
        for node in makers.keys() & users.keys()
        if node.kind is NodeKind.ARTIFACT
        and not _is_content(node)
        and all((maker, user) in joined for maker in makers[node] for user in users[node])
    } - set(keep)
    return tuple(edge for edge in edges if edge.source not in repeats and edge.destination not in repeats)


def ends_of(edges: Iterable[Association]) -> set[NodeRef]:
    """All nodes that edges lead from or to."""
    return {node for edge in edges for node in (edge.source, edge.destination)}


def _is_content(node: NodeRef) -> bool:
    return node.kind is NodeKind.ARTIFACT and node.key.startswith(_CONTENT)
