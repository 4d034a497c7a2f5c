"""Actions: create, describe, update, delete, list."""

from __future__ import annotations

from typing import Final

from plugin_core.model.changes import PutAction
from plugin_core.model.edits import UpdateAction
from plugin_core.model.lineage import NodeKind
from plugin_core.model.queries import ActionQuery
from plugin_core.wire import entities
from plugin_core.wire.caller import Permission
from plugin_core.wire.operations.sourced import Sourced
from plugin_core.wire.registry import Answer, operation
from plugin_core.wire.request import Request

_ACTIONS: Final = Sourced(
    kind=NodeKind.ACTION,
    word="Action",
    put=PutAction,
    edit=UpdateAction,
    query=ActionQuery,
    find=lambda store, name: store.action(name),
    own=lambda action: {"Status": action.status},
)


@operation(Permission.PUT)
def create_action(request: Request) -> Answer:
    """Refused where there is one of that name."""
    return _ACTIONS.create(request, status=request.members.get("Status"))


@operation(Permission.READ)
def describe_action(request: Request) -> Answer:
    """One action, by its name or ARN."""
    found = _ACTIONS.found(request)
    return entities.described(**_ACTIONS.described(found), MetadataProperties=entities.metadata(found.provenance))


@operation(Permission.WRITE)
def update_action(request: Request) -> Answer:
    """Change what is given; properties are merged."""
    return _ACTIONS.update(request, status=request.members.get("Status"))


@operation(Permission.WRITE)
def delete_action(request: Request) -> Answer:
    """With its associations."""
    return _ACTIONS.delete(request)


@operation(Permission.READ)
def list_actions(request: Request) -> Answer:
    """Of a source, of a type."""
    return _ACTIONS.listed(request)
