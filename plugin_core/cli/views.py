"""What commands show, as plain values. The names of the fields are the keys of ``--json``: stable, documented.

In JSON times are ISO 8601 in UTC, durations seconds, sizes bytes; NaN and infinities are the strings
"NaN", "Infinity" and "-Infinity", since JSON has no numbers for them.
"""

from __future__ import annotations

import dataclasses
import json
import math
from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from pathlib import PurePath
from typing import Any, Final

from plugin_core.model.components import OrchestratorRef, Status
from plugin_core.model.lineage import Artifact
from plugin_core.model.metrics import Json, MetricSummary

_SAFE_INT_BITS: Final = 8_192


@dataclass(frozen=True, kw_only=True, slots=True)
class RunView:
    """A run: an execution, a step of one, or what was logged by hand. ``component`` identifies it."""

    component: str
    experiment: str | None
    execution: str | None
    run: str | None
    name: str
    kind: str
    status: Status
    status_inferred: bool
    message: str | None
    attempt: int
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    duration_s: float | None
    parent: str | None
    orchestrator: OrchestratorRef | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Headline:
    """The one metric that says most about an execution. ``aggregate``: max, min or last, over its runs' last values."""

    metric: str
    value: float
    aggregate: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ExecutionRow:
    """A line of ``flowtrail ls``."""

    run: RunView
    steps: int
    headline: Headline | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ExperimentRow:
    """A line of ``flowtrail ls experiments``. ``statuses`` are those of the latest executions, newest first."""

    name: str
    display_name: str
    executions: int
    statuses: tuple[Status, ...]
    last_at: datetime | None
    modified_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class ArtifactRow:
    """An artifact. ``stored`` says whether its bytes can be had with ``flowtrail get``."""

    uri: str
    name: str
    type: str
    media_type: str | None
    size_bytes: int | None
    stored: bool
    created_at: datetime
    properties: Mapping[str, str] = field(default_factory=dict[str, str])

    @classmethod
    def of(cls, artifact: Artifact) -> ArtifactRow:
        """What is shown of an artifact."""
        return cls(
            uri=artifact.source_uri,
            name=artifact.name,
            type=artifact.type,
            media_type=artifact.media_type,
            size_bytes=artifact.size_bytes,
            stored=artifact.blob is not None,
            created_at=artifact.created_at,
            properties=artifact.properties,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """Data that went into a run or came out of it. ``others`` made it (of an input) or used it (of an output)."""

    name: str
    value: str
    artifact: ArtifactRow | None
    others: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class StepRow:
    """A step of an execution: its last attempt (``run.attempt``), and how deep it is nested."""

    run: RunView
    depth: int
    headline: Headline | None


@dataclass(frozen=True, kw_only=True, slots=True)
class RunDetail:
    """All of a run that ``flowtrail show`` shows; ``steps`` are those of an execution."""

    run: RunView
    parameters: Mapping[str, Json]
    metrics: Mapping[str, MetricSummary]
    inputs: tuple[Link, ...]
    outputs: tuple[Link, ...]
    steps: tuple[StepRow, ...]
    tags: Mapping[str, str | None]
    properties: Mapping[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class ExperimentDetail:
    """An experiment and its latest executions."""

    name: str
    display_name: str
    description: str | None
    created_at: datetime
    tags: Mapping[str, str | None]
    executions: tuple[ExecutionRow, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class ArtifactDetail:
    """An artifact, the runs that made it and the runs that used it."""

    artifact: ArtifactRow
    produced_by: tuple[RunView, ...]
    used_by: tuple[RunView, ...]


def to_json(value: Any) -> str:
    """A view, or anything made of views and JSON, as indented JSON."""
    return json.dumps(jsonable(value), indent=2, ensure_ascii=False, allow_nan=False)


def jsonable(value: Any) -> Any:
    """A view in JSON's terms."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: jsonable(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {_text(str(key)): jsonable(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple | array):
        return [jsonable(entry) for entry in value]
    return _scalar(value)


def _scalar(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, float) and not math.isfinite(value):
        return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[str(value)]
    if isinstance(value, int) and value.bit_length() > _SAFE_INT_BITS:
        return hex(value)  # Python refuses to print larger ones in decimal
    return _text(str(value)) if isinstance(value, str | PurePath) else value


def _text(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()
