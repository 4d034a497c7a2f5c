"""All that is private to Prefect: the names that are relied on, checked before use, with one warning.

Written for prefect >=3.4,<4. Where another version lacks them, ``fallback`` takes over; flows run as ever.
"""

from __future__ import annotations

import contextvars
import functools
import inspect
import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from prefect import Flow
    from prefect.client.schemas.objects import FlowRun
    from prefect.context import FlowRunContext, SettingsContext, TaskRunContext
    from prefect.settings import Settings

_log = logging.getLogger("flowtrail")

TASK_ENGINE: Final = "prefect.task_engine"
FLOW_ENGINE: Final = "prefect.flow_engine"
TASK_RUNNERS: Final = "prefect.task_runners"
TASKS: Final = "prefect.tasks"
CLIENT: Final = "prefect.client.orchestration"

_TASK_NEEDS: Final = ("initialize_run", "run_context", "set_state")
_FLOW_NEEDS: Final = ("initialize_run", "setup_run_context", "set_state")
NEEDS: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    TASK_ENGINE: {"SyncTaskRunEngine": _TASK_NEEDS, "AsyncTaskRunEngine": _TASK_NEEDS},
    FLOW_ENGINE: {"FlowRunEngine": _FLOW_NEEDS, "AsyncFlowRunEngine": _FLOW_NEEDS},
}
GENERATORS: Final[Mapping[str, tuple[str, str]]] = {
    TASK_ENGINE: ("run_generator_task_sync", "run_generator_task_async"),
    FLOW_ENGINE: ("run_generator_flow_sync", "run_generator_flow_async"),
}
RUNS: Final[Mapping[str, tuple[str, ...]]] = {
    TASK_ENGINE: ("run_task_sync", "run_task_async", *GENERATORS[TASK_ENGINE]),
    FLOW_ENGINE: ("run_flow_sync", "run_flow_async", *GENERATORS[FLOW_ENGINE]),
}
LABEL: Final = "flowtrail.experiment"
ATTEMPT_LABEL: Final = "flowtrail.attempt"
PARENT_LABEL: Final = "flowtrail.parent"  # these two are sent to Prefect's server, the others stay in memory
NAME_LABEL: Final = "flowtrail.recorded_as"
_warned: set[bool] = set()


def missing(module: ModuleType) -> list[str]:
    """The names that recording needs of an engine's module, and that are not there or not what they were."""
    return [
        f"{module.__name__}.{name}.{method}"
        for name, methods in NEEDS.get(module.__name__, {}).items()
        for method in methods
        if not _is_as_expected(vars(module).get(name), method)
    ]


def _is_as_expected(owner: Any, method: str) -> bool:
    function = getattr(owner, method, None)
    if callable(function) and not str(function.__module__).startswith("prefect."):
        return True  # somebody else's wrapper
    if not inspect.isfunction(function):
        return False
    if method == "set_state":
        return {"self", "state"} <= inspect.signature(function).parameters.keys()
    inner = inspect.unwrap(function)
    return function is not inner and (inspect.isgeneratorfunction(inner) or inspect.isasyncgenfunction(inner))


def can_fall_back(module: ModuleType) -> bool:
    """Whether an engine's module has the documented functions that run a flow or a task."""
    return all(inspect.isfunction(vars(module).get(name)) for name in RUNS[module.__name__])


def warn_missing(names: list[str], *, falls_back: bool) -> None:
    """Say, once per process, that this Prefect cannot be recorded, or by its state hooks only."""
    if falls_back in _warned:
        return
    _warned.add(falls_back)
    import prefect

    _log.warning(
        "flowtrail does not know this Prefect (%s lacks %s): %s",
        prefect.__version__,
        ", ".join(names),
        "its runs are recorded by state hooks, with less on retries, cached and crashed tasks, and none that never ran"
        if falls_back
        else "its runs are not recorded, load_run() still works",
    )


def is_async_method(function: Callable[..., Any]) -> bool:
    """Whether a method of an engine is a coroutine function or makes an asynchronous context manager."""
    return inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(inspect.unwrap(function))


def signals() -> tuple[type[BaseException], ...]:
    """What Prefect stops user code with, from a signal handler or another thread."""
    from asyncio import CancelledError

    from prefect.exceptions import TerminationSignal

    return CancelledError, TerminationSignal


def is_pause(error: BaseException | None) -> bool:
    """Whether Prefect left a run with ``pause`` or ``suspend``."""
    from prefect.exceptions import Pause

    return isinstance(error, Pause)


def is_abort(error: BaseException | None) -> bool:
    """Whether Prefect's server told a run to stop."""
    from prefect.exceptions import Abort

    return isinstance(error, Abort)


def is_termination(error: BaseException | None) -> bool:
    """Whether the process was told to stop."""
    from prefect.exceptions import TerminationSignal

    return isinstance(error, TerminationSignal)


def termination_intent() -> str | None:
    """Why the runner stops this process (cancel, reschedule ...), where this Prefect says so."""
    try:
        from prefect._internal.control_listener import get_intent
    except ImportError:
        return None
    return get_intent()


def is_persisted() -> bool:
    """Whether the result of the current task run goes to result storage."""
    return _should_persist()()


@functools.cache
def _should_persist() -> Callable[[], bool]:
    from prefect.results import should_persist_result

    return should_persist_result


def flow_context() -> Any | None:
    """Prefect's context of the flow run that encloses this code."""
    return _contexts()[0].get()


def task_context() -> Any | None:
    """Prefect's context of the task run that encloses this code."""
    return _contexts()[1].get()


@functools.cache
def _contexts() -> tuple[type[FlowRunContext], type[TaskRunContext]]:
    """Imported once: to ask for each task takes longer than the answer."""
    from prefect.context import FlowRunContext, TaskRunContext

    return FlowRunContext, TaskRunContext


def url_of(kind: str, run_id: object) -> str | None:
    """The page of a flow run or task run in Prefect's UI, if it has one."""
    from prefect.utilities.urls import url_for

    return url_for(kind, run_id)  # type: ignore[arg-type]


def flow_name_of(flow_run_id: object) -> tuple[str, FlowRun]:
    """Ask Prefect's API for a flow run and the name of its flow: two requests, for runs without context."""
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        flow_run = client.read_flow_run(flow_run_id)  # type: ignore[arg-type]
        return client.read_flow(flow_run.flow_id).name, flow_run


def states_of(flow_run_id: object) -> list[Any]:
    """Ask Prefect's API for all states that a flow run has been in."""
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        return client.read_flow_run_states(flow_run_id)  # type: ignore[arg-type]


def send_labels(flow_run_id: object, labels: dict[str, Any]) -> None:
    """Add labels to a flow run at Prefect's API."""
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        client.update_flow_run_labels(flow_run_id, labels)  # type: ignore[arg-type]


def owners_of_deployed_runs(module: ModuleType) -> list[type[Any]]:
    """The classes whose ``create_flow_run_from_deployment`` both clients have; none where it takes no labels."""
    owners = [
        owner
        for client in (module.PrefectClient, module.SyncPrefectClient)
        for owner in client.__mro__
        if "create_flow_run_from_deployment" in vars(owner)
    ]
    return [
        owner
        for owner in owners
        if {"labels", "parent_task_run_id"}
        <= inspect.signature(vars(owner)["create_flow_run_from_deployment"]).parameters.keys()
    ]


def labels_of(flow_run: FlowRun | None) -> dict[str, Any]:
    """The labels of a flow run, which travel with its context to every process; changed in memory only."""
    return {} if flow_run is None else flow_run.labels


def is_subflow_placeholder(flow: Flow[..., Any] | Any) -> bool:
    """Whether this task only stands for a subflow in its parent's record."""
    return bool(getattr(flow, "_is_subflow_tracking_task", False))


def artifact(*, key: str, markdown: str, description: str, flow_run_id: Any) -> Any:
    """An artifact of a flow run, to be sent."""
    from prefect.client.schemas.actions import ArtifactCreate

    return ArtifactCreate(key=key, type="markdown", data=markdown, description=description, flow_run_id=flow_run_id)


def log_line(text: str, *, at: datetime, flow_run_id: str, task_run_id: str) -> dict[str, Any]:
    """A line of a run's log, to be sent."""
    return {
        "name": "flowtrail",
        "level": logging.INFO,
        "message": text,
        "timestamp": at.isoformat(),
        "flow_run_id": flow_run_id,
        "task_run_id": task_run_id,
    }


def open_client() -> Any:
    """A client of its own for the API that is set here, opened: it takes as long as ten tasks to make one.

    To be called where no flow's client is in the context: it would be taken, and may be closed by now.
    """
    from prefect.client.orchestration import get_client

    return get_client(sync_client=True).__enter__()


def api_url() -> str | None:
    """The API that is set here."""
    return settings().api.url


_run_log: Final = logging.getLogger("prefect.task_runs")


def settings_in_force() -> SettingsContext | None:
    """What Prefect's settings stand in here, for another thread to work with; None if nobody has set any."""
    context = _settings_variable().get(None)
    return _settings_context().get() if context is None else context


def with_settings(context: SettingsContext | None, work: Callable[[Any], None], argument: Any) -> None:
    """Do a piece of work in a context of its own, in which these settings hold and nothing else of Prefect is set."""
    alone = contextvars.Context()
    if context is not None:
        alone.run(_settings_variable().set, context)
    alone.run(work, argument)


def settings() -> Settings:
    """The settings of Prefect that hold here: the same object until others do."""
    context = settings_in_force()
    if context is not None:
        return context.settings
    from prefect.settings import get_current_settings

    return get_current_settings()


@functools.cache
def _settings_context() -> type[SettingsContext]:
    from prefect.context import SettingsContext

    return SettingsContext


@functools.cache
def _settings_variable() -> contextvars.ContextVar[Any]:
    """Where Prefect keeps them: to ask it takes four calls."""
    return _settings_context().__var__


def wants_run_logs() -> bool:
    """Whether lines of level info are wanted in the logs of task runs."""
    return _run_log.isEnabledFor(logging.INFO)
