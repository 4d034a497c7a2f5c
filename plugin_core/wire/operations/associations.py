"""Associations: edges between experiments, components, artifacts, actions and contexts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, TypeAlias

from plugin_core.errors import ConflictError, NotFoundError
from plugin_core.model.arns import to_arn
from plugin_core.model.changes import PutAssociation
from plugin_core.model.lineage import Association, NodeKind, NodeRef
from plugin_core.model.queries import AssociationQuery, AssociationSortBy, ComponentQuery
from plugin_core.wire import entities
from plugin_core.wire.caller import Permission
from plugin_core.wire.faults import already_exists
from plugin_core.wire.operations import paging
from plugin_core.wire.registry import Answer, operation
from plugin_core.wire.request import Request

_DEFAULT_TYPE: Final = "AssociatedWith"
_ENDS: Final = ("Source", "Destination")
_COMPONENT: Final = "ExperimentTrialComponent"
_Known: TypeAlias = tuple[str, str]  # name and type
_SORTS: Final = {
    "SourceArn": AssociationSortBy.SOURCE_ARN,
    "DestinationArn": AssociationSortBy.DESTINATION_ARN,
    "SourceType": AssociationSortBy.SOURCE_TYPE,
    "DestinationType": AssociationSortBy.DESTINATION_TYPE,
    "CreationTime": AssociationSortBy.CREATED,
}


@operation(Permission.PUT)
def add_association(request: Request) -> Answer:
    """Refused where there is one of that type between the two."""
    source, destination = request.members["SourceArn"], request.members["DestinationArn"]
    change = PutAssociation(
        at=request.at,
        source=request.store.node(source),
        destination=request.store.node(destination),
        type=request.members.get("AssociationType", _DEFAULT_TYPE),
        new=True,
    )
    try:
        request.store.write([change])
    except ConflictError:
        raise already_exists("Association", f"{source} to {destination}") from None
    return {"SourceArn": source, "DestinationArn": destination}


@operation(Permission.WRITE)
def delete_association(request: Request) -> Answer:
    """All edges from the one to the other."""
    source, destination = request.members["SourceArn"], request.members["DestinationArn"]
    request.store.delete_association(request.store.node(source), request.store.node(destination))
    return {"SourceArn": source, "DestinationArn": destination}


@operation(Permission.READ)
def list_associations(request: Request) -> Answer:
    """Edges by their ends, the ends' types and their own."""
    given = request.members
    try:
        ends = {word: request.store.node(given[f"{word}Arn"]) for word in _ENDS if f"{word}Arn" in given}
    except NotFoundError:
        return {"AssociationSummaries": []}
    page = paging.listed(
        request,
        AssociationQuery,
        source=ends.get("Source"),
        destination=ends.get("Destination"),
        source_type=given.get("SourceType"),
        destination_type=given.get("DestinationType"),
        type=given.get("AssociationType"),
        sort_by=_SORTS[given.get("SortBy", "CreationTime")],
    )
    known = _known(request, page.items)
    return paging.answer(request, "AssociationSummaries", page, lambda edge: _summary(edge, known))


def _summary(edge: Association, known: Mapping[NodeRef, _Known]) -> Answer:
    source, destination = known.get(_folded(edge.source)), known.get(_folded(edge.destination))
    return entities.described(
        SourceArn=to_arn(edge.source),
        DestinationArn=to_arn(edge.destination),
        SourceName=source and source[0],
        SourceType=source and source[1],
        DestinationName=destination and destination[0],
        DestinationType=destination and destination[1],
        AssociationType=edge.type,
        CreationTime=edge.created_at,
        CreatedBy={},
    )


def _known(request: Request, edges: Iterable[Association]) -> dict[NodeRef, _Known]:
    """Names and types of all ends: artifacts and components from one query each."""
    ends = {end for edge in edges for end in (edge.source, edge.destination)}
    keys = {kind: tuple(end.key for end in ends if end.kind is kind) for kind in NodeKind}
    store, known = request.store, dict[NodeRef, _Known]()
    if keys[NodeKind.ARTIFACT]:
        for artifact in store.artifacts(source_uris=keys[NodeKind.ARTIFACT]):
            known[artifact.ref] = artifact.name, artifact.type
    if keys[NodeKind.COMPONENT]:
        for component in store.components(ComponentQuery(names=keys[NodeKind.COMPONENT])):
            kind = entities.job_type(component) or _COMPONENT
            known[_folded(NodeRef(NodeKind.COMPONENT, component.name))] = component.name, kind
    for key in keys[NodeKind.ACTION]:
        known[_folded(NodeRef(NodeKind.ACTION, key))] = key, store.action(key).type
    for key in keys[NodeKind.CONTEXT]:
        known[_folded(NodeRef(NodeKind.CONTEXT, key))] = key, store.context(key).type
    return known


def _folded(end: NodeRef) -> NodeRef:
    return end if end.kind is NodeKind.ARTIFACT else NodeRef(end.kind, end.key.casefold())
