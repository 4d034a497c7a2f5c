"""Gives each child process the run of the code that starts it.

The environment of a process is shared by its threads, so ``os.environ`` cannot name the run of each of
64 concurrent tasks. Instead ``subprocess.Popen`` adds the current run's carrier to the environment of
the child it starts, also where the caller passes ``env=``; ``multiprocessing``'s spawned children get it
with their Process object (a forkserver's own environment is that of the first child it served). Forked
children inherit the context itself. Not covered: ``os.system``, ``os.exec*`` and ``os.posix_spawn``.
"""

from __future__ import annotations

import functools
import inspect
import logging
import os
import subprocess
import threading
from collections.abc import Callable, Mapping
from importlib import import_module
from multiprocessing.process import BaseProcess
from typing import Any, Final

from plugin_core.tracking.carrier import to_env, to_job_env

_ENV_POSITION: Final = list(inspect.signature(subprocess.Popen.__init__).parameters).index("env") - 1
_CARRIED: Final = "_flowtrail_carried"
_log = logging.getLogger("flowtrail")
_lock: Final = threading.RLock()
_sent_along: Final[dict[str, Callable[[], Any]]] = {}
_undo: Final[list[Callable[[], None]]] = []


def install() -> None:
    """Start giving children their run; calling it again changes nothing."""
    with _lock:
        if _undo:
            return
        _wrap_popen()
        _wrap_process()


def send_along(target: str, make: Callable[[], Any]) -> None:
    """Have each spawned child of a run call ``target`` ("module:function") with what ``make()`` returns here.

    What is sent is pickled, and must unpickle without the user's modules.
    """
    _sent_along[target] = make


def send_no_longer(target: str) -> None:
    """Take back ``send_along``."""
    _sent_along.pop(target, None)


def uninstall() -> None:
    """Leave ``subprocess`` and ``multiprocessing`` as they were found."""
    with _lock:
        while _undo:
            _undo.pop()()


def _wrap_popen() -> None:
    original: Callable[..., None] = subprocess.Popen.__init__

    @functools.wraps(original)
    def init(self: subprocess.Popen[Any], *args: Any, **kwargs: Any) -> None:
        additions = _additions()
        if not additions:
            original(self, *args, **kwargs)
        elif len(args) > _ENV_POSITION:
            given = args[_ENV_POSITION]
            env = _merged(given, additions)
            original(self, *args[:_ENV_POSITION], env, *args[_ENV_POSITION + 1 :], **kwargs)
        else:
            kwargs["env"] = _merged(kwargs.get("env"), additions)
            original(self, *args, **kwargs)

    def restore() -> None:
        if subprocess.Popen.__init__ is init:
            subprocess.Popen.__init__ = original  # type: ignore[method-assign]

    subprocess.Popen.__init__ = init  # type: ignore[method-assign]
    _undo.append(restore)


def _merged(env: Any, additions: dict[str, str]) -> Any:
    if env is None:
        return {**os.environ, **additions}
    try:
        return {**env, **additions}
    except TypeError:
        return env  # not a mapping: let Popen say so


def _wrap_process() -> None:
    """Spawned and forkserver children get the pickled Process object: what it carries takes effect as it unpickles."""
    original = BaseProcess.start

    @functools.wraps(original)
    def start(self: BaseProcess) -> None:
        additions = _additions()
        if not additions:
            original(self)
            return
        self.__dict__[_CARRIED] = _Carried(additions, {target: make() for target, make in _sent_along.items()})
        try:
            original(self)
        finally:
            self.__dict__.pop(_CARRIED, None)

    def restore() -> None:
        if BaseProcess.start is start:
            BaseProcess.start = original  # type: ignore[method-assign]

    BaseProcess.start = start  # type: ignore[method-assign]
    _undo.append(restore)


class _Carried:
    def __init__(self, additions: dict[str, str], along: dict[str, Any]) -> None:
        self._carried = additions, along

    def __reduce__(self) -> tuple[Callable[..., None], tuple[dict[str, str], dict[str, Any]]]:
        return _arrive, self._carried


def _arrive(additions: dict[str, str], along: Mapping[str, Any]) -> None:
    os.environ.update(additions)
    for target, value in along.items():
        module, _, function = target.partition(":")
        try:
            getattr(import_module(module), function)(value)
        except Exception as error:  # noqa: BLE001 - a process edge: the child is about to do its user's work
            _log.warning("flowtrail cannot record with %s in a child process: %s", module, type(error).__name__)


def _additions() -> dict[str, str]:
    from plugin_core.tracking.current import current_run
    from plugin_core.tracking.settings import current_settings

    run = current_run()
    if run is None:
        return {}
    job = to_job_env(run.address) if current_settings().sagemaker_jobs else {}
    return {**to_env(run.address), **job}
