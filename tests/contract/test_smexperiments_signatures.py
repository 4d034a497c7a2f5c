"""The dialect's classes take what smexperiments' take: same methods, parameters, defaults and attributes.

``tests/data/smexperiments_signatures.json`` holds those of the last release of the client, 0.1.45.
"""

import enum
import importlib
import inspect
import json
from pathlib import Path

import pytest

DIALECT = "plugin_core.dialects.smexperiments"
SIGNATURES = json.loads((Path(__file__).parents[1] / "data" / "smexperiments_signatures.json").read_text())
HOMES = {"_base_types": "records"}  # a private module of the client's has another name here

METHODS = [
    (path, method, parameters)
    for path, described in SIGNATURES.items()
    for method, parameters in described["methods"].items()
]


def ours(path):
    module, _, name = path.partition(".")
    return getattr(importlib.import_module(f"{DIALECT}.{HOMES.get(module, module)}"), name)


def shown(parameter):
    prefix = {parameter.VAR_KEYWORD: "**", parameter.VAR_POSITIONAL: "*"}.get(parameter.kind, "")
    if parameter.default is parameter.empty:
        return prefix + parameter.name
    default = parameter.default
    return f"{parameter.name}={default if isinstance(default, enum.Enum) else repr(default)}"


@pytest.mark.parametrize(("path", "method", "expected"), METHODS, ids=lambda value: str(value)[:60])
def test_a_method_takes_what_the_clients_takes(path, method, expected):
    found = inspect.getattr_static(ours(path), method)
    function = getattr(found, "__func__", found)
    parameters = [shown(p) for p in inspect.signature(function).parameters.values() if p.name not in {"self", "cls"}]

    assert parameters == expected


@pytest.mark.parametrize("path", SIGNATURES)
def test_a_class_has_the_attributes_and_class_methods_of_the_clients(path):
    described, cls = SIGNATURES[path], ours(path)

    for attribute, value in described["attributes"].items():
        held = getattr(cls, attribute)
        assert repr(held.value if isinstance(held, enum.Enum) else held) == value
    for method in described["classmethods"]:
        assert isinstance(inspect.getattr_static(cls, method), classmethod)
