"""Contexts: create, describe, update, delete, list."""

from __future__ import annotations

from plugin_core.model.changes import PutContext
from plugin_core.model.edits import UpdateContext
from plugin_core.model.lineage import Context, NodeKind, NodeRef
from plugin_core.model.queries import ContextQuery
from plugin_core.wire import entities
from plugin_core.wire.caller import Permission
from plugin_core.wire.operations import paging, properties
from plugin_core.wire.operations.naming import creating, name_of
from plugin_core.wire.registry import Answer, operation
from plugin_core.wire.request import Request


@operation(Permission.PUT)
def create_context(request: Request) -> Answer:
    """Refused where there is one of that name."""
    given = request.members
    name = given["ContextName"]
    change = PutContext(
        at=request.at,
        name=name,
        type=given["ContextType"],
        source_uri=given["Source"]["SourceUri"],
        description=given.get("Description"),
        properties=properties.given(given),
        tags=entities.tags_given(given),
        provenance=entities.provenance_given(given, request.caller.key_id),
        new=True,
    )
    with creating("Context", name):
        request.store.write([change])
    return _arn(name)


@operation(Permission.READ)
def describe_context(request: Request) -> Answer:
    """One context, by its name or ARN."""
    found = request.store.context(name_of(NodeKind.CONTEXT, request.members["ContextName"]))
    return entities.described(
        **_known(found),
        Description=found.description,
        Properties=properties.shown(found.properties),
        LineageGroupArn=entities.LINEAGE_GROUP_ARN,
        **entities.times(found),
    )


@operation(Permission.WRITE)
def update_context(request: Request) -> Answer:
    """Change what is given; properties are merged."""
    given = request.members
    name = given["ContextName"]
    edit = UpdateContext(
        at=request.at,
        name=name,
        description=given.get("Description"),
        properties=given.get("Properties", {}),
        removed_properties=tuple(given.get("PropertiesToRemove", ())),
        by=request.caller.key_id,
    )
    request.store.write([edit])
    return _arn(name)


@operation(Permission.WRITE)
def delete_context(request: Request) -> Answer:
    """With its associations."""
    name = request.members["ContextName"]
    request.store.delete(NodeRef(NodeKind.CONTEXT, name))
    return _arn(name)


@operation(Permission.READ)
def list_contexts(request: Request) -> Answer:
    """Of a source, of a type."""
    uri, kind = request.members.get("SourceUri"), request.members.get("ContextType")
    page = paging.listed(request, ContextQuery, source_uri=uri, type=kind, sort_by=paging.sort_of(request))
    return paging.answer(request, "ContextSummaries", page, summary)


def summary(found: Context) -> Answer:
    """An entry of ListContexts."""
    return {**_known(found), **entities.summary_times(found)}


def _known(found: Context) -> Answer:
    return entities.described(
        ContextName=found.name,
        ContextArn=entities.arn_of(NodeKind.CONTEXT, found.name),
        ContextType=found.type,
        Source=properties.source(found.source_uri, found.properties),
    )


def _arn(name: str) -> Answer:
    return {"ContextArn": entities.arn_of(NodeKind.CONTEXT, name)}
