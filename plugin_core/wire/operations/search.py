"""Search over experiments, trials, trial components and training jobs, and what can be searched for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from plugin_core.model.components import Component
from plugin_core.model.experiments import Experiment, Trial
from plugin_core.model.lineage import NodeKind
from plugin_core.model.queries import (
    BooleanOperator,
    ComponentSearch,
    ExperimentSearch,
    Filter,
    NestedFilters,
    Operator,
    Page,
    Search,
    SearchExpression,
    TrialSearch,
)
from plugin_core.wire import entities
from plugin_core.wire.caller import Permission
from plugin_core.wire.faults import invalid
from plugin_core.wire.operations import paging
from plugin_core.wire.operations.components import in_full
from plugin_core.wire.operations.job_search import PROPERTIES, job_search, jobs_found
from plugin_core.wire.registry import Answer, operation
from plugin_core.wire.request import Request

T = TypeVar("T")

_PAGE: Final = 100
_DEEPEST: Final = 20
_NAMED: Final = ("DisplayName", "CreationTime", "LastModifiedTime", "CreatedBy", "LastModifiedBy", "Tags")
_PROPERTIES: Final[Mapping[str, tuple[str, ...]]] = {
    "Experiment": ("ExperimentName", "ExperimentArn", "Description", *_NAMED),
    "ExperimentTrial": ("TrialName", "TrialArn", "ExperimentName", *_NAMED),
    "ExperimentTrialComponent": (
        "TrialComponentName",
        "TrialComponentArn",
        "Status.PrimaryStatus",
        "Status.Message",
        "StartTime",
        "EndTime",
        "Source.SourceArn",
        "Parents.ExperimentName",
        "Parents.TrialName",
        "Parameters",
        "Metrics",
        "InputArtifacts",
        "OutputArtifacts",
        *_NAMED,
    ),
    "TrainingJob": PROPERTIES,
}


@operation(Permission.READ)
def search(request: Request) -> Answer:
    """What an expression finds of one kind; of kinds that this record does not hold, nothing."""
    match request.members["Resource"]:
        case "Experiment":
            return _found(request, ExperimentSearch, _experiments)
        case "ExperimentTrial":
            return _found(request, TrialSearch, _trials)
        case "ExperimentTrialComponent":
            return _found(request, ComponentSearch, _components)
        case "TrainingJob":
            return _found(request, job_search, jobs_found)
        case _:
            return {"Results": [], "TotalHits": {"Value": 0, "Relation": "EqualTo"}}


@operation(Permission.READ)
def get_search_suggestions(request: Request) -> Answer:
    """Properties whose names begin as the hint does."""
    query = request.members.get("SuggestionQuery", {}).get("PropertyNameQuery", {})
    hint = query.get("PropertyNameHint", "").casefold()
    known = _PROPERTIES.get(request.members["Resource"], ())
    return {"PropertyNameSuggestions": [{"PropertyName": p} for p in known if p.casefold().startswith(hint)]}


def _found(
    request: Request, make: Callable[..., Search[T]], show: Callable[[Request, tuple[T, ...]], list[Answer]]
) -> Answer:
    given = request.members
    page: Page[T] = request.store.search(
        make(
            expression=_expression(given.get("SearchExpression", {}), 1),
            sort_by=given.get("SortBy", "LastModifiedTime"),
            descending=given.get("SortOrder", "Descending") == "Descending",
            limit=given.get("MaxResults", _PAGE),
            after=paging.begin(request),
        )
    )
    shown = iter(show(request, page.items))
    answer = paging.answer(request, "Results", page, lambda _: next(shown))
    return {**answer, "TotalHits": {"Value": page.total or 0, "Relation": "EqualTo"}}


def _expression(given: Mapping[str, Any], depth: int) -> SearchExpression:
    if depth > _DEEPEST:
        raise invalid(f"A search expression may have {_DEEPEST} levels.")
    return SearchExpression(
        filters=tuple(_filter(each) for each in given.get("Filters", ())),
        nested=tuple(_nested(each) for each in given.get("NestedFilters", ())),
        sub_expressions=tuple(_expression(each, depth + 1) for each in given.get("SubExpressions", ())),
        operator=BooleanOperator(given.get("Operator", BooleanOperator.AND)),
    )


def _filter(given: Mapping[str, Any]) -> Filter:
    """Without an operator it compares, or asks whether there is such a property if it has no value either."""
    value = given.get("Value")
    default = Operator.EXISTS if value is None else Operator.EQUALS
    return Filter(property=given["Name"], operator=Operator(given.get("Operator", default)), value=value)


def _nested(given: Mapping[str, Any]) -> NestedFilters:
    return NestedFilters(
        property=given["NestedPropertyName"], filters=tuple(_filter(each) for each in given["Filters"])
    )


def _experiments(_: Request, found: tuple[Experiment, ...]) -> list[Answer]:
    return [{"Experiment": {**entities.experiment(each), "Tags": entities.tag_list(each.tags)}} for each in found]


def _trials(request: Request, found: tuple[Trial, ...]) -> list[Answer]:
    members = request.store.members([each.name for each in found])
    return [{"Trial": _trial(each, members[each.name])} for each in found]


def _trial(found: Trial, members: list[Component]) -> Answer:
    return {
        **entities.trial(found),
        "Tags": entities.tag_list(found.tags),
        "TrialComponentSummaries": [_member(each) for each in members],
    }


def _member(found: Component) -> Answer:
    return entities.described(
        TrialComponentName=found.name,
        TrialComponentArn=entities.arn_of(NodeKind.COMPONENT, found.name),
        TrialComponentSource=entities.source(found),
        CreationTime=found.created_at,
        CreatedBy=entities.user(found.provenance.created_by),
    )


def _components(request: Request, found: tuple[Component, ...]) -> list[Answer]:
    ids = [each.id for each in found]
    tags, parents = request.store.tags(ids), request.store.parents(ids)
    shown = zip(found, in_full(request, list(found)), strict=True)
    return [
        {
            "TrialComponent": {
                **members,
                "Tags": entities.tag_list(tags[each.id]),
                "Parents": [{"TrialName": t, "ExperimentName": e} for t, e in parents[each.id].items()],
            }
        }
        for each, members in shown
    ]
