"""Turns names, URIs and ARNs into the ids that this store has for them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from sqlalchemy import Connection, bindparam, select

from plugin_core.errors import NotFoundError
from plugin_core.model import arns
from plugin_core.model.lineage import NodeKind, NodeRef
from plugin_core.model.names import job_slug
from plugin_core.stores.local import migrate
from plugin_core.stores.local import schema as s
from plugin_core.stores.local.executing import all_rows, raw_rows, rows_in
from plugin_core.stores.local.fold import Key, clean, key_of

_NODES: Final = select(s.nodes.c.key, s.nodes.c.id)
_OF_DIGEST: Final = select(s.artifacts.c.id).where(s.artifacts.c.digest == bindparam("digest"))
_OF_SLUG: Final = select(s.components.c.id).where(s.components.c.job_slug == bindparam("slug"))
_NODES_OF: Final = {kind.value: _NODES.where(s.nodes.c.kind == kind.value) for kind in NodeKind}


def find_ids(connection: Connection, keys: Iterable[Key]) -> dict[Key, int]:
    """Ids of those of the nodes that are known."""
    found: dict[Key, int] = {}
    by_kind: dict[str, list[str]] = {}
    for kind, key in keys:
        by_kind.setdefault(kind, []).append(key)
    for kind, names in by_kind.items():
        rows = rows_in(connection, _NODES_OF[kind], s.nodes.c.key, names)
        found.update(((kind, key), node) for key, node in rows)
    return found


def node_id(connection: Connection, ref: NodeRef) -> int:
    """The id of a node; NotFoundError."""
    key = key_of(str(ref.kind), ref.key)
    found = find_ids(connection, [key])
    if not found:
        raise NotFoundError(str(ref.kind), ref.key)
    return found[key]


def artifact_id(connection: Connection, digest: str) -> int:
    """The id of the artifact that an ARN calls ``digest``; NotFoundError."""
    content = find_ids(connection, [key_of(NodeKind.ARTIFACT, arns.CONTENT_PREFIX + digest)])
    if content:
        return next(iter(content.values()))
    if migrate.has_digests(connection):
        found = next((node for (node,) in all_rows(connection, _OF_DIGEST, digest=clean(digest))), None)
    else:
        found = _artifact_looked_for(connection, digest)
    if found is None:
        raise NotFoundError("artifact", digest)
    return int(found)


def _artifact_looked_for(connection: Connection, digest: str) -> int | None:
    """In a file of schema 1 that may only be read, all have to be looked through."""
    uris = raw_rows(connection, select(s.nodes.c.id, s.nodes.c.key).where(s.nodes.c.kind == NodeKind.ARTIFACT.value))
    return next((node for node, uri in uris if arns.artifact_digest(uri) == digest), None)


def component_of_job(connection: Connection, name: str) -> int:
    """The id of the component that is called ``name`` as a job; NotFoundError."""
    key = key_of(NodeKind.COMPONENT, name)
    named = find_ids(connection, [key])
    if named:
        return named[key]
    if migrate.knows_the_wire(connection):
        found = next((node for (node,) in all_rows(connection, _OF_SLUG, slug=key[1])), None)
    else:
        found = _component_looked_for(connection, key[1])
    if found is None:
        raise NotFoundError("job", name)
    return int(found)


def _component_looked_for(connection: Connection, slug: str) -> int | None:
    """In an older file, which may only be read, all have to be looked through."""
    names = raw_rows(connection, select(s.nodes.c.id, s.nodes.c.key).where(s.nodes.c.kind == NodeKind.COMPONENT.value))
    return next((node for node, key in names if job_slug(key) == slug), None)


def node_of_arn(connection: Connection, text: str) -> int:
    """The id of the node that an ARN names; NotFoundError, InvalidValueError for what is no ARN."""
    arn = arns.parse_arn(text)
    if arn.kind is NodeKind.ARTIFACT:
        return artifact_id(connection, arn.name)
    if arn.kind is None:
        raise NotFoundError(arn.word, arn.name)
    return node_id(connection, NodeRef(arn.kind, arn.name))
