"""Experiments, trials, artifacts, actions and contexts: as AWS tells them, as we know them, as AWS is told. Pure.

What the API has no member for travels as tags ``flowtrail:...`` of experiments and trials, and as properties of
that name of the others. What is too long for AWS is cut, which ``NodeState.is_cut`` says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from plugin_core.model import changes as c
from plugin_core.model import edits as e
from plugin_core.model.experiments import Experiment, Trial
from plugin_core.model.lineage import Action, Artifact, Context, NodeKind, SourceType
from plugin_core.model.names import ENTITY_NAME_MAX, slug
from plugin_core.model.provenance import NO_PROVENANCE, Provenance
from plugin_core.stores.aws import texts
from plugin_core.stores.aws.image import MARK, metadata, provenance_from, provenance_marks, split, tag_list, times_of
from plugin_core.stores.aws.state import merge_tags, moment

NO_SOURCE: Final = "flowtrail:none"
NO_TYPE: Final = "Unknown"
WORDS: Final[Mapping[NodeKind, str]] = {
    NodeKind.EXPERIMENT: "Experiment",
    NodeKind.TRIAL: "Trial",
    NodeKind.COMPONENT: "TrialComponent",
    NodeKind.ARTIFACT: "Artifact",
    NodeKind.ACTION: "Action",
    NodeKind.CONTEXT: "Context",
}

_MOST_TAGS: Final = 50
_MOST_PROPERTIES: Final = 30
_DESCRIPTION_MAX: Final = 3072
_TYPE_MAX: Final = 256
_URI_MAX: Final = 2048
_STATUSES: Final = frozenset({"Unknown", "InProgress", "Completed", "Failed", "Stopping", "Stopped"})
_OF_ORIGIN: Final = frozenset({NodeKind.TRIAL, NodeKind.ARTIFACT, NodeKind.ACTION})  # have MetadataProperties
_OF_LINEAGE: Final = frozenset({NodeKind.ARTIFACT, NodeKind.ACTION, NodeKind.CONTEXT})


@dataclass(kw_only=True)
class NodeState:
    """A node that is no component.

    ``key`` is its name, or an artifact's URI; ``facts`` are what AWS has no member for.
    """

    kind: NodeKind
    key: str
    arn: str = ""
    display_name: str | None = None
    description: str | None = None
    type: str = ""
    source_uri: str = ""
    source_types: tuple[SourceType, ...] = ()
    status: str | None = None
    experiment: str = ""
    facts: dict[str, str] = field(default_factory=dict[str, str])
    tags: dict[str, str | None] = field(default_factory=dict[str, str | None])
    properties: dict[str, str] = field(default_factory=dict[str, str])
    created: int = 0
    modified: int = 0
    used: int = 0
    provenance: Provenance = NO_PROVENANCE
    is_described: bool = False  # it was put, not only named
    is_cut: bool = False
    made_as: tuple[str, str] | None = None  # type and source on AWS, which no call changes
    logged_at: dict[str, int] = field(default_factory=dict[str, int])

    def is_later(self, what: str, at: int) -> bool:
        """Whether what was logged at a time replaces what is there; notes the time if so."""
        if self.logged_at.get(what, at) > at:
            return False
        self.logged_at[what] = at
        return True

    def mention(self, at: int) -> None:
        """It was named at a time."""
        self.created = min(self.created or at, at)
        self.modified = max(self.modified, self.created)

    def touch(self, at: int) -> None:
        """It was put or edited."""
        self.mention(at)
        self.modified = max(self.modified, at)


# What was logged


def change(state: NodeState, what: Any) -> None:
    """Bring what is known to what a change or an edit says."""
    _CHANGES[type(what)](state, what)


def _tagged(state: NodeState, at: int, tags: Mapping[str, str | None], removed: tuple[str, ...] = ()) -> None:
    merge_tags(state.tags, tags, removed, lambda key: state.is_later(f"tag {key}", at))


def _put(state: NodeState, put: Any) -> None:
    state.touch(put.at)
    _tagged(state, put.at, put.tags)
    if put.provenance is not None:
        state.provenance = put.provenance
    state.is_described = True


def _say(state: NodeState, at: int, **said: str | None) -> None:
    """What is not None holds if it is later; what is not there yet is filled."""
    for name, value in said.items():
        if value is not None and (not getattr(state, name) or state.is_later(name, at)):
            state.logged_at.setdefault(name, at)
            setattr(state, name, value)


def _experiment(state: NodeState, put: c.PutExperiment) -> None:
    _put(state, put)
    _say(state, put.at, display_name=put.display_name, description=put.description)
    state.used = max(state.used, put.at)


def _trial(state: NodeState, put: c.PutTrial) -> None:
    _put(state, put)
    _say(state, put.at, display_name=put.display_name)
    state.experiment = state.experiment or put.experiment
    if put.root_component is not None:
        state.facts["root"] = put.root_component


def _artifact(state: NodeState, put: c.PutArtifact) -> None:
    """What is there stays; what it lacks is filled."""
    if not state.is_described:
        state.type, state.display_name = put.type, put.name
    _put(state, put)
    state.source_types = state.source_types or put.source_types
    size = None if put.size_bytes is None else str(put.size_bytes)
    given = {"media": put.media_type, "size": size, "blob": put.blob}
    state.facts = {word: value for word, value in given.items() if value is not None} | state.facts
    state.properties = {**put.properties, **state.properties}


def _action(state: NodeState, put: c.PutAction) -> None:
    _put(state, put)
    _say(state, put.at, type=put.type, source_uri=put.source_uri, description=put.description, status=put.status)
    state.properties = {**put.properties, **state.properties}


def _context(state: NodeState, put: c.PutContext) -> None:
    _put(state, put)
    _say(state, put.at, type=put.type, source_uri=put.source_uri, description=put.description)
    state.properties = {**put.properties, **state.properties}


def _set_tags(state: NodeState, said: c.SetTags) -> None:
    state.mention(said.at)
    _tagged(state, said.at, said.tags, said.removed)


def _set_properties(state: NodeState, said: c.SetProperties) -> None:
    state.mention(said.at)
    state.properties = {**said.properties, **state.properties}


def _edit(state: NodeState, edit: Any) -> None:
    state.touch(edit.at)
    if edit.by is not None:
        state.provenance = replace(state.provenance, modified_by=edit.by)
    for name in ("display_name", "description", "status"):
        value = getattr(edit, name, None)
        if value is not None:
            state.logged_at[name] = state.modified
            setattr(state, name, value)
    if isinstance(edit, e.UpdateArtifact) and edit.name is not None:
        state.display_name = edit.name
    for name in getattr(edit, "removed_properties", ()):
        state.properties.pop(name, None)
    state.properties |= getattr(edit, "properties", {})


_CHANGES: Final[dict[type, Callable[[NodeState, Any], None]]] = {
    c.PutExperiment: _experiment,
    c.PutTrial: _trial,
    c.PutArtifact: _artifact,
    c.PutAction: _action,
    c.PutContext: _context,
    c.SetTags: _set_tags,
    c.SetProperties: _set_properties,
    e.UpdateExperiment: _edit,
    e.UpdateTrial: _edit,
    e.UpdateArtifact: _edit,
    e.UpdateAction: _edit,
    e.UpdateContext: _edit,
}


# As AWS is told


@dataclass(frozen=True, kw_only=True)
class NodeImage:
    """What AWS holds of a node: members that can be updated, and tags."""

    members: dict[str, Any]
    properties: dict[str, str]
    tags: dict[str, str]


def image_of(state: NodeState) -> NodeImage:
    """What AWS is to hold of a node."""
    marks = _marks(state)
    tags = {texts.quoted(key): texts.tag_value(value) for key, value in state.tags.items()}
    properties: dict[str, str] = {}
    if state.kind in _OF_LINEAGE:
        properties = {MARK + word: value for word, value in marks.items()} | state.properties
    else:
        tags = {MARK + word: texts.quoted(value) for word, value in marks.items()} | tags
    fitting = {key: value for key, value in tags.items() if texts.fits_tag(key, value)}
    shown_tags = dict(list(fitting.items())[:_MOST_TAGS])
    cut = {key: value[: texts.TEXT_MAX] for key, value in list(properties.items())[:_MOST_PROPERTIES]}
    state.is_cut = cut != properties or shown_tags != tags or len(state.description or "") > _DESCRIPTION_MAX
    return NodeImage(members=_members(state), properties=cut, tags=shown_tags)


def _members(state: NodeState) -> dict[str, Any]:
    members: dict[str, Any] = {}
    description = state.description[:_DESCRIPTION_MAX] if state.description is not None else None
    if state.kind is NodeKind.ARTIFACT:
        members["ArtifactName"] = _fitting_name(state.display_name or state.key)
    elif state.kind not in _OF_LINEAGE and state.display_name and texts.is_entity_name(state.display_name):
        members["DisplayName"] = state.display_name
    if state.kind in {NodeKind.EXPERIMENT, NodeKind.ACTION, NodeKind.CONTEXT} and description is not None:
        members["Description"] = description
    if state.kind is NodeKind.ACTION and state.status is not None:
        members["Status"] = state.status if state.status in _STATUSES else "Unknown"
    return members


def _fitting_name(name: str) -> str:
    return name if texts.is_entity_name(name) else slug(name, max_length=ENTITY_NAME_MAX)


def _marks(state: NodeState) -> dict[str, str]:
    times = [state.created, state.modified] + ([state.used] if state.kind is NodeKind.EXPERIMENT else [])
    marks = {"time": " ".join(map(str, times)), **state.facts}
    if state.display_name and not texts.is_entity_name(state.display_name):
        marks["name"] = state.display_name
    if state.status is not None and state.status not in _STATUSES:
        marks["status"] = state.status
    if state.kind in _OF_LINEAGE and not state.is_described:
        marks["named"] = "only"
    if state.kind in _OF_LINEAGE and state.made_as not in {None, told(state)}:
        marks |= {"type": state.type, "source": state.source_uri}
    return marks | provenance_marks(state.provenance, has_members=state.kind in _OF_ORIGIN)


def told(state: NodeState) -> tuple[str, str]:
    """Type and source as AWS is told them when a node is made."""
    source = state.key if state.kind is NodeKind.ARTIFACT else state.source_uri
    return (state.type or NO_TYPE)[:_TYPE_MAX], (source or NO_SOURCE)[:_URI_MAX]


def creation(state: NodeState, image: NodeImage) -> dict[str, Any]:
    """The members of the Create operation, but for a component's."""
    members: dict[str, Any] = {**image.members, "Tags": tag_list(image.tags) or None}
    if state.kind is NodeKind.ARTIFACT:
        given = [{"SourceIdType": each.kind, "Value": each.value} for each in state.source_types]
        members["Source"] = {"SourceUri": state.key, **({"SourceTypes": given} if given else {})}
    else:
        members[f"{WORDS[state.kind]}Name"] = state.key
    if state.kind in {NodeKind.ACTION, NodeKind.CONTEXT}:
        members["Source"] = {"SourceUri": told(state)[1]}
    if state.kind in _OF_LINEAGE:
        members[f"{WORDS[state.kind]}Type"] = told(state)[0]
        members["Properties"] = image.properties
    if state.kind is NodeKind.TRIAL:
        members["ExperimentName"] = state.experiment
    if state.kind in _OF_ORIGIN:
        members["MetadataProperties"] = metadata(state.provenance)
    return members


def update(old: NodeImage, new: NodeImage) -> dict[str, Any]:
    """The members of the Update operation that bring the one to the other."""
    members = {name: value for name, value in new.members.items() if old.members.get(name) != value}
    changed = {name: value for name, value in new.properties.items() if old.properties.get(name) != value}
    removed = [name for name in old.properties if name not in new.properties]
    return members | ({"Properties": changed} if changed else {}) | ({"PropertiesToRemove": removed} if removed else {})


# As AWS tells


def state_from(kind: NodeKind, members: Mapping[str, Any], tags: Iterable[Mapping[str, str]]) -> NodeState:
    """What is known of a node, from an answer that describes it, and its tags."""
    marks, own, _ = split({tag["Key"]: tag["Value"] for tag in tags})
    word = WORDS[kind]
    state = NodeState(kind=kind, key=str(members.get(f"{word}Name", "")), arn=str(members[f"{word}Arn"]), tags=own)
    given = members.get("Properties") or {}
    marks |= {key.removeprefix(MARK): value for key, value in given.items() if key.startswith(MARK)}
    state.properties = {key: value for key, value in given.items() if not key.startswith(MARK)}
    state.display_name = marks.pop("name", None) or members.get("DisplayName")
    state.description = members.get("Description")
    state.experiment = str(members.get("ExperimentName", ""))
    state.status = marks.pop("status", None) or members.get("Status")
    state.is_described = marks.pop("named", None) is None
    _read_source(state, members)
    state.type, state.source_uri = marks.pop("type", state.type), marks.pop("source", state.source_uri)
    times = times_of(members, marks)
    state.created, state.modified, state.used = times[0], times[1], max(times)
    state.provenance = provenance_from(members, marks)
    state.facts = marks
    if not state.is_described:
        state.display_name = None
    return state


def _read_source(state: NodeState, members: Mapping[str, Any]) -> None:
    source = members.get("Source") or {}
    uri = str(source.get("SourceUri", ""))
    if state.kind is NodeKind.ARTIFACT:
        state.display_name = state.display_name or members.get("ArtifactName")
        state.key = uri
    state.source_uri = "" if uri == NO_SOURCE else uri
    state.source_types = tuple(
        SourceType(kind=each["SourceIdType"], value=each["Value"]) for each in source.get("SourceTypes") or ()
    )
    said = members.get(f"{WORDS[state.kind]}Type") or ""
    state.type = "" if said == NO_TYPE else str(said)
    state.made_as = str(said), uri


def experiment_of(state: NodeState) -> Experiment:
    """As the model has it."""
    return Experiment(
        name=state.key,
        display_name=state.display_name or state.key,
        created_at=moment(state.created),
        modified_at=moment(state.modified),
        description=state.description,
        tags=dict(sorted(state.tags.items())),
        provenance=state.provenance,
    )


def trial_of(state: NodeState) -> Trial:
    """As the model has it."""
    return Trial(
        name=state.key,
        experiment=state.experiment,
        display_name=state.display_name or state.key,
        created_at=moment(state.created),
        modified_at=moment(state.modified),
        root_component=state.facts.get("root"),
        tags=dict(sorted(state.tags.items())),
        provenance=state.provenance,
    )


def artifact_of(state: NodeState) -> Artifact:
    """As the model has it."""
    size = state.facts.get("size")
    return Artifact(
        source_uri=state.key,
        type=state.type,
        name=state.display_name or state.key,
        created_at=moment(state.created),
        modified_at=moment(state.modified),
        source_types=state.source_types,
        media_type=state.facts.get("media"),
        size_bytes=None if size is None else int(size),
        blob=state.facts.get("blob"),
        properties=dict(sorted(state.properties.items())),
        tags=dict(sorted(state.tags.items())),
        provenance=state.provenance,
    )


def action_of(state: NodeState) -> Action:
    """As the model has it."""
    return Action(status=state.status, **_described(state))


def context_of(state: NodeState) -> Context:
    """As the model has it."""
    return Context(**_described(state))


def _described(state: NodeState) -> dict[str, Any]:
    return {
        "name": state.key,
        "type": state.type,
        "source_uri": state.source_uri,
        "created_at": moment(state.created),
        "modified_at": moment(state.modified),
        "description": state.description,
        "properties": dict(sorted(state.properties.items())),
        "tags": dict(sorted(state.tags.items())),
        "provenance": state.provenance,
    }
