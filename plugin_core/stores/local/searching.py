"""Searches: an expression becomes one statement of bound parameters, a page of ids in order, and a count."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Table, and_, func, or_, select, true

from plugin_core.errors import InvalidValueError
from plugin_core.model import queries as m
from plugin_core.model.components import Component
from plugin_core.model.experiments import Experiment, Trial
from plugin_core.model.lineage import NodeKind
from plugin_core.stores.local import listing, values
from plugin_core.stores.local import schema as s
from plugin_core.stores.local.conditions import Column, Condition
from plugin_core.stores.local.executing import AnySelect, rows_in
from plugin_core.stores.local.properties import item_condition, property_of

V = TypeVar("V")

_MAX_CONDITIONS: Final = 500  # SQLite takes expressions of a depth of 1,000
_MAX_DEPTH: Final = 30


def search(connection: Connection, query: m.Search[V]) -> m.Page[V]:
    """A page of what a search finds, with how many it finds in all."""
    kind, table, read = _KINDS[type(query)]
    wanted = _condition(kind, query.expression, _Size())
    sorts = property_of(kind, query.sort_by).sorts
    total = connection.execute(select(func.count()).select_from(table).where(wanted)).scalar_one()
    ids, after = _page(connection, query, table, wanted, sorts)
    found: m.Page[V] = m.Page(items=tuple(read(connection, ids)), next=after, total=total)
    return found


def _page(
    connection: Connection, query: m.Search[Any], table: Table, wanted: Condition, sorts: Sequence[Column]
) -> tuple[list[int], m.Keyset | None]:
    order = [(column.desc() if query.descending else column.asc()).nulls_last() for column in sorts]
    last = table.c.id.desc() if query.descending else table.c.id.asc()
    statement = select(table.c.id, *sorts).where(wanted).order_by(*order, last)
    if query.after is not None:
        statement = statement.where(_after(query, table, sorts, query.after))
    limit = query.limit
    rows = connection.execute(statement.limit(None if limit is None else limit + 1)).all()
    shown = rows[:limit]
    more = limit is not None and len(rows) > limit and bool(shown)
    return [row[0] for row in shown], _keyset(shown[-1]) if more else None


def _keyset(row: Sequence[Any]) -> m.Keyset:
    """The values by which a row is sorted, each after whether there is none; and its id."""
    parts: list[Any] = []
    for value in row[1:]:
        parts += (1, 0) if value is None else (0, value)
    return (*parts, row[0])


def _after(query: m.Search[Any], table: Table, sorts: Sequence[Column], keyset: m.Keyset) -> Condition:
    """Whether a row comes after the one of a keyset: by the first value that is not the same."""
    m.require_place(keyset, 2 * len(sorts) + 1)
    same: list[Condition] = []
    later: list[Condition] = []
    for column, is_null, value in zip(sorts, keyset[::2], keyset[1::2], strict=False):
        if is_null:
            same.append(column.is_(None))
            continue
        beyond = column < value if query.descending else column > value
        later.append(and_(*same, or_(beyond, column.is_(None))))
        same.append(column == value)
    node = table.c.id < keyset[-1] if query.descending else table.c.id > keyset[-1]
    return or_(*later, and_(*same, node))


class _Size:
    """How large an expression is so far."""

    def __init__(self) -> None:
        self.conditions = 0

    def add(self, count: int, depth: int) -> None:
        """Count conditions at a depth; InvalidValueError for too many, or too deep."""
        self.conditions += count
        if self.conditions > _MAX_CONDITIONS or depth > _MAX_DEPTH:
            raise InvalidValueError(
                f"A search takes {_MAX_CONDITIONS} conditions, in expressions {_MAX_DEPTH} deep, at most."
            )


def _condition(kind: NodeKind, expression: m.SearchExpression, size: _Size, depth: int = 0) -> Condition:
    size.add(len(expression.filters) + sum(len(nested.filters) for nested in expression.nested) + 1, depth)
    parts = list(_parts(kind, expression, size, depth))
    if not parts:
        return true()
    return or_(*parts) if expression.operator is m.BooleanOperator.OR else and_(*parts)


def _parts(kind: NodeKind, expression: m.SearchExpression, size: _Size, depth: int) -> Iterator[Condition]:
    for one in expression.filters:
        yield property_of(kind, one.property).condition(one.operator, one.value)
    for nested in expression.nested:
        filters = [(each.property, each.operator, each.value) for each in nested.filters]
        yield item_condition(kind, nested.property, filters)
    for sub in expression.sub_expressions:
        yield _condition(kind, sub, size, depth + 1)


_EXPERIMENTS: Final = listing.EXPERIMENTS.order_by(None)
_TRIALS: Final = listing.TRIALS.order_by(None)


def _in_order(connection: Connection, query: AnySelect, table: Table, ids: Sequence[int]) -> list[tuple[Any, ...]]:
    rows = {row[0]: row for row in rows_in(connection, query, table.c.id, ids)}
    return [rows[node] for node in ids]


def _experiments(connection: Connection, ids: Sequence[int]) -> Iterator[Experiment]:
    tags = values.tags(connection, ids)
    for row in _in_order(connection, _EXPERIMENTS, s.experiments, ids):
        yield listing.experiment_of(row, tags[row[0]])


def _trials(connection: Connection, ids: Sequence[int]) -> Iterator[Trial]:
    tags = values.tags(connection, ids)
    for row in _in_order(connection, _TRIALS, s.trials, ids):
        yield listing.trial_of(row, tags[row[0]])


def _components(connection: Connection, ids: Sequence[int]) -> Iterator[Component]:
    return map(listing.component_of, _in_order(connection, listing.COMPONENTS, s.components, ids))


_KINDS: Final[dict[type, tuple[NodeKind, Table, Callable[[Connection, Sequence[int]], Iterator[Any]]]]] = {
    m.ExperimentSearch: (NodeKind.EXPERIMENT, s.experiments, _experiments),
    m.TrialSearch: (NodeKind.TRIAL, s.trials, _trials),
    m.ComponentSearch: (NodeKind.COMPONENT, s.components, _components),
}
