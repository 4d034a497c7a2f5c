"""Trial components: what was run, with what, in which state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from plugin_core.model.plain import value
from plugin_core.model.provenance import NO_PROVENANCE, Provenance


class Kind(StrEnum):
    """What a component stands for."""

    FLOW = "flow"
    TASK = "task"
    JOB = "job"
    OP = "op"
    ASSET = "asset"
    SCRIPT = "script"
    INTERACTIVE = "interactive"


class Status(StrEnum):
    """The state of a component; a superset of what SageMaker (5), Azure ML (15) and Vertex AI (7) tell apart."""

    CREATED = "created"
    QUEUED = "queued"
    PREPARING = "preparing"
    RUNNING = "running"
    NOT_RESPONDING = "not_responding"
    PAUSED = "paused"
    FINALIZING = "finalizing"
    COMPLETED = "completed"
    CACHED = "cached"
    FAILED = "failed"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether nothing more is expected of a component in this state."""
        return self in _FINAL


_FINAL = frozenset({Status.COMPLETED, Status.CACHED, Status.FAILED, Status.CANCELLED})

SAGEMAKER_STATUS: Mapping[Status, str] = {
    Status.CREATED: "InProgress",
    Status.QUEUED: "InProgress",
    Status.PREPARING: "InProgress",
    Status.RUNNING: "InProgress",
    Status.NOT_RESPONDING: "InProgress",
    Status.PAUSED: "InProgress",
    Status.FINALIZING: "InProgress",
    Status.COMPLETED: "Completed",
    Status.CACHED: "Completed",
    Status.FAILED: "Failed",
    Status.CANCELLING: "Stopping",
    Status.CANCELLED: "Stopped",
}


@value
class OrchestratorRef:
    """Where a component came from: ``system`` (prefect, dagster), the ids there and the page's URL."""

    system: str
    execution_id: str | None = None
    step_id: str | None = None
    url: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ArtifactValue:
    """An entry of a component's input or output artifacts: a URI or short text, and its media type."""

    value: str
    media_type: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Owner:
    """The process that writes a component: enough to tell, later, whether it still lives."""

    journal: str
    host: str
    pid: int
    boot_id: str
    started: str  # the process's start time as the system counts it; with the pid, identifies the process


@dataclass(frozen=True, kw_only=True, slots=True)
class Component:
    """A trial component. The maps are filled when the store was asked for them, else empty."""

    id: int
    name: str
    display_name: str
    kind: Kind
    status: Status
    created_at: datetime
    modified_at: datetime
    experiment: str | None = None
    trial: str | None = None
    run_name: str | None = None
    status_message: str | None = None
    status_inferred: bool = False
    started_at: datetime | None = None
    ended_at: datetime | None = None
    parent: str | None = None
    root: str | None = None
    attempt: int = 1
    previous_attempt: str | None = None
    number: int | None = None
    orchestrator: OrchestratorRef | None = None
    owner: Owner | None = None
    source_arn: str | None = None
    tags: Mapping[str, str | None] = field(default_factory=dict[str, str | None])
    properties: Mapping[str, str] = field(default_factory=dict[str, str])
    provenance: Provenance = NO_PROVENANCE
