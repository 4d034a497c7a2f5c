"""What is known of a component: read from AWS, changed by what was logged, written back as what differs.

Pure: no calls. Of values that this process wrote it knows when they were logged, and the later one wins; of
values that it read it does not, and what arrives wins.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from plugin_core.model import changes as c
from plugin_core.model.components import (
    SAGEMAKER_STATUS,
    ArtifactValue,
    Component,
    Kind,
    OrchestratorRef,
    Owner,
    Status,
)
from plugin_core.model.edits import UpdateComponent
from plugin_core.model.metrics import Json
from plugin_core.model.provenance import NO_PROVENANCE, Provenance

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
FROM_SAGEMAKER: Final[Mapping[str, Status]] = {
    "InProgress": Status.RUNNING,
    "Completed": Status.COMPLETED,
    "Failed": Status.FAILED,
    "Stopping": Status.CANCELLING,
    "Stopped": Status.CANCELLED,
}
_LATEST: Final = datetime.max.replace(tzinfo=UTC)

HeldPoint = tuple[int, int, float, Json]  # step, time, value, data


def moment(micros: int) -> datetime:
    """A time of ours as a datetime; one that no calendar holds is at the calendar's end."""
    try:
        return EPOCH + timedelta(microseconds=micros)
    except OverflowError:
        return _LATEST if micros > 0 else datetime.min.replace(tzinfo=UTC)


def micros(at: datetime) -> int:
    """A datetime as a time of ours."""
    return (at - EPOCH) // timedelta(microseconds=1)


@dataclass(kw_only=True)
class ComponentState:
    """One component. ``facts`` are what AWS has no member for, by our words; times are microseconds."""

    name: str
    arn: str = ""
    display_name: str = ""
    facts: dict[str, str] = field(default_factory=dict[str, str])
    status: Status = Status.CREATED
    message: str | None = None
    status_at: int = -1
    is_inferred: bool = False
    started: int | None = None
    ended: int | None = None
    created: int = 0
    modified: int = 0
    owner: Owner | None = None
    parameters: dict[str, Json] = field(default_factory=dict[str, Json])
    inputs: dict[str, ArtifactValue] = field(default_factory=dict[str, ArtifactValue])
    outputs: dict[str, ArtifactValue] = field(default_factory=dict[str, ArtifactValue])
    tags: dict[str, str | None] = field(default_factory=dict[str, str | None])
    properties: dict[str, str] = field(default_factory=dict[str, str])
    last_steps: dict[str, int] = field(default_factory=dict[str, int])
    held_points: dict[str, list[HeldPoint]] = field(default_factory=dict[str, list[HeldPoint]])
    parents: dict[str, str] = field(default_factory=dict[str, str])  # experiments by trial, as AWS tells them
    metrics: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    provenance: Provenance = NO_PROVENANCE
    logged_at: dict[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])

    def is_later(self, kind: str, name: str, at: int) -> bool:
        """Whether what was logged at a time replaces what is there; notes the time if so."""
        key = (kind, name)
        if self.logged_at.get(key, at) > at:
            return False
        self.logged_at[key] = at
        return True

    def mention(self, at: int) -> None:
        """It was named at a time."""
        self.created = min(self.created or at, at)
        self.modified = max(self.modified, self.created)

    def touch(self, at: int) -> None:
        """Something was logged."""
        self.modified = max(self.modified, at)

    @property
    def home(self) -> tuple[str | None, str | None]:
        """Experiment and trial: those it was made in, unless it left them."""
        experiment, trial = self.facts.get("experiment"), self.facts.get("trial")
        has_left = trial is not None and bool(self.parents) and trial.casefold() not in map(str.casefold, self.parents)
        if (trial is None or has_left) and self.parents:
            trial, experiment = next(iter(self.parents.items()))
        return experiment or None, trial

    def component(self, number: int) -> Component:
        """As the model has it, with an id."""
        facts, (experiment, trial) = self.facts, self.home
        system = facts.get("system")
        return Component(
            id=number,
            name=self.name,
            display_name=self.display_name or self.name,
            kind=Kind(facts.get("kind", Kind.SCRIPT)),
            status=self.status,
            created_at=moment(self.created),
            modified_at=moment(self.modified),
            experiment=experiment,
            trial=trial,
            run_name=facts.get("run") or (run_in(experiment, self.name) if trial and "trial" not in facts else None),
            status_message=self.message,
            status_inferred=self.is_inferred,
            started_at=None if self.started is None else moment(self.started),
            ended_at=None if self.ended is None else moment(self.ended),
            parent=facts.get("parent"),
            root=facts.get("root"),
            attempt=int(facts.get("attempt", "1")),
            previous_attempt=facts.get("previous"),
            orchestrator=None if system is None else orchestrator_of(system, facts),
            owner=self.owner,
            source_arn=facts.get("job"),
            tags=dict(sorted(self.tags.items())),
            properties=dict(sorted(self.properties.items())),
            provenance=self.provenance,
        )


def run_in(experiment: str | None, component: str) -> str:
    """What a component is called within its experiment."""
    prefix = f"{experiment}-"
    return component[len(prefix) :] if component.casefold().startswith(prefix.casefold()) else component


def orchestrator_of(system: str, facts: Mapping[str, str]) -> OrchestratorRef:
    """Where a component came from."""
    return OrchestratorRef(
        system=system, execution_id=facts.get("execution"), step_id=facts.get("step"), url=facts.get("url")
    )


# What was logged


def change(state: ComponentState, what: Any) -> None:
    """Bring what is known to what a change or an edit says."""
    _CHANGES[type(what)](state, what)


def _put(state: ComponentState, put: c.PutComponent) -> None:
    state.mention(put.at)
    state.touch(put.at)
    _say(state, put)
    if put.display_name is not None and state.is_later("fact", "name", put.at):
        state.display_name = put.display_name
    if put.provenance is not None:
        state.provenance = put.provenance
    _tags(state, put.at, put.tags, ())
    state.properties = {**put.properties, **state.properties}
    _own(state, put.owner, put.at)
    if put.started_at is not None:
        running = c.SetStatus(at=put.at, component=put.name, status=Status.RUNNING, started_at=put.started_at)
        _status(state, running)
    if put.parameters:
        _parameters(state, c.SetParameters(at=put.at, component=put.name, parameters=put.parameters))


def _say(state: ComponentState, put: c.PutComponent) -> None:
    """Facts hold if they are later, or the first; the first home stays."""
    for word, value in _facts_of(put).items():
        is_home = word in {"experiment", "trial"}
        if value is not None and (word not in state.facts or (not is_home and state.is_later("fact", word, put.at))):
            state.logged_at.setdefault(("fact", word), put.at)
            state.facts[word] = value


def _facts_of(put: c.PutComponent) -> dict[str, str | None]:
    ref = put.orchestrator
    return {
        "experiment": put.experiment,
        "trial": put.trial,
        "run": put.run_name,
        "kind": None if put.kind is None else put.kind.value,
        "parent": put.parent,
        "root": put.root,
        "attempt": None if put.attempt is None else str(put.attempt),
        "previous": put.previous_attempt,
        "job": put.source_arn,
        "system": None if ref is None else ref.system,
        "execution": None if ref is None else ref.execution_id,
        "step": None if ref is None else ref.step_id,
        "url": None if ref is None else ref.url,
    }


def _own(state: ComponentState, owner: Owner | None, at: int) -> None:
    if owner is not None and state.is_later("fact", "owner", at):
        state.owner = owner


def _status(state: ComponentState, said: c.SetStatus) -> None:
    """A reported end beats a guess, a guess beats no reported end; else the later one wins."""
    state.mention(said.at)
    state.touch(said.at)
    _own(state, said.owner, said.at)
    if state.started is None:
        state.started = said.started_at
    may = not said.inferred or state.is_inferred or not state.status.is_final
    ends_a_guess = not said.inferred and said.status.is_final and state.is_inferred
    if not may or not (said.at >= state.status_at or ends_a_guess):
        return
    state.status, state.message, state.is_inferred, state.status_at = said.status, said.message, said.inferred, said.at
    state.ended = (said.ended_at if said.ended_at is not None else said.at) if said.status.is_final else None


def _parameters(state: ComponentState, said: c.SetParameters) -> None:
    state.mention(said.at)
    state.touch(said.at)
    for name, value in said.parameters.items():
        if state.is_later("parameter", name, said.at):
            state.parameters[name] = value


def _entries(state: ComponentState, said: c.SetArtifactValues) -> None:
    state.mention(said.at)
    state.touch(said.at)
    kind, entries = ("output", state.outputs) if said.is_output else ("input", state.inputs)
    for name, value in said.values.items():
        if state.is_later(kind, name, said.at):
            entries[name] = value


def _set_tags(state: ComponentState, said: c.SetTags) -> None:
    state.mention(said.at)
    _tags(state, said.at, said.tags, said.removed)


def _tags(state: ComponentState, at: int, tags: Mapping[str, str | None], removed: tuple[str, ...]) -> None:
    merge_tags(state.tags, tags, removed, lambda key: state.is_later("tag", key, at))


def merge_tags(
    there: dict[str, str | None],
    tags: Mapping[str, str | None],
    removed: tuple[str, ...],
    is_later: Callable[[str], bool],
) -> None:
    """Set and remove tags, those that the later word is about."""
    there |= {key: value for key, value in tags.items() if is_later(key)}
    for key in removed:
        if is_later(key):
            there.pop(key, None)


def _properties(state: ComponentState, said: c.SetProperties) -> None:
    state.mention(said.at)
    state.properties = {**said.properties, **state.properties}


def _update(state: ComponentState, edit: UpdateComponent) -> None:
    state.touch(edit.at)
    if edit.by is not None:
        state.provenance = replace(state.provenance, modified_by=edit.by)
    if edit.display_name is not None:
        state.display_name = edit.display_name
    if edit.status is not None:
        state.status, state.message, state.is_inferred = edit.status, edit.status_message, False
        state.status_at = max(state.status_at, edit.at)
    elif edit.status_message is not None:
        state.message = edit.status_message
    state.started = edit.started_at if edit.started_at is not None else state.started
    state.ended = edit.ended_at if edit.ended_at is not None else state.ended
    _replace(state.parameters, edit.parameters, edit.removed_parameters)
    _replace(state.inputs, edit.inputs, edit.removed_inputs)
    _replace(state.outputs, edit.outputs, edit.removed_outputs)


def _replace(there: dict[str, Any], given: Mapping[str, Any], removed: tuple[str, ...]) -> None:
    for name in removed:
        there.pop(name, None)
    there.update(given)


_CHANGES: Final[dict[type, Callable[[ComponentState, Any], None]]] = {
    c.PutComponent: _put,
    c.SetStatus: _status,
    c.SetParameters: _parameters,
    c.SetArtifactValues: _entries,
    c.SetTags: _set_tags,
    c.SetProperties: _properties,
    UpdateComponent: _update,
}


def word_of(status: Status) -> str:
    """SageMaker's word for a status."""
    return SAGEMAKER_STATUS[status]
