"""Actions: create, describe, update, delete, list."""

from __future__ import annotations

from plugin_core.model.changes import PutAction
from plugin_core.model.edits import UpdateAction
from plugin_core.model.lineage import Action, NodeKind, NodeRef
from plugin_core.model.queries import ActionQuery
from plugin_core.wire import entities
from plugin_core.wire.caller import Permission
from plugin_core.wire.operations import paging, properties
from plugin_core.wire.operations.naming import creating, name_of
from plugin_core.wire.registry import Answer, operation
from plugin_core.wire.request import Request


@operation(Permission.PUT)
def create_action(request: Request) -> Answer:
    """Refused where there is one of that name."""
    given = request.members
    name = given["ActionName"]
    change = PutAction(
        at=request.at,
        name=name,
        type=given["ActionType"],
        source_uri=given["Source"]["SourceUri"],
        description=given.get("Description"),
        status=given.get("Status"),
        properties=properties.given(given),
        tags=entities.tags_given(given),
        provenance=entities.provenance_given(given, request.caller.key_id),
        new=True,
    )
    with creating("Action", name):
        request.store.write([change])
    return _arn(name)


@operation(Permission.READ)
def describe_action(request: Request) -> Answer:
    """One action, by its name or ARN."""
    found = request.store.action(name_of(NodeKind.ACTION, request.members["ActionName"]))
    return entities.described(
        **_known(found),
        Description=found.description,
        Properties=properties.shown(found.properties),
        LineageGroupArn=entities.LINEAGE_GROUP_ARN,
        MetadataProperties=entities.metadata(found.provenance),
        **entities.times(found),
    )


@operation(Permission.WRITE)
def update_action(request: Request) -> Answer:
    """Change what is given; properties are merged."""
    given = request.members
    name = given["ActionName"]
    edit = UpdateAction(
        at=request.at,
        name=name,
        description=given.get("Description"),
        status=given.get("Status"),
        properties=given.get("Properties", {}),
        removed_properties=tuple(given.get("PropertiesToRemove", ())),
        by=request.caller.key_id,
    )
    request.store.write([edit])
    return _arn(name)


@operation(Permission.WRITE)
def delete_action(request: Request) -> Answer:
    """With its associations."""
    name = request.members["ActionName"]
    request.store.delete(NodeRef(NodeKind.ACTION, name))
    return _arn(name)


@operation(Permission.READ)
def list_actions(request: Request) -> Answer:
    """Of a source, of a type."""
    uri, kind = request.members.get("SourceUri"), request.members.get("ActionType")
    page = paging.listed(request, ActionQuery, source_uri=uri, type=kind, sort_by=paging.sort_of(request))
    return paging.answer(request, "ActionSummaries", page, summary)


def summary(found: Action) -> Answer:
    """An entry of ListActions."""
    return {**_known(found), **entities.summary_times(found)}


def _known(found: Action) -> Answer:
    return entities.described(
        ActionName=found.name,
        ActionArn=entities.arn_of(NodeKind.ACTION, found.name),
        ActionType=found.type,
        Status=found.status,
        Source=properties.source(found.source_uri, found.properties),
    )


def _arn(name: str) -> Answer:
    return {"ActionArn": entities.arn_of(NodeKind.ACTION, name)}
