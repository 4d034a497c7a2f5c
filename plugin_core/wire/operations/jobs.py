"""Jobs: components as the jobs that SageMaker would have run them in, so that ``load_run()`` finds its run there.

Nothing of a job is kept but what its component says. The members that clients require and that no
component has are empty.
"""

from __future__ import annotations

from typing import Any, Final

from plugin_core.model import names
from plugin_core.model.components import SAGEMAKER_STATUS, Component
from plugin_core.wire import entities
from plugin_core.wire.caller import Permission
from plugin_core.wire.registry import Answer, operation
from plugin_core.wire.request import Request

_SECONDARY: Final = {"InProgress": "Training"}
_CLUSTER: Final = {"InstanceType": "ml.m5.large", "InstanceCount": 1}


@operation(Permission.READ)
def describe_training_job(request: Request) -> Answer:
    """The component that is called so as a job."""
    return about_training(request.store.component_of_job(request.members["TrainingJobName"]))


def about_training(found: Component) -> Answer:
    """A component as the training job that it counts as."""
    status = SAGEMAKER_STATUS[found.status]
    return entities.described(
        TrainingJobName=names.job_slug(found.name),
        TrainingJobArn=names.arn("training-job", names.job_slug(found.name)),
        ModelArtifacts={"S3ModelArtifacts": ""},
        TrainingJobStatus=status,
        SecondaryStatus=_SECONDARY.get(status, status),
        FailureReason=_failure(found),
        StoppingCondition={},
        TrainingStartTime=found.started_at,
        TrainingEndTime=found.ended_at,
        **_shared(found),
    )


@operation(Permission.READ)
def describe_processing_job(request: Request) -> Answer:
    """The component that is called so as a job."""
    found = request.store.component_of_job(request.members["ProcessingJobName"])
    return entities.described(
        ProcessingJobName=names.job_slug(found.name),
        ProcessingJobArn=names.arn("processing-job", names.job_slug(found.name)),
        ProcessingResources={"ClusterConfig": {**_CLUSTER, "VolumeSizeInGB": 1}},
        AppSpecification={"ImageUri": "flowtrail"},
        ProcessingJobStatus=SAGEMAKER_STATUS[found.status],
        FailureReason=_failure(found),
        ProcessingStartTime=found.started_at,
        ProcessingEndTime=found.ended_at,
        **_shared(found),
    )


@operation(Permission.READ)
def describe_transform_job(request: Request) -> Answer:
    """The component that is called so as a job."""
    found = request.store.component_of_job(request.members["TransformJobName"])
    shared = _shared(found)
    del shared["LastModifiedTime"]
    return entities.described(
        TransformJobName=names.job_slug(found.name),
        TransformJobArn=names.arn("transform-job", names.job_slug(found.name)),
        TransformJobStatus=SAGEMAKER_STATUS[found.status],
        FailureReason=_failure(found),
        ModelName="flowtrail",
        TransformInput={"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": ""}}},
        TransformResources=_CLUSTER,
        TransformStartTime=found.started_at,
        TransformEndTime=found.ended_at,
        **shared,
    )


def _shared(found: Component) -> dict[str, Any]:
    return {
        "CreationTime": found.created_at,
        "LastModifiedTime": found.modified_at,
        "ExperimentConfig": experiment_config(found),
    }


def experiment_config(found: Component) -> Answer:
    """Where a component's run is found; the run's name is that of the whole component, as the SDK expects it."""
    return entities.described(
        ExperimentName=found.experiment,
        TrialName=found.trial,
        TrialComponentDisplayName=found.display_name,
        RunName=found.name if found.experiment else None,
    )


def _failure(found: Component) -> str | None:
    return found.status_message if SAGEMAKER_STATUS[found.status] == "Failed" else None
