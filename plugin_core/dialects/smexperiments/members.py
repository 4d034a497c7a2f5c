"""This record's values as the API's members, and back. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from plugin_core.dialects.smexperiments.backend import Members
from plugin_core.errors import InvalidValueError
from plugin_core.model.arns import to_arn
from plugin_core.model.components import SAGEMAKER_STATUS, ArtifactValue, Component, Status
from plugin_core.model.experiments import Experiment, Trial
from plugin_core.model.lineage import NodeKind, NodeRef
from plugin_core.model.metrics import Json, MetricSummary
from plugin_core.tracking.values import to_json

_STATUSES: Final = {
    "InProgress": Status.RUNNING,
    "Completed": Status.COMPLETED,
    "Failed": Status.FAILED,
    "Stopping": Status.CANCELLING,
    "Stopped": Status.CANCELLED,
}


def from_status(primary: object) -> Status:
    """Our status for one of the API's five."""
    if primary not in _STATUSES:
        raise InvalidValueError(f"PrimaryStatus {primary!r} is none of {', '.join(_STATUSES)}.")
    return _STATUSES[str(primary)]


def from_parameter(value: Mapping[str, Any]) -> Json:
    """A parameter's value out of its typed member."""
    return to_json(value.get("NumberValue", value.get("StringValue")))


def to_parameter(value: Json) -> Members:
    """A parameter's typed member. What the API has no type for (a list, a mapping, nothing) is its JSON."""
    if isinstance(value, bool | int | float):
        return {"NumberValue": value}
    return {"StringValue": value if isinstance(value, str) else json.dumps(value)}


def from_artifact(value: Mapping[str, Any], clean: Callable[[str], str]) -> ArtifactValue:
    """An entry of inputs or outputs, its text without secrets."""
    return ArtifactValue(value=clean(str(value.get("Value"))), media_type=value.get("MediaType"))


def to_artifact(value: ArtifactValue) -> Members:
    """The member of an entry of inputs or outputs."""
    return _present(Value=value.value, MediaType=value.media_type)


def to_tags(tags: Mapping[str, str | None]) -> list[Members]:
    """The API's list of tags."""
    return [{"Key": key, "Value": value or ""} for key, value in tags.items()]


def arn_of(kind: NodeKind, name: str) -> str:
    """The ARN of something by its name."""
    return to_arn(NodeRef(kind, name))


def experiment(found: Experiment) -> Members:
    """All members of an experiment but its tags."""
    return _present(
        ExperimentName=found.name,
        ExperimentArn=arn_of(NodeKind.EXPERIMENT, found.name),
        Description=found.description,
        **_made(found),
    )


def experiment_summary(found: Experiment) -> Members:
    """What a listing says of an experiment."""
    summary = experiment(found)
    summary.pop("Description", None)
    return summary


def trial(found: Trial) -> Members:
    """All members of a trial but its tags."""
    return _present(
        TrialName=found.name,
        TrialArn=arn_of(NodeKind.TRIAL, found.name),
        ExperimentName=found.experiment,
        **_made(found),
    )


def trial_summary(found: Trial) -> Members:
    """What a listing says of a trial."""
    summary = trial(found)
    del summary["ExperimentName"]
    return summary


def component_summary(found: Component) -> Members:
    """What a listing says of a trial component."""
    status = _present(PrimaryStatus=SAGEMAKER_STATUS[found.status], Message=found.status_message)
    return _present(
        TrialComponentName=found.name,
        TrialComponentArn=arn_of(NodeKind.COMPONENT, found.name),
        SourceArn=found.source_arn,
        Status=status,
        StartTime=found.started_at,
        EndTime=found.ended_at,
        **_made(found),
    )


def component(
    found: Component,
    *,
    parameters: Mapping[str, Json],
    inputs: Mapping[str, ArtifactValue],
    outputs: Mapping[str, ArtifactValue],
    metrics: Iterable[MetricSummary],
) -> Members:
    """All members of a trial component but its tags and parents."""
    members = component_summary(found)
    source = members.pop("SourceArn", None)
    return members | _present(
        Source=None if source is None else {"SourceArn": source},
        Parameters={name: to_parameter(value) for name, value in parameters.items()},
        InputArtifacts={name: to_artifact(value) for name, value in inputs.items()},
        OutputArtifacts={name: to_artifact(value) for name, value in outputs.items()},
        Metrics=[_metric(summary, members["TrialComponentArn"]) for summary in metrics],
    )


def _made(found: Experiment | Trial | Component) -> Members:
    """What all three are called, when they were made and changed, and by whom."""
    return {
        "DisplayName": found.display_name,
        "CreationTime": found.created_at,
        "LastModifiedTime": found.modified_at,
        "CreatedBy": _user(found.provenance.created_by),
        "LastModifiedBy": _user(found.provenance.modified_by),
    }


def _user(name: str | None) -> Members:
    """Who made or changed something, where that is known: the API has a member for it in any case."""
    return _present(UserProfileName=name)


def _metric(summary: MetricSummary, source_arn: str) -> Members:
    return _present(
        MetricName=summary.name,
        SourceArn=source_arn,
        TimeStamp=summary.last_time,
        Max=summary.maximum,
        Min=summary.minimum,
        Last=summary.last,
        Count=summary.count,
        Avg=summary.mean,
        StdDev=summary.std_dev,
    )


def _present(**members: Any) -> Members:
    return {name: value for name, value in members.items() if value is not None}
