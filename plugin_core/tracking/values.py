"""What users log becomes JSON here: kept with its type where JSON has one, else as its text."""

from __future__ import annotations

import datetime as dt
import logging
import numbers
import os
from pathlib import Path
from typing import Any, Final, cast

from plugin_core.errors import InvalidValueError
from plugin_core.model.metrics import Json

_log = logging.getLogger("flowtrail")
_MAX_DEPTH: Final = 20
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICRO: Final = dt.timedelta(microseconds=1)
_PLAIN: Final = frozenset({bool, int, float, str, type(None)})


def to_json(value: object, *, depth: int = 0) -> Json:  # noqa: PLR0911 - one return for each kind of value
    """A parameter's value as JSON; a number type of another library as its Python number, the rest as ``str()``."""
    if type(value) in _PLAIN:
        return cast("Json", value)
    if isinstance(value, str):
        return str.__str__(value)
    if depth < _MAX_DEPTH:
        if isinstance(value, dict):
            return {str(k): to_json(v, depth=depth + 1) for k, v in dict.items(value)}
        if isinstance(value, list | tuple):
            return [to_json(v, depth=depth + 1) for v in cast("list[Any]", value)]
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        return float(value)
    return str(value)


def to_float(name: str, value: object) -> float:
    """A metric's value as a double; InvalidValueError for what is no number."""
    try:
        return float(cast("Any", value))
    except OverflowError:
        return float("inf") if cast("int", value) > 0 else float("-inf")
    except (TypeError, ValueError) as error:
        raise InvalidValueError(
            f"The value of metric {name!r} must be a number, not {type(value).__name__}.",
            hint="Log text with log_parameter.",
        ) from error


def to_step(step: object) -> int | None:
    """A metric's step: None, or an int of 0 or more (numpy's integers too); InvalidValueError."""
    if step is None:
        return None
    if isinstance(step, bool) or not hasattr(step, "__index__"):
        raise InvalidValueError(f"step must be int. It is {type(step).__name__}.")
    number = cast("Any", step).__index__()
    if not 0 <= number < 2**63:
        raise InvalidValueError(f"step must be an int from 0 to 2**63 - 1, not {number}.")
    return cast("int", number)


def to_micros(moment: object) -> int | None:
    """A timestamp (datetime, or seconds since the epoch) in microseconds UTC; a naive datetime is local time.

    InvalidValueError for what is no time, or none that a datetime can hold when it is read back.
    """
    if moment is None:
        return None
    if isinstance(moment, bool) or not isinstance(moment, dt.datetime | int | float):
        raise InvalidValueError(
            f"timestamp must be a datetime or seconds since the epoch, not {type(moment).__name__}."
        )
    try:
        at = moment if isinstance(moment, dt.datetime) else _EPOCH + dt.timedelta(seconds=moment)
        return (at.astimezone(dt.UTC) - _EPOCH) // _MICRO
    except (ValueError, OverflowError) as error:
        raise InvalidValueError(
            "timestamp must lie between the years 1 and 9999.",
            hint="Numbers are seconds since the epoch, not milliseconds.",
        ) from error


def to_items(parameters: object) -> list[tuple[str, object]]:
    """Names and values of parameters; InvalidValueError for what is no mapping. A column of pandas is like one."""
    items = None if isinstance(parameters, type) else getattr(parameters, "items", None)
    if not callable(items):
        raise InvalidValueError(
            f"parameters must be a mapping of names to values, not {type(parameters).__name__}.",
            hint="Pass a dict, of a namespace vars(namespace), or log a single value with log_parameter.",
        )
    return list(cast("Any", items)())


def to_text(kind: str, text: object) -> str | None:
    """An optional text, such as a media type; InvalidValueError for what is none."""
    if text is None or isinstance(text, str):
        return text
    raise InvalidValueError(f"The {kind} must be a str, not {type(text).__name__}.", hint="Leave it out, or pass text.")


def to_path(kind: str, path: object) -> Path:
    """A path; InvalidValueError for what is none."""
    if isinstance(path, str | os.PathLike):
        return Path(os.fsdecode(cast("str | os.PathLike[str]", path)))
    raise InvalidValueError(f"The {kind} must be a str or Path, not {type(path).__name__}.", hint="Give a file's path.")


def to_tags(tags: object) -> dict[str, str | None]:
    """Tags from SageMaker's list of Key and Value, or from a mapping; the caller's own object is left alone."""
    if tags is None:
        return {}
    if isinstance(tags, dict):
        return {str(k): None if v is None else str(v) for k, v in tags.items()}
    try:
        listed = {tag["Key"]: tag.get("Value") for tag in cast("list[dict[str, Any]]", tags)}
    except (TypeError, KeyError, AttributeError) as error:
        raise InvalidValueError(
            "tags must be a mapping or a list of {'Key': ..., 'Value': ...}.", hint=f"They are {type(tags).__name__}."
        ) from error
    return {str(k): None if v is None else str(v) for k, v in listed.items()}
