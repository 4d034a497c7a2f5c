"""The lineage graph: artifacts, actions, contexts, and the associations between them and components."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from plugin_core.model.provenance import NO_PROVENANCE, Provenance


class NodeKind(StrEnum):
    """What a node of the graph is."""

    EXPERIMENT = "experiment"
    TRIAL = "trial"
    COMPONENT = "component"
    ARTIFACT = "artifact"
    ACTION = "action"
    CONTEXT = "context"


@dataclass(frozen=True, slots=True, order=True)
class NodeRef:
    """Names a node in any process, before and after it is stored.

    ``key`` is the entity's name (without regard to case), or for an artifact its source URI.
    """

    kind: NodeKind
    key: str


class AssociationType(StrEnum):
    """SageMaker's edge types; an edge points the way the data went."""

    CONTRIBUTED_TO = "ContributedTo"
    ASSOCIATED_WITH = "AssociatedWith"
    DERIVED_FROM = "DerivedFrom"
    PRODUCED = "Produced"
    SAME_AS = "SameAs"


class ArtifactType(StrEnum):
    """The artifact types that lineage queries of SageMaker's clients look for, and ours for the rest."""

    DATA_SET = "DataSet"
    MODEL = "Model"
    IMAGE = "Image"
    DOCUMENT = "Document"
    VALUE = "Value"
    CHECKPOINT = "Checkpoint"
    CODE = "Code"


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceType:
    """A typed id of an artifact's source: MD5Hash, S3ETag, S3Version or Custom."""

    kind: str
    value: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Artifact:
    """Data, a model, an image or a document; ``source_uri`` is its identity.

    Content that was read is identified as ``sha256:<hex>``, so that the same data in two runs is one
    node; where it was seen stands in ``properties["location"]``. Data known by reference only is
    identified by its URI. ``blob`` is the content address of stored bytes, if they were stored.
    """

    source_uri: str
    type: str
    name: str
    created_at: datetime
    modified_at: datetime
    source_types: tuple[SourceType, ...] = ()
    media_type: str | None = None
    size_bytes: int | None = None
    blob: str | None = None
    properties: Mapping[str, str] = field(default_factory=dict[str, str])
    tags: Mapping[str, str | None] = field(default_factory=dict[str, str | None])
    provenance: Provenance = NO_PROVENANCE

    @property
    def ref(self) -> NodeRef:
        """This artifact's place in the graph."""
        return NodeRef(NodeKind.ARTIFACT, self.source_uri)


@dataclass(frozen=True, kw_only=True, slots=True)
class Action:
    """Something that was done and is not a component: an approval, a deployment."""

    name: str
    type: str
    source_uri: str
    created_at: datetime
    modified_at: datetime
    description: str | None = None
    status: str | None = None
    properties: Mapping[str, str] = field(default_factory=dict[str, str])
    tags: Mapping[str, str | None] = field(default_factory=dict[str, str | None])
    provenance: Provenance = NO_PROVENANCE


@dataclass(frozen=True, kw_only=True, slots=True)
class Context:
    """A logical group in the graph: an endpoint, a model group."""

    name: str
    type: str
    source_uri: str
    created_at: datetime
    modified_at: datetime
    description: str | None = None
    properties: Mapping[str, str] = field(default_factory=dict[str, str])
    tags: Mapping[str, str | None] = field(default_factory=dict[str, str | None])
    provenance: Provenance = NO_PROVENANCE


@dataclass(frozen=True, kw_only=True, slots=True)
class Association:
    """An edge: data went from ``source`` to ``destination``. Of both ends it has what a ``Vertex`` has."""

    source: NodeRef
    destination: NodeRef
    type: str
    created_at: datetime
    source_name: str = ""
    source_type: str | None = None
    destination_name: str = ""
    destination_type: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Vertex:
    """A node as a lineage query returns it; ``type`` is the artifact's, action's or context's type.

    A component that came from a job has the job's: TrainingJob, ProcessingJob or TransformJob.
    """

    ref: NodeRef
    name: str
    type: str | None
    depth: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Subgraph:
    """The answer to a lineage query: each vertex once, nearest first, and the edges walked between them."""

    vertices: tuple[Vertex, ...]
    edges: tuple[Association, ...]
    truncated: bool = False
