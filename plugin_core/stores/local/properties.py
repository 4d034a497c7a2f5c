"""The properties that a search knows, called as in SageMaker's API: each can be compared, be there, and be sorted by.

Names are looked up here and never become SQL: what follows the first dot is a bound value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeAlias

from sqlalchemy import ColumnElement, Select, and_, case, exists, func, not_, or_, select

from plugin_core.errors import InvalidValueError
from plugin_core.model import arns
from plugin_core.model.components import SAGEMAKER_STATUS
from plugin_core.model.lineage import NodeKind
from plugin_core.model.queries import Operator
from plugin_core.stores.local import conditions
from plugin_core.stores.local import schema as s
from plugin_core.stores.local.conditions import Column, Condition
from plugin_core.stores.local.fold import clean

AnyOf: TypeAlias = Callable[[Operator, str], Condition]  # whether there is one that compares


@dataclass(frozen=True, slots=True)
class Property:
    """How to compare a property, tell whether it is there, and sort by it."""

    compares: AnyOf
    is_there: Condition
    sorts: tuple[Column, ...]

    def condition(self, op: Operator, value: str | None) -> Condition:
        """What a filter says of it."""
        if op is Operator.EXISTS:
            return self.is_there
        if op is Operator.NOT_EXISTS:
            return not_(self.is_there)
        if value is None:
            raise InvalidValueError(f"{op} needs a value.")
        if op is Operator.NOT_EQUALS:
            return or_(not_(self.is_there), not_(self.compares(Operator.EQUALS, value)))
        return self.compares(op, value)


def _column(column: Column, compare: conditions.Compare = conditions.text) -> Property:
    return Property(partial(compare, column), column.is_not(None), (column,))


def _rows(owner: Column, of: Column, where: Condition, compare: AnyOf, *sorts: Column) -> Property:
    """A property that rows of another table hold: a row for which ``where`` holds, if any."""
    mine = and_(owner == of, where)

    def compares(op: Operator, value: str) -> Condition:
        return exists().where(mine, compare(op, value))

    return Property(
        compares, exists().where(mine), tuple(select(func.max(c)).where(mine).scalar_subquery() for c in sorts)
    )


# Names


def _named(kind: NodeKind, op: Operator, value: str) -> Select[tuple[int]]:
    """Ids of nodes by their names."""
    return select(s.nodes.c.id).where(s.nodes.c.kind == kind.value, conditions.folded(s.nodes.c.key, op, value))


def _key(of: Column) -> Column:
    return select(s.nodes.c.key).where(s.nodes.c.id == of).scalar_subquery()


def _name(kind: NodeKind, of: Column) -> Property:
    return Property(lambda op, value: of.in_(_named(kind, op, value)), of.is_not(None), (_key(of),))


def _arn(kind: NodeKind, of: Column) -> Property:
    """An ARN is compared by the name at its end."""

    def compares(op: Operator, value: str) -> Condition:
        return or_(*(of.in_(_named(kind, op, part.rpartition("/")[2])) for part in value.split(",")))

    return Property(compares, of.is_not(None), (_key(of),))


# What holds for all kinds


def _tag(of: Column, key: str) -> Property:
    t = s.tags.c
    value = func.coalesce(t.value, "")
    where = and_(t.key == clean(key), t.removed == 0)
    found = _rows(t.node_id, of, where, partial(conditions.text, value), value)

    def compares(op: Operator, wanted: str) -> Condition:
        if op not in conditions.ANY_OF:
            return found.compares(op, wanted)
        # Asked the other way round: the index on keys and values may name a few.
        return of.in_(select(t.node_id).where(where, t.value.in_(conditions.alternatives(clean(wanted)))))

    return Property(compares, found.is_there, found.sorts)


def _origin(of: Column, key: str) -> Property:
    p = s.provenance.c
    return _rows(p.node_id, of, p.key == key, partial(conditions.text, p.value), p.value)


_ORIGINS: Final[Mapping[str, str]] = {
    "metadataproperties.commitid": "commit_id",
    "metadataproperties.repository": "repository",
    "metadataproperties.generatedby": "generated_by",
    "metadataproperties.projectid": "project_id",
    "createdby.userprofilename": "created_by",
    "lastmodifiedby.userprofilename": "modified_by",
}


def _common(table: Any) -> dict[str, Property]:
    c = table.c
    return {
        "displayname": _column(func.coalesce(c.display_name, c.name)),
        "creationtime": _column(c.created_us, conditions.time),
        "lastmodifiedtime": _column(c.modified_us, conditions.time),
        **{name: _origin(c.id, key) for name, key in _ORIGINS.items()},
    }


# Components

_t: Final = s.components.c
_m: Final = s.trial_components.c
_STATUS: Final = case({str(ours): theirs for ours, theirs in SAGEMAKER_STATUS.items()}, value=_t.status)
# What an orchestrator's step comes of is told as a training job, called by the component's slug.
_IS_STEP: Final = and_(_t.source_arn.is_(None), _t.orchestrator.is_not(None))
_STEP_WORD: Final = "training-job"
_SOURCE_TYPE: Final = case(
    *((_t.source_arn.like(f"%:{word}/%"), f"SageMaker{type_}") for word, type_ in arns.JOB_TYPES.items()),
    (_IS_STEP, f"SageMaker{arns.JOB_TYPES[_STEP_WORD]}"),
)
_STATS: Final[Mapping[str, Column]] = {
    "min": s.series.c.minimum,
    "max": s.series.c.maximum,
    "avg": s.series.c.mean,
    "count": s.series.c.count,
    "stddev": s.series.c.std_dev,
    "last": s.series.c.last,
}


def _in_trials(op: Operator, value: str) -> Condition:
    return _t.id.in_(select(_m.component_id).where(_m.trial_id.in_(_named(NodeKind.TRIAL, op, value))))


def _in_experiments(op: Operator, value: str) -> Condition:
    experiments = _named(NodeKind.EXPERIMENT, op, value)
    guests = select(_m.component_id).where(_m.guest_of.is_not(None), _m.guest_of.in_(experiments))
    return or_(_t.experiment_id.in_(experiments), _t.id.in_(guests))


def _comes_of(op: Operator, value: str) -> Condition:
    said = conditions.in_lower_case(_t.source_arn, op, value)
    if op not in conditions.ANY_OF:
        return and_(_t.source_arn.is_not(None), said)
    jobs = [arn.rpartition("/")[2].casefold() for arn in value.split(",") if f":{_STEP_WORD}/" in arn.lower()]
    called = or_(
        and_(_t.job_slug.is_not(None), _t.job_slug.in_(jobs)),
        _t.id.in_(_named(NodeKind.COMPONENT, Operator.IN, ",".join(jobs))),
    )
    return or_(and_(_t.source_arn.is_not(None), said), and_(_IS_STEP, called))


def _metric(name: str) -> Property:
    """A metric's summary. What follows the last dot is the statistic; without one, the last value is meant."""
    metric, _, stat = name.rpartition(".")
    if not metric or stat.lower() not in _STATS:
        metric, stat = name, "last"
    column = _STATS[stat.lower()]
    where = and_(func.lower(s.series.c.name) == func.lower(clean(metric)), s.series.c.count > 0)
    return _rows(s.series.c.component_id, _t.id, where, partial(conditions.number, column), column)


def _parameter(name: str) -> Property:
    p = s.parameters.c
    compare = partial(conditions.parameter, p.number, p.text)
    return _rows(p.component_id, _t.id, p.name == clean(name), compare, p.number, p.text)


def _entry(name: str, *, is_output: bool) -> Property:
    a = s.artifact_values.c
    head, _, part = name.rpartition(".")
    column = a.media_type if part.lower() == "mediatype" else a.value
    if head and part.lower() in {"mediatype", "value"}:
        name = head
    where = and_(a.is_output == int(is_output), a.name == clean(name))
    return _rows(a.component_id, _t.id, where, partial(conditions.text, column), column)


_FIXED: Final[Mapping[NodeKind, Mapping[str, Property]]] = {
    NodeKind.EXPERIMENT: {
        **_common(s.experiments),
        "experimentname": _name(NodeKind.EXPERIMENT, s.experiments.c.id),
        "experimentarn": _arn(NodeKind.EXPERIMENT, s.experiments.c.id),
        "description": _column(s.experiments.c.description),
    },
    NodeKind.TRIAL: {
        **_common(s.trials),
        "trialname": _name(NodeKind.TRIAL, s.trials.c.id),
        "trialarn": _arn(NodeKind.TRIAL, s.trials.c.id),
        "experimentname": _name(NodeKind.EXPERIMENT, s.trials.c.experiment_id),
    },
    NodeKind.COMPONENT: {
        **_common(s.components),
        "trialcomponentname": _name(NodeKind.COMPONENT, _t.id),
        "trialcomponentarn": _arn(NodeKind.COMPONENT, _t.id),
        "status.primarystatus": _column(_STATUS),
        "status.message": _column(_t.status_message),
        "starttime": _column(_t.started_us, conditions.time),
        "endtime": _column(_t.ended_us, conditions.time),
        "source.sourcearn": Property(_comes_of, or_(_t.source_arn.is_not(None), _IS_STEP), (_t.source_arn,)),
        "source.sourcetype": _column(_SOURCE_TYPE),
        "parents.trialname": Property(_in_trials, _t.id.in_(select(_m.component_id)), (_key(_t.trial_id),)),
        "parents.experimentname": Property(_in_experiments, _t.experiment_id.is_not(None), (_key(_t.experiment_id),)),
    },
}
_OPEN: Final[Mapping[NodeKind, Mapping[str, Callable[[str], Property]]]] = {
    NodeKind.EXPERIMENT: {"tags": partial(_tag, s.experiments.c.id)},
    NodeKind.TRIAL: {"tags": partial(_tag, s.trials.c.id)},
    NodeKind.COMPONENT: {
        "tags": partial(_tag, _t.id),
        "parameters": _parameter,
        "metrics": _metric,
        "inputartifacts": partial(_entry, is_output=False),
        "outputartifacts": partial(_entry, is_output=True),
    },
}


def property_of(kind: NodeKind, name: str) -> Property:
    """A property by its name, without regard to case but in what users named; InvalidValueError for none."""
    found = _FIXED[kind].get(name.lower())
    if found is not None:
        return found
    head, _, rest = name.partition(".")
    make = _OPEN[kind].get(head.lower())
    if make is None or not rest:
        raise InvalidValueError(f"{kind}s have no property {name!r} to search by.")
    return make(rest)


# Items of lists


@dataclass(frozen=True, slots=True)
class Items:
    """A list's items: the table that they are in, whose they are, and how each of their properties compares."""

    of: Column
    owner: Column
    where: Condition
    properties: Mapping[str, AnyOf]


_g: Final = s.tags.c
_x: Final = s.series.c


def _tags(of: Column) -> Items:
    compares: dict[str, AnyOf] = {
        "key": partial(conditions.text, _g.key),
        "value": partial(conditions.text, func.coalesce(_g.value, "")),
    }
    return Items(of, _g.node_id, _g.removed == 0, compares)


def _trial_of(op: Operator, value: str) -> Condition:
    return _m.trial_id.in_(_named(NodeKind.TRIAL, op, value))


def _experiment_of(op: Operator, value: str) -> Condition:
    trials = select(s.trials.c.id).where(s.trials.c.experiment_id.in_(_named(NodeKind.EXPERIMENT, op, value)))
    return _m.trial_id.in_(trials)


_METRIC_ITEMS: Final[Mapping[str, AnyOf]] = {
    "metricname": partial(conditions.text, _x.name),
    **{name: partial(conditions.number, column) for name, column in _STATS.items()},
}
_ITEMS: Final[Mapping[NodeKind, Mapping[str, Items]]] = {
    NodeKind.EXPERIMENT: {"tags": _tags(s.experiments.c.id)},
    NodeKind.TRIAL: {"tags": _tags(s.trials.c.id)},
    NodeKind.COMPONENT: {
        "tags": _tags(_t.id),
        "metrics": Items(_t.id, _x.component_id, _x.count > 0, _METRIC_ITEMS),
        "parents": Items(
            _t.id,
            _m.component_id,
            _m.trial_id.is_not(None),
            {"trialname": _trial_of, "experimentname": _experiment_of},
        ),
    },
}


def item_condition(kind: NodeKind, name: str, filters: Sequence[tuple[str, Operator, str | None]]) -> Condition:
    """Whether one item of a list is as all filters say; InvalidValueError for what is no list."""
    items = _ITEMS[kind].get(name.lower())
    if items is None:
        raise InvalidValueError(f"{kind}s have no list {name!r} to search in.")
    inside = (_item(items, name, each, op, value) for each, op, value in filters)
    return exists().where(items.owner == items.of, items.where, *inside)


def _item(items: Items, name: str, each: str, op: Operator, value: str | None) -> ColumnElement[bool]:
    compare = items.properties.get(each.lower().removeprefix(f"{name.lower()}."))
    if compare is None:
        raise InvalidValueError(f"Items of {name} have no property {each!r}.")
    if value is None:
        raise InvalidValueError(f"{op} cannot be asked of an item's property without a value.")
    return not_(compare(Operator.EQUALS, value)) if op is Operator.NOT_EQUALS else compare(op, value)
