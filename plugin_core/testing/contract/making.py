"""Short ways to say what happened, for the contract's tests. ``at`` is in microseconds since the epoch."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

from plugin_core.model.changes import (
    AppendPoints,
    Batch,
    Change,
    PutArtifact,
    PutAssociation,
    PutComponent,
    PutExperiment,
    PutTrial,
    SetParameters,
    SetStatus,
)
from plugin_core.model.components import Owner, Status
from plugin_core.model.lineage import NodeKind, NodeRef
from plugin_core.model.metrics import Json
from plugin_core.model.queries import ComponentQuery
from plugin_core.stores.protocol import TrackingStore

Reopen: TypeAlias = Callable[[], TrackingStore]

OWNER = Owner(journal="journal-1", host="here", pid=42, boot_id="boot", started="1000")


def when(at: int) -> datetime:
    """The moment that ``at`` means."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at)


def batch(*changes: Change, journal: str = "journal-1", start: int = 0, end: int | None = None) -> Batch:
    """A batch of changes, 100 bytes long unless said otherwise."""
    return Batch(journal=journal, start=start, end=start + 100 if end is None else end, changes=changes)


def experiment(name: str = "search", *, at: int = 1, **more: Any) -> PutExperiment:
    """An experiment appears."""
    return PutExperiment(at=at, name=name, **more)


def trial(name: str, *, at: int = 1, of: str = "search", **more: Any) -> PutTrial:
    """A trial appears."""
    return PutTrial(at=at, name=name, experiment=of, **more)


def component(name: str, *, at: int = 1, of: str | None = "search", **more: Any) -> PutComponent:
    """A component appears."""
    return PutComponent(at=at, name=name, experiment=of, **more)


def status(name: str, to: Status, *, at: int = 1, **more: Any) -> SetStatus:
    """A component moves to a status."""
    return SetStatus(at=at, component=name, status=to, **more)


def parameters(name: str, values: Mapping[str, Json], *, at: int = 1) -> SetParameters:
    """Parameters are set."""
    return SetParameters(at=at, component=name, parameters=values)


def points(
    name: str,
    values: Sequence[float],
    *,
    metric: str = "loss",
    steps: Sequence[int] | None = None,
    times: Sequence[int] | None = None,
    data: Mapping[int, Json] | None = None,
) -> AppendPoints:
    """Points are logged: at steps 0, 1, 2 ... and one microsecond apart, unless said otherwise."""
    return AppendPoints(
        component=name,
        metric=metric,
        steps=array("q", range(len(values)) if steps is None else steps),
        times=array("q", range(1, len(values) + 1) if times is None else times),
        values=array("d", values),
        data=data or {},
    )


def artifact(uri: str, *, at: int = 1, type: str = "DataSet", name: str = "data", **more: Any) -> PutArtifact:
    """An artifact appears."""
    return PutArtifact(at=at, source_uri=uri, type=type, name=name, **more)


def of_component(name: str) -> NodeRef:
    """A component's place in the graph."""
    return NodeRef(NodeKind.COMPONENT, name)


def of_artifact(uri: str) -> NodeRef:
    """An artifact's place in the graph."""
    return NodeRef(NodeKind.ARTIFACT, uri)


def edge(source: NodeRef, destination: NodeRef, *, type: str = "ContributedTo", at: int = 1) -> PutAssociation:
    """An edge appears."""
    return PutAssociation(at=at, source=source, destination=destination, type=type)


def names(store: TrackingStore, **query: Any) -> list[str]:
    """Names of the components that a query finds, in its order."""
    return [found.name for found in store.components(ComponentQuery(**query))]


def logged(store: TrackingStore, name: str, metric: str = "loss") -> list[tuple[int, float]]:
    """Steps and values of a series, as they are read back."""
    return [(point.step, point.value) for point in store.points(store.component(name).id, metric)]
