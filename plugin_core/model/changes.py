"""What can happen to the record. The journal carries changes, the store applies them in order.

Every change names what it is about (never an internal id), so that any process can write one without
asking, and is idempotent: applying it twice, or after a later one, leaves the later one's result.
Times are integers: microseconds since the epoch, UTC.

A Put that says ``new`` is for what does not exist yet, of things that do: ``write`` refuses it otherwise
(ConflictError, NotFoundError). What was only mentioned may still be made. From a journal it is a Put as any.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from plugin_core.model.components import ArtifactValue, Kind, OrchestratorRef, Owner, Status
from plugin_core.model.lineage import NodeRef, SourceType
from plugin_core.model.metrics import Json
from plugin_core.model.plain import value
from plugin_core.model.provenance import Provenance

Micros: TypeAlias = int


@value
class PutExperiment:
    """Create an experiment; where it exists, only what is not None is updated (tags: added)."""

    at: Micros
    name: str
    display_name: str | None = None
    description: str | None = None
    tags: Mapping[str, str | None] = field(default_factory=dict[str, str | None])
    provenance: Provenance | None = None
    new: bool = False


@value
class PutTrial:
    """Create a trial (and its experiment, by name); where it exists, what is not None is updated."""

    at: Micros
    name: str
    experiment: str
    display_name: str | None = None
    root_component: str | None = None
    tags: Mapping[str, str | None] = field(default_factory=dict[str, str | None])
    provenance: Provenance | None = None
    new: bool = False


@value
class PutComponent:
    """Create a component (and, by name, its experiment and trial), in status created; idempotent.

    Where it exists, what is not None is updated; tags are added; properties are insert-only. One that begins at once
    may say so, and with which parameters: the same as SetStatus (running, and of this owner) and SetParameters.
    """

    at: Micros
    name: str
    experiment: str | None = None
    trial: str | None = None
    run_name: str | None = None
    display_name: str | None = None
    kind: Kind | None = None
    parent: str | None = None
    root: str | None = None
    attempt: int | None = None
    previous_attempt: str | None = None
    orchestrator: OrchestratorRef | None = None
    owner: Owner | None = None
    source_arn: str | None = None
    tags: Mapping[str, str | None] = field(default_factory=dict[str, str | None])
    properties: Mapping[str, str] = field(default_factory=dict[str, str])
    started_at: Micros | None = None
    parameters: Mapping[str, Json] = field(default_factory=dict[str, Json])
    provenance: Provenance | None = None
    new: bool = False


@value
class SetStatus:
    """Move a component to a status. ``inferred`` marks a guess (its process is gone): a guess never
    replaces a final status that was reported, a reported status replaces a guess.
    """

    at: Micros
    component: str
    status: Status
    message: str | None = None
    started_at: Micros | None = None  # kept if the component has one already
    ended_at: Micros | None = None
    inferred: bool = False
    owner: Owner | None = None


@value
class SetParameters:
    """Set parameters; per name the one logged last wins, whichever arrives last."""

    at: Micros
    component: str
    parameters: Mapping[str, Json]


@value
class SetArtifactValues:
    """Set entries of a component's input or output artifacts; per name the last logged wins."""

    at: Micros
    component: str
    is_output: bool
    values: Mapping[str, ArtifactValue]


@value
class PutArtifact:
    """Create an artifact node, or add to it what it lacks (blob, properties).

    It may say which component produced it, and as which of its outputs: the same as PutAssociation and
    SetArtifactValues.
    """

    at: Micros
    source_uri: str
    type: str
    name: str
    source_types: tuple[SourceType, ...] = ()
    media_type: str | None = None
    size_bytes: int | None = None
    blob: str | None = None
    properties: Mapping[str, str] = field(default_factory=dict[str, str])
    tags: Mapping[str, str | None] = field(default_factory=dict[str, str | None])
    produced_by: str | None = None
    output: str | None = None
    provenance: Provenance | None = None
    new: bool = False


@value
class PutAction:
    """Create an action node, or update what is not None."""

    at: Micros
    name: str
    type: str
    source_uri: str
    description: str | None = None
    status: str | None = None
    properties: Mapping[str, str] = field(default_factory=dict[str, str])
    tags: Mapping[str, str | None] = field(default_factory=dict[str, str | None])
    provenance: Provenance | None = None
    new: bool = False


@value
class PutContext:
    """Create a context node, or update what is not None."""

    at: Micros
    name: str
    type: str
    source_uri: str
    description: str | None = None
    properties: Mapping[str, str] = field(default_factory=dict[str, str])
    tags: Mapping[str, str | None] = field(default_factory=dict[str, str | None])
    provenance: Provenance | None = None
    new: bool = False


@value
class PutAssociation:
    """Add an edge. A component or artifact that an edge is the first to name is created, by its name or URI."""

    at: Micros
    source: NodeRef
    destination: NodeRef
    type: str
    new: bool = False


@value
class SetTags:
    """Set and remove tags of a node."""

    at: Micros
    node: NodeRef
    tags: Mapping[str, str | None] = field(default_factory=dict[str, str | None])
    removed: tuple[str, ...] = ()


@value
class SetProperties:
    """Add properties to a node; a property that exists keeps its value."""

    at: Micros
    node: NodeRef
    properties: Mapping[str, str]


@value
class AppendPoints:
    """Points of one series, in the order they were logged, as columns of equal length.

    ``steps`` and ``times`` are arrays of 'q' (times in microseconds), ``values`` of 'd'; ``data`` maps
    positions to the JSON of points that are not numbers.
    """

    component: str
    metric: str
    steps: array[int]
    times: array[int]
    values: array[float]
    data: Mapping[int, Json] = field(default_factory=dict[int, Json])


@value
class JournalSeen:
    """A journal and the process that writes it, so that a later reader can tell whether it still lives."""

    at: Micros
    owner: Owner
    lease_until: Micros


Change: TypeAlias = (
    PutExperiment
    | PutTrial
    | PutComponent
    | SetStatus
    | SetParameters
    | SetArtifactValues
    | PutArtifact
    | PutAction
    | PutContext
    | PutAssociation
    | SetTags
    | SetProperties
    | AppendPoints
    | JournalSeen
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """Consecutive changes of one journal. ``start`` and ``end`` are positions in it (bytes of all segments).

    A store applies a batch and moves the journal's watermark to ``end`` in one transaction. It applies
    only a batch whose ``start`` is its watermark (0 for a journal it has not seen); one that ends at
    or before the watermark was applied already and changes nothing.
    """

    journal: str
    start: int
    end: int
    changes: tuple[Change, ...]
