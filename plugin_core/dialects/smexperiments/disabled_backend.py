"""The dialect where flowtrail is switched off (``FLOWTRAIL_DISABLED``): it accepts all, and records and finds none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from plugin_core.dialects.smexperiments.backend import (
    TRIAL_COMPONENT,
    ArtifactUploader,
    LineageArtifactTracker,
    Members,
    MetricsWriter,
    Resource,
    TrackedComponent,
)


class _Nothing:
    """Takes metrics, files and lineage, and keeps none."""

    def log_metric(self, *_args: Any, **_kwargs: Any) -> None: ...

    def upload_artifact(self, *_args: Any, **_kwargs: Any) -> tuple[str, str | None]:
        return "", None

    def upload_object_artifact(self, *_args: Any, **_kwargs: Any) -> tuple[str, str | None]:
        return "", None

    def add_input_artifact(self, *_args: Any, **_kwargs: Any) -> None: ...

    def add_output_artifact(self, *_args: Any, **_kwargs: Any) -> None: ...

    def save(self) -> None: ...

    def close(self) -> None: ...


class DisabledBackend:
    """A Backend of nothing. What is asked for by its name has that name and no more."""

    def create(self, resource: Resource, members: Members, /) -> Members:
        """See Records."""
        del resource, members
        return {}

    def describe(self, resource: Resource, name: str, /) -> Members:
        """See Records."""
        return {resource.name_member: name}

    def update(self, resource: Resource, members: Members, /) -> Members:
        """See Records."""
        return self.create(resource, members)

    def delete(self, resource: Resource, name: str, /) -> Members:
        """See Records."""
        del resource, name
        return {}

    def delete_all(self, resource: Resource, name: str, /, *, attempts: int) -> None:
        """See Records."""

    def delete_component(self, name: str, /) -> Members:
        """See Records."""
        return self.delete(TRIAL_COMPONENT, name)

    def list(self, resource: Resource, request: Members, /) -> Iterator[Members]:
        """See Records."""
        del resource, request
        return iter(())

    def search(self, resource: Resource, request: Members, /) -> Iterator[Members]:
        """See Records."""
        return self.list(resource, request)

    def associate(self, trial: str, component: str, /) -> None:
        """See Records."""

    def disassociate(self, trial: str, component: str, /) -> None:
        """See Records."""

    def begin(self, name: str, display_name: str | None, /) -> Members:
        """See Tracking."""
        del name, display_name
        return {}

    def current(self) -> Members | None:
        """See Tracking. There is always one, which is none."""
        return self.describe(TRIAL_COMPONENT, "disabled")

    def of_job(self, job_name: str, suffix: str, /) -> Members:
        """See Tracking."""
        return self.describe(TRIAL_COMPONENT, f"{job_name}{suffix}")

    def keep(self, name: str, members: Members, /) -> bool:
        """See Tracking."""
        del name, members
        return True

    def is_loggable(self, value: object, /) -> bool:
        """See Tracking."""
        del value
        return True

    def writers(self, component: TrackedComponent, /) -> tuple[MetricsWriter, ArtifactUploader, LineageArtifactTracker]:
        """See Tracking."""
        del component
        nothing = _Nothing()
        return nothing, nothing, nothing
