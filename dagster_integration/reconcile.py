"""What became of runs and steps whose process is gone, by the account of the Dagster instance of this environment."""

from __future__ import annotations

import functools
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from dagster_integration.translate import error_text
from plugin_core.model.components import Status

if TYPE_CHECKING:
    from dagster import DagsterEventType, DagsterInstance

_Verdict = tuple[Status, str | None]


@contextmanager
def true_states() -> Generator[Callable[[str, str | None, str | None], _Verdict | None]]:
    """The status of a step, or without its id of a run, for as long as the instance is open; None if it is not known.

    A step that Dagster still takes for running ended with its run, if that has ended: it gets the run's
    status, but never a success. Raises what Dagster raises where DAGSTER_HOME is not set or does not answer.
    """
    from dagster import DagsterInstance

    with DagsterInstance.get() as instance:
        yield functools.partial(_true_state, instance)


def _true_state(
    instance: DagsterInstance, system: str, execution_id: str | None, step_id: str | None
) -> _Verdict | None:
    if system != "dagster" or execution_id is None:
        return None
    run = _state_of_run(instance, execution_id)
    if step_id is None:
        return run
    step_key = step_id.removeprefix(f"{execution_id}/")
    return _state_of_step(instance, execution_id, step_key) or _abandoned(run)


def _state_of_run(instance: DagsterInstance, run_id: str) -> _Verdict | None:
    from dagster import DagsterEventType, DagsterRunStatus

    run = instance.get_run_by_id(run_id)
    status = None if run is None else run.status
    if status is DagsterRunStatus.SUCCESS:
        return Status.COMPLETED, None
    if status is DagsterRunStatus.FAILURE:
        return Status.FAILED, _told(instance, run_id, DagsterEventType.RUN_FAILURE)
    if status is DagsterRunStatus.CANCELED:
        return Status.CANCELLED, _told(instance, run_id, DagsterEventType.RUN_CANCELED)
    return None


def _state_of_step(instance: DagsterInstance, run_id: str, step_key: str) -> _Verdict | None:
    from dagster import DagsterEventType

    found = instance.get_run_step_stats(run_id, [step_key])
    status = getattr(found[0].status, "value", None) if found else None
    if status == "SUCCESS":
        return Status.COMPLETED, None
    if status == "SKIPPED":
        return Status.CANCELLED, None
    if status == "FAILURE":
        return Status.FAILED, _told(instance, run_id, DagsterEventType.STEP_FAILURE, step_key)
    return None


def _abandoned(run: _Verdict | None) -> _Verdict | None:
    if run is None:
        return None
    status = Status.CANCELLED if run[0] is Status.CANCELLED else Status.FAILED
    return status, "The run ended before the step reported its end."


def _told(instance: DagsterInstance, run_id: str, kind: DagsterEventType, step_key: str | None = None) -> str | None:
    """What Dagster says of an end: the error of a step, or its words on a run."""
    for entry in reversed(instance.all_logs(run_id, of_type=kind)):
        event = entry.dagster_event
        if event is not None and event.step_key == step_key:
            data: Any = event.event_specific_data
            return error_text(getattr(data, "error", None)) or event.message
    return None
