"""Scalars: values that are parameters by themselves. Read through the base type's own methods."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import fractions
import types
import uuid
from collections.abc import Callable, Mapping
from typing import Any, Final, cast

from plugin_core.capture.values.context import printable
from plugin_core.capture.values.inspection import (
    class_name,
    instance_dict,
    is_a,
    is_from,
    mro_of,
    public,
    short_name,
    type_name,
)
from plugin_core.model.metrics import Json

_MAX_BITS: Final = 8_192  # past about 14,000 Python refuses to print in decimal
_MAX_HEX: Final = 1_024
_LONG: Final = 8_192

Convert = Callable[[Any], Json]


def _int(value: int) -> Json:
    plain = int.__int__(value)
    bits = int.bit_length(plain)
    if bits <= _MAX_BITS:
        return plain
    text = hex(plain)
    return text if len(text) <= _MAX_HEX else f"{text[:_MAX_HEX]}… ({bits} bits)"


def _str(value: str) -> Json:
    """A text; a long one is made printable where a part of it is shown, since looking through it takes time."""
    plain = str.__str__(value)
    return printable(plain) if len(plain) <= _LONG else plain


def _enum(value: enum.Enum) -> Json:
    """A member's value if that is text, else its name."""
    raw = instance_dict(value)
    own, name = raw.get("_value_"), raw.get("_name_")
    chosen = own if type(own) is str else name
    return chosen if type(chosen) is str else type_name(value)


def _callable(value: Any) -> Json:
    module = value.__module__ if type(value) is types.FunctionType else value.__self__.__class__.__module__
    return f"{module}.{value.__qualname__}" if type(module) is str else str.__str__(value.__qualname__)


def _builtin(value: types.BuiltinFunctionType) -> Json:
    module = cast("object", value.__module__)
    return value.__qualname__ if type(module) is not str or module == "builtins" else f"{module}.{value.__qualname__}"


def _method(value: types.MethodType) -> Json:
    function = value.__func__
    return _callable(function) if type(function) is types.FunctionType else "method"


def _numpy(value: Any) -> Json:
    generic = public("numpy.generic")
    plain = generic.item(value)
    if type(plain) is type(value):  # longdouble has no Python type
        return float(plain)
    convert = converter(type(plain))
    return type_name(value) if convert is None else convert(plain)


_CONVERTERS: Final[tuple[tuple[type, Convert], ...]] = (
    (bool, lambda value: value),
    (enum.Enum, _enum),
    (int, _int),
    (float, float.__float__),
    (str, _str),
    (complex, lambda value: str(complex.__complex__(value))),
    (decimal.Decimal, decimal.Decimal.__str__),
    (fractions.Fraction, fractions.Fraction.__str__),
    (dt.datetime, dt.datetime.isoformat),
    (dt.date, dt.date.isoformat),
    (dt.time, dt.time.isoformat),
    (dt.timedelta, dt.timedelta.__str__),
    (uuid.UUID, uuid.UUID.__str__),
)
_EXACT: Final[Mapping[type, Convert]] = {
    type(None): lambda value: value,
    bool: lambda value: value,
    int: _int,
    float: lambda value: value,
    str: _str,
    range: range.__repr__,
    type(Ellipsis): lambda _: "...",
    types.FunctionType: _callable,
    types.BuiltinFunctionType: _builtin,
    types.MethodType: _method,
    type: class_name,
}
_CACHED: Final = 4_096
_known: dict[int, tuple[type, Convert | None]] = {}  # by id, holding the class: a metaclass's hash is never called


def converter(cls: type) -> Convert | None:
    """What turns a value of this type into JSON; None if the type is no scalar."""
    known = _known.get(id(cls))
    if known is not None and known[0] is cls:
        return known[1]
    found = _find(cls)
    if len(_known) >= _CACHED:
        _known.clear()
    _known[id(cls)] = (cls, found)
    return found


def _find(cls: type) -> Convert | None:
    for exact, convert in _EXACT.items():
        if exact is cls:
            return convert
    if short_name(cls) in {"NaTType", "NAType"} and is_from(cls, "pandas", short_name(cls)):
        return lambda _: None
    for base, convert in _CONVERTERS:
        if is_a(cls, base):
            return convert
    if is_a(cls, type):
        return class_name
    generic = public("numpy.generic")
    if generic is not None and any(parent is generic for parent in mro_of(cls)):
        void = public("numpy.void")
        return None if is_a(cls, void) else _numpy
    return None
