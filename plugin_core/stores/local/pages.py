"""Listings page by page: each page is one query, which goes on where the page before ended (a keyset)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, TypeVar

from sqlalchemy import ColumnElement, Connection, Select, Table, case, func, select, tuple_

from plugin_core.model import arns
from plugin_core.model import queries as m
from plugin_core.model.components import Component
from plugin_core.model.experiments import Experiment, Trial
from plugin_core.model.lineage import Action, Artifact, Association, Context, NodeKind, NodeRef
from plugin_core.stores.local import graph, listing, values
from plugin_core.stores.local import schema as s
from plugin_core.stores.local.executing import AnySelect, raw_rows
from plugin_core.stores.local.fold import clean
from plugin_core.stores.local.listing import micros_of, named

V = TypeVar("V")
Conditions = Iterable[ColumnElement[bool] | None]
Row = tuple[Any, ...]


def page(connection: Connection, query: m.Listing[V]) -> m.Page[V]:
    """A page of what a query lists."""
    found: m.Page[V] = _PAGES[type(query)](connection, query)
    return found


def _rows(
    connection: Connection,
    statement: AnySelect,
    query: m.Listing[Any],
    order: Sequence[ColumnElement[Any]],
    conditions: Conditions,
) -> tuple[list[Row], m.Keyset | None]:
    """Rows of a page, and where the next one begins. Together the columns of ``order`` are unique."""
    statement = statement.where(*(condition for condition in conditions if condition is not None))
    if query.after is not None:
        m.require_place(query.after, len(order))
        keyset = tuple_(*order)
        statement = statement.where(keyset < query.after if query.descending else keyset > query.after)
    statement = statement.order_by(None).order_by(*(c.desc() if query.descending else c for c in order))
    limit = query.limit
    found = list(raw_rows(connection, statement.add_columns(*order).limit(None if limit is None else limit + 1)))
    width = len(order)
    more = limit is not None and len(found) > limit
    shown = found[:limit]
    return [row[:-width] for row in shown], tuple(shown[-1][-width:]) if more and shown else None


def _created(column: ColumnElement[int], query: m.Listing[Any]) -> Conditions:
    yield None if query.created_before is None else column < micros_of(query.created_before)
    yield None if query.created_after is None else column > micros_of(query.created_after)


def _sorted(statement: AnySelect, table: Table, sort_by: m.SortBy) -> tuple[AnySelect, tuple[ColumnElement[Any], ...]]:
    """A query of a table's rows, and what to sort them by; names are in ``nodes``, without case."""
    if sort_by is m.SortBy.NAME:
        return statement.join(s.nodes, s.nodes.c.id == table.c.id), (s.nodes.c.key, table.c.id)
    return statement, (table.c.created_us, table.c.id)


def _experiments(connection: Connection, query: m.ExperimentQuery) -> m.Page[Experiment]:
    statement, order = _sorted(listing.EXPERIMENTS, s.experiments, query.sort_by)
    rows, after = _rows(connection, statement, query, order, _created(s.experiments.c.created_us, query))
    tags = values.tags(connection, [row[0] for row in rows])
    return m.Page(items=tuple(listing.experiment_of(row, tags[row[0]]) for row in rows), next=after)


def _trials(connection: Connection, query: m.TrialQuery) -> m.Page[Trial]:
    table, members = s.trials.c, s.trial_components.c
    conditions = list(_created(table.created_us, query))
    if query.experiment is not None:
        conditions.append(table.experiment_id == named(NodeKind.EXPERIMENT, query.experiment))
    if query.component is not None:
        member = named(NodeKind.COMPONENT, query.component)
        conditions.append(table.id.in_(select(members.trial_id).where(members.component_id == member)))
    statement, order = _sorted(listing.TRIALS, s.trials, query.sort_by)
    rows, after = _rows(connection, statement, query, order, conditions)
    tags = values.tags(connection, [row[0] for row in rows])
    return m.Page(items=tuple(listing.trial_of(row, tags[row[0]]) for row in rows), next=after)


def _components(connection: Connection, query: m.ComponentQuery) -> m.Page[Component]:
    statement, order = _sorted(listing.COMPONENTS, s.components, query.sort_by)
    with_guests = listing.has_guests(connection, query.experiment)
    conditions = listing.conditions(query, with_guests=with_guests)
    rows, after = _rows(connection, statement, query, order, conditions)
    return m.Page(items=tuple(map(listing.component_of, rows)), next=after)


def _artifacts(connection: Connection, query: m.ArtifactQuery) -> m.Page[Artifact]:
    table = s.artifacts.c
    conditions = list(_created(table.created_us, query))
    if query.source_uri is not None:
        conditions.append(table.id == named(NodeKind.ARTIFACT, query.source_uri))
    if query.type is not None:
        conditions.append(table.type == clean(query.type))
    rows, after = _rows(connection, graph.ARTIFACTS, query, (table.created_us, table.id), conditions)
    ids = [row[0] for row in rows]
    properties, tags = values.properties(connection, ids), values.tags(connection, ids)
    return m.Page(
        items=tuple(graph.artifact_of(row, properties[row[0]], tags[row[0]]) for row in rows),
        next=after,
    )


def _described(
    connection: Connection, table: Table, listed: AnySelect, query: m.ActionQuery | m.ContextQuery
) -> tuple[list[Row], m.Keyset | None]:
    conditions = list(_created(table.c.created_us, query))
    for column, wanted in ((table.c.source_uri, query.source_uri), (table.c.type, query.type)):
        if wanted is not None:
            conditions.append(column == clean(wanted))
    statement, order = _sorted(listed, table, query.sort_by)
    return _rows(connection, statement, query, order, conditions)


def _actions(connection: Connection, query: m.ActionQuery) -> m.Page[Action]:
    rows, after = _described(connection, s.actions, graph.ACTIONS, query)
    ids = [row[0] for row in rows]
    properties, tags = values.properties(connection, ids), values.tags(connection, ids)
    return m.Page(
        items=tuple(graph.action_of(row, properties[row[0]], tags[row[0]]) for row in rows),
        next=after,
    )


def _contexts(connection: Connection, query: m.ContextQuery) -> m.Page[Context]:
    rows, after = _described(connection, s.contexts, graph.CONTEXTS, query)
    ids = [row[0] for row in rows]
    properties, tags = values.properties(connection, ids), values.tags(connection, ids)
    return m.Page(
        items=tuple(graph.context_of(row, properties[row[0]], tags[row[0]]) for row in rows),
        next=after,
    )


# Associations

_e: Final = s.associations.c
_WORDS: Final = case({kind.value: word for kind, word in arns.WORDS.items()}, value=s.nodes.c.kind)


def _arn(end: ColumnElement[int]) -> ColumnElement[str]:
    """An ARN but for what they all begin with, to sort by."""
    name = case(
        (s.nodes.c.kind != NodeKind.ARTIFACT.value, s.nodes.c.key),
        else_=func.coalesce(s.artifacts.c.digest, func.substr(s.nodes.c.key, len(arns.CONTENT_PREFIX) + 1)),
    )
    source = s.nodes.outerjoin(s.artifacts, s.artifacts.c.id == s.nodes.c.id)
    return select(_WORDS + "/" + name).select_from(source).where(s.nodes.c.id == end).scalar_subquery()


def _type(end: ColumnElement[int]) -> ColumnElement[str]:
    """What a Vertex has for its type; empty for none."""
    types = (
        select(table.c.type).where(table.c.id == end).scalar_subquery()
        for table in (s.artifacts, s.actions, s.contexts)
    )
    job = select(_JOB_TYPE).where(s.components.c.id == end).scalar_subquery()
    return func.coalesce(*types, job, "")


_JOB_TYPE: Final[ColumnElement[Any]] = case(
    *((s.components.c.source_arn.like(f"%:{word}/%"), type_) for word, type_ in arns.JOB_TYPES.items())
)


def _typed(type_: str) -> Select[tuple[int]]:
    """Ids of what is of a type."""
    of_job = select(s.components.c.id).where(s.components.c.source_arn.is_not(None), _JOB_TYPE.in_([clean(type_)]))
    ids = (select(table.c.id).where(table.c.type == clean(type_)) for table in (s.artifacts, s.actions, s.contexts))
    together = of_job.union_all(*ids).subquery()
    return select(together.c.id)


_ORDERS: Final[dict[m.AssociationSortBy, ColumnElement[Any]]] = {
    m.AssociationSortBy.SOURCE_ARN: _arn(_e.source_id),
    m.AssociationSortBy.DESTINATION_ARN: _arn(_e.destination_id),
    m.AssociationSortBy.SOURCE_TYPE: _type(_e.source_id),
    m.AssociationSortBy.DESTINATION_TYPE: _type(_e.destination_id),
    m.AssociationSortBy.CREATED: _e.at_us,
}


def _associations(connection: Connection, query: m.AssociationQuery) -> m.Page[Association]:
    conditions = list(_created(_e.at_us, query))
    conditions += _at(_e.source_id, query.source, query.source_type)
    conditions += _at(_e.destination_id, query.destination, query.destination_type)
    if query.type is not None:
        conditions.append(_e.type == clean(query.type))
    order = (_ORDERS[query.sort_by], _e.source_id, _e.destination_id, _e.type)
    rows, after = _rows(connection, graph.EDGES, query, order, conditions)
    return m.Page(items=tuple(graph.edges_of(connection, rows)), next=after)


def _at(end: ColumnElement[int], node: NodeRef | None, type_: str | None) -> Conditions:
    yield None if node is None else end == named(node.kind, node.key)
    yield None if type_ is None else end.in_(_typed(type_))


_PAGES: Final[dict[type, Callable[[Connection, Any], m.Page[Any]]]] = {
    m.ExperimentQuery: _experiments,
    m.TrialQuery: _trials,
    m.ComponentQuery: _components,
    m.ArtifactQuery: _artifacts,
    m.ActionQuery: _actions,
    m.ContextQuery: _contexts,
    m.AssociationQuery: _associations,
}
