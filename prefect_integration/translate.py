"""Prefect's objects -> capture's events. Pure: reads what it is given, asks nobody, changes nothing.

The only module of this package that speaks of executions and steps as capture does.
"""

from __future__ import annotations

import functools
import inspect
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from plugin_core.capture.events import (
    NOTHING,
    ExecutionFinished,
    ExecutionKey,
    ExecutionStarted,
    StepFinished,
    StepKey,
    StepStarted,
)
from plugin_core.model.components import Kind, Status

if TYPE_CHECKING:
    from uuid import UUID

    from prefect import Flow, State, Task
    from prefect.client.schemas.objects import FlowRun, TaskRun

SYSTEM: Final = "prefect"
_NOT_DATA: Final = frozenset({"__parents__", "wait_for"})  # keys of task_inputs that say order, not data
_RECEIVERS: Final = ("self", "cls")
_WAIT_WORTH_NOTING_S: Final = 0.05
_STATUSES: Final[Mapping[str, Status]] = {
    "COMPLETED": Status.COMPLETED,
    "FAILED": Status.FAILED,
    "CRASHED": Status.FAILED,
    "CANCELLED": Status.CANCELLED,
    "CANCELLING": Status.CANCELLING,
    "PAUSED": Status.PAUSED,
    "RUNNING": Status.RUNNING,
    "PENDING": Status.QUEUED,
    "SCHEDULED": Status.QUEUED,
}
_PLAIN_STATE_NAMES: Final = frozenset(
    {"Completed", "Failed", "Cancelled", "Cancelling", "Paused", "Running", "Pending", "Scheduled", "Cached"}
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Mark:
    """What ``tracked_flow`` and ``tracked_task`` add to a flow or task: plain data, so that it pickles anywhere."""

    experiment: str | None = None
    capture: str | None = None
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """What is known where a task is submitted, and not where it runs."""

    map_index: int | None = None
    upstream: Mapping[str, tuple[str, ...]] | None = None


NO_MARK: Final = Mark()
NO_CALL: Final = Call()


# Keys


def attempt_of(flow_run: FlowRun) -> int:
    """Which attempt of its flow run this is, without asking: Prefect forgets the pauses of earlier attempts."""
    policy = flow_run.empirical_policy
    pauses = len(getattr(policy, "pause_keys", None) or ())
    return max(1, flow_run.run_count - pauses)


def attempt_in(states: Iterable[State[Any]]) -> int:
    """Which attempt the last of these states belongs to; a run that goes on after a pause is the same attempt."""
    attempts, paused = 0, False
    for state in sorted(states, key=lambda state: state.timestamp):
        if state.is_running():
            attempts += not paused
        paused = state.is_paused() or (paused and not state.is_running())
    return max(1, attempts)


def flow_key(flow_name: str, flow_run_id: UUID | str, *, attempt: int, mark: Mark = NO_MARK) -> ExecutionKey:
    """The key of an attempt of a flow run."""
    return ExecutionKey(
        system=SYSTEM, experiment=mark.experiment or flow_name, execution_id=str(flow_run_id), attempt=attempt
    )


def task_key(execution: ExecutionKey, task_name: str, task_run: TaskRun) -> StepKey:
    """The key of the current attempt of a task run in a flow."""
    return StepKey(execution=execution, step=task_name, step_id=str(task_run.id), attempt=max(1, task_run.run_count))


def lone_task_key(task_name: str, task_run: TaskRun, mark: Mark = NO_MARK) -> ExecutionKey:
    """The key of a task run outside of any flow: an execution of its own."""
    return ExecutionKey(
        system=SYSTEM,
        experiment=mark.experiment or task_name,
        execution_id=str(task_run.id),
        attempt=max(1, task_run.run_count),
    )


def to_label(key: ExecutionKey | StepKey) -> str:
    """A key as text, for a label of a flow run that begins in another process."""
    execution = key.execution if isinstance(key, StepKey) else key
    step = [key.step, key.step_id, key.attempt] if isinstance(key, StepKey) else []
    return json.dumps([execution.experiment, execution.execution_id, execution.attempt, *step])


def from_label(label: object) -> ExecutionKey | StepKey | None:
    """The key that ``to_label`` made a label of; None for what is not such a label."""
    try:
        experiment, execution_id, attempt, *step = json.loads(str(label))
    except (TypeError, ValueError):
        return None
    execution = ExecutionKey(system=SYSTEM, experiment=experiment, execution_id=execution_id, attempt=attempt)
    if not step:
        return execution
    return StepKey(execution=execution, step=step[0], step_id=step[1], attempt=step[2])


# Values


def inputs_of(runnable: Task[..., Any] | Flow[..., Any], parameters: Mapping[str, Any] | None) -> dict[str, Any]:
    """The arguments of a call by name, without a method's receiver and without Prefect's annotations."""
    given = parameters or {}
    receiver = _receiver_of(runnable, given)
    return {
        name: unwrapped(value) if isinstance(value, tuple) else value  # annotations are tuples, few values are
        for name, value in given.items()
        if name != receiver
    }


def _receiver_of(runnable: Any, given: Mapping[str, Any]) -> str | None:
    """The name of a method's receiver, which is the first that it declares; a mapped call has it last."""
    if getattr(runnable, "ismethod", False) or getattr(runnable, "isclassmethod", False):
        return next(iter(inspect.signature(runnable.fn).parameters), None)
    path = getattr(runnable.fn, "__qualname__", "").rpartition("<locals>.")[2]
    if "." not in path or getattr(runnable, "isstaticmethod", False):
        return None
    return next((name for name in _RECEIVERS if name in given), None)


def unwrapped(value: Any) -> Any:
    """The value inside ``allow_failure``, ``quote``, ``opaque`` or ``unmapped``."""
    while isinstance(value, tuple) and isinstance(value, _annotation()):
        value = value.unwrap()  # type: ignore[attr-defined]
    return value


@functools.cache
def _annotation() -> type[Any]:
    from prefect.utilities.annotations import BaseAnnotation

    return BaseAnnotation


def upstream_of(task_inputs: Mapping[str, Iterable[Any]] | None) -> dict[str, tuple[str, ...]]:
    """For each parameter the results that went into it, as the URIs that their producers gave."""
    found: dict[str, tuple[str, ...]] = {}
    for name, sources in (task_inputs or {}).items():
        if sources and name not in _NOT_DATA and (uris := tuple(sorted(filter(None, map(source_uri, sources))))):
            found[name] = uris
    return found


def source_uri(source: Any) -> str | None:
    """The URI of a TaskRunResult or FlowRunResult; None for parameters and constants."""
    kind = getattr(source, "input_type", None)
    if kind == "task_run":
        return task_run_uri(source.id)
    return flow_run_uri(source.id) if kind == "flow_run" else None


def task_run_uri(task_run_id: UUID | str) -> str:
    """What names the result of a task run, for all that use it."""
    return f"prefect:task-run/{task_run_id}"


def flow_run_uri(flow_run_id: UUID | str) -> str:
    """What names the result of a flow run."""
    return f"prefect:flow-run/{flow_run_id}"


def stored_uri(state: State[Any]) -> str | None:
    """What names a result in Prefect's result storage: equal for the run that made it and those that reuse it."""
    key = getattr(getattr(state.data, "metadata", None), "storage_key", None)
    return f"prefect:result/{key}" if key else None


def output_of(state: State[Any], *, is_generator: bool = False) -> Any:
    """What a finished run returned, NOTHING where it returned nothing or did not finish."""
    data: Any = state.data
    if not state.is_completed() or not isinstance(data, _result_record()):
        return NOTHING
    result = data.result
    if result is None:
        return "(yielded values)" if is_generator else NOTHING
    return result


@functools.cache
def _result_record() -> type[Any]:
    from prefect.results import ResultRecord  # type: ignore[attr-defined]  # moved between versions; here in all

    return ResultRecord


# States


def is_cached(state: State[Any]) -> bool:
    """Whether the task took an earlier result instead of running."""
    return state.is_completed() and state.name == "Cached"


def is_not_ready(state: State[Any]) -> bool:
    """Whether the run will not happen, because something it needs has failed."""
    return state.is_pending() and state.name == "NotReady"


def ends_attempt(state: State[Any]) -> bool:
    """Whether a run that enters this state has ended its attempt, for good or until the next one."""
    return state.is_final() or is_not_ready(state) or state.name in {"Retrying", "AwaitingRetry"}


def status_of(state: State[Any]) -> Status:
    """Our word for a state. One that ends an attempt without ending the run is the failure of that attempt."""
    if state.is_completed():
        return Status.CACHED if state.name == "Cached" else Status.COMPLETED
    if is_not_ready(state):
        return Status.CANCELLED
    if state.name in {"Retrying", "AwaitingRetry"}:
        return Status.FAILED
    return _STATUSES[state.type.value]


def message_of(state: State[Any], error: BaseException | None = None) -> str | None:
    """Why a run is in its state: what Prefect says, or the exception that ended the attempt."""
    if state.is_completed() and state.name in {"Completed", "Cached"}:
        return None
    if error is not None and state.name in {"Retrying", "AwaitingRetry"}:
        return f"{type(error).__name__}: {error}"
    if state.name in {"Retrying", "AwaitingRetry"}:
        return "The attempt ended in a failed state."
    return state.message


def state_properties(state: State[Any]) -> dict[str, str]:
    """Prefect's own name of a final state, where our status says less."""
    if state.name in _PLAIN_STATE_NAMES or state.name is None or not state.name:
        return {}
    return {"prefect_state": state.name} if state.is_final() or is_not_ready(state) else {}


def rolled_back_state() -> State[Any]:
    """The state of a task whose transaction failed after it had finished."""
    from prefect.states import Completed

    return Completed(name="RolledBack", message="Task rolled back as part of transaction")


def failed_state(error: BaseException | None) -> State[Any]:
    """The state of an attempt that is tried again."""
    from prefect.states import Failed

    return Failed(message=None if error is None else f"{type(error).__name__}: {error}")


def retrying_state() -> State[Any]:
    """The state of a run whose next attempt begins."""
    from prefect.states import Retrying

    return Retrying()


def crashed_state(error: BaseException) -> State[Any]:
    """The state of a run that ended with what is no failure of its own: told to stop, cancelled, exited."""
    from prefect.states import Crashed

    return Crashed(message=f"The run was ended by {type(error).__name__}.")


def interrupted_state(error: BaseException) -> State[Any]:
    """The state of a task that Prefect left without giving it one: paused, suspended, aborted, or shut down."""
    from prefect.states import Cancelled

    return Cancelled(name="Interrupted", message=f"The run was left by {type(error).__name__}.")


def termination_status(intent: str | None) -> Status:
    """What to presume of a flow run whose process was told to stop."""
    return Status.CANCELLED if intent == "cancel" else Status.FAILED


# Events


def flow_started(
    key: ExecutionKey,
    *,
    flow: Flow[..., Any],
    flow_run: FlowRun,
    parameters: Mapping[str, Any] | None,
    at: datetime,
    parent: ExecutionKey | StepKey | None,
    mark: Mark = NO_MARK,
    url: str | None = None,
) -> ExecutionStarted:
    """An attempt of a flow run begins."""
    return ExecutionStarted(
        key=key,
        name=flow_run.name,
        at=at,
        parameters=inputs_of(flow, parameters),
        parent=parent,
        tags=dict.fromkeys(sorted({*flow_run.tags, *mark.tags})),
        properties=_flow_properties(flow, flow_run),
        url=url,
        capture=mark.capture,
    )


def _flow_properties(flow: Flow[..., Any], flow_run: FlowRun) -> dict[str, str]:
    found = {
        "prefect_flow": flow.name,
        "prefect_flow_version": flow.version,
        "prefect_deployment_id": flow_run.deployment_id,
    }
    return {key: str(value) for key, value in found.items() if value is not None}


def flow_finished(
    key: ExecutionKey,
    *,
    proposed: State[Any],
    accepted: State[Any],
    at: datetime,
    is_generator: bool = False,
    mark: Mark = NO_MARK,
) -> ExecutionFinished:
    """An attempt of a flow run has ended: the proposed state holds its result, the accepted one is Prefect's answer."""
    return ExecutionFinished(
        key=key,
        at=at,
        status=status_of(accepted),
        message=message_of(accepted) if accepted.is_final() else message_of(proposed),
        output=output_of(proposed, is_generator=is_generator) if accepted.is_completed() else NOTHING,
        result_uris=(flow_run_uri(key.execution_id),),
        properties=state_properties(accepted),
        capture=mark.capture,
    )


def task_started(
    key: StepKey,
    *,
    task: Task[..., Any],
    task_run: TaskRun,
    parameters: Mapping[str, Any] | None,
    at: datetime,
    parent: StepKey | None,
    call: Call = NO_CALL,
    mark: Mark = NO_MARK,
    url: str | None = None,
) -> StepStarted:
    """An attempt of a task run begins."""
    return StepStarted(
        key=key,
        name=task_run.name,
        at=at,
        inputs=inputs_of(task, parameters),
        upstream=_upstream_of(task_run, call),
        parent=parent,
        map_index=call.map_index,
        tags=_tags(task_run, mark),
        url=url,
        scheduled_at=_waited_since(task_run, at) if key.attempt == 1 else None,
        capture=mark.capture,
    )


def _upstream_of(task_run: TaskRun, call: Call) -> dict[str, tuple[str, ...]]:
    found = upstream_of(task_run.task_inputs)
    return {**found, **call.upstream} if call.upstream else found


def _waited_since(task_run: TaskRun, at: datetime) -> datetime | None:
    since = task_run.expected_start_time
    # By timestamps, and datetime's own: the dates that Prefect uses take as long as the rest of this module.
    if since is None or at.timestamp() - datetime.timestamp(since) < _WAIT_WORTH_NOTING_S:
        return None
    return since


def _tags(task_run: TaskRun, mark: Mark) -> dict[str, str | None]:
    return dict.fromkeys(sorted({*task_run.tags, *mark.tags}) if mark.tags else task_run.tags)


def lone_task_started(
    key: ExecutionKey,
    *,
    task: Task[..., Any],
    task_run: TaskRun,
    parameters: Mapping[str, Any] | None,
    at: datetime,
    mark: Mark = NO_MARK,
    url: str | None = None,
) -> ExecutionStarted:
    """An attempt of a task run outside of any flow begins."""
    return ExecutionStarted(
        key=key,
        name=task_run.name,
        at=at,
        kind=Kind.TASK,
        parameters=inputs_of(task, parameters),
        tags=_tags(task_run, mark),
        url=url,
        capture=mark.capture,
    )


def task_finished(
    key: StepKey,
    *,
    task: Task[..., Any],
    task_run: TaskRun,
    state: State[Any],
    at: datetime,
    error: BaseException | None = None,
    persisted: bool = False,
    started: bool = True,
    parent: StepKey | None = None,
    mark: Mark = NO_MARK,
    url: str | None = None,
) -> StepFinished:
    """An attempt of a task run has ended. ``started`` is False for one that never ran (not ready, crashed before)."""
    cached = is_cached(state)
    stored = stored_uri(state) if persisted or cached else None
    return StepFinished(
        key=key,
        name=task_run.name,
        at=at,
        status=status_of(state),
        message=message_of(state, error),
        output=output_of(state, is_generator=task.isgenerator),
        result_uris=_result_uris(key.step_id, stored, cached=cached),
        reused_uri=stored if cached else None,
        upstream={} if started else upstream_of(task_run.task_inputs),
        parent=parent,
        tags={} if started else _tags(task_run, mark),
        properties=state_properties(state),
        url=url,
        capture=mark.capture,
    )


def _result_uris(task_run_id: str, stored: str | None, *, cached: bool) -> tuple[str, ...]:
    own = task_run_uri(task_run_id)
    return (own,) if stored is None or cached else (own, stored)


def lone_task_finished(
    key: ExecutionKey,
    *,
    task: Task[..., Any],
    state: State[Any],
    at: datetime,
    error: BaseException | None = None,
    persisted: bool = False,
    mark: Mark = NO_MARK,
) -> ExecutionFinished:
    """An attempt of a task run outside of any flow has ended."""
    cached = is_cached(state)
    stored = stored_uri(state) if persisted or cached else None
    return ExecutionFinished(
        key=key,
        at=at,
        status=status_of(state),
        message=message_of(state, error),
        output=output_of(state, is_generator=task.isgenerator),
        result_uris=_result_uris(key.execution_id, stored, cached=cached),
        reused_uri=stored if cached else None,
        properties=state_properties(state),
        capture=mark.capture,
    )
