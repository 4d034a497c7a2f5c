"""What callers ask to list, as queries of a store. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from plugin_core.dialects.smexperiments.backend import EXPERIMENT, TRIAL, Members, Resource
from plugin_core.errors import InvalidValueError
from plugin_core.model.queries import ComponentQuery, ExperimentQuery, Listing, SortBy, TrialQuery

PAGE: Final = 100
_SORTS: Final = {None: SortBy.CREATED, "CreationTime": SortBy.CREATED, "Name": SortBy.NAME}
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
        "sort_by": choice(_SORTS, "SortBy", request),
        "descending": is_descending(request),
        "limit": request.get("MaxResults", PAGE),
    }
    experiment, trial, component = (request.get(f"{word}Name") for word in ("Experiment", "Trial", "TrialComponent"))
    if resource is EXPERIMENT:
        return ExperimentQuery(**paging)
    if resource is TRIAL:
        return TrialQuery(experiment=experiment, component=component, **paging)
    return ComponentQuery(experiment=experiment, trial=trial, source_arn=request.get("SourceArn"), **paging)


def is_descending(request: Members) -> bool:
    """Whether the last is to come first, as it does where nothing is said."""
    return bool(choice(_ORDERS, "SortOrder", request))


def choice(choices: dict[Any, Any], member: str, request: Members) -> Any:
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
