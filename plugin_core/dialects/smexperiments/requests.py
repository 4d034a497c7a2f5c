"""What callers ask to list and search for, as queries of a store. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from plugin_core.dialects.smexperiments.backend import EXPERIMENT, TRIAL, TRIAL_COMPONENT, Members, Resource
from plugin_core.errors import InvalidValueError
from plugin_core.model.queries import (
    EVERYTHING,
    BooleanOperator,
    ComponentQuery,
    ComponentSearch,
    ExperimentQuery,
    ExperimentSearch,
    Filter,
    Listing,
    NestedFilters,
    Operator,
    Search,
    SearchExpression,
    SortBy,
    TrialQuery,
    TrialSearch,
)

PAGE: Final = 100
_SORTS: Final = {None: SortBy.CREATED, "CreationTime": SortBy.CREATED, "Name": SortBy.NAME}
_SEARCHES: Final[dict[Resource, type[Search[Any]]]] = {
    EXPERIMENT: ExperimentSearch,
    TRIAL: TrialSearch,
    TRIAL_COMPONENT: ComponentSearch,
}
_OPERATORS: Final = {operator.value: operator for operator in Operator}
_JOINS: Final = {None: BooleanOperator.AND, "And": BooleanOperator.AND, "Or": BooleanOperator.OR}
_ORDERS: Final = {None: True, "Descending": True, "Ascending": False}


def to_listing(resource: Resource, request: Members) -> Listing[Any]:
    """The query of a list request."""
    if request.get("NextToken") is not None:
        raise InvalidValueError(
            "No listing of this record gives a next_token: it goes through all pages.", hint="Leave next_token out."
        )
    paging: dict[str, Any] = {
        "created_before": _moment(request, "CreatedBefore"),
        "created_after": _moment(request, "CreatedAfter"),
        "sort_by": _choice(_SORTS, "SortBy", request),
        "descending": _is_descending(request),
        "limit": request.get("MaxResults", PAGE),
    }
    experiment, trial, component = (request.get(f"{word}Name") for word in ("Experiment", "Trial", "TrialComponent"))
    if resource is EXPERIMENT:
        return ExperimentQuery(**paging)
    if resource is TRIAL:
        return TrialQuery(experiment=experiment, component=component, **paging)
    return ComponentQuery(experiment=experiment, trial=trial, source_arn=request.get("SourceArn"), **paging)


def to_search(resource: Resource, request: Members) -> Search[Any] | None:
    """The query of a search request; None for what this record has none of."""
    if resource not in _SEARCHES:
        return None
    given = request.get("SearchExpression")
    return _SEARCHES[resource](
        expression=EVERYTHING if given is None else _expression(given),
        sort_by=request.get("SortBy", "LastModifiedTime"),
        descending=_is_descending(request),
        limit=request.get("MaxResults", PAGE),
    )


def _expression(given: Members) -> SearchExpression:
    return SearchExpression(
        filters=tuple(map(_filter, given.get("Filters", ()))),
        nested=tuple(map(_nested, given.get("NestedFilters", ()))),
        sub_expressions=tuple(map(_expression, given.get("SubExpressions", ()))),
        operator=_choice(_JOINS, "Operator", given),
    )


def _filter(given: Members) -> Filter:
    """Without an operator it compares, or asks whether there is such a property if it has no value either."""
    value = given.get("Value")
    default = Operator.EXISTS if value is None else Operator.EQUALS
    operator: Operator = _choice({None: default, **_OPERATORS}, "Operator", given)
    return Filter(property=given["Name"], operator=operator, value=None if value is None else str(value))


def _nested(given: Members) -> NestedFilters:
    return NestedFilters(property=given["NestedPropertyName"], filters=tuple(map(_filter, given["Filters"])))


def _is_descending(request: Members) -> bool:
    """Whether the last is to come first, as it does where nothing is said."""
    return bool(_choice(_ORDERS, "SortOrder", request))


def _choice(choices: dict[Any, Any], member: str, request: Members) -> Any:
    """What one of several words stands for; InvalidValueError for another."""
    word = request.get(member)
    if word not in choices:
        known = ", ".join(each for each in choices if each is not None)
        raise InvalidValueError(f"{member} {word!r} is none of {known}.")
    return choices[word]


def _moment(request: Members, member: str) -> datetime | None:
    """A time that a caller gave, aware; a naive one is local time."""
    given = request.get(member)
    if given is not None and not isinstance(given, datetime):
        raise InvalidValueError(f"{member} must be a datetime, not {type(given).__name__}.")
    return None if given is None else given.astimezone()
