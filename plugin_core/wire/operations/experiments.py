"""Experiments: create, describe, update, delete, list."""

from __future__ import annotations

from plugin_core.errors import NotFoundError
from plugin_core.model.changes import PutExperiment
from plugin_core.model.experiments import Experiment
from plugin_core.model.lineage import NodeKind, NodeRef
from plugin_core.wire.caller import Permission
from plugin_core.wire.entities import arn_of, described, tags_given
from plugin_core.wire.faults import already_exists
from plugin_core.wire.registry import Answer, operation
from plugin_core.wire.request import Request


@operation(Permission.PUT)
def create_experiment(request: Request) -> Answer:
    """Refused where there is one of that name."""
    name = request.members["ExperimentName"]
    try:
        request.store.experiment(name)
    except NotFoundError:
        pass
    else:
        raise already_exists("Experiment", name)
    change = PutExperiment(
        at=request.at,
        name=name,
        display_name=request.members.get("DisplayName"),
        description=request.members.get("Description"),
        tags=tags_given(request.members),
    )
    request.store.write([change])
    return {"ExperimentArn": arn_of(NodeRef(NodeKind.EXPERIMENT, name))}


@operation(Permission.READ)
def describe_experiment(request: Request) -> Answer:
    """One experiment."""
    return _entity(request.store.experiment(request.members["ExperimentName"]))


def _entity(found: Experiment) -> Answer:
    return described(
        ExperimentName=found.name,
        ExperimentArn=arn_of(NodeRef(NodeKind.EXPERIMENT, found.name)),
        DisplayName=found.display_name,
        Description=found.description,
        CreationTime=found.created_at,
        CreatedBy={},
        LastModifiedTime=found.modified_at,
        LastModifiedBy={},
    )
