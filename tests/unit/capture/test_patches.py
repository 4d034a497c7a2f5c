"""Wrappers around somebody else's functions, and their traceless removal."""

import sys
from types import ModuleType

from plugin_core.capture.patches import Patches


def shop() -> ModuleType:
    module = ModuleType("shop")
    module.sell = lambda: "sold"
    return module


def seen(original):
    return lambda: f"seen, {original()}"


def test_a_function_is_wrapped_and_later_as_it_was():
    module, patches = shop(), Patches()
    original = module.sell

    patches.replace(module, "sell", seen)
    assert module.sell() == "seen, sold"

    patches.remove()
    assert module.sell is original


def test_what_is_not_there_is_not_wrapped():
    module, patches = shop(), Patches()
    patches.replace(module, "rent", seen)
    assert not hasattr(module, "rent")


def test_somebody_elses_wrapper_over_ours_survives_its_removal():
    module, patches = shop(), Patches()
    patches.replace(module, "sell", seen)
    ours = module.sell
    module.sell = theirs = lambda: f"theirs, {ours()}"

    patches.remove()

    assert module.sell is theirs
    assert not patches.active  # by which ours knows to pass the call through


def test_a_module_that_is_imported_after_the_removal_is_left_alone(tmp_path, monkeypatch):
    (tmp_path / "later_shop.py").write_text("def sell():\n    return 'sold'\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    patches = Patches()
    patches.when_imported("later_shop", lambda module: patches.replace(module, "sell", seen))
    patches.remove()

    import later_shop

    assert later_shop.sell() == "sold"
    del sys.modules["later_shop"]


def test_a_module_is_wrapped_when_it_is_imported(tmp_path, monkeypatch):
    (tmp_path / "soon_shop.py").write_text("def sell():\n    return 'sold'\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    patches = Patches()
    patches.when_imported("soon_shop", lambda module: patches.replace(module, "sell", seen))

    import soon_shop

    assert soon_shop.sell() == "seen, sold"
    patches.remove()
    del sys.modules["soon_shop"]
