"""Our classes take what SageMaker's take: same methods, same parameters in the same order, same defaults.

``tests/data/sagemaker_signatures.json`` holds the names and parameters of the client's release that we follow.
"""

import enum
import inspect
import json
from pathlib import Path

import pytest

import plugin_core
from plugin_core import lineage

SIGNATURES = json.loads((Path(__file__).parents[1] / "data" / "sagemaker_signatures.json").read_text())

# What asks about endpoints and jobs, which this record does not have, and what would change an artifact's facts.
ABSENT = {
    ("Artifact", "save"),
    ("DatasetArtifact", "endpoint_contexts"),
    ("ModelArtifact", "endpoint_contexts"),
    ("ModelArtifact", "endpoints"),
    ("ModelArtifact", "training_job_arns"),
}

METHODS = [
    (path.rpartition(".")[2], method, parameters)
    for path, described in SIGNATURES.items()
    for method, parameters in described["methods"].items()
    if (path.rpartition(".")[2], method) not in ABSENT
]
CLASSES = [path.rpartition(".")[2] for path in SIGNATURES if path != "functions"]


def ours(name):
    return getattr(plugin_core, name, None) or getattr(lineage, name)


def shown(parameter):
    prefix = {parameter.VAR_KEYWORD: "**", parameter.VAR_POSITIONAL: "*"}.get(parameter.kind, "")
    if parameter.default is parameter.empty:
        return prefix + parameter.name
    default = parameter.default
    return f"{parameter.name}={default if isinstance(default, enum.Enum) else repr(default)}"


@pytest.mark.parametrize(("owner", "method", "expected"), METHODS, ids=lambda value: str(value)[:40])
def test_a_method_takes_what_sagemakers_takes(owner, method, expected):
    target = ours(method) if owner == "functions" else inspect.getattr_static(ours(owner), method)
    function = getattr(target, "__func__", target)
    parameters = [shown(p) for p in inspect.signature(function).parameters.values() if p.name not in {"self", "cls"}]

    # A session is never needed here, so where theirs must be given ours may be left out.
    assert [p.replace("sagemaker_session=None", "sagemaker_session") for p in parameters] == [
        p.replace("sagemaker_session=None", "sagemaker_session") for p in expected
    ]


@pytest.mark.parametrize("name", CLASSES)
def test_a_class_has_the_attributes_and_properties_of_sagemakers(name):
    (described,) = (value for path, value in SIGNATURES.items() if path.rpartition(".")[2] == name)
    cls = ours(name)

    for attribute, value in described.get("attributes", {}).items():
        held = getattr(cls, attribute)
        assert repr(held.value if isinstance(held, enum.Enum) else held) == value
    for property_ in described.get("properties", []):
        assert isinstance(inspect.getattr_static(cls, property_), property)
    for method in described.get("classmethods", []):
        assert isinstance(inspect.getattr_static(cls, method), classmethod)


@pytest.mark.parametrize(("owner", "method"), sorted(ABSENT))
def test_what_is_left_out_is_really_absent(owner, method):
    assert not hasattr(ours(owner), method)
