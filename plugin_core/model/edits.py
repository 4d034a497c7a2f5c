"""What somebody asks of the record and waits for: an edit is refused where it does not fit what is there.

A change of ``model.changes`` comes from a journal, cannot be refused, and is decided by its time. An edit
comes from the wire: it holds at once, whatever is there and however late that is. None leaves as it is.
An edit of what does not exist is a NotFoundError. Times are microseconds since the epoch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from plugin_core.model.changes import Micros
from plugin_core.model.components import ArtifactValue, Status
from plugin_core.model.metrics import Json


@dataclass(frozen=True, kw_only=True, slots=True)
class UpdateExperiment:
    """Change what an experiment is called and said to be."""

    at: Micros
    name: str
    display_name: str | None = None
    description: str | None = None
    by: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class UpdateTrial:
    """Change what a trial is called."""

    at: Micros
    name: str
    display_name: str | None = None
    by: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class UpdateComponent:
    """Change a component. Maps are merged key by key; what is to be removed goes first.

    A status brings its message with it (None clears it), and may be one that comes before the present one;
    a message alone is one about the status that there is.
    """

    at: Micros
    name: str
    display_name: str | None = None
    status: Status | None = None
    status_message: str | None = None
    started_at: Micros | None = None
    ended_at: Micros | None = None
    parameters: Mapping[str, Json] = field(default_factory=dict[str, Json])
    removed_parameters: tuple[str, ...] = ()
    inputs: Mapping[str, ArtifactValue] = field(default_factory=dict[str, ArtifactValue])
    removed_inputs: tuple[str, ...] = ()
    outputs: Mapping[str, ArtifactValue] = field(default_factory=dict[str, ArtifactValue])
    removed_outputs: tuple[str, ...] = ()
    by: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class UpdateArtifact:
    """Change an artifact's name and properties."""

    at: Micros
    source_uri: str
    name: str | None = None
    properties: Mapping[str, str] = field(default_factory=dict[str, str])
    removed_properties: tuple[str, ...] = ()
    by: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class UpdateAction:
    """Change an action's description, status and properties."""

    at: Micros
    name: str
    description: str | None = None
    status: str | None = None
    properties: Mapping[str, str] = field(default_factory=dict[str, str])
    removed_properties: tuple[str, ...] = ()
    by: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class UpdateContext:
    """Change a context's description and properties."""

    at: Micros
    name: str
    description: str | None = None
    properties: Mapping[str, str] = field(default_factory=dict[str, str])
    removed_properties: tuple[str, ...] = ()
    by: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class AddToTrial:
    """Enter a component in a trial; one that is in it already stays.

    The first trial that a component is entered in is its home, and the trial's experiment its own.
    """

    at: Micros
    component: str
    trial: str


@dataclass(frozen=True, kw_only=True, slots=True)
class RemoveFromTrial:
    """Take a component out of a trial; one that is not in it stays out.

    One that loses its home is at home in another of its trials; without any it belongs to no experiment.
    """

    at: Micros
    component: str
    trial: str


@dataclass(frozen=True, kw_only=True, slots=True)
class TagArn:
    """Set and remove tags of something that is no node of this record, such as a job, known by its ARN."""

    at: Micros
    arn: str
    tags: Mapping[str, str | None] = field(default_factory=dict[str, str | None])
    removed: tuple[str, ...] = ()


Edit: TypeAlias = (
    UpdateExperiment
    | UpdateTrial
    | UpdateComponent
    | UpdateArtifact
    | UpdateAction
    | UpdateContext
    | AddToTrial
    | RemoveFromTrial
    | TagArn
)
