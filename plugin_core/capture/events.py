"""What an orchestrator's adapter tells capture: plain facts, frozen and keyword-only.

Values (arguments, results) are the user's own objects, passed by reference; capture describes them at
once and keeps none. Times are aware datetimes. An adapter builds events in its ``translate`` module,
from the orchestrator's objects, without side effects. ``capture`` is the level for this one flow or
task (off, params, meta, full) where its author asked for one; None leaves it to the settings. ``tags``
map keys to values, None for a tag that is a word of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from plugin_core.model.components import Kind, Status
from plugin_core.model.lineage import ArtifactType
from plugin_core.model.plain import value


class _Nothing:
    """Stands for "no value", since None is one."""

    def __repr__(self) -> str:
        return "NOTHING"


NOTHING: Final = _Nothing()


@value
class ExecutionKey:
    """Which execution: enough to derive its names in any process.

    ``experiment`` is the flow's or job's name as its author wrote it, ``execution_id`` the orchestrator's id.
    """

    system: str
    experiment: str
    execution_id: str
    attempt: int = 1

    def __hash__(self) -> int:
        """By what tells keys apart anyway: they are looked up several times a step."""
        return hash(self.execution_id)


@value
class StepKey:
    """Which attempt of which step. ``step`` is the task's or op's own name, not that of one of its runs."""

    execution: ExecutionKey
    step: str
    step_id: str
    attempt: int = 1

    def __hash__(self) -> int:
        """As an execution's."""
        return hash(self.step_id)


@dataclass(frozen=True, kw_only=True, slots=True)
class Product:
    """What an orchestrator says that a step made or took, beside or instead of a value: a version of an asset.

    ``uri`` names it for all that use it, in whichever run or orchestrator. ``entry`` is what it stands
    under among the step's artifacts, where that is not its name. ``derived_from`` names products that it was made of
    within the step.
    """

    uri: str
    name: str
    type: str = ArtifactType.DATA_SET
    entry: str | None = None
    properties: Mapping[str, str] = field(default_factory=dict[str, str])
    derived_from: tuple[str, ...] = ()


@value
class ExecutionStarted:
    """A flow or job begins. ``parent`` is the step or execution that called it, ``retry_of`` what it does again."""

    key: ExecutionKey
    name: str
    at: datetime
    kind: Kind = Kind.FLOW
    parameters: Mapping[str, Any] = field(default_factory=dict[str, Any])
    parent: ExecutionKey | StepKey | None = None
    retry_of: ExecutionKey | None = None
    tags: Mapping[str, str | None] = field(default_factory=dict[str, str | None])
    properties: Mapping[str, str] = field(default_factory=dict[str, str])
    url: str | None = None
    capture: str | None = None


@value
class ExecutionFinished:
    """A flow or job has ended. May come from another process than the start, or without one.

    ``inferred`` marks what was concluded from the outside (a runner saw the process die).
    """

    key: ExecutionKey
    at: datetime
    status: Status
    message: str | None = None
    output: Any = NOTHING
    result_uris: tuple[str, ...] = ()
    reused_uri: str | None = None
    properties: Mapping[str, str] = field(default_factory=dict[str, str])
    inferred: bool = False
    capture: str | None = None


@value
class StepStarted:
    """An attempt of a step begins.

    ``inputs`` are its arguments by name, ``upstream`` names for each argument the results that went
    into it, as URIs that the producing step gave in ``StepFinished.result_uris``. ``scheduled_at`` is
    when it could have begun (it waited since). ``supervised``: another process reports its end, so that
    the end of its own process says nothing.
    """

    key: StepKey
    name: str
    at: datetime
    kind: Kind = Kind.TASK
    inputs: Mapping[str, Any] = field(default_factory=dict[str, Any])
    upstream: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    parent: StepKey | None = None
    map_index: int | None = None
    tags: Mapping[str, str | None] = field(default_factory=dict[str, str | None])
    properties: Mapping[str, str] = field(default_factory=dict[str, str])
    url: str | None = None
    scheduled_at: datetime | None = None
    supervised: bool = False
    capture: str | None = None


@value
class StepOutput:
    """A step has made one of its outputs, under the name that its author gave it, and goes on."""

    key: StepKey
    name: str
    value: Any
    result_uris: tuple[str, ...] = ()
    capture: str | None = None


@value
class StepFinished:
    """An attempt of a step has ended; without a ``StepStarted`` before, in whichever process, it never ran.

    ``reused_uri`` names the result that a cached step took instead of running, ``products`` what it made
    beside its output, ``sources`` what it took beside its arguments. ``metrics`` are numbers that the
    orchestrator holds of it. ``started_at`` is given where the start may not have been reported.
    """

    key: StepKey
    name: str
    at: datetime
    status: Status
    message: str | None = None
    kind: Kind = Kind.TASK
    output: Any = NOTHING
    result_uris: tuple[str, ...] = ()
    reused_uri: str | None = None
    products: tuple[Product, ...] = ()
    sources: tuple[Product, ...] = ()
    metrics: Mapping[str, float] = field(default_factory=dict[str, float])
    upstream: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    started_at: datetime | None = None
    parent: StepKey | None = None
    tags: Mapping[str, str | None] = field(default_factory=dict[str, str | None])
    properties: Mapping[str, str] = field(default_factory=dict[str, str])
    url: str | None = None
    inferred: bool = False
    capture: str | None = None
