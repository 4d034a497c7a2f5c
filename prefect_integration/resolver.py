"""How ``load_run()`` finds the run where only Prefect's own context is known (user's threads and processes)."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from plugin_core.capture.events import ExecutionKey, StepKey
from plugin_core.tracking.current import register_resolver

if TYPE_CHECKING:
    from plugin_core.tracking.run import Run


def register() -> None:
    """Let ``load_run()`` look at Prefect's context."""
    register_resolver("prefect", resolve)


def resolve() -> Run | None:
    """The run of the task or flow in whose Prefect context this code runs; None outside of Prefect."""
    key = _current_key()
    if key is None:
        return None
    from plugin_core.capture.recorder import recorder

    recording = recorder()
    return None if recording is None else recording.run_of(key)


def _current_key() -> ExecutionKey | StepKey | None:
    if "prefect.context" not in sys.modules:
        return None
    from prefect_integration import _compat, translate, watch
    from prefect_integration.marks import mark_of

    task, around = _compat.task_context(), _compat.flow_context()
    flow = None if around is None or around.flow_run is None else watch.key_of_flow(around.flow, around.flow_run)
    if task is None or (flow is not None and str(task.task_run.flow_run_id) != flow.execution_id):
        return flow
    if task.task_run.flow_run_id is None:
        return translate.lone_task_key(task.task.name, task.task_run, mark_of(task.task))
    return None if flow is None else translate.task_key(flow, task.task.name, task.task_run)
