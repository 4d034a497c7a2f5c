"""Containers and objects with fields, read without calling a method of theirs."""

from __future__ import annotations

import argparse
import types
from collections import deque
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, Final, Literal, TypeAlias, cast

from plugin_core.capture.values.inspection import (
    class_attribute,
    instance_dict,
    is_a,
    is_from,
    slot_values,
)

Shape: TypeAlias = Literal["mapping", "fields", "sequence"]

_SEQUENCES: Final[tuple[type, ...]] = (list, tuple, set, frozenset, deque)
_ITERATORS: Final[tuple[tuple[type, Callable[[Any], Iterator[Any]], Callable[[Any], int]], ...]] = tuple(
    (cls, cls.__iter__, cls.__len__) for cls in (list, tuple, set, frozenset, deque)
)
_CACHED: Final = 4_096
_known: dict[int, tuple[type, Shape | None]] = {}


def shape_of(cls: type) -> Shape | None:
    """How values of a class are looked into: by key, by field, by position, or not at all."""
    known = _known.get(id(cls))
    if known is not None and known[0] is cls:
        return known[1]
    found = _find(cls)
    if len(_known) >= _CACHED:
        _known.clear()
    _known[id(cls)] = (cls, found)
    return found


def _find(cls: type) -> Shape | None:
    if is_a(cls, dict):
        return "mapping"
    if _is_named_tuple(cls) or _has_fields(cls):
        return "fields"
    return "sequence" if is_a(cls, *_SEQUENCES) else None


def _is_named_tuple(cls: type) -> bool:
    return is_a(cls, tuple) and type(class_attribute(cls, "_fields")) is tuple


def _has_fields(cls: type) -> bool:
    return (
        type(class_attribute(cls, "__dataclass_fields__")) is dict
        or is_from(cls, "pydantic", "BaseModel")
        or class_attribute(cls, "__attrs_attrs__") is not None
        or is_a(cls, types.SimpleNamespace, argparse.Namespace)
    )


def length(value: Any) -> int:
    """The number of entries of a value that has a shape; its own ``__len__`` is not asked."""
    cls = type(value)
    if is_a(cls, dict):
        return dict.__len__(value)
    for base, _, count in _ITERATORS:
        if is_a(cls, base):
            return count(value)
    return sum(1 for _ in fields(value))


def entries(value: Any, most: int) -> list[tuple[Any, Any]]:
    """The first keys and values of a mapping, or names and values of fields."""
    pairs = dict.items(value).__iter__() if is_a(type(value), dict) else fields(value)
    return list(islice(pairs, most))


def elements(value: Any, most: int) -> list[Any]:
    """The first elements of a sequence or set."""
    cls = type(value)
    iterate = next(iterate for base, iterate, _ in _ITERATORS if is_a(cls, base))
    return list(islice(iterate(value), most))


def fields(value: Any) -> Iterator[tuple[str, Any]]:
    """Names and values of a named tuple, dataclass, pydantic or attrs object, as they stand in its own storage."""
    cls = type(value)
    if is_a(cls, tuple):
        names = class_attribute(cls, "_fields")
        return zip((name for name in names if type(name) is str), tuple.__iter__(value), strict=False)
    stored = instance_dict(value)
    declared = class_attribute(cls, "__dataclass_fields__")
    if type(declared) is dict:
        slots = stored if stored.keys() >= declared.keys() else {**stored, **dict(slot_values(value))}
        return iter([(name, slots[name]) for name in cast("dict[str, Any]", declared) if name in slots])
    if class_attribute(cls, "__attrs_attrs__") is not None:
        stored = {**stored, **dict(slot_values(value))}
    return ((name, item) for name, item in {**_model_extra(value), **stored}.items() if type(name) is str)


def _model_extra(value: Any) -> dict[str, Any]:
    """What a pydantic model was given beyond its fields."""
    member = class_attribute(type(value), "__pydantic_extra__")
    if type(member) is not types.MemberDescriptorType or not is_from(type(value), "pydantic", "BaseModel"):
        return {}
    try:
        extra = member.__get__(value)
    except AttributeError:
        return {}
    return extra if type(extra) is dict else {}
