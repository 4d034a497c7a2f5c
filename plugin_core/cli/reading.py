"""Reads views from a store, with one query per execution or artifact shown, whatever the number of steps and points."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final, TypeAlias

from plugin_core.cli.headline import headline
from plugin_core.cli.views import (
    ArtifactDetail,
    ArtifactRow,
    ExecutionRow,
    ExperimentDetail,
    ExperimentRow,
    Headline,
    Link,
    RunDetail,
    RunView,
    StepRow,
)
from plugin_core.model.components import Component, Kind
from plugin_core.model.lineage import Association, NodeKind, NodeRef
from plugin_core.model.metrics import MetricSummary
from plugin_core.model.queries import ComponentQuery
from plugin_core.stores.protocol import TrackingStore

Tag: TypeAlias = tuple[str, str | None]  # without a value, a word of its own

LATEST: Final = 20  # lines of a listing unless another number was asked for
_STRIP: Final = 20  # states shown beside an experiment
_HAND_LOGGED: Final = (Kind.SCRIPT, Kind.INTERACTIVE)
_CALLED: Final = (Kind.FLOW, Kind.JOB, *_HAND_LOGGED)  # what has a root of its own and may have a caller


def run_view(component: Component, now: datetime) -> RunView:
    """What is shown of a component; a run that has not ended has lasted until ``now``."""
    return RunView(
        component=component.name,
        experiment=component.experiment,
        execution=component.trial,
        run=component.run_name,
        name=component.display_name,
        kind=component.kind.value,
        status=component.status,
        status_inferred=component.status_inferred,
        message=component.status_message,
        attempt=component.attempt,
        created_at=component.created_at,
        started_at=component.started_at,
        ended_at=component.ended_at,
        duration_s=_duration(component, now),
        parent=component.parent,
        orchestrator=component.orchestrator,
    )


def _duration(component: Component, now: datetime) -> float | None:
    if component.started_at is None:
        return None
    if component.ended_at is None and component.status.is_final:
        return None
    return max(((component.ended_at or now) - component.started_at).total_seconds(), 0.0)


# Listings


def executions(
    store: TrackingStore,
    now: datetime,
    *,
    experiment: str | None = None,
    tag: Tag | None = None,
    limit: int | None = LATEST,
) -> list[ExecutionRow]:
    """The latest executions and runs logged by hand, newest first; an execution called by another is a step of that."""
    heads = _heads(store, experiment, limit) if tag is None else _tagged_heads(store, experiment, tag, limit)
    members = _members(store, heads)
    ids = [component.id for group in members.values() for component in group]
    summaries = store.summaries(ids) if ids else {}
    return [
        ExecutionRow(
            run=run_view(head, now),
            steps=len(_last_attempts(c for c in members[head.name] if c.id != head.id)),
            headline=_headline(head, members[head.name], summaries),
        )
        for head in heads
    ]


def _heads(store: TrackingStore, experiment: str | None, limit: int | None) -> list[Component]:
    wanted = None if limit is None else limit * 3 + 20  # executions called by others are dropped below
    roots = [t.root_component for t in store.trials(experiment=experiment, limit=wanted) if t.root_component]
    found = store.components(ComponentQuery(names=tuple(roots))) if roots else []
    found += store.components(ComponentQuery(experiment=experiment, kinds=_HAND_LOGGED, limit=wanted))
    unique = {component.name: component for component in found if component.parent is None}
    newest = sorted(unique.values(), key=lambda c: (c.created_at, c.id), reverse=True)
    return newest if limit is None else newest[:limit]


def _tagged_heads(store: TrackingStore, experiment: str | None, tag: Tag, limit: int | None) -> list[Component]:
    found = store.components(ComponentQuery(experiment=experiment, tag=tag))
    return [component for component in found if component.parent is None][:limit]


def _members(store: TrackingStore, heads: Sequence[Component]) -> dict[str, list[Component]]:
    """The head and all that belongs to it, by the head's name; one query per execution."""
    return {
        head.name: _tree(head, store.components(ComponentQuery(root=head.name, descending=False))) for head in heads
    }


def _tree(head: Component, below: Sequence[Component]) -> list[Component]:
    return [head, *(component for component in below if component.id != head.id)]


def _headline(
    head: Component, members: Iterable[Component], summaries: Mapping[int, Mapping[str, MetricSummary]]
) -> Headline | None:
    own = summaries.get(head.id)
    return headline([own]) if own else headline(summaries.get(member.id, {}) for member in members)


def experiments(store: TrackingStore, *, limit: int | None = LATEST) -> list[ExperimentRow]:
    """Experiments, the one used last first."""
    found = store.experiments()[:limit]
    return [_experiment_row(store, e.name, e.display_name, e.modified_at) for e in found]


def _experiment_row(store: TrackingStore, name: str, display_name: str, modified_at: datetime) -> ExperimentRow:
    heads = _heads(store, name, None)
    return ExperimentRow(
        name=name,
        display_name=display_name,
        executions=len(heads),
        statuses=tuple(head.status for head in heads[:_STRIP]),
        last_at=heads[0].created_at if heads else None,
        modified_at=modified_at,
    )


def runs(
    store: TrackingStore,
    now: datetime,
    *,
    experiment: str | None = None,
    tag: Tag | None = None,
    limit: int | None = LATEST,
) -> list[ExecutionRow]:
    """The latest runs of every kind, steps too, newest first."""
    found = store.components(ComponentQuery(experiment=experiment, tag=tag, limit=limit))
    summaries = store.summaries([component.id for component in found]) if found else {}
    return [ExecutionRow(run=run_view(c, now), steps=0, headline=headline([summaries[c.id]])) for c in found]


def artifacts(store: TrackingStore, *, limit: int | None = LATEST) -> list[ArtifactRow]:
    """The latest artifacts, newest first."""
    return [ArtifactRow.of(artifact) for artifact in store.artifacts(limit=limit)]


# Details


def experiment_detail(
    store: TrackingStore, name: str, now: datetime, *, limit: int | None = LATEST
) -> ExperimentDetail:
    """An experiment and its latest executions; NotFoundError."""
    found = store.experiment(name)
    return ExperimentDetail(
        name=found.name,
        display_name=found.display_name,
        description=found.description,
        created_at=found.created_at,
        tags=found.tags,
        executions=tuple(executions(store, now, experiment=found.name, limit=limit)),
    )


def run_detail(store: TrackingStore, name: str, now: datetime) -> RunDetail:
    """All that is shown of a run; NotFoundError."""
    component = store.component(name)
    ids = [component.id]
    return RunDetail(
        run=run_view(component, now),
        parameters=store.parameters(ids)[component.id],
        metrics=store.summaries(ids)[component.id],
        inputs=_links(store, component, is_output=False),
        outputs=_links(store, component, is_output=True),
        steps=steps(store, component, now),
        tags=component.tags,
        properties=component.properties,
    )


def steps(store: TrackingStore, head: Component, now: datetime) -> tuple[StepRow, ...]:
    """The steps below a run in the order they were made, each after the step that called it."""
    below = _below(store, head)
    if not below:
        return ()
    summaries = store.summaries([component.id for component in below])
    children: dict[str | None, list[Component]] = {}
    for component in _last_attempts(below):
        children.setdefault(component.parent, []).append(component)
    rows: list[StepRow] = []

    def visit(parent: str, depth: int) -> None:
        for child in children.pop(parent, ()):
            rows.append(
                StepRow(
                    run=run_view(child, now),
                    depth=depth,
                    headline=headline([summaries[child.id]]),
                )
            )
            for name in _chain(child, below):
                visit(name, depth + 1)

    for name in _chain(head, [head, *below]):
        visit(name, 0)
    for parent in list(children):  # steps whose parent is not in this execution, or was never recorded
        visit(parent or "", 0)
    return tuple(rows)


def _below(store: TrackingStore, head: Component) -> list[Component]:
    """All that belongs to an execution, executions that it called included; of another run what it called."""
    pool = _belonging(store, head.root or head.name)
    callable_ones = ComponentQuery(kinds=_CALLED, created_after=head.created_at, descending=False)
    waiting = {c.name: c for c in store.components(callable_ones) if c.parent is not None and c.name not in pool}
    inside = _descendants(head, pool)
    while fresh := [c for c in waiting.values() if c.parent in inside or c.parent == head.name]:
        for called in fresh:
            del waiting[called.name]
            pool |= {called.name: called, **_belonging(store, called.name)}
        inside = _descendants(head, pool)
    return sorted(inside.values(), key=lambda c: (c.created_at, c.id))


def _belonging(store: TrackingStore, root: str) -> dict[str, Component]:
    return {c.name: c for c in store.components(ComponentQuery(root=root, descending=False))}


def _descendants(head: Component, pool: Mapping[str, Component]) -> dict[str, Component]:
    if head.root in {None, head.name}:
        return {name: c for name, c in pool.items() if c.id != head.id}
    found: dict[str, Component] = {}
    front = set(_chain(head, pool.values()))
    while front:
        fresh = {name: c for name, c in pool.items() if c.parent in front and name not in found and c.id != head.id}
        found |= fresh
        front = set(fresh)
    return found


def _last_attempts(components: Iterable[Component]) -> list[Component]:
    """Without those that a later attempt replaced."""
    known = list(components)
    replaced = {component.previous_attempt for component in known}
    return [component for component in known if component.name not in replaced]


def _chain(component: Component, known: Iterable[Component]) -> list[str]:
    """A component and its earlier attempts: each may have called steps."""
    by_name = {c.name: c for c in known}
    names = [component.name]
    while (before := by_name.get(names[-1])) is not None and before.previous_attempt not in {None, *names}:
        names.append(str(before.previous_attempt))
    return names


# Data


def _links(store: TrackingStore, component: Component, *, is_output: bool) -> tuple[Link, ...]:
    """The entries that were given a name, then what only an edge tells of."""
    entries = store.artifact_values([component.id], is_output=is_output)[component.id]
    here = NodeRef(NodeKind.COMPONENT, component.name)
    edges = store.associations(source=here) if is_output else store.associations(destination=here)
    named = [(name, entry.value) for name, entry in entries.items()]
    uris = dict.fromkeys([*(uri for _, uri in named), *_uris(edges, is_output=is_output)])
    found = {a.source_uri: ArtifactRow.of(a) for a in store.artifacts(source_uris=tuple(uris))} if uris else {}
    known = {uri for _, uri in named}
    named += [(found[uri].name if uri in found else uri, uri) for uri in uris if uri not in known]
    return tuple(
        Link(name=name, value=uri, artifact=found.get(uri), others=_others(store, found.get(uri), is_output=is_output))
        for name, uri in named
    )


def _uris(edges: Iterable[Association], *, is_output: bool) -> list[str]:
    ends = [edge.destination if is_output else edge.source for edge in edges]
    return [end.key for end in ends if end.kind is NodeKind.ARTIFACT]


def _others(store: TrackingStore, artifact: ArtifactRow | None, *, is_output: bool) -> tuple[str, ...]:
    if artifact is None:
        return ()
    node = NodeRef(NodeKind.ARTIFACT, artifact.uri)
    edges = store.associations(source=node) if is_output else store.associations(destination=node)
    return tuple(_components(edges, at_destination=is_output))


def _components(edges: Iterable[Association], *, at_destination: bool) -> list[str]:
    ends = [edge.destination if at_destination else edge.source for edge in edges]
    return list(dict.fromkeys(end.key for end in ends if end.kind is NodeKind.COMPONENT))


def artifact_detail(store: TrackingStore, uri: str, now: datetime) -> ArtifactDetail:
    """An artifact with its makers and users; NotFoundError."""
    artifact = store.artifact(uri)
    makers = _components(store.associations(destination=artifact.ref), at_destination=False)
    users = _components(store.associations(source=artifact.ref), at_destination=True)
    return ArtifactDetail(
        artifact=ArtifactRow.of(artifact),
        produced_by=_named(store, makers, now),
        used_by=_named(store, users, now),
    )


def _named(store: TrackingStore, names: Sequence[str], now: datetime) -> tuple[RunView, ...]:
    if not names:
        return ()
    found = store.components(ComponentQuery(names=tuple(names), descending=False))
    return tuple(run_view(component, now) for component in found)
