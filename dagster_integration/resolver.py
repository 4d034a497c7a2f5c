"""How ``load_run()`` finds the run where only Dagster's own context is known: IO managers, and what they call."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from plugin_core.tracking.current import register_resolver

if TYPE_CHECKING:
    from plugin_core.tracking.run import Run


def register() -> None:
    """Let ``load_run()`` look at Dagster's context."""
    register_resolver("dagster", resolve)


def resolve() -> Run | None:
    """The run of the step in whose Dagster context this code runs; None outside of one."""
    if "dagster" not in sys.modules:
        return None
    from dagster import OpExecutionContext
    from dagster._core.errors import DagsterInvariantViolationError

    from dagster_integration.arrival import arrive_for, runs_here
    from dagster_integration.instrumentor import own_guard
    from dagster_integration.translate import step_key
    from plugin_core.capture.recorder import recorder

    try:
        context = OpExecutionContext.get()
    except DagsterInvariantViolationError:
        return None
    step = context.get_step_execution_context()
    with own_guard("the arrival of a step"):
        arrive_for(step.dagster_run, step.instance)
    recording = recorder()
    return None if recording is None else recording.run_of(step_key(step, runs_here.get(step.run_id)))
