"""Lets SageMaker's SDKs, called in a step's own process, find the step as the job that they run in.

They ask the process's environment, and keep the run of a ``with`` for the whole process; steps are threads of one.
With the setting ``sagemaker_jobs`` both are answered for the step that asks; else as if flowtrail were absent.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from contextvars import ContextVar
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

from plugin_core.capture.guard import Guard
from plugin_core.tracking.carrier import job_arn
from plugin_core.tracking.current import current_run
from plugin_core.tracking.settings import current_settings

if TYPE_CHECKING:
    from plugin_core.capture.patches import Patches

# Private names of the SDKs: where each looks for its job, and where it keeps the run of a `with`.
_ENVIRONMENTS: Final = {
    "sagemaker.experiments._environment": ("_RunEnvironment", "_EnvironmentType"),
    "sagemaker.core.experiments._environment": ("_RunEnvironment", "_EnvironmentType"),
    "smexperiments._environment": ("TrialComponentEnvironment", "EnvironmentType"),
}
_CONTEXTS: Final = {
    "sagemaker.experiments._run_context": "_RunContext",
    "sagemaker.core.experiments._run_context": "_RunContext",
}
_KEPT_S: Final = 5.0  # how long a step waits for its record: the server is asked for it next, and must have it
_log = logging.getLogger("flowtrail")
_guard: Final = Guard()


def answer_sdks(patches: Patches) -> None:
    """Answer each SDK from its import on, until the patches are removed."""
    for module in _ENVIRONMENTS:
        patches.when_imported(module, functools.partial(_answer_environment, patches))
    for module in _CONTEXTS:
        patches.when_imported(module, functools.partial(_answer_context, patches))


def _answer_environment(patches: Patches, module: ModuleType) -> None:
    name, kinds = _ENVIRONMENTS[module.__name__]
    owner: Any = getattr(module, name, None)
    kind = getattr(getattr(module, kinds, None), "SageMakerTrainingJob", None)
    if kind is None or not _has_class_methods(owner, "load"):
        _warn(module, "its load_run() does not find the step that it is called in")
        return
    answering = functools.partial(_answering, patches, functools.partial(owner, kind))
    patches.replace(owner, "load", functools.partial(_bound, owner, answering))


def _answering(patches: Patches, job: Callable[[str], Any], original: Callable[..., Any]) -> Callable[..., Any]:
    def load(*args: Any, **kwargs: Any) -> Any:
        arn = _arn_of_step() if patches.active else None
        return original(*args, **kwargs) if arn is None else job(arn)

    return load


def _arn_of_step() -> str | None:
    """What the step that asks is called as a job, once its record is where a server finds it."""
    with _guard("the SageMaker SDK's question for its job"):
        if not current_settings().sagemaker_jobs:
            return None
        from plugin_core.tracking.engine import engine
        from plugin_core.tracking.load import find_run

        run = find_run()
        if run is not None:
            engine().flush(_KEPT_S)
            return job_arn(run.address)
    return None


def _answer_context(patches: Patches, module: ModuleType) -> None:
    owner = getattr(module, _CONTEXTS[module.__name__], None)
    if not _has_class_methods(owner, "add_run_object", "drop_current_run", "get_current_run"):
        _warn(module, "of steps that run at once, one may find the run of another")
        return
    entered = _Entered(patches)
    for name, make in (
        ("add_run_object", entered.adding),
        ("drop_current_run", entered.dropping),
        ("get_current_run", entered.getting),
    ):
        patches.replace(owner, name, functools.partial(_bound, owner, make))


class _Entered:
    """The SDK's runs that code of steps is inside of: seen there, and not where the SDK keeps the process's one.

    A plain thread has no context of its own. There, a run is seen that is the only one.
    """

    def __init__(self, patches: Patches) -> None:
        self._patches = patches
        self._here: ContextVar[Any] = ContextVar("flowtrail_sdk_run", default=None)
        self._runs: dict[int, Any] = {}

    def adding(self, original: Callable[[Any], None]) -> Callable[[Any], None]:
        def add_run_object(run: Any) -> None:
            if not self._in_step():
                original(run)
                return
            self._here.set(run)
            self._runs[id(run)] = run

        return add_run_object

    def dropping(self, original: Callable[[], Any]) -> Callable[[], Any]:
        def drop_current_run() -> Any:
            run = self._found()
            return original() if run is None else self._runs.pop(id(run), run)

        return drop_current_run

    def getting(self, original: Callable[[], Any]) -> Callable[[], Any]:
        def get_current_run() -> Any:
            run = self._found()
            return original() if run is None else run

        return get_current_run

    def _found(self) -> Any:
        run = self._here.get()
        if run is None and current_run() is None:
            entered = list(self._runs.values())
            return entered[0] if len(entered) == 1 else None
        return self._runs.get(id(run))

    def _in_step(self) -> bool:
        with _guard("the SageMaker SDK's `with`"):
            return self._patches.active and current_run() is not None and current_settings().sagemaker_jobs
        return False


def _bound(owner: Any, make: Callable[[Any], Any], original: Any) -> Any:
    return make(original.__get__(None, owner))


def _has_class_methods(owner: Any, *names: str) -> bool:
    return isinstance(owner, type) and all(name in vars(owner) and callable(getattr(owner, name)) for name in names)


def _warn(module: ModuleType, consequence: str) -> None:
    _log.warning("flowtrail does not know this version of %s: %s", module.__name__.partition("._")[0], consequence)
