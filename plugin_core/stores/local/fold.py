"""Sorts a batch's changes by what they are about, names first, and makes every text storable. Pure.

A later change never undoes an earlier one of another journal by accident: which one wins is decided by
the statements (by time), so that the order within a batch only matters among equals.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from plugin_core.model import changes as c
from plugin_core.model.components import ArtifactValue, Owner, Status
from plugin_core.model.lineage import AssociationType, NodeKind, NodeRef
from plugin_core.model.provenance import Provenance
from plugin_core.stores.local.points import Columns

Key: TypeAlias = tuple[str, str]  # kind, key

EXPERIMENT: Final = NodeKind.EXPERIMENT.value
TRIAL: Final = NodeKind.TRIAL.value
COMPONENT: Final = NodeKind.COMPONENT.value
ARTIFACT: Final = NodeKind.ARTIFACT.value
ACTION: Final = NodeKind.ACTION.value
CONTEXT: Final = NodeKind.CONTEXT.value


def clean(text: str) -> str:
    """The text as any store can keep it: lone surrogates and NUL as backslash escapes, a plain str."""
    if "\0" in text:
        text = text.replace("\0", "\\x00")
    if text.isascii():
        return str(text)
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def key_of(kind: str, name: str) -> Key:
    """What identifies a node: its kind and its name without case, or an artifact's URI as it is."""
    return kind, clean(name) if kind == ARTIFACT else clean(name).casefold()


@dataclass(slots=True)
class Folded:
    """A batch by table. ``nodes`` holds everything that is named: the name as written and the earliest time."""

    nodes: dict[Key, tuple[str, int]] = field(default_factory=dict[Key, tuple[str, int]])
    puts: dict[str, list[tuple[Key, Any]]] = field(default_factory=dict[str, list[tuple[Key, Any]]])
    owners: dict[str, Owner] = field(default_factory=dict[str, Owner])
    journals: list[c.JournalSeen] = field(default_factory=list[c.JournalSeen])
    statuses: list[c.SetStatus] = field(default_factory=list[c.SetStatus])
    parameters: list[c.SetParameters] = field(default_factory=list[c.SetParameters])
    artifact_values: list[c.SetArtifactValues] = field(default_factory=list[c.SetArtifactValues])
    associations: list[c.PutAssociation] = field(default_factory=list[c.PutAssociation])
    tags: list[tuple[Key, Any]] = field(default_factory=list[tuple[Key, Any]])
    properties: list[tuple[Key, Any]] = field(default_factory=list[tuple[Key, Any]])
    provenances: list[tuple[Key, Provenance]] = field(default_factory=list[tuple[Key, Provenance]])
    points: dict[tuple[Key, str], Columns] = field(default_factory=dict[tuple[Key, str], Columns])
    touched: dict[Key, int] = field(default_factory=dict[Key, int])

    def about(self) -> list[str]:
        """Keys of all that rows are written of: no two may write of the same at once."""
        return ["/".join(key) for key in self.nodes] + [f"journal/{journal}" for journal in self.owners]

    def name(self, kind: str, name: str | None, at: int) -> Key | None:
        """Note that a node is named at a time; None for no name."""
        if name is None:
            return None
        key = key_of(kind, name)
        known = self.nodes.get(key)
        if known is None:
            self.nodes[key] = clean(name), at
        elif at < known[1]:
            self.nodes[key] = known[0], at
        return key

    def touch(self, kind: str, name: str | None, at: int) -> None:
        """Note that a component changed, or an experiment was used, at a time."""
        key = self.name(kind, name, at)
        if key is not None and self.touched.get(key, at) <= at:
            self.touched[key] = at

    def put(self, kind: str, name: str, change: Any) -> None:
        """Note a node's own Put, with the tags and properties it brings."""
        key = self.name(kind, name, change.at)
        assert key is not None
        self.puts.setdefault(kind, []).append((key, change))
        if change.tags:
            self.tags.append((key, change))
        if getattr(change, "properties", None):
            self.properties.append((key, change))
        if change.provenance is not None:
            self.provenances.append((key, change.provenance))

    def own(self, owner: Owner | None) -> None:
        """Note a process that writes."""
        if owner is not None:
            self.owners[clean(owner.journal)] = owner


def fold(changes: Iterable[c.Change]) -> Folded:
    """Sort changes by table, keeping their order."""
    folded = Folded()
    for change in changes:
        _FOLDERS[type(change)](folded, change)
    return folded


def _experiment(folded: Folded, change: c.PutExperiment) -> None:
    folded.put(EXPERIMENT, change.name, change)


def _trial(folded: Folded, change: c.PutTrial) -> None:
    folded.touch(EXPERIMENT, change.experiment, change.at)
    folded.put(TRIAL, change.name, change)
    folded.name(COMPONENT, change.root_component, change.at)


def _component(folded: Folded, change: c.PutComponent) -> None:
    folded.touch(EXPERIMENT, change.experiment, change.at)
    folded.name(TRIAL, change.trial, change.at)
    folded.put(COMPONENT, change.name, change)
    for other in (change.parent, change.root, change.previous_attempt):
        folded.name(COMPONENT, other, change.at)
    folded.own(change.owner)
    if change.started_at is not None:
        _status(folded, _running(change, change.started_at))
    if change.parameters:
        _parameters(folded, c.SetParameters(at=change.at, component=change.name, parameters=change.parameters))


def _running(change: c.PutComponent, since: int) -> c.SetStatus:
    return c.SetStatus(at=change.at, component=change.name, status=Status.RUNNING, started_at=since, owner=change.owner)


def _status(folded: Folded, change: c.SetStatus) -> None:
    folded.touch(COMPONENT, change.component, change.at)
    folded.statuses.append(change)
    folded.own(change.owner)


def _parameters(folded: Folded, change: c.SetParameters) -> None:
    folded.touch(COMPONENT, change.component, change.at)
    folded.parameters.append(change)


def _artifact_values(folded: Folded, change: c.SetArtifactValues) -> None:
    folded.touch(COMPONENT, change.component, change.at)
    folded.artifact_values.append(change)


def _artifact(folded: Folded, change: c.PutArtifact) -> None:
    folded.put(ARTIFACT, change.source_uri, change)
    if change.produced_by is not None:
        _product(folded, change, change.produced_by)


def _product(folded: Folded, change: c.PutArtifact, component: str) -> None:
    source, made = NodeRef(NodeKind.COMPONENT, component), NodeRef(NodeKind.ARTIFACT, change.source_uri)
    _association(folded, c.PutAssociation(at=change.at, source=source, destination=made, type=AssociationType.PRODUCED))
    if change.output is not None:
        value = ArtifactValue(value=change.source_uri, media_type=change.media_type)
        _artifact_values(
            folded,
            c.SetArtifactValues(at=change.at, component=component, is_output=True, values={change.output: value}),
        )


def _action(folded: Folded, change: c.PutAction) -> None:
    folded.put(ACTION, change.name, change)


def _context(folded: Folded, change: c.PutContext) -> None:
    folded.put(CONTEXT, change.name, change)


def _association(folded: Folded, change: c.PutAssociation) -> None:
    _ref(folded, change.source, change.at)
    _ref(folded, change.destination, change.at)
    folded.associations.append(change)


def _tags(folded: Folded, change: c.SetTags) -> None:
    folded.tags.append((_ref(folded, change.node, change.at), change))


def _properties(folded: Folded, change: c.SetProperties) -> None:
    folded.properties.append((_ref(folded, change.node, change.at), change))


def _ref(folded: Folded, ref: NodeRef, at: int) -> Key:
    key = folded.name(str(ref.kind), ref.key, at)
    assert key is not None
    return key


def _points(folded: Folded, change: c.AppendPoints) -> None:
    if not change.steps:
        return
    key = folded.name(COMPONENT, change.component, change.times[-1])
    assert key is not None
    columns = folded.points.setdefault((key, clean(change.metric)), Columns())
    columns.extend(change.steps, change.times, change.values, change.data)


def _journal(folded: Folded, change: c.JournalSeen) -> None:
    folded.own(change.owner)
    folded.journals.append(change)


_FOLDERS: Final[dict[type, Callable[[Folded, Any], None]]] = {
    c.PutExperiment: _experiment,
    c.PutTrial: _trial,
    c.PutComponent: _component,
    c.SetStatus: _status,
    c.SetParameters: _parameters,
    c.SetArtifactValues: _artifact_values,
    c.PutArtifact: _artifact,
    c.PutAction: _action,
    c.PutContext: _context,
    c.PutAssociation: _association,
    c.SetTags: _tags,
    c.SetProperties: _properties,
    c.AppendPoints: _points,
    c.JournalSeen: _journal,
}
