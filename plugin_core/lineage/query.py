"""SageMaker's lineage query: its types and signatures, answered by the store.

Deliberate differences: several starts may be asked of at once, and an answer is never cut to a page.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plugin_core.errors import InvalidValueError
from plugin_core.lineage.nodes import store, to_node
from plugin_core.lineage.words import (
    ENTITY_OF,
    LineageEntityEnum,
    LineageQueryDirectionEnum,
    LineageSourceEnum,
    to_direction,
    to_kind,
    to_text,
)
from plugin_core.model import arns, queries
from plugin_core.model.lineage import Action, Association, Context, NodeKind, NodeRef
from plugin_core.model.lineage import Vertex as Node

if TYPE_CHECKING:
    from plugin_core.lineage.artifact import Artifact
    from plugin_core.lineage.lineage_trial_component import LineageTrialComponent


class Edge:
    """A connection between two nodes, named by their ARNs."""

    def __init__(self, source_arn: str, destination_arn: str, association_type: str) -> None:
        self.source_arn = source_arn
        self.destination_arn = destination_arn
        self.association_type = association_type

    def _parts(self) -> tuple[str, str, str]:
        return self.source_arn, self.destination_arn, self.association_type

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Edge) and other._parts() == self._parts()

    def __hash__(self) -> int:
        return hash(self._parts())

    def __repr__(self) -> str:
        return f"Edge({self.source_arn} -{self.association_type}-> {self.destination_arn})"


class Vertex:
    """A node of the graph. ``lineage_entity`` is its kind, ``lineage_source`` its type (None for a plain run)."""

    def __init__(
        self, arn: str, lineage_entity: str, lineage_source: str | None, sagemaker_session: Any = None
    ) -> None:
        del sagemaker_session
        self.arn = arn
        self.lineage_entity = lineage_entity
        self.lineage_source = lineage_source
        self._ref: NodeRef | None = None

    @classmethod
    def of(cls, node: Node) -> Vertex:
        """A vertex of the store's graph; it knows its node, so that nobody has to look it up."""
        vertex = cls(arns.to_arn(node.ref), ENTITY_OF.get(node.ref.kind, node.ref.kind.value), node.type)
        vertex._ref = node.ref
        return vertex

    @property
    def ref(self) -> NodeRef:
        """The node behind the ARN; NotFoundError."""
        if self._ref is None:
            self._ref = to_node(self.arn)
        return self._ref

    def to_lineage_object(self) -> LineageTrialComponent | Artifact | Action | Context:
        """Load what this vertex stands for.

        A trial component or an artifact of its type's class; of actions and contexts the plain value.
        NotFoundError; InvalidValueError for a trial or an experiment, which have no lineage object.
        """
        ref = self.ref
        if ref.kind is NodeKind.COMPONENT:
            from plugin_core.lineage.lineage_trial_component import LineageTrialComponent

            return LineageTrialComponent.load(ref.key)
        if ref.kind is NodeKind.ARTIFACT:
            from plugin_core.lineage.artifact import typed_artifact

            return typed_artifact(store().artifact(ref.key))
        if ref.kind is NodeKind.ACTION:
            return store().action(ref.key)
        if ref.kind is NodeKind.CONTEXT:
            return store().context(ref.key)
        raise InvalidValueError(f"A vertex of kind {self.lineage_entity} cannot be converted to a lineage object.")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vertex) and (other.arn, other.lineage_source) == (self.arn, self.lineage_source)

    def __hash__(self) -> int:
        return hash((self.arn, self.lineage_source))

    def __repr__(self) -> str:
        source = "" if self.lineage_source is None else f", {self.lineage_source}"
        return f"Vertex({self.arn}, {self.lineage_entity}{source})"


class LineageQueryResult:
    """What a query found: ``vertices`` nearest first, the ``edges`` walked and the ``startarn`` asked of."""

    def __init__(
        self,
        edges: list[Edge] | None = None,
        vertices: list[Vertex] | None = None,
        startarn: list[str] | None = None,
    ) -> None:
        self.edges: list[Edge] = list(dict.fromkeys(edges or ()))
        self.vertices: list[Vertex] = list(dict.fromkeys(vertices or ()))
        self.startarn: list[str] = list(startarn or ())

    def visualize(self, path: str = "lineage_graph_pyvis.html", pyvis_options: Mapping[str, Any] | None = None) -> str:
        """Write the result as a page of two tables, which needs neither network nor script; return its path.

        ``pyvis_options`` is for a drawing library that is not used here.
        """
        del pyvis_options
        vertices = [(v.arn, v.lineage_entity, v.lineage_source or "") for v in self.vertices]
        edges = [(e.source_arn, e.association_type, e.destination_arn) for e in self.edges]
        page = (
            '<!doctype html><html lang="en"><meta charset="utf-8"><title>Lineage</title>'
            + _table(f"Lineage of {', '.join(self.startarn)}", ("ARN", "Entity", "Type"), vertices)
            + _table("Edges", ("From", "Association", "To"), edges)
            + "</html>"
        )
        Path(path).write_text(page, encoding="utf-8")
        return path

    def __repr__(self) -> str:
        rows = [f"LineageQueryResult of {', '.join(self.startarn) or 'nothing'}"]
        rows += [f"  {vertex!r}" for vertex in self.vertices]
        rows += [f"  {edge!r}" for edge in self.edges]
        return "\n".join(rows)


def _table(caption: str, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f'<th scope="col">{escape(text)}</th>' for text in heads)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


@dataclass
class LineageFilter:
    """What a query returns; it does not prune the walk.

    ``entities`` and ``sources`` are enums or their values, times are aware datetimes, ``properties`` must
    all be there with these values.
    """

    entities: Sequence[LineageEntityEnum | str] | None = None
    sources: Sequence[LineageSourceEnum | str] | None = None
    created_before: datetime | None = None
    created_after: datetime | None = None
    modified_before: datetime | None = None
    modified_after: datetime | None = None
    properties: Mapping[str, str] | None = None

    def to_query(self, direction: queries.Direction, max_depth: int, *, include_edges: bool) -> queries.LineageQuery:
        """This filter as the store's query. InvalidValueError for an entity that does not exist."""
        return queries.LineageQuery(
            direction=direction,
            max_depth=max_depth,
            kinds=tuple(to_kind(entity) for entity in self.entities or ()),
            types=tuple(to_text(source) for source in self.sources or ()),
            created_before=self.created_before,
            created_after=self.created_after,
            modified_before=self.modified_before,
            modified_after=self.modified_after,
            properties=dict(self.properties or {}),
            include_edges=include_edges,
        )


class LineageQuery:
    """Asks the graph, in SageMaker's words. No session is needed: the store is this process's."""

    def __init__(self, sagemaker_session: Any = None) -> None:
        del sagemaker_session

    def query(
        self,
        start_arns: Sequence[str],
        direction: LineageQueryDirectionEnum | str = LineageQueryDirectionEnum.BOTH,
        include_edges: bool = True,
        query_filter: LineageFilter | None = None,
        max_depth: int = 10,
    ) -> LineageQueryResult:
        """Walk from the nodes that ``start_arns`` name, at most ``max_depth`` edges; they are not in the answer.

        Raises NotFoundError, InvalidValueError.
        """
        starts = [start_arns] if isinstance(start_arns, str) else list(start_arns)
        request = (query_filter or LineageFilter()).to_query(
            to_direction(direction), max_depth, include_edges=include_edges
        )
        record = store()
        found = [record.lineage(to_node(start), request) for start in starts]
        return LineageQueryResult(
            edges=[_edge(edge) for graph in found for edge in graph.edges],
            vertices=[Vertex.of(vertex) for graph in found for vertex in graph.vertices],
            startarn=starts,
        )


def _edge(edge: Association) -> Edge:
    return Edge(arns.to_arn(edge.source), arns.to_arn(edge.destination), edge.type)
