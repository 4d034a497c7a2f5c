"""Artifacts: create, describe, update, delete, list. A source URI has one artifact."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from plugin_core.model.changes import PutArtifact
from plugin_core.model.edits import UpdateArtifact
from plugin_core.model.lineage import Artifact, NodeKind, NodeRef, SourceType
from plugin_core.model.queries import ArtifactQuery
from plugin_core.wire import entities
from plugin_core.wire.caller import Permission
from plugin_core.wire.faults import invalid
from plugin_core.wire.operations import paging
from plugin_core.wire.operations.naming import artifact_uri, creating
from plugin_core.wire.registry import Answer, operation
from plugin_core.wire.request import Request


@operation(Permission.PUT)
def create_artifact(request: Request) -> Answer:
    """Where the source has an artifact already, its ARN; refused if AWS's strict way is set."""
    given = request.members
    uri = given["Source"]["SourceUri"]
    change = PutArtifact(
        at=request.at,
        source_uri=uri,
        type=given["ArtifactType"],
        name=given.get("ArtifactName") or _last_part(uri),
        source_types=_source_types(given["Source"]),
        properties=given.get("Properties", {}),
        tags=entities.tags_given(given),
        provenance=entities.provenance_given(given, request.caller.key_id),
        new=request.settings.strict_artifacts,
    )
    with creating("Artifact", uri):
        request.store.write([change])
    return _arn(uri)


@operation(Permission.READ)
def describe_artifact(request: Request) -> Answer:
    """One artifact, by its ARN."""
    found = request.store.artifact(artifact_uri(request, request.members["ArtifactArn"]))
    return {
        **_known(found),
        "Properties": dict(found.properties),
        **entities.times(found),
        **entities.described(MetadataProperties=entities.metadata(found.provenance)),
        "LineageGroupArn": entities.LINEAGE_GROUP_ARN,
    }


@operation(Permission.WRITE)
def update_artifact(request: Request) -> Answer:
    """Change its name and properties."""
    given = request.members
    uri = artifact_uri(request, given["ArtifactArn"])
    edit = UpdateArtifact(
        at=request.at,
        source_uri=uri,
        name=given.get("ArtifactName"),
        properties=given.get("Properties", {}),
        removed_properties=tuple(given.get("PropertiesToRemove", ())),
        by=request.caller.key_id,
    )
    request.store.write([edit])
    return _arn(uri)


@operation(Permission.WRITE)
def delete_artifact(request: Request) -> Answer:
    """By its ARN or its source."""
    given = request.members
    if ("ArtifactArn" in given) == ("Source" in given):
        raise invalid("An artifact is deleted by either its ArtifactArn or its Source.")
    uri = artifact_uri(request, given["ArtifactArn"]) if "ArtifactArn" in given else given["Source"]["SourceUri"]
    request.store.delete(NodeRef(NodeKind.ARTIFACT, uri))
    return _arn(uri)


@operation(Permission.READ)
def list_artifacts(request: Request) -> Answer:
    """Of a source, of a type."""
    uri, kind = request.members.get("SourceUri"), request.members.get("ArtifactType")
    page = paging.listed(request, ArtifactQuery, source_uri=uri, type=kind)
    return paging.answer(request, "ArtifactSummaries", page, summary)


def summary(found: Artifact) -> Answer:
    """An entry of ListArtifacts."""
    return {**_known(found), **entities.summary_times(found)}


def _known(found: Artifact) -> Answer:
    types = [{"SourceIdType": each.kind, "Value": each.value} for each in found.source_types]
    return entities.described(
        ArtifactArn=entities.arn_of(NodeKind.ARTIFACT, found.source_uri),
        ArtifactName=found.name,
        ArtifactType=found.type,
        Source=entities.described(SourceUri=found.source_uri, SourceTypes=types or None),
    )


def _source_types(source: Mapping[str, Any]) -> tuple[SourceType, ...]:
    return tuple(
        SourceType(kind=given["SourceIdType"], value=given["Value"]) for given in source.get("SourceTypes", ())
    )


def _last_part(uri: str) -> str:
    return uri.rstrip("/").rpartition("/")[2] or uri


def _arn(uri: str) -> Answer:
    return {"ArtifactArn": entities.arn_of(NodeKind.ARTIFACT, uri)}
