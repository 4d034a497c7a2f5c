"""Pipelines: experiments of an orchestrator, and their executions and steps, as SageMaker's clients look at them."""

from __future__ import annotations

import re
from typing import Final

from plugin_core.errors import NotFoundError
from plugin_core.model import names
from plugin_core.model.components import SAGEMAKER_STATUS, Component
from plugin_core.model.experiments import Experiment, Trial
from plugin_core.model.queries import ComponentQuery, ExperimentQuery, Page, TrialQuery
from plugin_core.wire import entities
from plugin_core.wire.caller import Permission
from plugin_core.wire.faults import invalid
from plugin_core.wire.operations import paging
from plugin_core.wire.registry import Answer, operation
from plugin_core.wire.request import Request

_EXECUTION: Final = re.compile(r"(?P<pipeline>arn:[^/]*:pipeline/(?P<name>[^/]+))/execution/(?P<id>[^/]+)")
_STATUS: Final = {
    "InProgress": "Executing",
    "Completed": "Succeeded",
    "Failed": "Failed",
    "Stopping": "Stopping",
    "Stopped": "Stopped",
}


@operation(Permission.READ)
def list_pipelines(request: Request) -> Answer:
    """All experiments: which of them an orchestrator made is not known of each."""
    page = paging.listed(request, ExperimentQuery, sort_by=paging.sort_of(request))
    prefix = request.members.get("PipelineNamePrefix", "").casefold()
    kept = Page(items=tuple(e for e in page.items if e.name.casefold().startswith(prefix)), next=page.next)
    return paging.answer(request, "PipelineSummaries", kept, _pipeline)


@operation(Permission.READ)
def describe_pipeline(request: Request) -> Answer:
    """The experiment of that name; it has no definition."""
    found = request.store.experiment(_name(request.members["PipelineName"]))
    by = {name: value for name, value in entities.times(found).items() if name.endswith("By")}
    return {**_pipeline(found), "PipelineDefinition": "{}", "PipelineStatus": "Active", **by}


@operation(Permission.READ)
def list_pipeline_executions(request: Request) -> Answer:
    """An experiment's trials that are executions."""
    experiment = _name(request.members["PipelineName"])
    paging.require(request, experiment=experiment)
    page = paging.listed(request, TrialQuery, experiment=experiment)
    roots = _roots(request, page.items)
    kept = Page(items=tuple(t for t in page.items if _root(t, roots) is not None), next=page.next)
    return paging.answer(request, "PipelineExecutionSummaries", kept, lambda trial: _execution_summary(trial, roots))


@operation(Permission.READ)
def describe_pipeline_execution(request: Request) -> Answer:
    """The execution with an ARN, as tags of its steps name it."""
    arn = request.members["PipelineExecutionArn"]
    trial, root = _execution(request, arn)
    return entities.described(
        PipelineArn=arn.partition("/execution/")[0],
        PipelineExecutionArn=arn,
        PipelineExecutionDisplayName=trial.display_name,
        PipelineExecutionStatus=_status(root),
        PipelineExperimentConfig={"ExperimentName": trial.experiment, "TrialName": trial.name},
        FailureReason=root.status_message if _status(root) == "Failed" else None,
        **entities.times(root),
    )


@operation(Permission.READ)
def list_pipeline_execution_steps(request: Request) -> Answer:
    """The components of an execution, but for the one that stands for all of it."""
    if "PipelineExecutionArn" not in request.members:
        raise invalid("Steps are listed of an execution: PipelineExecutionArn must not be null.")
    trial, root = _execution(request, request.members["PipelineExecutionArn"])
    page = paging.listed(request, ComponentQuery, trial=trial.name)
    steps = Page(items=tuple(c for c in page.items if c.id != root.id), next=page.next)
    return paging.answer(request, "PipelineExecutionSteps", steps, _step)


def _name(given: str) -> str:
    return given.rpartition("/")[2]


def _execution(request: Request, arn: str) -> tuple[Trial, Component]:
    """An execution's trial and root; NotFoundError. The trial's name ends with the ARN's id."""
    found = _EXECUTION.fullmatch(arn)
    if found is None:
        raise NotFoundError("pipeline execution", arn)
    suffix = found["id"].lower()
    head = found["name"][: names.ENTITY_NAME_MAX - len(suffix) - 1].rstrip("-")
    trial = request.store.trial(f"{head}-{suffix}")
    if trial.root_component is None:
        raise NotFoundError("pipeline execution", arn)
    return trial, request.store.component(trial.root_component)


def _roots(request: Request, trials: tuple[Trial, ...]) -> dict[str, Component]:
    wanted = tuple(trial.root_component for trial in trials if trial.root_component)
    if not wanted:
        return {}
    return {found.name.casefold(): found for found in request.store.components(ComponentQuery(names=wanted))}


def _root(trial: Trial, roots: dict[str, Component]) -> Component | None:
    return roots.get((trial.root_component or "").casefold())


def _status(found: Component) -> str:
    return _STATUS[SAGEMAKER_STATUS[found.status]]


def _pipeline(found: Experiment) -> Answer:
    return entities.described(
        PipelineArn=names.arn("pipeline", found.name),
        PipelineName=found.name,
        PipelineDisplayName=found.display_name,
        PipelineDescription=found.description,
        **entities.summary_times(found),
    )


def _execution_summary(trial: Trial, roots: dict[str, Component]) -> Answer:
    root = _root(trial, roots)
    assert root is not None
    suffix = trial.name.rpartition("-")[2]
    return entities.described(
        PipelineExecutionArn=names.arn("pipeline", f"{trial.experiment}/execution/{suffix}"),
        StartTime=root.started_at or root.created_at,
        PipelineExecutionStatus=_status(root),
        PipelineExecutionDisplayName=trial.display_name,
        PipelineExecutionFailureReason=root.status_message if _status(root) == "Failed" else None,
    )


def _step(found: Component) -> Answer:
    return entities.described(
        StepName=found.name,
        StepDisplayName=found.display_name,
        StartTime=found.started_at,
        EndTime=found.ended_at,
        StepStatus=_status(found),
        FailureReason=found.status_message if _status(found) == "Failed" else None,
        Metadata={"TrainingJob": {"Arn": entities.job_arn(found)}},
        AttemptCount=found.attempt,
    )
