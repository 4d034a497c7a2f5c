"""What a batch of changes asks of each node, in the order in which AWS can be asked for it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from plugin_core.errors import InvalidValueError
from plugin_core.model import changes as c
from plugin_core.model import edits as e
from plugin_core.model.components import ArtifactValue
from plugin_core.model.lineage import AssociationType, NodeKind, NodeRef

_TOO_LARGE: Final = 2**63


@dataclass(kw_only=True)
class Asked:
    """What is asked of one node: changes in their order, or only that it exists since ``at``."""

    ref: NodeRef
    at: int
    changes: list[Any] = field(default_factory=list[Any])
    used_at: int | None = None  # of an experiment
    experiment: str | None = None  # of a trial that is only named
    points: list[c.AppendPoints] = field(default_factory=list[c.AppendPoints])
    trials: list[str] = field(default_factory=list[str])

    @property
    def must_be_new(self) -> bool:
        """Whether it may not exist already."""
        return any(getattr(change, "new", False) for change in self.changes)


def key_of(ref: NodeRef) -> tuple[NodeKind, str]:
    """What a node is known by: names go without case."""
    return ref.kind, ref.key if ref.kind is NodeKind.ARTIFACT else ref.key.casefold()


class Plan:
    """Nodes in order of first appearance, and edges."""

    def __init__(self, changes: Iterable[Any]) -> None:
        self.nodes: dict[tuple[NodeKind, str], Asked] = {}
        self.edges: list[c.PutAssociation] = []
        self.journals: list[c.JournalSeen] = []
        for change in changes:
            _check(change)
            _PLANNERS[type(change)](self, change)

    def of(self, *kinds: NodeKind) -> list[Asked]:
        """What is asked of nodes of some kinds."""
        return [asked for asked in self.nodes.values() if asked.ref.kind in kinds]

    def name(self, kind: NodeKind, name: str, at: int) -> Asked:
        """A node is named at a time."""
        ref = NodeRef(kind, name)
        asked = self.nodes.setdefault(key_of(ref), Asked(ref=ref, at=at))
        asked.at = min(asked.at, at)
        return asked

    def use(self, experiment: str, at: int) -> None:
        """Something of an experiment was logged at a time."""
        asked = self.name(NodeKind.EXPERIMENT, experiment, at)
        asked.used_at = max(asked.used_at or at, at)

    def change(self, kind: NodeKind, name: str, change: Any) -> Asked:
        """A change is about a node."""
        asked = self.name(kind, name, change.at)
        asked.changes.append(change)
        return asked


def _check(change: Any) -> None:
    """InvalidValueError for a number that no store keeps."""
    for name in ("attempt", "size_bytes"):
        value = getattr(change, name, None)
        if value is not None and not (isinstance(value, int) and abs(value) < _TOO_LARGE):
            raise InvalidValueError(f"The {name} is {value!r}.", hint="It has to be a whole number of 64 bits.")


def _experiment(plan: Plan, put: c.PutExperiment) -> None:
    plan.change(NodeKind.EXPERIMENT, put.name, put)


def _trial(plan: Plan, put: c.PutTrial) -> None:
    plan.use(put.experiment, put.at)
    plan.change(NodeKind.TRIAL, put.name, put).experiment = put.experiment


def _component(plan: Plan, put: c.PutComponent) -> None:
    if put.experiment is not None:
        plan.use(put.experiment, put.at)
    asked = plan.change(NodeKind.COMPONENT, put.name, put)
    if put.trial is not None:
        trial = plan.name(NodeKind.TRIAL, put.trial, put.at)
        trial.experiment = trial.experiment or put.experiment
        asked.trials.append(put.trial)
    if put.parent is not None:
        plan.name(NodeKind.COMPONENT, put.parent, put.at)
        ends = (NodeRef(NodeKind.COMPONENT, name) for name in (put.parent, put.name))
        source, destination = ends
        type_ = AssociationType.ASSOCIATED_WITH
        plan.edges.append(c.PutAssociation(at=put.at, source=source, destination=destination, type=type_))


def _of_component(plan: Plan, change: Any) -> None:
    plan.change(NodeKind.COMPONENT, change.component, change)


def _points(plan: Plan, change: c.AppendPoints) -> None:
    if change.steps:
        plan.name(NodeKind.COMPONENT, change.component, change.times[-1]).points.append(change)


def _artifact(plan: Plan, put: c.PutArtifact) -> None:
    plan.change(NodeKind.ARTIFACT, put.source_uri, put)
    if put.produced_by is None:
        return
    source, made = NodeRef(NodeKind.COMPONENT, put.produced_by), NodeRef(NodeKind.ARTIFACT, put.source_uri)
    _edge(plan, c.PutAssociation(at=put.at, source=source, destination=made, type=AssociationType.PRODUCED))
    if put.output is not None:
        value = ArtifactValue(value=put.source_uri, media_type=put.media_type)
        said = c.SetArtifactValues(at=put.at, component=put.produced_by, is_output=True, values={put.output: value})
        _of_component(plan, said)


def _named(kind: NodeKind) -> Callable[[Plan, Any], None]:
    def planned(plan: Plan, change: Any) -> None:
        plan.change(kind, change.name, change)

    return planned


def _edge(plan: Plan, put: c.PutAssociation) -> None:
    if not put.new:
        for end in (put.source, put.destination):
            plan.name(end.kind, end.key, put.at)
    plan.edges.append(put)


def _of_node(plan: Plan, change: c.SetTags | c.SetProperties) -> None:
    plan.change(change.node.kind, change.node.key, change)


def _journal(plan: Plan, seen: c.JournalSeen) -> None:
    plan.journals.append(seen)


_PLANNERS: Final[dict[type, Callable[[Plan, Any], None]]] = {
    c.PutExperiment: _experiment,
    c.PutTrial: _trial,
    c.PutComponent: _component,
    c.SetStatus: _of_component,
    c.SetParameters: _of_component,
    c.SetArtifactValues: _of_component,
    c.PutArtifact: _artifact,
    c.PutAction: _named(NodeKind.ACTION),
    c.PutContext: _named(NodeKind.CONTEXT),
    c.PutAssociation: _edge,
    c.SetTags: _of_node,
    c.SetProperties: _of_node,
    c.AppendPoints: _points,
    c.JournalSeen: _journal,
}

EDITED: Final[dict[type, tuple[NodeKind, str]]] = {
    e.UpdateExperiment: (NodeKind.EXPERIMENT, "name"),
    e.UpdateTrial: (NodeKind.TRIAL, "name"),
    e.UpdateComponent: (NodeKind.COMPONENT, "name"),
    e.UpdateArtifact: (NodeKind.ARTIFACT, "source_uri"),
    e.UpdateAction: (NodeKind.ACTION, "name"),
    e.UpdateContext: (NodeKind.CONTEXT, "name"),
}
_PUT: Final[dict[type, tuple[NodeKind, str]]] = {
    c.PutExperiment: (NodeKind.EXPERIMENT, "name"),
    c.PutTrial: (NodeKind.TRIAL, "name"),
    c.PutComponent: (NodeKind.COMPONENT, "name"),
    c.PutArtifact: (NodeKind.ARTIFACT, "source_uri"),
    c.PutAction: (NodeKind.ACTION, "name"),
    c.PutContext: (NodeKind.CONTEXT, "name"),
}


def put_by(change: Any) -> NodeRef | None:
    """The node that a change puts."""
    kind, attribute = _PUT.get(type(change), (None, ""))
    return None if kind is None else NodeRef(kind, getattr(change, attribute))


def belonging(change: Any) -> list[NodeRef]:
    """What a new thing is to belong to."""
    named = ((NodeKind.EXPERIMENT, "experiment"), (NodeKind.TRIAL, "trial"))
    found = [(kind, getattr(change, attribute, None)) for kind, attribute in named]
    wanted = (c.PutTrial, c.PutComponent)
    return [NodeRef(kind, name) for kind, name in found if name is not None and isinstance(change, wanted)]


def unless(put: set[tuple[NodeKind, str]], *refs: NodeRef) -> list[NodeRef]:
    """Nodes that are not among those that are put."""
    return [ref for ref in refs if key_of(ref) not in put]
