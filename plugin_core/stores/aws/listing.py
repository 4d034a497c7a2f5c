"""Listings: all that AWS says of a kind, filtered, sorted and cut into pages here, by the times that were logged."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, TypeVar

from plugin_core.model import arns
from plugin_core.model import queries as m
from plugin_core.model.components import Component
from plugin_core.model.lineage import NodeKind, NodeRef
from plugin_core.stores.aws import nodes
from plugin_core.stores.aws.calls import Calls
from plugin_core.stores.aws.fetching import Fetching
from plugin_core.stores.aws.graph import Graph
from plugin_core.stores.aws.numbers import Numbers
from plugin_core.stores.aws.searching import Searching, narrowed
from plugin_core.stores.aws.state import ComponentState, micros

V = TypeVar("V")

_OLDEST_FIRST: Final = {"SortBy": "CreationTime", "SortOrder": "Ascending"}
_SORTS: Final[dict[m.AssociationSortBy, Callable[[Any], str]]] = {
    m.AssociationSortBy.SOURCE_ARN: lambda edge: arns.to_arn(edge.source),
    m.AssociationSortBy.DESTINATION_ARN: lambda edge: arns.to_arn(edge.destination),
    m.AssociationSortBy.SOURCE_TYPE: lambda edge: edge.source_type or "",
    m.AssociationSortBy.DESTINATION_TYPE: lambda edge: edge.destination_type or "",
}


class Listings:
    """Lists. Safe to share between threads."""

    def __init__(self, calls: Calls, fetching: Fetching, searching: Searching, graph: Graph, numbers: Numbers) -> None:
        self._calls, self._fetching, self._searching, self._graph = calls, fetching, searching, graph
        self._numbers = numbers

    def page(self, query: m.Listing[V]) -> m.Page[V]:
        """A page; see SearchStore.page."""
        items, key = self._all(query)
        return _cut(items, query, key)

    def components(self, query: m.ComponentQuery) -> list[Component]:
        """Components without tags and properties, in order."""
        return list(self.page(query).items)

    def _all(self, query: Any) -> tuple[Iterable[Any], Callable[[Any], m.Keyset]]:
        """All that there is of a query's kind and fits it, and what it is sorted by."""
        match query:
            case m.ComponentQuery():
                return self._components(query), lambda item: (_first(query, item), item.id)
            case m.ExperimentQuery():
                found: Iterable[Any] = map(nodes.experiment_of, self._searching.nodes(NodeKind.EXPERIMENT))
            case m.TrialQuery():
                found = self._trials(query)
            case m.ArtifactQuery():
                found = self.artifacts(query.source_uri, query.type)
                return found, lambda item: (micros(item.created_at), self._number(NodeKind.ARTIFACT, item.source_uri))
            case m.ActionQuery():
                found = map(nodes.action_of, self._described(NodeKind.ACTION, query))
            case m.ContextQuery():
                found = map(nodes.context_of, self._described(NodeKind.CONTEXT, query))
            case _:
                return self._associations(query), _order_of_edges(query)
        kind = NodeKind(type(query).__name__.removesuffix("Query").lower())
        return found, lambda item: (_first(query, item), self._number(kind, item.name))

    def _number(self, kind: NodeKind, name: str) -> int:
        return self._numbers.of(f"{kind}/{name}")

    def _components(self, query: m.ComponentQuery) -> Iterator[Component]:
        states = self._searching.named(query.names) if query.names else self._searching.components(narrowed(query))
        for state in states:
            if fits(state, query):
                yield bare(state.component(self._numbers.of(state.name)))

    def _trials(self, query: m.TrialQuery) -> Iterator[Any]:
        if query.component is not None:
            trials: Iterable[nodes.NodeState] = (
                self._fetching.node(NodeRef(NodeKind.TRIAL, name))
                for name in self._fetching.parents_of(query.component)
            )
        else:
            of = query.experiment
            filters = [] if of is None else [{"Name": "ExperimentName", "Operator": "Equals", "Value": of}]
            trials = self._searching.nodes(NodeKind.TRIAL, {"Filters": filters} if filters else None)
        for state in trials:
            if query.experiment is None or state.experiment.casefold() == query.experiment.casefold():
                yield nodes.trial_of(state)

    def artifacts(self, source_uri: str | None = None, type_: str | None = None) -> Iterator[Any]:
        """Artifacts: one Describe and one ListTags for each."""
        for each in self._calls.pages("list_artifacts", "ArtifactSummaries", SourceUri=source_uri, **_OLDEST_FIRST):
            uri = str(each["Source"]["SourceUri"])
            if source_uri not in {None, uri}:
                continue
            self._fetching.remember(uri, str(each["ArtifactArn"]))
            found = nodes.artifact_of(self._fetching.node(NodeRef(NodeKind.ARTIFACT, uri)))
            if type_ is None or found.type == type_:
                yield found

    def _described(self, kind: NodeKind, query: m.ActionQuery | m.ContextQuery) -> Iterator[nodes.NodeState]:
        word = nodes.WORDS[kind]
        for each in self._calls.pages(f"list_{word.lower()}s", f"{word}Summaries", **_OLDEST_FIRST):
            if str(each.get(f"{word}Type")) == JOURNAL_TYPE:
                continue
            state = self._fetching.node(NodeRef(kind, str(each[f"{word}Name"])))
            if query.type in {None, state.type} and query.source_uri in {None, state.source_uri}:
                yield state

    def _associations(self, query: m.AssociationQuery) -> Iterator[Any]:
        for edge in self._graph.edges(source=query.source, destination=query.destination, type=query.type):
            if query.source_type in {None, edge.source_type} and query.destination_type in {
                None,
                edge.destination_type,
            }:
                yield edge


JOURNAL_TYPE: Final = "flowtrail-journal"


def bare(found: Component) -> Component:
    """A component without tags and properties, as listings have it."""
    from dataclasses import replace

    return replace(found, tags={}, properties={})


def fits(state: ComponentState, query: m.ComponentQuery) -> bool:
    """Whether a component is one of those that a query means."""
    experiment, _ = state.home
    experiments = {each.casefold() for each in (*state.parents.values(), experiment or "")}
    facts = state.facts
    wanted = (
        (query.parent, facts.get("parent")),
        (query.root, facts.get("root")),
        (query.orchestrator_system, facts.get("system")),
        (query.execution_id, facts.get("execution")),
        (query.step_id, facts.get("step")),
        (query.source_arn, facts.get("job")),
    )
    return (
        (query.experiment is None or query.experiment.casefold() in experiments)
        and (query.trial is None or query.trial.casefold() in {trial.casefold() for trial in state.parents})
        and (not query.names or state.name.casefold() in {name.casefold() for name in query.names})
        and (not query.kinds or facts.get("kind", "script") in query.kinds)
        and (not query.statuses or state.status in query.statuses)
        and (query.tag is None or (query.tag[0], query.tag[1]) in state.tags.items())
        and all(given is None or (there or "").casefold() == given.casefold() for given, there in wanted)
    )


def _first(query: Any, item: Any) -> str | int:
    return item.name.casefold() if query.sort_by is m.SortBy.NAME else micros(item.created_at)


def _order_of_edges(query: m.AssociationQuery) -> Callable[[Any], m.Keyset]:
    by = _SORTS.get(query.sort_by)

    def key(edge: Any) -> m.Keyset:
        first = micros(edge.created_at) if by is None else by(edge)
        return (first, micros(edge.created_at), arns.to_arn(edge.source), arns.to_arn(edge.destination), edge.type)

    return key


def _cut(found: Iterable[Any], query: m.Listing[V], key: Callable[[Any], m.Keyset]) -> m.Page[V]:
    items = [item for item in found if _is_within(item, query)]
    items.sort(key=key, reverse=query.descending)
    after = query.after
    if after is not None and items:
        m.require_place(after, len(key(items[0])))
        items = [item for item in items if (key(item) < after if query.descending else key(item) > after)]
    limit = len(items) if query.limit is None else query.limit
    shown = items[:limit]
    return m.Page(items=tuple(shown), next=key(shown[-1]) if shown and len(items) > limit else None)


def _is_within(item: Any, query: m.Listing[Any]) -> bool:
    before, after = query.created_before, query.created_after
    return (before is None or item.created_at < before) and (after is None or item.created_at > after)
