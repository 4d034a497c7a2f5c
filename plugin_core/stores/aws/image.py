"""A component as AWS holds it, made from what is known of it, and read back. Pure.

What the API has no member for travels as tags ``flowtrail:...``; what is larger or odder than the API takes is
``held``: a JSON document beside it, and what fits of it stays readable for other clients.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from plugin_core.model.components import ArtifactValue, Owner, Status
from plugin_core.model.metrics import Json
from plugin_core.model.parameters import from_text, to_text
from plugin_core.model.provenance import NO_PROVENANCE, Provenance
from plugin_core.stores.aws import texts
from plugin_core.stores.aws.state import FROM_SAGEMAKER, ComponentState, micros, moment, word_of

MARK: Final = "flowtrail:"
PROPERTY: Final = f"{MARK}p:"
HELD: Final = "flowtrail-held"  # the output that says where the document is
MESSAGE_MAX: Final = 1024

_STATUSES: Final = frozenset(status.value for status in Status)
_MOST_PARAMETERS: Final = 300
_MOST_ENTRIES: Final = 59  # of 60, one is for the document's place
_MOST_TAGS: Final = 50
_OWNER_PARTS: Final = 5
_METADATA: Final = {
    "CommitId": "commit_id",
    "Repository": "repository",
    "GeneratedBy": "generated_by",
    "ProjectId": "project_id",
}


@dataclass(kw_only=True)
class Image:
    """What AWS holds of a component, in the API's forms."""

    display_name: str | None = None
    status: dict[str, str] = field(default_factory=dict[str, str])
    started: int | None = None
    ended: int | None = None
    parameters: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    inputs: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    outputs: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    tags: dict[str, str] = field(default_factory=dict[str, str])
    held: dict[str, Any] = field(default_factory=dict[str, Any])


def image_of(state: ComponentState) -> Image:
    """What AWS is to hold of a component."""
    image = Image(started=state.started, ended=state.ended)
    if state.display_name:
        image.display_name = state.display_name if texts.is_entity_name(state.display_name) else None
    image.status = {"PrimaryStatus": word_of(state.status)}
    if state.message:
        image.status["Message"] = state.message[:MESSAGE_MAX]
    held = _Held(image.held)
    _show_parameters(state.parameters, image.parameters, held)
    _show_entries(state.inputs, image.inputs, held, "inputs")
    _show_entries(state.outputs, image.outputs, held, "outputs")
    _show_tags(state, image.tags, held)
    if state.message and len(state.message) > MESSAGE_MAX:
        held.keep("texts", "message", state.message)
    for metric, points in state.held_points.items():
        held.keep("points", metric, [list(point) for point in points])
    return image


class _Held:
    """Collects what goes into the document."""

    def __init__(self, into: dict[str, Any]) -> None:
        self._into = into

    def keep(self, section: str, name: str, value: Json | list[Any]) -> None:
        self._into.setdefault(section, {})[name] = to_text(value)


def _show_parameters(given: Mapping[str, Json], shown: dict[str, dict[str, Any]], held: _Held) -> None:
    for name, value in given.items():
        form = texts.parameter(value)
        text = form.get("StringValue", "")
        if len(shown) >= _MOST_PARAMETERS or not texts.is_key(name, texts.PARAMETER_KEY_MAX):
            held.keep("parameters", name, value)
        elif len(text) > texts.TEXT_MAX:
            held.keep("parameters", name, value)
            shown[name] = {"StringValue": text[: texts.TEXT_MAX]}
        else:
            shown[name] = form


def _show_entries(
    given: Mapping[str, ArtifactValue], shown: dict[str, dict[str, str]], held: _Held, section: str
) -> None:
    for name, value in given.items():
        fits = len(value.value) <= texts.ENTRY_MAX and texts.is_key(name, texts.ENTRY_KEY_MAX)
        is_odd = value.media_type is not None and not texts.is_media_type(value.media_type)
        if not fits or is_odd or len(shown) >= _MOST_ENTRIES:
            held.keep(section, name, [value.value, value.media_type])
        if fits and len(shown) < _MOST_ENTRIES:
            shown[name] = texts.entry(value)


def _show_tags(state: ComponentState, shown: dict[str, str], held: _Held) -> None:
    """Marks first, then users' tags, then properties; what is too much or too long is held."""
    for word, text in _marks(state).items():
        value = texts.quoted(text)
        if texts.fits_tag(MARK + word, value):
            shown[MARK + word] = value
        else:
            held.keep("facts", word, text)
    pairs = [("tags", name, texts.quoted(name), texts.tag_value(value)) for name, value in state.tags.items()]
    own = (
        ("properties", name, PROPERTY + texts.quoted(name), texts.tag_value(value))
        for name, value in state.properties.items()
    )
    for section, name, key, value in [*pairs, *own]:
        if len(shown) < _MOST_TAGS and texts.fits_tag(key, value):
            shown[key] = value
        else:
            held.keep(section, name, state.tags[name] if section == "tags" else state.properties[name])


def _marks(state: ComponentState) -> dict[str, str]:
    """What travels as tags, by our words."""
    marks = {word: value for word, value in state.facts.items() if value != ""}
    marks["time"] = f"{state.created} {state.modified}"
    flags = ("i" if state.is_inferred else "") + ("e" if state.ended is None else "")
    marks["status"] = f"{state.status} {state.status_at} {flags}".rstrip()
    if state.owner is not None:
        o = state.owner
        marks["owner"] = " ".join(_word(part) for part in (o.journal, o.host, str(o.pid), o.boot_id, o.started))
    if state.display_name and not texts.is_entity_name(state.display_name):
        marks["name"] = state.display_name
    if state.last_steps:
        marks["steps"] = " ".join(f"{_word(metric)}:{step}" for metric, step in state.last_steps.items())
    return marks | provenance_marks(state.provenance, has_members=True)


def provenance_marks(provenance: Provenance, *, has_members: bool) -> dict[str, str]:
    """What of a thing's origin travels as marks: who, since AWS names its own users, and all where it has no member."""
    said = {"by": provenance.created_by, "modifier": provenance.modified_by}
    if not has_members:
        said |= {word.lower(): getattr(provenance, name) for word, name in _METADATA.items()}
    return {word: value for word, value in said.items() if value is not None}


def _word(text: str) -> str:
    return text.replace("=", "=3D").replace(" ", "=20")


def _unworded(text: str) -> str:
    return text.replace("=20", " ").replace("=3D", "=")


# Calls' members


def creation(image: Image) -> dict[str, Any]:
    """The members of CreateTrialComponent, but for the name and where it came from."""
    return {
        "DisplayName": image.display_name,
        "Status": image.status,
        "StartTime": _time(image.started),
        "EndTime": _time(image.ended),
        "Parameters": image.parameters or None,
        "InputArtifacts": image.inputs or None,
        "OutputArtifacts": image.outputs or None,
        "Tags": tag_list(image.tags) or None,
    }


def update(old: Image, new: Image) -> dict[str, Any]:
    """The members of UpdateTrialComponent that bring the one to the other; none where nothing differs."""
    members: dict[str, Any] = {
        "DisplayName": new.display_name if new.display_name != old.display_name else None,
        "Status": new.status if new.status != old.status else None,
        "StartTime": _time(new.started) if new.started != old.started else None,
        "EndTime": _time(new.ended) if new.ended != old.ended else None,
    }
    for word, before, after in (
        ("Parameters", old.parameters, new.parameters),
        ("InputArtifacts", old.inputs, new.inputs),
        ("OutputArtifacts", old.outputs, new.outputs),
    ):
        changed: dict[str, Any] = {name: value for name, value in after.items() if before.get(name) != value}
        members[word] = changed or None
        members[f"{word}ToRemove"] = [name for name in before if name not in after] or None
    return {member: value for member, value in members.items() if value is not None}


def _time(at: int | None) -> datetime | None:
    return None if at is None else moment(at)


def tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags as the API lists them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def metadata(provenance: Provenance) -> dict[str, str] | None:
    """MetadataProperties, None where there are none."""
    said = {word: getattr(provenance, name) for word, name in _METADATA.items()}
    return {word: str(value)[:MESSAGE_MAX] for word, value in said.items() if value is not None} or None


# Reading


def image_from(members: Mapping[str, Any], tags: Iterable[Mapping[str, str]], held: Mapping[str, Any]) -> Image:
    """What AWS holds, from an answer that describes a component, and its tags."""
    return Image(
        display_name=members.get("DisplayName"),
        status={word: text for word, text in members.get("Status", {}).items() if text},
        started=_micros(members.get("StartTime")),
        ended=_micros(members.get("EndTime")),
        parameters=dict(members.get("Parameters") or {}),
        inputs=dict(members.get("InputArtifacts") or {}),
        outputs=dict(members.get("OutputArtifacts") or {}),
        tags={tag["Key"]: tag["Value"] for tag in tags},
        held=dict(held),
    )


def state_from(members: Mapping[str, Any], image: Image) -> ComponentState:
    """What is known of a component, from an answer that describes it."""
    facts, tags, properties = split(image.tags)
    held: dict[str, dict[str, Any]] = {
        section: {name: from_text(text) for name, text in pairs.items()} for section, pairs in image.held.items()
    }
    facts |= held.get("facts", {})
    name = str(members["TrialComponentName"])
    state = ComponentState(name=name, arn=str(members["TrialComponentArn"]))
    state.display_name = facts.pop("name", None) or image.display_name or ""
    state.provenance = provenance_from(members, facts)
    _read_times(state, members, image, facts)
    _read_status(state, image, facts)
    state.message = held.get("texts", {}).get("message", image.status.get("Message"))
    state.owner = _owner(facts.pop("owner", ""))
    pairs = (pair.rpartition(":") for pair in facts.pop("steps", "").split())
    state.last_steps = {_unworded(metric): int(step) for metric, _, step in pairs if step.isdigit()}
    source = members.get("Source") or {}
    if source.get("SourceArn") and facts.get("system") is None:
        facts.setdefault("job", str(source["SourceArn"]))
    state.facts = facts
    shown: dict[str, Json] = {key: texts.from_parameter(value) for key, value in image.parameters.items()}
    state.parameters = shown | held.get("parameters", {})
    state.inputs = _entries(image.inputs, held.get("inputs", {}))
    state.outputs = _entries(image.outputs, held.get("outputs", {}))
    state.tags, state.properties = tags | held.get("tags", {}), properties | held.get("properties", {})
    state.held_points = {
        metric: [(step, at, math.nan if value is None else float(value), data) for step, at, value, data in points]
        for metric, points in held.get("points", {}).items()
    }
    state.metrics = list(members.get("Metrics") or ())
    state.parents = {parent["TrialName"]: parent.get("ExperimentName", "") for parent in members.get("Parents") or ()}
    return state


def split(tags: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, str | None], dict[str, str]]:
    """Tags as AWS has them: our marks by word, users' tags, properties."""
    facts: dict[str, Any] = {}
    own: dict[str, str | None] = {}
    properties: dict[str, str] = {}
    for key, value in tags.items():
        if key.startswith(PROPERTY):
            properties[texts.unquoted(key.removeprefix(PROPERTY))] = texts.from_tag_value(value) or ""
        elif key.startswith(MARK):
            facts[key.removeprefix(MARK)] = texts.unquoted(value)
        else:
            own[texts.unquoted(key)] = texts.from_tag_value(value)
    return facts, own, properties


def provenance_from(members: Mapping[str, Any], facts: dict[str, Any]) -> Provenance:
    """Where a thing comes from; takes our marks about it out of ``facts``."""
    by, modifier = facts.pop("by", None), facts.pop("modifier", None)
    shown = members.get("MetadataProperties") or {}
    given = {name: facts.pop(word.lower(), shown.get(word)) for word, name in _METADATA.items()}
    found = Provenance(created_by=by, modified_by=modifier, **given)
    return NO_PROVENANCE if found == NO_PROVENANCE else found


def times_of(members: Mapping[str, Any], facts: dict[str, Any]) -> list[int]:
    """When a thing was made and changed: as logged, or as AWS says of what others made."""
    said = str(facts.pop("time", "")).split()
    if said and all(part.lstrip("-").isdigit() for part in said):
        return [int(part) for part in said]
    made = micros(members["CreationTime"])
    return [made, micros(members.get("LastModifiedTime") or members["CreationTime"])]


def _read_times(state: ComponentState, members: Mapping[str, Any], image: Image, facts: dict[str, Any]) -> None:
    state.created, state.modified = times_of(members, facts)[:2]
    state.started, state.ended = image.started, image.ended


def _read_status(state: ComponentState, image: Image, facts: dict[str, Any]) -> None:
    """Ours, unless somebody else has moved the component since."""
    word = image.status.get("PrimaryStatus", "InProgress")
    said = str(facts.pop("status", "")).split(" ")
    if said[0] in _STATUSES and word_of(Status(said[0])) == word:
        flags = said[2] if len(said) > 2 else ""  # noqa: PLR2004 - the third part
        state.status, state.status_at = Status(said[0]), int(said[1])
        state.is_inferred = "i" in flags
        state.ended = None if "e" in flags else state.ended
    else:
        state.status = FROM_SAGEMAKER.get(word, Status.RUNNING)


def _entries(shown: Mapping[str, Mapping[str, str]], held: Mapping[str, Any]) -> dict[str, ArtifactValue]:
    entries = {
        name: ArtifactValue(value=form["Value"], media_type=form.get("MediaType"))
        for name, form in shown.items()
        if name != HELD
    }
    return entries | {name: ArtifactValue(value=value, media_type=kind) for name, (value, kind) in held.items()}


def _owner(text: str) -> Owner | None:
    parts = [_unworded(part) for part in text.split(" ")]
    if len(parts) != _OWNER_PARTS or not parts[2].isdigit():
        return None
    journal, host, pid, boot_id, started = parts
    return Owner(journal=journal, host=host, pid=int(pid), boot_id=boot_id, started=started)


def _micros(at: datetime | None) -> int | None:
    return None if at is None else micros(at.astimezone(UTC))
