"""A few words on any value: bounded in depth, number and length, without secrets, running no code of the value."""

from __future__ import annotations

import json
from typing import Any, Final

from plugin_core.capture.values.content import hidden_positions, named_secret
from plugin_core.capture.values.context import Context
from plugin_core.capture.values.inspection import is_a, short_name, type_name
from plugin_core.capture.values.scalars import converter
from plugin_core.capture.values.structures import elements, entries, length, shape_of
from plugin_core.model.metrics import Json
from plugin_core.redaction import REDACTED, is_secret_type, secret_strings

_ITEMS: Final = 20
_TEXT: Final = 200
_KEY: Final = 100


def brief(name: str, value: Any, context: Context, depth: int = 0) -> Json:
    """A small JSON value that stands for ``value``; what is left out is marked with ``…``."""
    cls = type(value)
    if is_secret_type(value):
        return hide(value, context)
    convert = converter(cls)
    if convert is not None:
        plain = convert(value)
        if context.redactor.hides(name, plain):
            return hide(plain, context)
        return context.text(plain, _TEXT) if type(plain) is str else plain
    shape = shape_of(cls)
    if shape is None or depth >= context.limits.depth:
        return _by_type(value)
    return _sequence(name, value, context, depth) if shape == "sequence" else _mapping(name, value, context, depth)


def preview(name: str, value: Any, context: Context) -> str:
    """``brief`` as text, at most ``limits.preview`` characters."""
    text = json.dumps(brief(name, value, context), ensure_ascii=False)
    return context.text(text)


def hide(value: object, context: Context) -> Json:
    """Remember what a secret value holds; what may be recorded of it is ``[redacted]``."""
    context.redactor.remember_all(secret_strings(value))
    return REDACTED


def key_text(key: object, position: int, context: Context) -> str:
    """A mapping's key as part of a dotted name."""
    convert = converter(type(key))
    if convert is None:
        return f"{short_name(type(key))[:_KEY]}{position}"
    plain = convert(key)
    return context.text(plain, _KEY) if type(plain) is str else str(plain)


def _by_type(value: Any) -> str:
    count = f" of {length(value)}" if shape_of(type(value)) is not None else ""
    return f"<{type_name(value)}{count}>"


def _mapping(name: str, value: Any, context: Context, depth: int) -> Json:
    pairs = entries(value, _ITEMS)
    secret = named_secret(pairs, context.redactor.is_secret_name)
    shown: dict[str, Json] = {}
    for position, (key, item) in enumerate(pairs):
        text = key_text(key, position, context)
        child = f"{name}.{text}"
        if (type(key) is str and key in secret) or is_wholly_hidden(child, item, context):
            shown[text] = hide(item, context)
        else:
            shown[text] = brief(child, item, context, depth + 1)
    if length(value) > _ITEMS:
        shown["…"] = f"{length(value) - _ITEMS} more"
    return shown


def is_wholly_hidden(name: str, value: object, context: Context) -> bool:
    """Whether a name is so secret that nothing that stands under it is looked at."""
    return value is not None and type(value) is not bool and context.redactor.hides(name, 0)


def _sequence(name: str, value: Any, context: Context, depth: int) -> Json:
    items = elements(value, _ITEMS)
    hidden = hidden_positions(items, context.redactor.is_secret_name, is_tuple=is_a(type(value), tuple))
    shown: list[Json] = [
        hide(item, context) if position in hidden else brief(name, item, context, depth + 1)
        for position, item in enumerate(items)
    ]
    return [*shown, "…"] if length(value) > _ITEMS else shown
