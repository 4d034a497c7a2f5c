"""Trials: create, describe, update, delete, list; and which components are in them."""

from __future__ import annotations

from plugin_core.model.changes import PutTrial
from plugin_core.model.edits import AddToTrial, RemoveFromTrial, UpdateTrial
from plugin_core.model.lineage import NodeKind, NodeRef
from plugin_core.model.queries import TrialQuery
from plugin_core.wire import entities
from plugin_core.wire.caller import Permission
from plugin_core.wire.operations import paging
from plugin_core.wire.operations.naming import creating
from plugin_core.wire.registry import Answer, operation
from plugin_core.wire.request import Request


@operation(Permission.PUT)
def create_trial(request: Request) -> Answer:
    """Refused where there is one of that name, or no such experiment."""
    name = request.members["TrialName"]
    change = PutTrial(
        at=request.at,
        name=name,
        experiment=request.members["ExperimentName"],
        display_name=request.members.get("DisplayName"),
        tags=entities.tags_given(request.members),
        provenance=entities.provenance_given(request.members, request.caller.key_id),
        new=True,
    )
    with creating("Trial", name):
        request.store.write([change])
    return _arn(name)


@operation(Permission.READ)
def describe_trial(request: Request) -> Answer:
    """One trial."""
    return entities.trial(request.store.trial(request.members["TrialName"]))


@operation(Permission.WRITE)
def update_trial(request: Request) -> Answer:
    """Change what it is called."""
    name = request.members["TrialName"]
    shown = request.members.get("DisplayName")
    request.store.write([UpdateTrial(at=request.at, name=name, display_name=shown, by=request.caller.key_id)])
    return _arn(name)


@operation(Permission.WRITE)
def delete_trial(request: Request) -> Answer:
    """Refused while components are in it."""
    name = request.members["TrialName"]
    request.store.delete(NodeRef(NodeKind.TRIAL, name))
    return _arn(name)


@operation(Permission.READ)
def list_trials(request: Request) -> Answer:
    """An experiment's, or those that a component is in."""
    experiment, component = request.members.get("ExperimentName"), request.members.get("TrialComponentName")
    paging.require(request, experiment=experiment, component=component)
    page = paging.listed(
        request, TrialQuery, experiment=experiment, component=component, sort_by=paging.sort_of(request)
    )
    return paging.answer(request, "TrialSummaries", page, entities.trial_summary)


@operation(Permission.PUT)
def associate_trial_component(request: Request) -> Answer:
    """Enter a component in a trial; it may be in it already."""
    component, trial = request.members["TrialComponentName"], request.members["TrialName"]
    request.store.write([AddToTrial(at=request.at, component=component, trial=trial)])
    return _both(component, trial)


@operation(Permission.WRITE)
def disassociate_trial_component(request: Request) -> Answer:
    """Take a component out of a trial; both must be known."""
    component, trial = request.members["TrialComponentName"], request.members["TrialName"]
    request.store.write([RemoveFromTrial(at=request.at, component=component, trial=trial)])
    return _both(component, trial)


def _both(component: str, trial: str) -> Answer:
    return {"TrialComponentArn": entities.arn_of(NodeKind.COMPONENT, component), **_arn(trial)}


def _arn(name: str) -> Answer:
    return {"TrialArn": entities.arn_of(NodeKind.TRIAL, name)}
