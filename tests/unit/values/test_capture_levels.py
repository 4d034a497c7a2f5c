"""How much is recorded is the user's choice; other packages may describe their own types."""

import subprocess
import sys
import types
from importlib.metadata import EntryPoint

import numpy as np
import pytest

from plugin_core.capture.values import DescribedArtifact, Description, registry
from plugin_core.model.lineage import ArtifactType

MIXED = {"n": 1, "password": "canary-5ecret", "data": np.arange(3), "text": "x" * 5_000}


def test_off_records_nothing(described) -> None:
    assert described(5, level="off") == Description()
    assert described(MIXED, level="off") == Description()


def test_params_records_scalars_only(described) -> None:
    found = described(MIXED, level="params")

    assert found.parameters == {"x.n": 1, "x.password": "[redacted]"}
    assert found.artifacts == ()
    assert described([object()] * 3, level="params") == Description()


def test_meta_records_no_bytes(described) -> None:
    found = described(MIXED, level="meta")

    assert [(a.name, a.payload) for a in found.artifacts] == [("x.data", None), ("x.text", None)]
    assert all(a.identity for a in found.artifacts)


def test_what_is_larger_than_the_limit_is_not_stored(artifact) -> None:
    assert artifact(np.zeros(100), max_bytes=799).payload is None
    assert artifact(np.zeros(100), max_bytes=800).payload is not None


@pytest.fixture
def plugin(monkeypatch):
    """A library ``gadgets`` with a class of its own, and a package that describes it."""

    class Gadget:
        __module__ = "gadgets.core"

    def describe_gadget(name, value, context):
        properties = {**context.type_of(value), "preview": context.text("a gadget")}
        return Description(artifacts=(DescribedArtifact(name=name, type=ArtifactType.VALUE, properties=properties),))

    module = types.ModuleType("gadgets_for_flowtrail")
    module.describe_gadget = describe_gadget
    monkeypatch.setitem(sys.modules, "gadgets_for_flowtrail", module)

    def register(value: str) -> type:
        entry = EntryPoint(name="gadgets", value=value, group=registry.ENTRY_POINT_GROUP)
        monkeypatch.setattr(registry, "_registered", {"gadgets": entry})
        return Gadget

    return register


def test_a_registered_handler_describes_its_packages_types(artifact, plugin) -> None:
    gadget = plugin("gadgets_for_flowtrail:describe_gadget")

    assert artifact(gadget()).properties["preview"] == "a gadget"


def test_a_handler_that_does_not_load_costs_only_its_description(artifact, plugin) -> None:
    gadget = plugin("gadgets_for_flowtrail:missing")

    assert artifact(gadget()).properties == {"type": "gadgets.core.plugin.<locals>.Gadget"}


def test_describing_scalars_imports_no_library() -> None:
    code = (
        "import sys\nfrom plugin_core.capture.values import Limits, describe\n"
        "from plugin_core.redaction import Redactor\n"
        "describe('x', {'a': [1, 'b'], 'c': object()}, limits=Limits(), redactor=Redactor())\n"
        "print(sorted({'numpy', 'pandas', 'sklearn', 'pydantic', 'prefect', 'pyarrow', 'polars'} & set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
