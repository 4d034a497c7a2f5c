"""Things of the record as AWS's answers show them; what has no value is left out."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, Final

from plugin_core.model import names, parameters
from plugin_core.model.arns import to_arn
from plugin_core.model.components import SAGEMAKER_STATUS, ArtifactValue, Component, Status
from plugin_core.model.experiments import Experiment, Trial
from plugin_core.model.lineage import NodeKind, NodeRef
from plugin_core.model.metrics import Json, MetricSummary
from plugin_core.model.provenance import Provenance
from plugin_core.wire.registry import Answer

LINEAGE_GROUP: Final = "sagemaker-default-lineage-group"
LINEAGE_GROUP_ARN: Final = names.arn("lineage-group", LINEAGE_GROUP)
_METADATA: Final = {
    "CommitId": "commit_id",
    "Repository": "repository",
    "GeneratedBy": "generated_by",
    "ProjectId": "project_id",
}
_FROM_SAGEMAKER: Final = {
    "InProgress": Status.RUNNING,
    "Completed": Status.COMPLETED,
    "Failed": Status.FAILED,
    "Stopping": Status.CANCELLING,
    "Stopped": Status.CANCELLED,
}
JOB_TYPES: Final = {"training-job": "TrainingJob", "processing-job": "ProcessingJob", "transform-job": "TransformJob"}


def described(**members: Any) -> Answer:
    """Members of an answer, without those that have no value."""
    return {name: value for name, value in members.items() if value is not None}


def arn_of(kind: NodeKind, name: str) -> str:
    """The ARN of a node."""
    return to_arn(NodeRef(kind, name))


def user(name: str | None) -> Answer:
    """Who did something: a caller of the wire, or nobody that the wire knows."""
    if name is None:
        return {}
    return {"IamIdentity": {"Arn": f"arn:aws:iam::{names.DEFAULT_ACCOUNT}:user/{name}", "PrincipalId": name}}


def times(found: Any) -> Answer:
    """When something was made and changed, and by whom."""
    return {
        "CreationTime": found.created_at,
        "CreatedBy": user(found.provenance.created_by),
        "LastModifiedTime": found.modified_at,
        "LastModifiedBy": user(found.provenance.modified_by or found.provenance.created_by),
    }


def summary_times(found: Any) -> Answer:
    """When something was made and changed."""
    return {"CreationTime": found.created_at, "LastModifiedTime": found.modified_at}


def metadata(provenance: Provenance) -> Answer | None:
    """MetadataProperties, None where there are none."""
    said = {word: getattr(provenance, field) for word, field in _METADATA.items()}
    return described(**said) or None


def provenance_given(members: Mapping[str, Any], created_by: str | None) -> Provenance:
    """Where a request says that its thing comes from, and who makes it."""
    given = members.get("MetadataProperties", {})
    return Provenance(created_by=created_by, **{field: given.get(word) for word, field in _METADATA.items()})


def tag_list(tags: Mapping[str, str | None]) -> list[Answer]:
    """Tags as AWS lists them."""
    return [{"Key": key, "Value": value or ""} for key, value in tags.items()]


def tags_given(members: Mapping[str, Any]) -> dict[str, str | None]:
    """The tags of a request."""
    return {tag["Key"]: tag["Value"] for tag in members.get("Tags", ())}


def experiment(found: Experiment) -> Answer:
    """DescribeExperiment's answer."""
    return described(
        ExperimentName=found.name,
        ExperimentArn=arn_of(NodeKind.EXPERIMENT, found.name),
        DisplayName=found.display_name,
        Description=found.description,
        **times(found),
    )


def experiment_summary(found: Experiment) -> Answer:
    """An entry of ListExperiments."""
    return described(
        ExperimentArn=arn_of(NodeKind.EXPERIMENT, found.name),
        ExperimentName=found.name,
        DisplayName=found.display_name,
        **summary_times(found),
    )


def trial(found: Trial) -> Answer:
    """DescribeTrial's answer."""
    return described(
        TrialName=found.name,
        TrialArn=arn_of(NodeKind.TRIAL, found.name),
        DisplayName=found.display_name,
        ExperimentName=found.experiment,
        MetadataProperties=metadata(found.provenance),
        **times(found),
    )


def trial_summary(found: Trial) -> Answer:
    """An entry of ListTrials."""
    return described(
        TrialArn=arn_of(NodeKind.TRIAL, found.name),
        TrialName=found.name,
        DisplayName=found.display_name,
        **summary_times(found),
    )


def component_summary(found: Component) -> Answer:
    """An entry of ListTrialComponents."""
    return described(
        TrialComponentName=found.name,
        TrialComponentArn=arn_of(NodeKind.COMPONENT, found.name),
        DisplayName=found.display_name,
        TrialComponentSource=source(found),
        Status=status(found),
        StartTime=found.started_at,
        EndTime=found.ended_at,
        **times(found),
    )


def component(
    found: Component,
    *,
    values: Mapping[str, Json],
    inputs: Mapping[str, ArtifactValue],
    outputs: Mapping[str, ArtifactValue],
    summaries: Iterable[MetricSummary],
) -> Answer:
    """A trial component with what was logged of it: maps are there even where they are empty, as clients expect."""
    arn = arn_of(NodeKind.COMPONENT, found.name)
    return described(
        TrialComponentName=found.name,
        TrialComponentArn=arn,
        DisplayName=found.display_name,
        Source=source(found),
        Status=status(found),
        StartTime=found.started_at,
        EndTime=found.ended_at,
        Parameters={name: parameter(value) for name, value in values.items()},
        InputArtifacts=artifact_entries(inputs),
        OutputArtifacts=artifact_entries(outputs),
        MetadataProperties=metadata(found.provenance),
        Metrics=[metric(summary, arn) for summary in summaries],
        LineageGroupArn=LINEAGE_GROUP_ARN,
        **times(found),
    )


def status(found: Component) -> Answer:
    """A component's status in SageMaker's words."""
    return described(PrimaryStatus=SAGEMAKER_STATUS[found.status], Message=found.status_message or None)


def status_given(word: str) -> Status:
    """The status that one of SageMaker's words means."""
    return _FROM_SAGEMAKER[word]


def job_arn(found: Component) -> str:
    """The ARN of the training job that a component counts as."""
    return names.arn("training-job", names.job_slug(found.name))


def source(found: Component) -> Answer | None:
    """The job that a component comes of: what it was said to be, or its orchestrator's step; None for other runs."""
    arn = found.source_arn
    if arn is None and found.orchestrator is not None:
        arn = job_arn(found)
    if arn is None:
        return None
    return described(SourceArn=arn, SourceType=source_type(arn))


def source_type(arn: str) -> str | None:
    """What kind of job an ARN names, as a component's source."""
    kind = JOB_TYPES.get(arn_word(arn))
    return None if kind is None else f"SageMaker{kind}"


def job_type(found: Component) -> str | None:
    """What kind of job a component comes of; None for one that comes of none."""
    shown = source(found)
    return None if shown is None else JOB_TYPES.get(arn_word(shown["SourceArn"]))


def arn_word(arn: str) -> str:
    """What kind of thing an ARN names, in the ARN's own word."""
    return arn.partition("/")[0].rpartition(":")[2]


def parameter(value: Json) -> Answer:
    """A number (of a bool, too), or the text of anything else."""
    number = float(value) if isinstance(value, bool) else parameters.number_of(value)
    if number is not None:
        return {"NumberValue": number}
    return {"StringValue": value if isinstance(value, str) else _text(value)}


def _text(value: Json) -> str:
    try:
        return str(value)
    except (ValueError, RecursionError):  # an integer past 4,300 digits
        return parameters.to_text(value)


def artifact_entries(values: Mapping[str, ArtifactValue]) -> Answer:
    """Input or output artifacts."""
    return {name: described(Value=entry.value, MediaType=entry.media_type) for name, entry in values.items()}


def metric(summary: MetricSummary, arn: str) -> Answer:
    """A series' summary; of one without a finite value no more than its count and time."""
    return described(
        MetricName=summary.name,
        SourceArn=arn,
        TimeStamp=summary.last_time,
        Max=summary.maximum,
        Min=summary.minimum,
        Last=summary.last if math.isfinite(summary.last) else None,
        Count=summary.count,
        Avg=summary.mean,
        StdDev=summary.std_dev,
    )
