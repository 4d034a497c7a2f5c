"""The seam of the dialect: what it asks of a record, whoever keeps it.

Members and answers are the API's own (UpperCamelCase). ``EngineBackend`` keeps the record with this
process's engine and store, ``ClientBackend`` talks through a boto3 client that the user gave.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeAlias

from plugin_core.tracking.settings import is_disabled

Members: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind of thing: the API's word for it, its name in operations, and what Search calls it."""

    word: str
    operation: str
    searched_as: str

    @property
    def name_member(self) -> str:
        """The member that names one."""
        return f"{self.word}Name"

    @property
    def name_attribute(self) -> str:
        """The attribute that names one."""
        return f"{self.operation}_name"


EXPERIMENT: Final = Resource("Experiment", "experiment", "Experiment")
TRIAL: Final = Resource("Trial", "trial", "ExperimentTrial")
TRIAL_COMPONENT: Final = Resource("TrialComponent", "trial_component", "ExperimentTrialComponent")
TRAINING_JOB: Final = Resource("TrainingJob", "training_job", "TrainingJob")


class MetricsWriter(Protocol):
    """Where a tracker's metrics go."""

    def log_metric(
        self, metric_name: str, value: float, timestamp: Any = None, iteration_number: int | None = None
    ) -> None:
        """Log one point."""
        ...

    def close(self) -> None:
        """Send what is held back."""
        ...


class ArtifactUploader(Protocol):
    """Where a tracker's files go. Both answer with a URI and what tells its content apart (an ETag, a digest)."""

    def upload_artifact(self, file_path: str) -> tuple[str, str | None]:
        """Store a file; InvalidValueError if there is none."""
        ...

    def upload_object_artifact(
        self, artifact_name: str, obj: Any, file_extension: str | None = None
    ) -> tuple[str, str | None]:
        """Store an object as JSON."""
        ...


class LineageArtifactTracker(Protocol):
    """How a tracker's artifacts are tied to its trial component."""

    def add_input_artifact(self, name: str, source_uri: str, etag: str | None, artifact_type: str | None) -> None:
        """Tie an artifact that the component used."""
        ...

    def add_output_artifact(self, name: str, source_uri: str, etag: str | None, artifact_type: str | None) -> None:
        """Tie an artifact that the component made."""
        ...

    def save(self) -> None:
        """Send what is held back."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class TrackedComponent:
    """The component that a tracker logs to, and where its user wants files."""

    name: str
    arn: str
    artifact_bucket: str | None = None
    artifact_prefix: str | None = None
    boto3_session: Any = None

    def key(self, file_name: str) -> str:
        """The key of a file, in a bucket or as a label."""
        return f"{self.artifact_prefix or 'trial-component-artifacts'}/{self.name}/{file_name}"


class Records(Protocol):
    """Experiments, trials and trial components."""

    def create(self, resource: Resource, members: Members, /) -> Members:
        """Create one that does not exist yet."""
        ...

    def describe(self, resource: Resource, name: str, /) -> Members:
        """All members of one."""
        ...

    def update(self, resource: Resource, members: Members, /) -> Members:
        """Change one; maps are merged key by key."""
        ...

    def delete(self, resource: Resource, name: str, /) -> Members:
        """Delete one that nothing belongs to."""
        ...

    def delete_all(self, resource: Resource, name: str, /, *, attempts: int) -> None:
        """Delete an experiment or a trial with all trials and trial components in it, trying again as often."""
        ...

    def delete_component(self, name: str, /) -> Members:
        """Delete a trial component that may be in trials."""
        ...

    def list(self, resource: Resource, request: Members, /) -> Iterator[Members]:
        """Summaries of those that match, asked for when they are taken."""
        ...

    def search(self, resource: Resource, request: Members, /) -> Iterator[Members]:
        """All members of those that match, asked for when they are taken."""
        ...

    def associate(self, trial: str, component: str, /) -> None:
        """Enter a component in a trial; one that is in it stays."""
        ...

    def disassociate(self, trial: str, component: str, /) -> None:
        """Take a component out of a trial."""
        ...


class Tracking(Protocol):
    """What trackers need besides."""

    def begin(self, name: str, display_name: str | None, /) -> Members:
        """Create a trial component whose name was made up for it."""
        ...

    def current(self) -> Members | None:
        """The trial component that this code runs in, if there is one."""
        ...

    def of_job(self, job_name: str, suffix: str, /) -> Members:
        """The trial component of a job, by the job's name."""
        ...

    def keep(self, name: str, members: Members, /) -> bool:
        """Take up at once what was logged of a component; False if it has to be saved later."""
        ...

    def is_loggable(self, value: object, /) -> bool:
        """Whether a number is one that this record can hold."""
        ...

    def writers(self, component: TrackedComponent, /) -> tuple[MetricsWriter, ArtifactUploader, LineageArtifactTracker]:
        """Where metrics, files and lineage of a component go."""
        ...


class Backend(Records, Tracking, Protocol):
    """Everything that the dialect asks."""


def backend_of(client: Any) -> Backend:
    """The backend for a boto3 client that was given, or for None."""
    if client is not None:
        from plugin_core.dialects.smexperiments.client_backend import ClientBackend

        return ClientBackend(client)
    if is_disabled():
        from plugin_core.dialects.smexperiments.disabled_backend import DisabledBackend

        return DisabledBackend()
    from plugin_core.dialects.smexperiments.engine_backend import EngineBackend

    return EngineBackend()


def with_extension(name: str, extension: str | None) -> str:
    """A file's name: ``table`` and ``json`` make ``table.json``."""
    return f"{name}.{extension.removeprefix('.')}" if extension else name
