"""Compares a column with what a filter asks for: text, a number, a time, or a parameter, which may be either.

Every value is bound; wildcards in it are escaped. What the caller negates is not here.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

from sqlalchemy import ColumnElement, and_, func, or_

from plugin_core.errors import InvalidValueError
from plugin_core.model.parameters import to_text
from plugin_core.model.queries import Operator
from plugin_core.stores.local.fold import clean
from plugin_core.stores.local.listing import micros_of

Column: TypeAlias = ColumnElement[Any]
Condition: TypeAlias = ColumnElement[bool]
Compare: TypeAlias = Callable[[Column, Operator, str], Condition]

ANY_OF: Final = frozenset({Operator.EQUALS, Operator.IN})
_ORDERINGS: Final[Mapping[Operator, Callable[[Any, Any], Any]]] = {
    Operator.GREATER_THAN: operator.gt,
    Operator.GREATER_THAN_OR_EQUAL_TO: operator.ge,
    Operator.LESS_THAN: operator.lt,
    Operator.LESS_THAN_OR_EQUAL_TO: operator.le,
}
_ESCAPE: Final = "\\"


def alternatives(value: str) -> list[str]:
    """The values that one with commas means: the whole, and each part."""
    parts = [part.strip() for part in value.split(",")]
    return list(dict.fromkeys([value, *(part for part in parts if part)]))


def text(column: Column, op: Operator, value: str) -> Condition:
    """Compare text as it is; Contains without case."""
    value = clean(value)
    if op in ANY_OF:
        return column.in_(alternatives(value))
    if op is Operator.CONTAINS:
        return contains(column, value)
    return _ordered(column, op, value)


def folded(column: Column, op: Operator, value: str) -> Condition:
    """Compare text that is kept without case, such as names."""
    return text(column, op, value.casefold())


def in_lower_case(column: Column, op: Operator, value: str) -> Condition:
    """Compare text without case that is kept as written."""
    return text(func.lower(column), op, value.lower())


def contains(column: Column, part: str) -> Condition:
    """Whether a text has a part, without case as the database sees it."""
    for special in (_ESCAPE, "%", "_"):
        part = part.replace(special, _ESCAPE + special)
    return func.lower(column).like(func.lower(f"%{part}%"), escape=_ESCAPE)


def number(column: Column, op: Operator, value: str) -> Condition:
    """Compare a number; InvalidValueError for a value that is none."""
    if op in ANY_OF:
        return column.in_([_number(part) for part in value.split(",")])
    return _ordered(column, op, _number(value))


def time(column: Column, op: Operator, value: str) -> Condition:
    """Compare a column of microseconds with an ISO 8601 time, or with seconds since the epoch."""
    if op in ANY_OF:
        return column.in_([_micros(part) for part in value.split(",")])
    return _ordered(column, op, _micros(value))


def parameter(number_column: Column, text_column: Column, op: Operator, value: str) -> Condition:
    """Compare a parameter: as a number with what reads as one, else as text; it is kept as JSON."""
    if op in ANY_OF:
        return or_(*(_is_parameter(number_column, text_column, each) for each in alternatives(value)))
    if op is Operator.CONTAINS:
        return contains(text_column, to_text(value)[1:-1])
    wanted = _read_number(value)
    if wanted is not None:
        return _ordered(number_column, op, wanted)
    return and_(text_column.like('"%'), _ordered(text_column, op, to_text(value)))


def _is_parameter(number_column: Column, text_column: Column, value: str) -> Condition:
    as_text = text_column.in_([to_text(value), clean(value), clean(value).lower()])
    wanted = _read_number(value)
    return as_text if wanted is None else or_(number_column == wanted, as_text)


def _ordered(column: Column, op: Operator, value: Any) -> Condition:
    compare = _ORDERINGS.get(op)
    if compare is None:
        raise InvalidValueError(f"{op} cannot be asked of a number or a time.")
    condition: Condition = compare(column, value)
    return condition


def _read_number(value: str) -> float | None:
    try:
        found = float(value)
    except ValueError:
        return None
    return found if math.isfinite(found) else None


def _number(value: str) -> float:
    found = _read_number(value)
    if found is None:
        raise InvalidValueError(f"{value!r} is not a number.")
    return found


def _micros(value: str) -> int:
    seconds = _read_number(value)
    try:
        at = datetime.fromisoformat(value.strip()) if seconds is None else datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        raise InvalidValueError(f"{value!r} is not a time.", hint="One looks like 2026-01-31T12:00:00Z.") from None
    return micros_of(at if at.tzinfo else at.replace(tzinfo=UTC))
