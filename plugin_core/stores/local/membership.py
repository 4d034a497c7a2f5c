"""Which trials a component is in, and which of them is its home: the one whose experiment is its own.

Runs inside a write transaction that the caller has begun; nothing here commits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection, bindparam, delete, select, update

from plugin_core.model.lineage import NodeKind, NodeRef
from plugin_core.model.names import component_name
from plugin_core.stores.local import schema as s
from plugin_core.stores.local import statements as q
from plugin_core.stores.local.executing import all_rows, execute, many, rows_in
from plugin_core.stores.local.resolving import node_id

_t: Final = s.components.c
_m: Final = s.trial_components.c
_HOME: Final = select(_t.name, _t.trial_id, _t.experiment_id, _t.run_name).where(_t.id == bindparam("component"))
_EXPERIMENT: Final = (
    select(s.trials.c.experiment_id, s.experiments.c.name)
    .outerjoin_from(s.trials, s.experiments, s.experiments.c.id == s.trials.c.experiment_id)
    .where(s.trials.c.id == bindparam("trial"))
)
_MEMBERS: Final = (
    select(_m.component_id, _m.trial_id, s.trials.c.experiment_id)
    .outerjoin_from(s.trial_components, s.trials, s.trials.c.id == _m.trial_id)
    .order_by(_m.component_id, _m.trial_id)
)
_LEAVE: Final = delete(s.trial_components).where(
    _m.trial_id == bindparam("trial"), _m.component_id == bindparam("component")
)
_LAST_NUMBER: Final = (
    select(s.experiments.c.last_number).where(s.experiments.c.id == bindparam("experiment")).with_for_update()
)
_UNNUMBERED: Final = select(_t.experiment_id, _t.id).where(_t.number.is_(None), _t.experiment_id.is_not(None))


def add_to_trial(connection: Connection, component: str, trial: str, at: int) -> None:
    """Enter a component in a trial, and make it its home if it has none; NotFoundError for either."""
    member = node_id(connection, NodeRef(NodeKind.COMPONENT, component))
    into = node_id(connection, NodeRef(NodeKind.TRIAL, trial))
    [(experiment, experiment_name)] = all_rows(connection, _EXPERIMENT, trial=into)
    [(name, home, own, run_name)] = all_rows(connection, _HOME, component=member)
    guest_of = experiment if own is not None and own != experiment else None
    many(connection, q.ADD_MEMBER, [{"trial_id": into, "component_id": member, "guest_of": guest_of}])
    values: dict[str, Any] = {}
    if home is None and guest_of is None:
        values = {"trial_id": into, "experiment_id": experiment}
        if run_name is None:
            values["run_name"] = _run_name(name, experiment_name)
    _move(connection, member, values, at)


def _run_name(component: str, experiment: str | None) -> str | None:
    """What a run of the experiment is called, if the component is called like one."""
    prefix = component_name(experiment or "", "")
    return component[len(prefix) :] if component.casefold().startswith(prefix.casefold()) else None


def remove_from_trial(connection: Connection, component: str, trial: str, at: int) -> None:
    """Take a component out of a trial; NotFoundError for either."""
    member = node_id(connection, NodeRef(NodeKind.COMPONENT, component))
    out_of = node_id(connection, NodeRef(NodeKind.TRIAL, trial))
    execute(connection, _LEAVE, trial=out_of, component=member)
    [(_, home, _, _)] = all_rows(connection, _HOME, component=member)
    if home == out_of:
        rehome(connection, [member])
    _move(connection, member, {}, at)


def rehome(connection: Connection, components: Sequence[int]) -> None:
    """Give components that lost their home another of their trials, and its experiment; or none."""
    homes: dict[int, tuple[int, int | None]] = {}
    for component, trial, experiment in rows_in(connection, _MEMBERS, _m.component_id, components):
        homes.setdefault(component, (trial, experiment))
    for component in components:
        trial, experiment = homes.get(component, (None, None))
        [(_, _, own, _)] = all_rows(connection, _HOME, component=component)
        values: dict[str, Any] = {"trial_id": trial, "experiment_id": experiment}
        if own != experiment:
            values["number"] = None  # one of the other experiment's
        connection.execute(update(s.components).where(_t.id == component).values(values))
        if experiment is not None:
            not_guest = update(s.trial_components).where(_m.component_id == component, _m.guest_of == experiment)
            connection.execute(not_guest.values(guest_of=None))
    number(connection, components)


def _move(connection: Connection, component: int, values: dict[str, Any], at: int) -> None:
    if values:
        connection.execute(update(s.components).where(_t.id == component).values(values))
        number(connection, [component])
    many(connection, q.TOUCH_COMPONENT, [{"component": component, "at": at}])
    [(_, _, own, _)] = all_rows(connection, _HOME, component=component)
    if own is not None:
        many(connection, q.USE_EXPERIMENT, [{"experiment": own, "at": at}])


def number(connection: Connection, components: Sequence[int]) -> None:
    """Number those of the components that have an experiment and no number, in the order of their ids."""
    by_experiment: dict[int, list[int]] = {}
    for experiment, component in sorted(rows_in(connection, _UNNUMBERED, _t.id, components)):
        by_experiment.setdefault(experiment, []).append(component)
    for experiment, unnumbered in by_experiment.items():
        _number(connection, experiment, unnumbered)


def _number(connection: Connection, experiment: int, components: Sequence[int]) -> None:
    [(last,)] = all_rows(connection, _LAST_NUMBER, experiment=experiment)
    numbered = ({"component": component, "given": last + i} for i, component in enumerate(components, 1))
    many(connection, q.SET_NUMBER, numbered)
    many(connection, q.SET_LAST_NUMBER, [{"experiment": experiment, "given": last + len(components)}])
