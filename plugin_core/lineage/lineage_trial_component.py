"""A trial component as SageMaker's lineage API shows it: described in raw dicts, with its data sets and models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Self

from plugin_core.errors import NotFoundError
from plugin_core.lineage.artifact import DatasetArtifact, ModelArtifact, datasets_around, models_around
from plugin_core.lineage.nodes import did_you_mean, store, to_node
from plugin_core.lineage.related import execution_arn
from plugin_core.lineage.words import LineageQueryDirectionEnum
from plugin_core.model import arns, parameters
from plugin_core.model.components import SAGEMAKER_STATUS, ArtifactValue, Component
from plugin_core.model.lineage import NodeKind, NodeRef
from plugin_core.model.metrics import Json, MetricSummary

if TYPE_CHECKING:
    from plugin_core.stores.protocol import TrackingStore

_SOURCE_TYPES: Final[Mapping[str, str]] = {
    "training-job": "SageMakerTrainingJob",
    "processing-job": "SageMakerProcessingJob",
    "transform-job": "SageMakerTransformJob",
}


@dataclass(kw_only=True, repr=False)
class LineageTrialComponent:
    """What was run, with SageMaker's shapes, as it was when it was loaded.

    ``status`` has PrimaryStatus and Message; ``parameters`` maps names to NumberValue or StringValue,
    artifacts to Value and MediaType; ``metrics`` lists summaries (MetricName, Last, Min, Max, Avg,
    StdDev, Count, TimeStamp, SourceArn; NaN where no value was finite); ``tags`` list Key and Value.
    The three ``..._to_remove`` belong to SageMaker's update and stay None.
    """

    trial_component_name: str | None = None
    trial_component_arn: str | None = None
    display_name: str | None = None
    source: dict[str, str] | None = None
    status: dict[str, str] | None = None
    start_time: datetime | None = None
    end_time: datetime | None = None
    creation_time: datetime | None = None
    created_by: dict[str, str] | None = None
    last_modified_time: datetime | None = None
    last_modified_by: dict[str, str] | None = None
    parameters: dict[str, dict[str, float | str]] | None = None
    input_artifacts: dict[str, dict[str, str]] | None = None
    output_artifacts: dict[str, dict[str, str]] | None = None
    metrics: list[dict[str, Any]] | None = None
    parameters_to_remove: list[str] | None = None
    input_artifacts_to_remove: list[str] | None = None
    output_artifacts_to_remove: list[str] | None = None
    tags: list[dict[str, str]] | None = None

    @classmethod
    def load(cls, trial_component_name: str, sagemaker_session: Any = None) -> Self:
        """Load a trial component by its name or ARN. NotFoundError with the nearest names."""
        del sagemaker_session
        record = store()
        return cls(**_described(record, _component(record, trial_component_name)))

    def dataset_artifacts(
        self, direction: LineageQueryDirectionEnum = LineageQueryDirectionEnum.ASCENDANTS
    ) -> Sequence[DatasetArtifact]:
        """The data sets that this came from (or, by ``direction``, that came of it), nearest first."""
        return datasets_around(self.ref, direction)

    def models(
        self, direction: LineageQueryDirectionEnum = LineageQueryDirectionEnum.DESCENDANTS
    ) -> Sequence[ModelArtifact]:
        """The models that came of this (or that it came from), nearest first."""
        return models_around(self.ref, direction)

    def pipeline_execution_arn(self) -> str | None:
        """The ARN of the execution that this ran in; None if no orchestrator ran it."""
        return execution_arn(_component(store(), self.ref.key))

    @property
    def ref(self) -> NodeRef:
        """This component's place in the graph."""
        return NodeRef(NodeKind.COMPONENT, self.trial_component_name or "")

    def __repr__(self) -> str:
        state = (self.status or {}).get("PrimaryStatus")
        return f"{type(self).__name__}({self.trial_component_name!r}, status={state!r})"


def _component(record: TrackingStore, name: str) -> Component:
    node = to_node(name) if arns.is_arn(name) else NodeRef(NodeKind.COMPONENT, name)
    try:
        return record.component(node.key)
    except NotFoundError:
        hint = did_you_mean(record, node.key, kinds=(NodeKind.COMPONENT,))
        raise NotFoundError("The trial component", node.key, hint=hint) from None


def _described(record: TrackingStore, component: Component) -> dict[str, Any]:
    arn = arns.to_arn(NodeRef(NodeKind.COMPONENT, component.name))
    ids, key = (component.id,), component.id
    return {
        "trial_component_name": component.name,
        "trial_component_arn": arn,
        "display_name": component.display_name,
        "source": _source(component.source_arn),
        "status": _status(component),
        "start_time": component.started_at,
        "end_time": component.ended_at,
        "creation_time": component.created_at,
        "created_by": {},
        "last_modified_time": component.modified_at,
        "last_modified_by": {},
        "parameters": {name: _parameter(value) for name, value in record.parameters(ids)[key].items()},
        "input_artifacts": _artifacts(record.artifact_values(ids, is_output=False)[key]),
        "output_artifacts": _artifacts(record.artifact_values(ids, is_output=True)[key]),
        "metrics": [_metric(summary, arn) for summary in record.summaries(ids)[key].values()],
        "tags": [{"Key": name, "Value": value or ""} for name, value in component.tags.items()],
    }


def _source(arn: str | None) -> dict[str, str] | None:
    if arn is None:
        return None
    kind = _SOURCE_TYPES.get(arns.parse_arn(arn).word) if arns.is_arn(arn) else None
    return {"SourceArn": arn} if kind is None else {"SourceArn": arn, "SourceType": kind}


def _status(component: Component) -> dict[str, str]:
    status = {"PrimaryStatus": SAGEMAKER_STATUS[component.status]}
    return status if component.status_message is None else {**status, "Message": component.status_message}


def _parameter(value: Json) -> dict[str, float | str]:
    """A number (a bool is 1 or 0 on SageMaker's wire) or the text of anything else, NaN and infinities too."""
    number = float(value) if isinstance(value, bool) else parameters.number_of(value)
    if number is not None:
        return {"NumberValue": number}
    return {"StringValue": value if isinstance(value, str) else _text(value)}


def _text(value: Json) -> str:
    try:
        return str(value)
    except (ValueError, RecursionError):  # an integer past 4,300 digits
        return parameters.to_text(value)


def _artifacts(values: Mapping[str, ArtifactValue]) -> dict[str, dict[str, str]]:
    return {
        name: {"Value": entry.value}
        if entry.media_type is None
        else {"Value": entry.value, "MediaType": entry.media_type}
        for name, entry in values.items()
    }


def _metric(summary: MetricSummary, arn: str) -> dict[str, Any]:
    return {
        "MetricName": summary.name,
        "SourceArn": arn,
        "TimeStamp": summary.last_time,
        "Max": _or_nan(summary.maximum),
        "Min": _or_nan(summary.minimum),
        "Last": summary.last,
        "Count": summary.count,
        "Avg": _or_nan(summary.mean),
        "StdDev": _or_nan(summary.std_dev),
    }


def _or_nan(value: float | None) -> float:
    return float("nan") if value is None else value
