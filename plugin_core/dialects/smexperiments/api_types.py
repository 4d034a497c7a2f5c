"""The values that records hold, listings yield and searches find, with the attributes of the API's answers."""

from __future__ import annotations

import datetime as dt
import numbers
from collections.abc import Mapping
from typing import Any, ClassVar

from plugin_core.dialects.smexperiments.records import ApiObject


class ExperimentSummary(ApiObject):
    """An experiment in a listing."""

    experiment_arn: str | None = None
    experiment_name: str | None = None
    display_name: str | None = None
    creation_time: dt.datetime | None = None
    last_modified_time: dt.datetime | None = None

    def __init__(self, experiment_name: str | None = None, experiment_arn: str | None = None, **kwargs: Any) -> None:
        super().__init__(experiment_name=experiment_name, experiment_arn=experiment_arn, **kwargs)


class TrialSummary(ApiObject):
    """A trial in a listing."""

    trial_arn: str | None = None
    trial_name: str | None = None
    display_name: str | None = None
    creation_time: dt.datetime | None = None
    last_modified_time: dt.datetime | None = None

    def __init__(self, trial_name: str | None = None, trial_arn: str | None = None, **kwargs: Any) -> None:
        super().__init__(trial_name=trial_name, trial_arn=trial_arn, **kwargs)


class TrialComponentMetricSummary(ApiObject):
    """What a metric of a trial component comes to."""

    metric_name: str | None = None
    source_arn: str | None = None
    time_stamp: dt.datetime | None = None
    logical_time: dt.datetime | None = None
    max: float | None = None
    min: float | None = None
    last: float | None = None
    count: int | None = None
    avg: float | None = None
    std_dev: float | None = None

    def __init__(self, metric_name: str | None = None, source_arn: str | None = None, **kwargs: Any) -> None:
        super().__init__(metric_name=metric_name, source_arn=source_arn, **kwargs)


class TrialComponentParameterValue(ApiObject):
    """A parameter's value: a text or a number."""

    string_value: str | None = None
    number_value: float | None = None

    def __init__(self, string_value: str | None = None, number_value: float | None = None, **kwargs: Any) -> None:
        super().__init__(string_value=string_value, number_value=number_value, **kwargs)

    def __str__(self) -> str:
        if self.string_value is not None:
            return self.string_value
        return "" if self.number_value is None else str(self.number_value)


class TrialComponentParameters(ApiObject):
    """A trial component's parameters: a plain dict in Python, typed values in the API."""

    @classmethod
    def from_boto(cls, boto_dict: Mapping[str, Any], **kwargs: Any) -> Any:
        """Values by name."""
        del kwargs
        return {name: value.get("NumberValue", value.get("StringValue")) for name, value in boto_dict.items()}

    @classmethod
    def to_boto(cls, obj: Any) -> dict[str, Any]:
        """Typed values by name: numbers as NumberValue, all else as the text that ``str`` makes of it."""
        return {
            name: {"NumberValue": value} if isinstance(value, numbers.Number) else {"StringValue": str(value)}
            for name, value in obj.items()
        }


class TrialComponentArtifact(ApiObject):
    """An entry of a trial component's inputs or outputs."""

    media_type: str | None = None
    value: str | None = None

    def __init__(self, value: str | None = None, media_type: str | None = None, **kwargs: Any) -> None:
        super().__init__(value=value, media_type=media_type, **kwargs)


class TrialComponentStatus(ApiObject):
    """A trial component's status: InProgress, Completed, Failed, Stopping or Stopped, and why."""

    primary_status: str | None = None
    message: str | None = None

    def __init__(self, primary_status: str | None = None, message: str | None = None, **kwargs: Any) -> None:
        super().__init__(primary_status=primary_status, message=message, **kwargs)


class TrialComponentSummary(ApiObject):
    """A trial component in a listing."""

    _parts: ClassVar = {"status": TrialComponentStatus}

    trial_component_name: str | None = None
    trial_component_arn: str | None = None
    display_name: str | None = None
    source_arn: str | None = None
    status: TrialComponentStatus | None = None
    start_time: dt.datetime | None = None
    end_time: dt.datetime | None = None
    creation_time: dt.datetime | None = None
    created_by: Any = None
    last_modified_time: dt.datetime | None = None
    last_modified_by: Any = None


class _Source(ApiObject):
    """What something was made from."""

    source_arn: str | None = None

    def __init__(self, source_arn: str | None = None, **kwargs: Any) -> None:
        super().__init__(source_arn=source_arn, **kwargs)


class ExperimentSource(_Source):
    """The source of an experiment."""


class TrialSource(_Source):
    """The source of a trial."""


class TrialComponentSource(_Source):
    """The source of a trial component, such as a job."""


class BatchPutMetricsError(ApiObject):
    """A point that was refused, by its place in the request."""

    code: str | None = None
    message: str | None = None
    metric_index: int | None = None

    def __init__(
        self, code: str | None = None, message: str | None = None, metric_index: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(code=code, message=message, metric_index=metric_index, **kwargs)


class ExperimentSearchResult(ApiObject):
    """An experiment that a search found."""

    experiment_arn: str | None = None
    experiment_name: str | None = None
    display_name: str | None = None
    source: Any = None
    tags: list[dict[str, str]] | None = None


class TrialSearchResult(ApiObject):
    """A trial that a search found."""

    trial_arn: str | None = None
    trial_name: str | None = None
    display_name: str | None = None
    source: Any = None
    tags: list[dict[str, str]] | None = None
    trial_component_summaries: list[dict[str, Any]] | None = None


class TrialComponentSearchResult(ApiObject):
    """A trial component that a search found. Maps and lists are the API's own: ``parameters["lr"]["NumberValue"]``."""

    trial_component_arn: str | None = None
    trial_component_name: str | None = None
    display_name: str | None = None
    source: Any = None
    status: Any = None
    parameters: dict[str, Any] | None = None
    input_artifacts: dict[str, Any] | None = None
    output_artifacts: dict[str, Any] | None = None
    metrics: list[dict[str, Any]] | None = None
    source_detail: Any = None
    tags: list[dict[str, str]] | None = None
    parents: list[dict[str, str]] | None = None


class TrainingJobSearchResult(ApiObject):
    """A training job that a search found."""

    training_job_name: str | None = None
    training_job_arn: str | None = None
    tuning_job_arn: str | None = None
    labeling_job_arn: str | None = None
    autoML_job_arn: str | None = None  # noqa: N815 - the API's spelling
    model_artifacts: Any = None
    training_job_status: str | None = None
    hyper_parameters: Any = None
    algorithm_specification: Any = None
    input_data_config: Any = None
    output_data_config: Any = None
    resource_config: Any = None
    debug_hook_config: Any = None
    experiment_config: Any = None
    debug_rule_config: Any = None
