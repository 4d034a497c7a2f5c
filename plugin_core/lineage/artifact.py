"""Artifacts as SageMaker's lineage API shows them, one class for each type that has questions of its own.

What asks about endpoints and jobs is not here, since there are none; nor is ``save``, since an
artifact's name and properties do not change.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Self

from plugin_core.errors import ConflictError, InvalidValueError, NotFoundError
from plugin_core.lineage.nodes import store, to_node
from plugin_core.lineage.related import artifacts_around, components_around, execution_arn, trials_around
from plugin_core.lineage.words import LineageQueryDirectionEnum
from plugin_core.model import arns
from plugin_core.model.changes import PutArtifact, SetTags
from plugin_core.model.lineage import Artifact as ArtifactValue
from plugin_core.model.lineage import ArtifactType, NodeKind, NodeRef, SourceType
from plugin_core.tracking.values import to_tags

_ASCENDANTS: Final = LineageQueryDirectionEnum.ASCENDANTS
_DESCENDANTS: Final = LineageQueryDirectionEnum.DESCENDANTS


@dataclass(frozen=True, slots=True)
class ArtifactSource:
    """Where an artifact's content is or what it is known by; ``source_types`` holds SourceIdType and Value."""

    source_uri: str
    source_types: list[dict[str, str]] = field(default_factory=list[dict[str, str]])


@dataclass(kw_only=True, repr=False)
class Artifact:
    """A node that is data: what it is, where it is, and which trials made or used it.

    ``properties`` and ``tags`` are as they were when it was loaded; tags are Key and Value.
    """

    artifact_arn: str | None = None
    artifact_name: str | None = None
    artifact_type: str | None = None
    source: ArtifactSource | None = None
    properties: dict[str, str] | None = None
    tags: list[dict[str, str]] | None = None
    creation_time: datetime | None = None
    created_by: dict[str, str] | None = None
    last_modified_time: datetime | None = None
    last_modified_by: dict[str, str] | None = None

    @classmethod
    def load(cls, artifact_arn: str, sagemaker_session: Any = None) -> Self:
        """Load an artifact by its ARN, URI or content hash. NotFoundError."""
        del sagemaker_session
        node = to_node(artifact_arn)
        if node.kind is not NodeKind.ARTIFACT:
            raise NotFoundError("The artifact", artifact_arn, hint=f"That is a {node.kind.value}.")
        return cls.of(store().artifact(node.key))

    @classmethod
    def create(
        cls,
        artifact_name: str | None = None,
        source_uri: str | None = None,
        source_types: Sequence[Mapping[str, str]] | None = None,
        artifact_type: str | None = None,
        properties: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | list[dict[str, str]] | None = None,
        sagemaker_session: Any = None,
    ) -> Self:
        """Record an artifact and return it. One with this ``source_uri`` that exists is added to, and returned."""
        del sagemaker_session
        if not source_uri or not artifact_type:
            raise InvalidValueError("An artifact needs a source_uri and an artifact_type.")
        from plugin_core.tracking.engine import engine, now_us

        kinds = tuple(SourceType(kind=t["SourceIdType"], value=t["Value"]) for t in source_types or ())
        engine().record(
            PutArtifact(
                at=now_us(),
                source_uri=source_uri,
                type=artifact_type,
                name=artifact_name or source_uri.rstrip("/").rpartition("/")[2] or source_uri,
                source_types=kinds,
                properties=dict(properties or {}),
                tags=to_tags(tags),
            )
        )
        return cls.of(store().artifact(source_uri))

    @classmethod
    def list(
        cls,
        source_uri: str | None = None,
        artifact_type: str | None = None,
        created_before: datetime | None = None,
        created_after: datetime | None = None,
        sort_by: str | None = None,
        sort_order: str | None = None,
        max_results: int | None = None,
        next_token: str | None = None,
        sagemaker_session: Any = None,
    ) -> Iterator[Artifact]:
        """Yield artifacts, newest first; all of them, since there are no pages (``max_results``, ``next_token``).

        ``sort_by`` is CreationTime, the only order there is, ``sort_order`` Ascending or Descending.
        """
        del sagemaker_session, max_results, next_token
        if sort_by not in {None, "CreationTime"} or sort_order not in {None, "Ascending", "Descending"}:
            raise InvalidValueError(f"Artifacts cannot be sorted by {sort_by!r} and {sort_order!r}.")
        found = store().artifacts(source_uris=() if source_uri is None else (source_uri,), type=artifact_type)
        for artifact in reversed(found) if sort_order == "Ascending" else found:
            before = created_before is None or artifact.created_at <= created_before
            if before and (created_after is None or artifact.created_at >= created_after):
                yield typed_artifact(artifact)

    def delete(self, disassociate: bool = False) -> None:
        """Delete the artifact. ConflictError while edges lead to or from it, unless ``disassociate`` removes them."""
        record, ref = store(), self.ref
        if (record.associations(source=ref) or record.associations(destination=ref)) and not disassociate:
            raise ConflictError(
                f"Artifact {self.artifact_name!r} has associations.", hint="Pass disassociate=True to remove them, too."
            )
        record.delete(ref, cascade=True)

    def set_tag(self, tag: Mapping[str, str] | None = None) -> None:
        """Add a tag, given as Key and Value."""
        self.set_tags([] if tag is None else [dict(tag)])

    def set_tags(self, tags: Mapping[str, str] | Sequence[dict[str, str]] | None = None) -> None:
        """Add tags, or change their values."""
        from plugin_core.tracking.engine import engine, now_us

        given = tags if tags is None or isinstance(tags, Mapping) else [*tags]
        engine().record(SetTags(at=now_us(), node=self.ref, tags=engine().redactor.tags(to_tags(given))))
        self.tags = _key_values(store().artifact(self.ref.key).tags)

    def upstream_trials(self) -> Sequence[str]:
        """The names of the trials that this came from."""
        return trials_around(self.ref, _ASCENDANTS)

    def downstream_trials(self, sagemaker_session: Any = None) -> Sequence[str]:
        """The names of the trials that use this directly."""
        del sagemaker_session
        return trials_around(self.ref, _DESCENDANTS, max_depth=1)

    def downstream_trials_v2(self) -> Sequence[str]:
        """The names of the trials that use this or what came of it."""
        return trials_around(self.ref, _DESCENDANTS)

    def s3_uri_artifacts(self, s3_uri: str) -> dict[str, Any]:
        """SageMaker's ``ArtifactSummaries`` of the artifacts whose URI is ``s3_uri``."""
        return {"ArtifactSummaries": [_summary(artifact) for artifact in store().artifacts(source_uris=(s3_uri,))]}

    @property
    def ref(self) -> NodeRef:
        """This artifact's place in the graph."""
        if self.source is None:
            raise InvalidValueError("This artifact was not loaded.", hint="Get one by load, create or list.")
        return NodeRef(NodeKind.ARTIFACT, self.source.source_uri)

    @classmethod
    def of(cls, value: ArtifactValue) -> Self:
        """An artifact as the store holds it, in this class's shape."""
        return cls(
            artifact_arn=arns.to_arn(value.ref),
            artifact_name=value.name,
            artifact_type=value.type,
            source=ArtifactSource(value.source_uri, _source_types(value)),
            properties=dict(value.properties),
            tags=_key_values(value.tags),
            creation_time=value.created_at,
            created_by={},
            last_modified_time=value.modified_at,
            last_modified_by={},
        )

    def __repr__(self) -> str:
        uri = None if self.source is None else self.source.source_uri
        return f"{type(self).__name__}({self.artifact_name!r}, type={self.artifact_type!r}, source_uri={uri!r})"


class DatasetArtifact(Artifact):
    """An artifact of type DataSet."""

    def trained_models(self) -> Sequence[ModelArtifact]:
        """The models that came of this data."""
        return models_around(self.ref, _DESCENDANTS)

    def upstream_datasets(self) -> Sequence[DatasetArtifact]:
        """The data sets that this one was made of."""
        return datasets_around(self.ref, _ASCENDANTS)

    def downstream_datasets(self) -> Sequence[DatasetArtifact]:
        """The data sets that were made of this one."""
        return datasets_around(self.ref, _DESCENDANTS)


class ModelArtifact(Artifact):
    """An artifact of type Model."""

    def dataset_artifacts(self, direction: LineageQueryDirectionEnum = _ASCENDANTS) -> Sequence[DatasetArtifact]:
        """The data sets that this model came from."""
        return datasets_around(self.ref, direction)

    def pipeline_execution_arn(self, direction: LineageQueryDirectionEnum = _ASCENDANTS) -> str | None:
        """The ARN of the execution that made this model; None if no orchestrator did."""
        found = (execution_arn(component) for component in components_around(self.ref, direction))
        return next((arn for arn in found if arn is not None), None)


class ImageArtifact(Artifact):
    """An artifact of type Image."""

    def datasets(self, direction: LineageQueryDirectionEnum) -> Sequence[DatasetArtifact]:
        """The data sets that this image came from or went into."""
        return datasets_around(self.ref, direction)


_CLASSES: Final[Mapping[str, type[Artifact]]] = {
    ArtifactType.DATA_SET: DatasetArtifact,
    ArtifactType.MODEL: ModelArtifact,
    ArtifactType.IMAGE: ImageArtifact,
}


def typed_artifact(value: ArtifactValue) -> Artifact:
    """An artifact as the class of its type."""
    return _CLASSES.get(value.type, Artifact).of(value)


def datasets_around(node: NodeRef, direction: LineageQueryDirectionEnum) -> Sequence[DatasetArtifact]:
    """The data sets within ten edges of a node, nearest first."""
    found = artifacts_around(node, direction, ArtifactType.DATA_SET)
    return [DatasetArtifact.of(value) for value in found]


def models_around(node: NodeRef, direction: LineageQueryDirectionEnum) -> Sequence[ModelArtifact]:
    """The models within ten edges of a node, nearest first."""
    return [ModelArtifact.of(value) for value in artifacts_around(node, direction, ArtifactType.MODEL)]


def _key_values(tags: Mapping[str, str | None]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value or ""} for key, value in tags.items()]


def _source_types(value: ArtifactValue) -> list[dict[str, str]]:
    return [{"SourceIdType": source.kind, "Value": source.value} for source in value.source_types]


def _summary(value: ArtifactValue) -> dict[str, Any]:
    return {
        "ArtifactArn": arns.to_arn(value.ref),
        "ArtifactName": value.name,
        "Source": {"SourceUri": value.source_uri, "SourceTypes": _source_types(value)},
        "ArtifactType": value.type,
        "CreationTime": value.created_at,
        "LastModifiedTime": value.modified_at,
    }
