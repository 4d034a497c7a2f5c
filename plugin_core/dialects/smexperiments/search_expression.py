"""Conditions for ``search``, built from objects."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum, unique
from typing import Any

from plugin_core.dialects.smexperiments.records import ApiObject
from plugin_core.errors import InvalidValueError


@unique
class Operator(Enum):
    """How a property is compared."""

    EQUALS = "Equals"
    NOT_EQUALS = "NotEquals"
    GREATER_THAN = "GreaterThan"
    GREATER_THAN_OR_EQUAL = "GreaterThanOrEqualTo"
    LESS_THAN = "LessThan"
    LESS_THAN_OR_EQUAL = "LessThanOrEqualTo"
    CONTAINS = "Contains"
    EXISTS = "Exists"
    NOT_EXISTS = "NotExists"


@unique
class BooleanOperator(Enum):
    """How conditions are joined."""

    AND = "And"
    OR = "Or"


class SearchObject(ApiObject):
    """A part of a search expression."""

    def to_boto(self) -> dict[str, Any]:  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]
        """The members that Search takes."""
        return ApiObject.to_boto(self)


class Filter(SearchObject):
    """A property compared with a value. A property is a member's name, ``Parameters.<name>``, ``Tags.<key>``,
    ``Metrics.<name>.<Max|Min|Avg|Last|Count|StdDev>``, ``Parents.TrialName`` or ``Parents.ExperimentName``.
    """

    name: str | None = None
    operator: str | None = None
    value: str | None = None

    def __init__(self, name: str, operator: Operator | None = None, value: str | None = None) -> None:
        super().__init__(name=name, operator=None if operator is None else operator.value, value=value)


class NestedFilter(SearchObject):
    """Conditions that one element of a list-valued property meets all at once."""

    nested_property_name: str | None = None
    filters: list[dict[str, Any]] | None = None

    def __init__(self, property_name: str, filters: Iterable[Filter]) -> None:
        super().__init__(nested_property_name=property_name, filters=[each.to_boto() for each in filters])


class SearchExpression(SearchObject):
    """Conditions joined by And or Or; at least one of the three kinds is given (else a ValueError)."""

    filters: list[dict[str, Any]] | None = None
    nested_filters: list[dict[str, Any]] | None = None
    operator: str | None = None
    sub_expressions: list[dict[str, Any]] | None = None

    def __init__(
        self,
        filters: Iterable[Filter] | None = None,
        nested_filters: Iterable[NestedFilter] | None = None,
        sub_expressions: Iterable[SearchExpression] | None = None,
        boolean_operator: BooleanOperator = BooleanOperator.AND,
    ) -> None:
        if filters is None and nested_filters is None and sub_expressions is None:
            raise InvalidValueError(
                "A search expression has no condition.", hint="Give filters, nested_filters or sub_expressions."
            )
        super().__init__(
            filters=_members(filters),
            nested_filters=_members(nested_filters),
            sub_expressions=_members(sub_expressions),
            operator=boolean_operator.value,
        )


def _members(parts: Iterable[SearchObject] | None) -> list[dict[str, Any]] | None:
    return None if parts is None else [part.to_boto() for part in parts]
