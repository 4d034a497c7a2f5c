"""Looks at objects without running their code: type slots and raw dictionaries, never attributes or methods.

A class can lie about ``__class__``, define properties, ``__getattr__`` or a metaclass; none of it is called here.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator
from typing import Any, Final, cast

mro_of: Final = type.__dict__["__mro__"].__get__
_module_of: Final = type.__dict__["__module__"].__get__
_qualname_of: Final = type.__dict__["__qualname__"].__get__
_class_dict_of: Final = type.__dict__["__dict__"].__get__


def module_name(cls: type) -> str:
    """A class's module, empty if it claims something that is not text."""
    name = _module_of(cls)
    return name if type(name) is str else ""


def class_name(cls: type) -> str:
    """``module.QualName`` of a class, without ``builtins``."""
    module, name = module_name(cls), cast("str", _qualname_of(cls))
    return name[:256] if module in {"", "builtins"} else f"{module[:256]}.{name[:256]}"


def short_name(cls: type) -> str:
    """The class's own name."""
    return cast("str", _qualname_of(cls))


def type_name(value: object) -> str:
    """``module.QualName`` of a value's true type."""
    return class_name(type(value))


def is_a(cls: type, *bases: type) -> bool:
    """Whether a class derives from one of the bases; metaclasses are not asked."""
    return any(parent is base for parent in mro_of(cls) for base in bases)


def class_attribute(cls: type, name: str) -> Any:
    """A name's raw entry in the class or the nearest of its bases, unbound; None if there is none."""
    for parent in mro_of(cls):
        found = _class_dict_of(parent).get(name)
        if found is not None:
            return found
    return None


def is_from(cls: type, package: str, name: str) -> bool:
    """Whether a base of the class is called ``name`` and says it comes from ``package``."""
    prefix = package + "."
    return any(short_name(parent) == name and (module_name(parent) + ".").startswith(prefix) for parent in mro_of(cls))


def public(path: str) -> Any:
    """What a dotted path names in the modules that are loaded; None if it names nothing. Imports nothing."""
    module, _, attribute = path.rpartition(".")
    return vars(sys.modules[module]).get(attribute) if module in sys.modules else None


def instance_dict(value: object) -> dict[str, Any]:
    """An instance's own ``__dict__``, past properties of that name; empty if it has none."""
    for parent in mro_of(type(value)):
        slot = _class_dict_of(parent).get("__dict__")
        if type(slot) is types.GetSetDescriptorType or type(slot) is types.MemberDescriptorType:
            found = slot.__get__(value)
            return found if type(found) is dict else {}
    return {}


def slot_values(value: object) -> Iterator[tuple[str, Any]]:
    """What stands in an instance's ``__slots__``."""
    for parent in mro_of(type(value)):
        for name, member in _class_dict_of(parent).items():
            if type(member) is types.MemberDescriptorType and not name.startswith("__"):
                try:
                    yield name, member.__get__(value)
                except AttributeError:
                    continue
