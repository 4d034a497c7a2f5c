"""SageMaker's Search: all of a kind that an expression finds, with all that is known of each, a hundred in a call.

Searches of AWS see what was written some seconds ago; Describe and List see what was written now.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from plugin_core.errors import InvalidValueError
from plugin_core.model.lineage import NodeKind
from plugin_core.model.queries import ComponentQuery, Filter, NestedFilters, Search, SearchExpression
from plugin_core.stores.aws import nodes, texts
from plugin_core.stores.aws.calls import Calls
from plugin_core.stores.aws.fetching import Fetching
from plugin_core.stores.aws.image import MARK
from plugin_core.stores.aws.state import ComponentState, word_of

RESOURCES: Final[Mapping[NodeKind, tuple[str, str]]] = {
    NodeKind.EXPERIMENT: ("Experiment", "Experiment"),
    NodeKind.TRIAL: ("ExperimentTrial", "Trial"),
    NodeKind.COMPONENT: ("ExperimentTrialComponent", "TrialComponent"),
}
Found = tuple[list[ComponentState], str | None, int]

_VALUE_MAX: Final = 1024
_VALUES_A_FILTER: Final = 8  # names of 120 characters
_MOST_FILTERS: Final = 20
_TAGS: Final = "tags."


class Searching:
    """Searches. ``states`` of components know their parents."""

    def __init__(self, calls: Calls, fetching: Fetching) -> None:
        self._calls = calls
        self._fetching = fetching

    def all(self, kind: NodeKind, expression: Mapping[str, Any] | None = None) -> Iterator[dict[str, Any]]:
        """What describes each thing that is found, as AWS has it, oldest first."""
        resource, member = RESOURCES[kind]
        results = self._calls.pages(
            "search",
            "Results",
            Resource=resource,
            SearchExpression=expression,
            SortBy="CreationTime",
            SortOrder="Ascending",
        )
        for result in results:
            yield result[member]

    def nodes(self, kind: NodeKind, expression: Mapping[str, Any] | None = None) -> Iterator[nodes.NodeState]:
        """Experiments or trials."""
        for found in self.all(kind, expression):
            yield nodes.state_from(kind, found, found.get("Tags") or ())

    def components(self, expression: Mapping[str, Any] | None = None) -> Iterator[ComponentState]:
        """Components."""
        for found in self.all(NodeKind.COMPONENT, expression):
            yield self._fetching.read(found, found.get("Tags") or [])[0]

    def named(self, names: Sequence[str]) -> Iterator[ComponentState]:
        """Components by their names: a search for each 160 of them."""
        for some in _parts(names, _VALUES_A_FILTER * _MOST_FILTERS):
            filters = [equal("TrialComponentName", *part) for part in _parts(some, _VALUES_A_FILTER)]
            yield from self.components({"Filters": filters, "Operator": "Or"})

    def page(self, kind: NodeKind, search: Search[Any]) -> tuple[list[dict[str, Any]], str | None, int]:
        """One page of a search, the token of the next, and how many there are."""
        resource, member = RESOURCES[kind]
        token = search.after[0] if search.after else None
        if token is not None and not isinstance(token, str):
            raise InvalidValueError("The search does not go on there.")
        found: list[dict[str, Any]] = []
        while True:
            left = 100 if search.limit is None else min(100, search.limit - len(found))
            answer = self._calls(
                "search",
                Resource=resource,
                SearchExpression=expression_of(search.expression) or None,
                SortBy=_property(search.sort_by),
                SortOrder="Descending" if search.descending else "Ascending",
                MaxResults=left,
                NextToken=token,
            )
            found += [result[member] for result in answer["Results"]]
            token = answer.get("NextToken") or None
            if token is None or (search.limit is not None and len(found) >= search.limit):
                return found, token, int(answer.get("TotalHits", {}).get("Value", len(found)))


def _parts(names: Sequence[str], most: int) -> Iterator[Sequence[str]]:
    for first in range(0, len(names), most):
        yield names[first : first + most]


def equal(name: str, *values: str) -> dict[str, str]:
    """A filter for any of some values."""
    operator = "Equals" if len(values) == 1 and "," not in values[0] else "In"
    return {"Name": name, "Operator": operator, "Value": ",".join(values)}


def marked(word: str, value: str) -> dict[str, str] | None:
    """A filter for one of our marks, as it is written or in lower case; None for a value that AWS cannot look for."""
    shown = dict.fromkeys((texts.quoted(value), texts.quoted(value.casefold())))
    if any("," in each or not 1 <= len(each) <= texts.TAG_VALUE_MAX for each in shown):
        return None
    return equal(f"Tags.{MARK}{word}", *shown)


def narrowed(query: ComponentQuery) -> dict[str, Any] | None:
    """What of a query AWS is asked to look for: never less than it means. None for everything."""
    filters: list[dict[str, str] | None] = []
    either: list[dict[str, Any]] = []
    if query.experiment is not None:
        at_home = marked("experiment", query.experiment)
        either.append(_any([equal("Parents.ExperimentName", query.experiment), at_home]))
    if query.trial is not None:
        filters.append(equal("Parents.TrialName", query.trial))
    words = {
        "system": query.orchestrator_system,
        "execution": query.execution_id,
        "step": query.step_id,
        "parent": query.parent,
        "root": query.root,
    }
    filters += [marked(word, value) for word, value in words.items() if value is not None]
    if query.statuses:
        filters.append(equal("Status.PrimaryStatus", *sorted({word_of(status) for status in query.statuses})))
    if len(query.kinds) == 1 and query.kinds[0] != "script":
        filters.append(marked("kind", query.kinds[0]))
    if query.tag is not None:
        key, value = texts.quoted(query.tag[0]), texts.tag_value(query.tag[1])
        if value and "," not in value and texts.fits_tag(key, value):
            filters.append({"Name": f"Tags.{key}", "Operator": "Equals", "Value": value})
    kept = [each for each in filters if each is not None]
    expression: dict[str, Any] = {"Filters": kept} if kept else {}
    if either:
        expression["SubExpressions"] = either
    return expression | {"Operator": "And"} if expression else None


def _any(filters: Iterable[dict[str, str] | None]) -> dict[str, Any]:
    return {"Filters": [each for each in filters if each is not None], "Operator": "Or"}


def expression_of(expression: SearchExpression) -> dict[str, Any]:
    """An expression as the API has it, with tags in the form in which they are kept. Empty for everything."""
    if _is_too_deep(expression):
        raise InvalidValueError("The search expression has too many levels.")
    parts: dict[str, Any] = {
        "Filters": [_filter(each) for each in expression.filters],
        "NestedFilters": [_nested(each) for each in expression.nested],
        "SubExpressions": [expression_of(each) for each in expression.sub_expressions],
    }
    given = {name: part for name, part in parts.items() if part}
    return {**given, "Operator": expression.operator.value} if given else {}


def _is_too_deep(expression: SearchExpression) -> bool:
    level: Sequence[SearchExpression] = (expression,)
    for _ in range(_MOST_FILTERS + 1):
        level = [part for each in level for part in each.sub_expressions]
        if not level:
            return False
    return True


def _filter(given: Filter) -> dict[str, str]:
    shown = {"Name": _property(given.property), "Operator": given.operator.value}
    if given.value is not None:
        is_of_tag = given.property.lower().startswith(_TAGS) and "," not in given.value
        shown["Value"] = texts.quoted(given.value) if is_of_tag else given.value
    return shown


def _property(name: str) -> str:
    if name.lower().startswith(_TAGS) and len(name) > len(_TAGS):
        return name[: len(_TAGS)] + texts.quoted(name[len(_TAGS) :])
    return name


def _nested(given: NestedFilters) -> dict[str, Any]:
    return {"NestedPropertyName": given.property, "Filters": [_filter(each) for each in given.filters]}
