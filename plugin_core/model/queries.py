"""What can be asked of a store: plain filters, no backend's language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final, Generic, TypeAlias, TypeVar

from plugin_core.errors import InvalidValueError
from plugin_core.model.components import Component, Kind, Status
from plugin_core.model.experiments import Experiment, Trial
from plugin_core.model.lineage import Action, Artifact, Association, Context, NodeKind, NodeRef


class SortBy(StrEnum):
    """Orders of a listing."""

    NAME = "name"
    CREATED = "created"


class AssociationSortBy(StrEnum):
    """Orders of a listing of associations."""

    SOURCE_ARN = "source arn"
    DESTINATION_ARN = "destination arn"
    SOURCE_TYPE = "source type"
    DESTINATION_TYPE = "destination type"
    CREATED = "created"


class Direction(StrEnum):
    """Which way a lineage query walks: to what a node came from, to what came from it, or both."""

    ASCENDANTS = "Ascendants"
    DESCENDANTS = "Descendants"
    BOTH = "Both"


T_co = TypeVar("T_co", covariant=True)

Keyset: TypeAlias = tuple[str | int | float, ...]  # where a page ended, by what it is sorted by; of plain JSON values


def require_place(after: Keyset, width: int) -> None:
    """InvalidValueError for a keyset that is none of a listing whose order has so many columns."""
    if len(after) != width:
        raise InvalidValueError("This is no place in the listing to go on from.")


@dataclass(frozen=True, kw_only=True, slots=True)
class Page(Generic[T_co]):
    """A part of a listing in its order. ``next`` is what to ask for ``after`` this; None at the end.

    ``total`` is how many there are on all pages, where that was asked for.
    """

    items: tuple[T_co, ...]
    next: Keyset | None = None
    total: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing(Generic[T_co]):
    """A listing of things of one kind, page by page; what is None does not filter. Bounds exclude themselves."""

    created_before: datetime | None = None
    created_after: datetime | None = None
    descending: bool = True
    limit: int | None = None
    after: Keyset | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ExperimentQuery(Listing[Experiment]):
    """Which experiments."""

    sort_by: SortBy = SortBy.CREATED


@dataclass(frozen=True, kw_only=True, slots=True)
class TrialQuery(Listing[Trial]):
    """Which trials: an experiment's, and those that a component is in."""

    experiment: str | None = None
    component: str | None = None
    sort_by: SortBy = SortBy.CREATED


@dataclass(frozen=True, kw_only=True, slots=True)
class ComponentQuery(Listing[Component]):
    """Which components; what is None or empty does not filter. Of an experiment: at home in it or in its trials."""

    experiment: str | None = None
    trial: str | None = None
    names: tuple[str, ...] = ()
    parent: str | None = None
    root: str | None = None
    kinds: tuple[Kind, ...] = ()
    statuses: tuple[Status, ...] = ()
    orchestrator_system: str | None = None
    execution_id: str | None = None
    step_id: str | None = None
    source_arn: str | None = None
    tag: tuple[str, str | None] | None = None
    sort_by: SortBy = SortBy.CREATED


@dataclass(frozen=True, kw_only=True, slots=True)
class ArtifactQuery(Listing[Artifact]):
    """Which artifacts, by time."""

    source_uri: str | None = None
    type: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ActionQuery(Listing[Action]):
    """Which actions."""

    source_uri: str | None = None
    type: str | None = None
    sort_by: SortBy = SortBy.CREATED


@dataclass(frozen=True, kw_only=True, slots=True)
class ContextQuery(Listing[Context]):
    """Which contexts."""

    source_uri: str | None = None
    type: str | None = None
    sort_by: SortBy = SortBy.CREATED


@dataclass(frozen=True, kw_only=True, slots=True)
class AssociationQuery(Listing[Association]):
    """Which edges; ``source_type`` and ``destination_type`` are what a ``Vertex`` has for its type."""

    source: NodeRef | None = None
    destination: NodeRef | None = None
    source_type: str | None = None
    destination_type: str | None = None
    type: str | None = None
    sort_by: AssociationSortBy = AssociationSortBy.CREATED


@dataclass(frozen=True, kw_only=True, slots=True)
class LineageQuery:
    """A walk from one node. Filters choose what is returned; they do not prune the walk."""

    direction: Direction = Direction.BOTH
    max_depth: int = 10
    kinds: tuple[NodeKind, ...] = ()
    types: tuple[str, ...] = ()
    created_before: datetime | None = None
    created_after: datetime | None = None
    modified_before: datetime | None = None
    modified_after: datetime | None = None
    properties: Mapping[str, str] = field(default_factory=dict[str, str])
    include_edges: bool = True
    limit: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class WindowQuery:
    """How to cut a series into windows: by periods of time, or without one by step. Bounds include themselves."""

    period_s: int | None = None
    first_step: int | None = None
    last_step: int | None = None
    since: datetime | None = None
    until: datetime | None = None
    limit: int | None = None


class Operator(StrEnum):
    """How a filter of a search compares."""

    EQUALS = "Equals"
    NOT_EQUALS = "NotEquals"
    GREATER_THAN = "GreaterThan"
    GREATER_THAN_OR_EQUAL_TO = "GreaterThanOrEqualTo"
    LESS_THAN = "LessThan"
    LESS_THAN_OR_EQUAL_TO = "LessThanOrEqualTo"
    CONTAINS = "Contains"
    EXISTS = "Exists"
    NOT_EXISTS = "NotExists"
    IN = "In"


class BooleanOperator(StrEnum):
    """How the parts of an expression are joined."""

    AND = "And"
    OR = "Or"


@dataclass(frozen=True, kw_only=True, slots=True)
class Filter:
    """A condition on a property by SageMaker's name for it: ``Parameters.rate``, ``Metrics.loss.Min``, ``Tags.team``.

    Commas in the value of Equals, NotEquals and In separate values of which one is meant. NotEquals also holds
    where there is no such property. Contains does not regard case.
    """

    property: str
    operator: Operator = Operator.EQUALS
    value: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class NestedFilters:
    """Conditions that hold for one and the same item of a list: of ``Parents``, ``Metrics`` or ``Tags``."""

    property: str
    filters: tuple[Filter, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchExpression:
    """Conditions joined by And or Or; without any it holds for everything."""

    filters: tuple[Filter, ...] = ()
    nested: tuple[NestedFilters, ...] = ()
    sub_expressions: tuple[SearchExpression, ...] = ()
    operator: BooleanOperator = BooleanOperator.AND


EVERYTHING: Final = SearchExpression()


@dataclass(frozen=True, kw_only=True, slots=True)
class Search(Generic[T_co]):
    """A search over things of one kind, sorted by any property; what lacks the property comes last."""

    expression: SearchExpression = EVERYTHING
    sort_by: str = "LastModifiedTime"
    descending: bool = True
    limit: int | None = None
    after: Keyset | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ExperimentSearch(Search[Experiment]):
    """A search over experiments."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TrialSearch(Search[Trial]):
    """A search over trials."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ComponentSearch(Search[Component]):
    """A search over components."""
