"""Reads experiments, trials and components: queries, and their rows as values of the model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final, TypeAlias

from sqlalchemy import ColumnElement, Connection, FromClause, and_, func, or_, select, tuple_

from plugin_core.model.components import Component, Kind, OrchestratorRef, Owner, Status
from plugin_core.model.experiments import Experiment, Trial
from plugin_core.model.provenance import NO_PROVENANCE, Provenance
from plugin_core.model.queries import ComponentQuery, SortBy, require_place
from plugin_core.stores.local import fold as f
from plugin_core.stores.local import migrate
from plugin_core.stores.local import schema as s
from plugin_core.stores.local.executing import AnySelect, rows_in
from plugin_core.stores.local.fold import key_of
from plugin_core.stores.local.resolving import find_ids

Tags: TypeAlias = dict[str, str | None]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICRO: Final = timedelta(microseconds=1)
_FIRST: Final = datetime.min.replace(tzinfo=UTC)
_LAST: Final = datetime.max.replace(tzinfo=UTC)


def moment(micros: int) -> datetime:
    """The aware UTC datetime of microseconds since the epoch, exactly; past the calendar, its first or last."""
    try:
        return _EPOCH + timedelta(0, 0, micros)
    except OverflowError:
        return _FIRST if micros < 0 else _LAST


def micros_of(at: datetime) -> int:
    """Microseconds since the epoch of an aware datetime; a naive one is taken as local time."""
    return (at.astimezone(UTC) - _EPOCH) // _MICRO


# Experiments and trials

EXPERIMENTS: Final = select(
    s.experiments.c.id,
    s.experiments.c.name,
    s.experiments.c.display_name,
    s.experiments.c.created_us,
    s.experiments.c.modified_us,
    s.experiments.c.description,
).order_by(s.experiments.c.used_us.desc(), s.experiments.c.id.desc())

_root = s.components.alias("root")
_parent = s.components.alias("parent")
_previous = s.components.alias("previous")

TRIALS: Final = (
    select(
        s.trials.c.id,
        s.trials.c.name,
        s.trials.c.display_name,
        s.experiments.c.name,
        s.trials.c.created_us,
        s.trials.c.modified_us,
        _root.c.name,
    )
    .select_from(s.trials)
    .outerjoin(s.experiments, s.experiments.c.id == s.trials.c.experiment_id)
    .outerjoin(_root, _root.c.id == s.trials.c.root_id)
    .order_by(s.trials.c.created_us.desc(), s.trials.c.id.desc())
)


def experiment_of(row: Sequence[Any], tags: Tags, provenance: Provenance = NO_PROVENANCE) -> Experiment:
    """An experiment from a row of EXPERIMENTS."""
    _, name, display_name, created, modified, description = row
    return Experiment(
        name=name,
        display_name=name if display_name is None else display_name,
        created_at=moment(created),
        modified_at=moment(modified),
        description=description,
        tags=tags,
        provenance=provenance,
    )


def trial_of(row: Sequence[Any], tags: Tags, provenance: Provenance = NO_PROVENANCE) -> Trial:
    """A trial from a row of TRIALS."""
    _, name, display_name, experiment, created, modified, root = row
    return Trial(
        name=name,
        display_name=name if display_name is None else display_name,
        experiment=experiment or "",
        created_at=moment(created),
        modified_at=moment(modified),
        root_component=root,
        tags=tags,
        provenance=provenance,
    )


# Components

_t: Final = s.components.c
_FROM: Final[FromClause] = (
    s.components.outerjoin(s.experiments, s.experiments.c.id == _t.experiment_id)
    .outerjoin(s.trials, s.trials.c.id == _t.trial_id)
    .outerjoin(_parent, _parent.c.id == _t.parent_id)
    .outerjoin(_root, _root.c.id == _t.root_id)
    .outerjoin(_previous, _previous.c.id == _t.previous_id)
    .outerjoin(s.journals, s.journals.c.id == _t.owner_id)
)
COMPONENTS: Final = select(
    _t.id,
    _t.name,
    _t.display_name,
    _t.kind,
    _t.status,
    _t.created_us,
    _t.modified_us,
    s.experiments.c.name,
    s.trials.c.name,
    _t.run_name,
    _t.status_message,
    _t.status_inferred,
    _t.started_us,
    _t.ended_us,
    _parent.c.name,
    _root.c.name,
    _t.attempt,
    _previous.c.name,
    _t.number,
    _t.orchestrator,
    _t.execution_id,
    _t.step_id,
    _t.url,
    s.journals.c.journal,
    s.journals.c.host,
    s.journals.c.pid,
    s.journals.c.boot_id,
    s.journals.c.started,
    _t.source_arn,
).select_from(_FROM)

_NONE: Final[dict[str, Any]] = {}  # shared by thousands of components, which promise not to change it
_KINDS: Final = {kind.value: kind for kind in Kind}
_STATUSES: Final = {status.value: status for status in Status}


def component_of(
    row: Sequence[Any],
    tags: Tags | None = None,
    properties: dict[str, str] | None = None,
    provenance: Provenance = NO_PROVENANCE,
) -> Component:
    """A component from a row of COMPONENTS."""
    (
        node, name, display_name, kind, status, created, modified, experiment, trial, run_name, message, inferred,
        started, ended, parent, root, attempt, previous, number, system, execution_id, step_id, url,
        journal, host, pid, boot_id, process_started, source_arn,
    ) = row  # fmt: skip
    return Component(
        id=node,
        name=name,
        display_name=name if display_name is None else display_name,
        kind=_KINDS.get(kind, Kind.SCRIPT),
        status=_STATUSES[status],
        created_at=moment(created),
        modified_at=moment(modified),
        experiment=experiment,
        trial=trial,
        run_name=run_name,
        status_message=message,
        status_inferred=bool(inferred),
        started_at=None if started is None else moment(started),
        ended_at=None if ended is None else moment(ended),
        parent=parent,
        root=root,
        attempt=attempt or 1,
        previous_attempt=previous,
        number=number,
        orchestrator=OrchestratorRef(system=system, execution_id=execution_id, step_id=step_id, url=url)
        if system is not None
        else None,
        owner=None if host is None else _owner(journal, host, pid, boot_id, process_started),
        source_arn=source_arn,
        tags=_NONE if tags is None else tags,
        properties=_NONE if properties is None else properties,
        provenance=provenance,
    )


@lru_cache(maxsize=256)  # a process owns many components
def _owner(journal: str, host: str, pid: int, boot_id: str, started: str) -> Owner:
    return Owner(journal=journal, host=host, pid=pid, boot_id=boot_id, started=started)


_GUESTS: Final = s.trial_components.c


def has_guests(connection: Connection, experiment: str | None) -> bool:
    """Whether components of other experiments are in trials of this one: seldom, and then the query is a dearer one."""
    if experiment is None or not migrate.knows_the_wire(connection):
        return False
    guests = select(_GUESTS.component_id).where(_GUESTS.guest_of == named(f.EXPERIMENT, experiment)).limit(1)
    return connection.execute(guests).first() is not None


def components_query(query: ComponentQuery, *, with_guests: bool) -> AnySelect:
    """COMPONENTS with a query's filters, order and page."""
    statement = COMPONENTS.where(*conditions(query, with_guests=with_guests))
    if query.sort_by is SortBy.NAME:
        statement = statement.join(s.nodes, s.nodes.c.id == _t.id)
        order: tuple[ColumnElement[Any], ColumnElement[Any]] = (s.nodes.c.key, _t.id)
    else:
        order = (_t.created_us, _t.id)
    if query.after is not None:
        require_place(query.after, len(order))
        keyset = tuple_(*order)
        statement = statement.where(keyset < query.after if query.descending else keyset > query.after)
    statement = statement.order_by(*(column.desc() if query.descending else column for column in order))
    return statement if query.limit is None else statement.limit(query.limit)


_MEMBERS: Final = (
    COMPONENTS.add_columns(_GUESTS.trial_id)
    .join(s.trial_components, _GUESTS.component_id == _t.id)
    .order_by(_GUESTS.trial_id, _t.created_us, _t.id)
)


def members(connection: Connection, trials: Sequence[str]) -> dict[str, list[Component]]:
    """Components of trials, by the trials' names as given, oldest first."""
    keys = {name: key_of(f.TRIAL, name) for name in trials}
    ids = find_ids(connection, set(keys.values()))
    found: dict[int, list[Component]] = {node: [] for node in ids.values()}
    for *row, trial in rows_in(connection, _MEMBERS, _GUESTS.trial_id, list(found)):
        found[trial].append(component_of(row))
    return {name: found[ids[key]] if key in ids else [] for name, key in keys.items()}


def named(kind: str, name: str) -> Any:
    """The id of a named node, as part of a statement: NULL, which equals nothing, for one that is not known."""
    kind, key = key_of(kind, name)
    return select(s.nodes.c.id).where(s.nodes.c.key == key, s.nodes.c.kind == kind).scalar_subquery()


def in_experiment(experiment: Any, *, with_guests: bool) -> ColumnElement[bool]:
    """Whether a component is at home in an experiment or, ``with_guests``, in one of its trials."""
    at_home: ColumnElement[bool] = _t.experiment_id == experiment
    if not with_guests:
        return at_home
    return or_(at_home, _t.id.in_(select(_GUESTS.component_id).where(_GUESTS.guest_of == experiment)))


def conditions(query: ComponentQuery, *, with_guests: bool) -> list[ColumnElement[bool]]:
    """A query's filters."""
    found = [condition for make in _FILTERS if (condition := make(query)) is not None]
    if query.experiment is not None:
        found.append(in_experiment(named(f.EXPERIMENT, query.experiment), with_guests=with_guests))
    return found


def _equal(column: ColumnElement[Any], value: Any) -> ColumnElement[bool] | None:
    return None if value is None else column == value


def _one_of(column: ColumnElement[Any], values: Iterable[Any]) -> ColumnElement[bool] | None:
    given = [str(value) for value in values]
    return column.in_(given) if given else None


def _of_node(column: ColumnElement[Any], kind: str, name: str | None) -> ColumnElement[bool] | None:
    return None if name is None else column == named(kind, name)


def _of_source(query: ComponentQuery) -> ColumnElement[bool] | None:
    """SageMaker's SDKs ask for an ARN in lower case, however the job was named."""
    if query.source_arn is None:
        return None
    arn = f.clean(query.source_arn)
    return and_(_t.source_arn.is_not(None), func.lower(_t.source_arn) == func.lower(arn))


def _in_trial(query: ComponentQuery) -> ColumnElement[bool] | None:
    if query.trial is None:
        return None
    members = s.trial_components.c
    return _t.id.in_(select(members.component_id).where(members.trial_id == named(f.TRIAL, query.trial)))


def _named(query: ComponentQuery) -> ColumnElement[bool] | None:
    if not query.names:
        return None
    keys = [key_of(f.COMPONENT, name)[1] for name in query.names]
    return _t.id.in_(select(s.nodes.c.id).where(s.nodes.c.key.in_(keys), s.nodes.c.kind == f.COMPONENT))


def _tagged(query: ComponentQuery) -> ColumnElement[bool] | None:
    if query.tag is None:
        return None
    key, value = query.tag
    t = s.tags.c
    has_value = t.value.is_(None) if value is None else t.value == f.clean(value)
    has_tag = and_(t.node_id == _t.id, t.key == f.clean(key), t.removed == 0, has_value)
    return select(t.node_id).where(has_tag).exists()


_FILTERS: Final[tuple[Callable[[ComponentQuery], ColumnElement[bool] | None], ...]] = (
    _in_trial,
    _named,
    lambda query: _of_node(_t.parent_id, f.COMPONENT, query.parent),
    lambda query: _of_node(_t.root_id, f.COMPONENT, query.root),
    lambda query: _one_of(func.coalesce(_t.kind, Kind.SCRIPT.value), query.kinds),
    lambda query: _one_of(_t.status, query.statuses),
    lambda query: _equal(_t.orchestrator, query.orchestrator_system),
    lambda query: _equal(_t.execution_id, query.execution_id),
    lambda query: _equal(_t.step_id, query.step_id),
    _of_source,
    _tagged,
    lambda query: None if query.created_before is None else _t.created_us < micros_of(query.created_before),
    lambda query: None if query.created_after is None else _t.created_us > micros_of(query.created_after),
)
