"""Search over training jobs: over the components that count as one, asked in a job's words."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from plugin_core.model import names, parameters
from plugin_core.model.components import Component
from plugin_core.model.metrics import Json, MetricSummary
from plugin_core.model.queries import (
    ComponentSearch,
    Filter,
    NestedFilters,
    Operator,
    SearchExpression,
)
from plugin_core.wire import entities
from plugin_core.wire.faults import invalid
from plugin_core.wire.operations.jobs import about_training
from plugin_core.wire.registry import Answer
from plugin_core.wire.request import Request

_IS_JOB: Final = Filter(property="Source.SourceType", operator=Operator.EQUALS, value="SageMakerTrainingJob")
_NAME: Final = "trainingjobname"
_WORDS: Final[Mapping[str, str]] = {
    _NAME: "Source.SourceArn",
    "trainingjobarn": "Source.SourceArn",
    "trainingjobstatus": "Status.PrimaryStatus",
    "failurereason": "Status.Message",
    "trainingstarttime": "StartTime",
    "trainingendtime": "EndTime",
    "experimentconfig.experimentname": "Parents.ExperimentName",
    "experimentconfig.trialname": "Parents.TrialName",
    "experimentconfig.runname": "TrialComponentName",
    "experimentconfig.trialcomponentdisplayname": "DisplayName",
    "creationtime": "CreationTime",
    "lastmodifiedtime": "LastModifiedTime",
}
_OPEN: Final[Mapping[str, str]] = {"hyperparameters": "Parameters", "metrics": "Metrics", "tags": "Tags"}
PROPERTIES: Final = (
    "TrainingJobName",
    "TrainingJobArn",
    "TrainingJobStatus",
    "FailureReason",
    "TrainingStartTime",
    "TrainingEndTime",
    "ExperimentConfig.ExperimentName",
    "ExperimentConfig.TrialName",
    "ExperimentConfig.RunName",
    "HyperParameters",
    "Metrics",
    "CreationTime",
    "LastModifiedTime",
    "Tags",
)


def job_search(*, expression: SearchExpression, sort_by: str, **more: Any) -> ComponentSearch:
    """What is asked of jobs, asked of components."""
    both = SearchExpression(filters=(_IS_JOB,), sub_expressions=(_of_component(expression),))
    # By its name a job is sorted as the component that it is.
    by = "TrialComponentName" if sort_by.lower() in {_NAME, "trainingjobarn"} else _word(sort_by)
    return ComponentSearch(expression=both, sort_by=by, **more)


def jobs_found(request: Request, found: tuple[Component, ...]) -> list[Answer]:
    """Components as the jobs that they count as."""
    ids = [each.id for each in found]
    values, summaries = request.store.parameters(ids), request.store.summaries(ids)
    tags = request.store.tags(ids)
    return [
        {
            "TrainingJob": entities.described(
                **about_training(each),
                HyperParameters={name: _text(value) for name, value in values[each.id].items()},
                FinalMetricDataList=[_last(summary) for summary in summaries[each.id].values() if _is_finite(summary)],
                Tags=entities.tag_list(tags[each.id]),
            )
        }
        for each in found
    ]


def _of_component(asked: SearchExpression) -> SearchExpression:
    return replace(
        asked,
        filters=tuple(_filter(each) for each in asked.filters),
        nested=tuple(_nested(each) for each in asked.nested),
        sub_expressions=tuple(_of_component(each) for each in asked.sub_expressions),
    )


def _filter(asked: Filter) -> Filter:
    value = asked.value
    if asked.property.lower() == _NAME and value is not None:
        value = ",".join(names.arn("training-job", each) for each in value.split(","))
    return replace(asked, property=_word(asked.property), value=value)


def _nested(asked: NestedFilters) -> NestedFilters:
    if asked.property.lower() != "tags":
        raise invalid(f"Training jobs have no list {asked.property!a} to search in.")
    return asked


def _word(name: str) -> str:
    head, dot, rest = name.partition(".")
    if dot and head.lower() in _OPEN:
        return f"{_OPEN[head.lower()]}.{rest}"
    found = _WORDS.get(name.lower())
    if found is None:
        raise invalid(f"Training jobs have no property {name!a} to search by.")
    return found


def _text(value: Json) -> str:
    return value if isinstance(value, str) else parameters.to_text(value)


def _is_finite(summary: MetricSummary) -> bool:
    return math.isfinite(summary.last)


def _last(summary: MetricSummary) -> Answer:
    return {"MetricName": summary.name, "Value": summary.last, "Timestamp": summary.last_time}
