"""Associations: edges between experiments, components, artifacts, actions and contexts."""

from __future__ import annotations

from plugin_core.errors import ConflictError
from plugin_core.model.changes import PutAssociation
from plugin_core.wire.caller import Permission
from plugin_core.wire.faults import already_exists
from plugin_core.wire.registry import Answer, operation
from plugin_core.wire.request import Request

_DEFAULT_TYPE = "AssociatedWith"


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
