"""Experiments: create, describe, update, delete, list."""

from __future__ import annotations

from plugin_core.model.changes import PutExperiment
from plugin_core.model.edits import UpdateExperiment
from plugin_core.model.lineage import NodeKind, NodeRef
from plugin_core.model.queries import ExperimentQuery
from plugin_core.wire import entities
from plugin_core.wire.caller import Permission
from plugin_core.wire.operations import paging
from plugin_core.wire.operations.naming import creating
from plugin_core.wire.registry import Answer, operation
from plugin_core.wire.request import Request


@operation(Permission.PUT)
def create_experiment(request: Request) -> Answer:
    """Refused where there is one of that name."""
    name = request.members["ExperimentName"]
    change = PutExperiment(
        at=request.at,
        name=name,
        display_name=request.members.get("DisplayName"),
        description=request.members.get("Description"),
        tags=entities.tags_given(request.members),
        provenance=entities.provenance_given(request.members, request.caller.key_id),
        new=True,
    )
    with creating("Experiment", name):
        request.store.write([change])
    return _arn(name)


@operation(Permission.READ)
def describe_experiment(request: Request) -> Answer:
    """One experiment."""
    return entities.experiment(request.store.experiment(request.members["ExperimentName"]))


@operation(Permission.WRITE)
def update_experiment(request: Request) -> Answer:
    """Change what it is called and said to be."""
    name = request.members["ExperimentName"]
    edit = UpdateExperiment(
        at=request.at,
        name=name,
        display_name=request.members.get("DisplayName"),
        description=request.members.get("Description"),
        by=request.caller.key_id,
    )
    request.store.write([edit])
    return _arn(name)


@operation(Permission.WRITE)
def delete_experiment(request: Request) -> Answer:
    """Refused while it has trials."""
    name = request.members["ExperimentName"]
    request.store.delete(NodeRef(NodeKind.EXPERIMENT, name))
    return _arn(name)


@operation(Permission.READ)
def list_experiments(request: Request) -> Answer:
    """By name or time."""
    page = paging.listed(request, ExperimentQuery, sort_by=paging.sort_of(request))
    return paging.answer(request, "ExperimentSummaries", page, entities.experiment_summary)


def _arn(name: str) -> Answer:
    return {"ExperimentArn": entities.arn_of(NodeKind.EXPERIMENT, name)}
