"""Does something to a module when it is first imported, without importing it.

Works wherever the import happens (also inside a running event loop), and leaves the module, its spec and
its loader as any other import would. It does nothing for modules that the interpreter itself provides.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from importlib.abc import Loader

Callback: TypeAlias = Callable[[ModuleType], None]


class _Watcher:
    """A finder that finds nothing itself: it lets the others find, and adds what is waiting to the loader."""

    def __init__(self) -> None:
        self.waiting: dict[str, list[Callback]] = {}
        self._looking = threading.local()

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find the spec of a module that something waits for; None for all others."""
        if fullname not in self.waiting or getattr(self._looking, "now", False):
            return None
        self._looking.now = True
        try:
            spec = _spec_of_others(self, fullname, path, target)
        finally:
            self._looking.now = False
        if spec is not None and spec.loader is not None:
            _follow(spec.loader, lambda module: self._arrived(fullname, module))
        return spec

    def _arrived(self, name: str, module: ModuleType) -> None:
        for callback in self.waiting.pop(name, ()):
            callback(module)


def _spec_of_others(
    watcher: _Watcher, fullname: str, path: Sequence[str] | None, target: ModuleType | None
) -> ModuleSpec | None:
    for finder in sys.meta_path:
        if finder is not watcher and (spec := finder.find_spec(fullname, path, target)) is not None:
            return spec
    return None


def _follow(loader: Loader, arrived: Callback) -> None:
    """Call ``arrived`` after the loader has executed its module, once; the loader is then as it was."""
    execute = loader.exec_module

    def exec_module(module: ModuleType) -> None:
        del loader.exec_module
        execute(module)
        arrived(module)

    try:
        loader.exec_module = exec_module  # type: ignore[method-assign]
    except (AttributeError, TypeError):
        return  # a loader without attributes of its own


_watcher = _Watcher()


def when_imported(name: str, callback: Callback) -> None:
    """Call ``callback`` with the module of this name: now if it is there already, else when it is imported.

    The callback runs inside the import and must not raise.
    """
    module = sys.modules.get(name)
    if module is not None and not _is_loading(module):
        callback(module)
        return
    _watcher.waiting.setdefault(name, []).append(callback)
    if _watcher not in sys.meta_path:
        sys.meta_path.insert(0, _watcher)


def forget(name: str, callback: Callback) -> None:
    """Take back a ``when_imported`` that has not happened yet."""
    callbacks = _watcher.waiting.get(name, [])
    if callback in callbacks:
        callbacks.remove(callback)
    if not callbacks:
        _watcher.waiting.pop(name, None)
    if not _watcher.waiting and _watcher in sys.meta_path:
        sys.meta_path.remove(_watcher)


def _is_loading(module: ModuleType) -> bool:
    return bool(getattr(getattr(module, "__spec__", None), "_initializing", False))
