"""What can be asked of a store: plain filters, no backend's language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from plugin_core.model.components import Kind, Status
from plugin_core.model.lineage import NodeKind


class SortBy(StrEnum):
    """Orders of a listing."""

    NAME = "name"
    CREATED = "created"


class Direction(StrEnum):
    """Which way a lineage query walks: to what a node came from, to what came from it, or both."""

    ASCENDANTS = "Ascendants"
    DESCENDANTS = "Descendants"
    BOTH = "Both"


@dataclass(frozen=True, kw_only=True, slots=True)
class ComponentQuery:
    """Which components; what is None or empty does not filter. ``after`` is a keyset: the (sort value, id)
    of the last component of the page before.
    """

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
    created_before: datetime | None = None
    created_after: datetime | None = None
    sort_by: SortBy = SortBy.CREATED
    descending: bool = True
    limit: int | None = None
    after: tuple[str | int, int] | None = None


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
