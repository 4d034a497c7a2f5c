"""Tables of values: from a mapping of lists, or from a data frame (pandas is not needed to read one)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from plugin_core.errors import InvalidValueError
from plugin_core.model.evaluations import Table
from plugin_core.tracking.values import to_json

_TYPES: Final = (
    ("datetime", "datetime"),
    ("float", "number"),
    ("int", "number"),
    ("uint", "number"),
    ("bool", "boolean"),
)


def table_of(title: str, values: Mapping[str, list[Any]] | None, data_frame: Any) -> Table:
    """A table out of one of the two; InvalidValueError for both, for none and for columns that are no lists."""
    if (values is None) == (data_frame is None):
        given = "Both" if values is not None else "None"
        raise InvalidValueError(f"{given} of values and data_frame were given.", hint="Give one of them.")
    return _of_frame(title, data_frame) if values is None else _of_lists(title, values)


def _of_lists(title: str, values: Mapping[str, list[Any]]) -> Table:
    for name, column in values.items():
        if not isinstance(column, list):
            raise InvalidValueError(
                f"Column {name!r} must be a list, not {type(column).__name__}.", hint='For example: {"x": [1, 2, 3]}.'
            )
    fields = tuple((str(name), "string") for name in values)
    return Table(title=title, fields=fields, columns={str(name): _cells(column) for name, column in values.items()})


def _of_frame(title: str, frame: Any) -> Table:
    fields = tuple((str(name), _type_of(frame.dtypes[name])) for name in frame)
    return Table(title=title, fields=fields, columns={str(name): _cells(frame[name].tolist()) for name in frame})


def _cells(column: list[Any]) -> list[Any]:
    return [to_json(value) for value in column]


def _type_of(dtype: object) -> str:
    text = str(dtype).lower()
    return next((kind for beginning, kind in _TYPES if text.startswith(beginning)), "string")
