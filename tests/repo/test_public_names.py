"""The public doors: what they hold, and that each name is documented."""

import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
REFERENCE = (ROOT / "docs/reference/names.md").read_text()


@pytest.mark.parametrize("package", ["plugin_core", "plugin_core.dialects.smexperiments", "prefect_integration"])
def test_every_public_name_resolves_and_has_a_docstring(package):
    module = importlib.import_module(package)

    for name in module.__all__:
        assert getattr(module, name).__doc__, f"{package}.{name}"


@pytest.mark.parametrize("package", ["plugin_core", "plugin_core.dialects.smexperiments", "prefect_integration"])
def test_every_public_name_has_its_heading_in_the_reference(package):
    headings = set(re.findall(r"^#+ `(?:\w+\.)*(\w+)", REFERENCE, re.MULTILINE))
    missing = [name for name in importlib.import_module(package).__all__ if name not in headings]

    assert missing == []


def test_dir_shows_the_public_names():
    import plugin_core

    assert set(plugin_core.__all__) <= set(dir(plugin_core))


def test_an_unknown_name_is_an_attribute_error():
    import plugin_core

    with pytest.raises(AttributeError, match="no attribute 'runn'"):
        _ = plugin_core.runn
