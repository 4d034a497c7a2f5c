"""Trial components: create, describe, update, delete, list."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from plugin_core.errors import NotFoundError
from plugin_core.model.changes import PutComponent
from plugin_core.model.components import ArtifactValue, Component
from plugin_core.model.edits import UpdateComponent
from plugin_core.model.lineage import NodeKind, NodeRef
from plugin_core.model.metrics import Json
from plugin_core.model.queries import ComponentQuery, Page
from plugin_core.wire import entities, faults
from plugin_core.wire.caller import Permission
from plugin_core.wire.operations import paging
from plugin_core.wire.operations.echoes import ARTIFACTS, PARAMETERS, changed, told, without_echoes
from plugin_core.wire.operations.naming import creating, name_of
from plugin_core.wire.registry import Answer, operation
from plugin_core.wire.request import Request, micros

_MOST_PARAMETERS: Final = 300
_MOST_ARTIFACTS: Final = 60


@operation(Permission.PUT)
def create_trial_component(request: Request) -> Answer:
    """Refused where there is one of that name."""
    name = request.members["TrialComponentName"]
    change = PutComponent(
        at=request.at,
        name=name,
        display_name=request.members.get("DisplayName"),
        tags=entities.tags_given(request.members),
        provenance=entities.provenance_given(request.members, request.caller.key_id),
        new=True,
    )
    with creating("TrialComponent", name):
        request.store.write([change, _edit(request, name)])
    return _arn(name)


@operation(Permission.READ)
def describe_trial_component(request: Request) -> Answer:
    """One component with what was logged of it, by its name or ARN."""
    name = name_of(NodeKind.COMPONENT, request.members["TrialComponentName"])
    return in_full(request, [request.store.component(name)])[0]


@operation(Permission.PUT, spared=without_echoes)
def update_trial_component(request: Request) -> Answer:
    """Merge parameters and artifacts key by key; set the rest that is given."""
    name = request.members["TrialComponentName"]
    if request.members.keys() & {PARAMETERS, *ARTIFACTS}:
        request = _changes(request, name)
    request.store.write([_edit(request, name)])
    return _arn(name)


@operation(Permission.WRITE)
def delete_trial_component(request: Request) -> Answer:
    """Refused while it is in a trial."""
    name = request.members["TrialComponentName"]
    request.store.delete(NodeRef(NodeKind.COMPONENT, name))
    return _arn(name)


@operation(Permission.READ)
def list_trial_components(request: Request) -> Answer:
    """Those of an experiment, of a trial or of a job; the three exclude one another."""
    given = request.members
    if len(given.keys() & {"ExperimentName", "TrialName", "SourceArn"}) > 1:
        raise faults.invalid("Only one of ExperimentName, TrialName and SourceArn can be given.")
    if "SourceArn" in given:
        page = _of_source(request, given["SourceArn"])
    else:
        experiment, trial = given.get("ExperimentName"), given.get("TrialName")
        paging.require(request, experiment=experiment, trial=trial)
        page = paging.listed(
            request, ComponentQuery, experiment=experiment, trial=trial, sort_by=paging.sort_of(request)
        )
    return paging.answer(request, "TrialComponentSummaries", page, entities.component_summary)


def _of_source(request: Request, arn: str) -> Page[Component]:
    """Components that say they come of a job; of a job that stands for an orchestrator's step, the step."""
    found = paging.listed(request, ComponentQuery, source_arn=arn, sort_by=paging.sort_of(request))
    if found.items or "NextToken" in request.members:
        return found
    try:
        step = request.store.component_of_job(arn.rpartition("/")[2])
    except NotFoundError:
        return found
    return Page(items=(step,)) if entities.source(step) is not None else found


def in_full(request: Request, found: list[Component]) -> list[Answer]:
    """Components with what was logged of them, from one query for each kind of value."""
    ids = [component.id for component in found]
    store = request.store
    values, summaries = store.parameters(ids), store.summaries(ids)
    inputs, outputs = store.artifact_values(ids, is_output=False), store.artifact_values(ids, is_output=True)
    return [
        entities.component(
            component,
            values=values[component.id],
            inputs=inputs[component.id],
            outputs=outputs[component.id],
            summaries=summaries[component.id].values(),
        )
        for component in found
    ]


def _edit(request: Request, name: str) -> UpdateComponent:
    given = request.members
    status = given.get("Status", {})
    return UpdateComponent(
        at=request.at,
        name=name,
        display_name=given.get("DisplayName"),
        status=entities.status_given(status["PrimaryStatus"]) if "PrimaryStatus" in status else None,
        status_message=status.get("Message"),
        started_at=micros(given["StartTime"]) if "StartTime" in given else None,
        ended_at=micros(given["EndTime"]) if "EndTime" in given else None,
        parameters={key: _value(key, value) for key, value in given.get("Parameters", {}).items()},
        removed_parameters=tuple(given.get("ParametersToRemove", ())),
        inputs=_entries(given.get("InputArtifacts", {})),
        removed_inputs=tuple(given.get("InputArtifactsToRemove", ())),
        outputs=_entries(given.get("OutputArtifacts", {})),
        removed_outputs=tuple(given.get("OutputArtifactsToRemove", ())),
        by=request.caller.key_id,
    )


def _value(key: str, given: Mapping[str, Any]) -> Json:
    if len(given) != 1:
        raise faults.invalid(f"The parameter {key!a} must have either a StringValue or a NumberValue.")
    value: Json = next(iter(given.values()))
    return value


def _entries(given: Mapping[str, Any]) -> dict[str, ArtifactValue]:
    return {
        name: ArtifactValue(value=entry["Value"], media_type=entry.get("MediaType")) for name, entry in given.items()
    }


def _changes(request: Request, name: str) -> Request:
    """An update without what is so already; what a component holds after it may not pass AWS's limits."""
    there = told(request.store, request.store.component(name), request.members)
    members = changed(request.members, there)
    if request.settings.limits:
        for word in members.keys() & {PARAMETERS, *ARTIFACTS}:
            _check_count(word, there[word], members)
    return replace(request, members=members)


def _check_count(word: str, there: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    most = _MOST_PARAMETERS if word == PARAMETERS else _MOST_ARTIFACTS
    count = len((there.keys() - set(given.get(f"{word}ToRemove", ()))) | given[word].keys())
    if count > most:
        raise faults.WireError(faults.LIMIT, f"A trial component may have {most} {word}; this would make it {count}.")


def _arn(name: str) -> Answer:
    return {"TrialComponentArn": entities.arn_of(NodeKind.COMPONENT, name)}
