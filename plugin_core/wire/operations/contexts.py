"""Contexts: create, describe, update, delete, list."""

from __future__ import annotations

from typing import Final

from plugin_core.model.changes import PutContext
from plugin_core.model.edits import UpdateContext
from plugin_core.model.lineage import NodeKind
from plugin_core.model.queries import ContextQuery
from plugin_core.wire.caller import Permission
from plugin_core.wire.operations.sourced import Sourced
from plugin_core.wire.registry import Answer, operation
from plugin_core.wire.request import Request

_CONTEXTS: Final = Sourced(
    kind=NodeKind.CONTEXT,
    word="Context",
    put=PutContext,
    edit=UpdateContext,
    query=ContextQuery,
    find=lambda store, name: store.context(name),
    own=lambda _: {},
)


@operation(Permission.PUT)
def create_context(request: Request) -> Answer:
    """Refused where there is one of that name."""
    return _CONTEXTS.create(request)


@operation(Permission.READ)
def describe_context(request: Request) -> Answer:
    """One context, by its name or ARN."""
    return _CONTEXTS.described(_CONTEXTS.found(request))


@operation(Permission.WRITE)
def update_context(request: Request) -> Answer:
    """Change what is given; properties are merged."""
    return _CONTEXTS.update(request)


@operation(Permission.WRITE)
def delete_context(request: Request) -> Answer:
    """With its associations."""
    return _CONTEXTS.delete(request)


@operation(Permission.READ)
def list_contexts(request: Request) -> Answer:
    """Of a source, of a type."""
    return _CONTEXTS.listed(request)
