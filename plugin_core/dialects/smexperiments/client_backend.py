"""The dialect on a boto3 client that the user gave: AWS, flowtrail's own server, or a stub in a test."""

from __future__ import annotations

import json
import math
import numbers
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from plugin_core.dialects.smexperiments.backend import (
    EXPERIMENT,
    TRIAL,
    TRIAL_COMPONENT,
    ArtifactUploader,
    LineageArtifactTracker,
    Members,
    MetricsWriter,
    Resource,
    TrackedComponent,
)
from plugin_core.errors import FlowtrailError

TRAINING_JOB_VARIABLE: Final = "TRAINING_JOB_ARN"
PROCESSING_JOB_FILE: Final = Path("/opt/ml/config/processingjobconfig.json")

_JOB_WAIT_S: Final = 300.0  # SageMaker makes a job's component some time after the job has begun
_JOB_POLL_S: Final = 2.0
_RETRY_WAIT_S: Final = 0.5


class ClientBackend:
    """A Backend that calls a boto3 SageMaker client, operation by operation."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def _call(self, operation: str, **members: Any) -> Members:
        answer: Members = getattr(self._client, operation)(**members)
        return answer

    def _pages(self, operation: str, request: Members) -> Iterator[Members]:
        page = self._call(operation, **request)
        yield page
        while token := page.get("NextToken"):
            page = self._call(operation, **{**request, "NextToken": token})
            yield page

    # Records

    def create(self, resource: Resource, members: Members, /) -> Members:
        """See Records."""
        return self._call(f"create_{resource.operation}", **members)

    def describe(self, resource: Resource, name: str, /) -> Members:
        """See Records."""
        return self._call(f"describe_{resource.operation}", **{resource.name_member: name})

    def update(self, resource: Resource, members: Members, /) -> Members:
        """See Records."""
        return self._call(f"update_{resource.operation}", **members)

    def delete(self, resource: Resource, name: str, /) -> Members:
        """See Records."""
        return self._call(f"delete_{resource.operation}", **{resource.name_member: name})

    def list(self, resource: Resource, request: Members, /) -> Iterator[Members]:
        """See Records."""
        for page in self._pages(f"list_{resource.operation}s", request):
            yield from page.get(f"{resource.word}Summaries", ())

    def search(self, resource: Resource, request: Members, /) -> Iterator[Members]:
        """See Records."""
        for page in self._pages("search", {**request, "Resource": resource.searched_as}):
            for result in page.get("Results", ()):
                if resource.word in result:
                    yield result[resource.word]

    def associate(self, trial: str, component: str, /) -> None:
        """See Records."""
        self._call("associate_trial_component", TrialName=trial, TrialComponentName=component)

    def disassociate(self, trial: str, component: str, /) -> None:
        """See Records."""
        self._call("disassociate_trial_component", TrialName=trial, TrialComponentName=component)

    def delete_all(self, resource: Resource, name: str, /, *, attempts: int) -> None:
        """See Records. The protocol has no deletion of many: it is call by call, and what fails is begun again."""
        failed: Exception | None = None
        for attempt in range(attempts):
            time.sleep(attempt * _RETRY_WAIT_S)
            try:
                self._delete_tree(resource, name)
                return
            except self._client.exceptions.ClientError as error:
                failed = error
        raise FlowtrailError(f"Failed to delete {name!r}, please try again.") from failed

    def _delete_tree(self, resource: Resource, name: str) -> None:
        if resource is EXPERIMENT:
            for trial in [*self.list(TRIAL, {"ExperimentName": name})]:
                self._delete_tree(TRIAL, trial["TrialName"])
        else:
            for component in [*self.list(TRIAL_COMPONENT, {"TrialName": name})]:
                self.delete_component(component["TrialComponentName"])
        self.delete(resource, name)

    def delete_component(self, name: str, /) -> Members:
        """See Records."""
        for trial in [*self.list(TRIAL, {"TrialComponentName": name})]:
            self.disassociate(trial["TrialName"], name)
        return self.delete(TRIAL_COMPONENT, name)

    # Tracking

    def begin(self, name: str, display_name: str | None, /) -> Members:
        """See Tracking."""
        shown = {} if display_name is None else {"DisplayName": display_name}
        return self.create(TRIAL_COMPONENT, {"TrialComponentName": name, **shown})

    def current(self) -> Members | None:
        """See Tracking. In a job of SageMaker's its component, waited for as long as it may take to appear."""
        source = _job_arn()
        if source is not None:
            return self._component_of(source)
        from plugin_core.tracking.load import find_run

        run = find_run()
        return None if run is None else self.describe(TRIAL_COMPONENT, run.component_name)

    def _component_of(self, source_arn: str) -> Members | None:
        until = time.monotonic() + _JOB_WAIT_S
        while True:
            found = next(self.list(TRIAL_COMPONENT, {"SourceArn": source_arn}), None)
            if found is not None:
                return self.describe(TRIAL_COMPONENT, found["TrialComponentName"])
            if time.monotonic() >= until:
                return None
            time.sleep(_JOB_POLL_S)

    def of_job(self, job_name: str, suffix: str, /) -> Members:
        """See Tracking."""
        return self.describe(TRIAL_COMPONENT, f"{job_name}{suffix}")

    def keep(self, name: str, members: Members, /) -> bool:
        """See Tracking. A call for each value would be dear: they go when the tracker is closed."""
        del name, members
        return False

    def is_loggable(self, value: object, /) -> bool:
        """See Tracking. The protocol has no NaN and no infinity."""
        return not (isinstance(value, numbers.Real) and not math.isfinite(value))

    def writers(self, component: TrackedComponent, /) -> tuple[MetricsWriter, ArtifactUploader, LineageArtifactTracker]:
        """See Tracking."""
        from plugin_core.dialects.smexperiments.client_writers import BucketUploader, ClientLineage, ClientMetrics

        return (
            ClientMetrics(self._client, component),
            BucketUploader(self._client, component),
            ClientLineage(self._client, component.arn),
        )


def _job_arn() -> str | None:
    """The job that this process is in, as SageMaker tells it."""
    if TRAINING_JOB_VARIABLE in os.environ:
        return os.environ[TRAINING_JOB_VARIABLE]
    if PROCESSING_JOB_FILE.is_file():
        arn: str = json.loads(PROCESSING_JOB_FILE.read_text())["ProcessingJobArn"]
        return arn
    return None
