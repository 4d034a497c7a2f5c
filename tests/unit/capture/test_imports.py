"""Something is done to a module when it is imported, and nothing else about the import changes."""

import importlib
import subprocess
import sys

import pytest

from plugin_core.capture.imports import forget, when_imported


@pytest.fixture
def fresh(tmp_path, monkeypatch):
    """A module that nobody has imported."""
    (tmp_path / "freshly.py").write_text("value = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield "freshly"
    sys.modules.pop("freshly", None)


def test_a_module_is_changed_after_it_was_executed(fresh):
    when_imported(fresh, lambda module: setattr(module, "value", module.value + 1))
    assert importlib.import_module(fresh).value == 2


def test_a_module_that_is_there_already_is_changed_at_once():
    seen = []
    when_imported("json", seen.append)
    assert [module.__name__ for module in seen] == ["json"]


def test_finders_are_as_they_were_once_nothing_is_waited_for():
    code = """
import sys
from plugin_core.capture.imports import forget, when_imported
forget("nothing", print)
before = list(sys.meta_path)
when_imported("nothing", print)
assert sys.meta_path != before
forget("nothing", print)
assert sys.meta_path == before
"""
    subprocess.run([sys.executable, "-c", code], check=True)  # a process in which nothing else waits for a module


def test_the_loader_and_the_spec_are_what_they_would_have_been(fresh, tmp_path):
    (tmp_path / "unwatched_one.py").write_text("")
    unwatched = importlib.import_module("unwatched_one")
    when_imported(fresh, lambda module: None)
    module = importlib.import_module(fresh)
    assert type(module.__loader__) is type(unwatched.__loader__)
    assert "exec_module" not in vars(module.__spec__.loader)
    assert importlib.reload(module).value == 1


def test_a_module_that_fails_to_import_fails_as_ever(fresh, tmp_path):
    (tmp_path / "freshly.py").write_text("raise LookupError('mine')\n")
    seen = []
    when_imported(fresh, seen.append)
    with pytest.raises(LookupError, match="mine"):
        importlib.import_module(fresh)
    assert seen == []
    forget(fresh, seen.append)


def test_every_waiting_callback_is_called_once(fresh):
    seen = []
    when_imported(fresh, lambda module: seen.append("a"))
    when_imported(fresh, lambda module: seen.append("b"))
    importlib.import_module(fresh)
    sys.modules.pop(fresh)
    importlib.import_module(fresh)
    assert seen == ["a", "b"]
