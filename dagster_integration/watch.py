"""Watches one Dagster run in the process that works it off, and each step in the process of the step.

A step's process reports what only it knows: that user code began, its inputs and outputs. The run's
process reports what Dagster says of each step, also of those whose process died and those that never ran.
Every method runs under the one guard and changes nothing that Dagster or user code can see.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from dagster_integration import _compat, links, translate
from dagster_integration.arrival import runs_here
from dagster_integration.asset_reads import AssetReads, partitions_by_mapping
from dagster_integration.plan import plan_of
from dagster_integration.run_events import HANDLED, RunEvents
from plugin_core.capture.arrival import flush_if_remote
from plugin_core.capture.recording import Recording
from plugin_core.model.components import Status

if TYPE_CHECKING:
    from dagster import DagsterEvent
    from dagster._core.execution.context.system import PlanOrchestrationContext, StepExecutionContext
    from dagster._core.execution.plan.plan import ExecutionPlan

    from dagster_integration.resumption import Past
    from plugin_core.tracking.run import Run


_LINKED_MAX: Final = 20  # dynamic outputs of one step: all would lead to the same page


class RunWatch:
    """Follows a run from before its first step until its executor is done."""

    def __init__(self, context: PlanOrchestrationContext, plan: ExecutionPlan, recording: Recording) -> None:
        self._context = context
        self._recording = recording
        self._guard = recording.guard
        self._run = context.dagster_run
        job = context.job.get_definition()
        self._key = translate.run_key(self._run, job)
        reads = AssetReads(context.instance, partitions_by_mapping(job, self._run, context.instance))
        self._past = self._read_past()
        self._events = RunEvents(self._key, plan_of(plan, job), reads, self._past or recording)

    def _read_past(self) -> Past | None:
        """What happened before, if the run was begun by another worker."""
        if not getattr(self._context, "resume_from_failure", False):
            return None
        with self._guard("the past of a run"):
            from dagster_integration.resumption import Past

            return Past(self._context.instance, self._run.run_id, self._recording)
        return None

    def begins(self) -> Run | None:
        """Before the first step."""
        with self._guard("the start of a run"):
            runs_here[self._run.run_id] = self._key
            run = self._recording.execution_started(
                translate.run_started(
                    self._key,
                    run=self._run,
                    at=datetime.now(UTC),
                    url=links.dagster_run_url(self._run.run_id),
                    parent_experiment=self._parent_experiment(),
                )
            )
            told = translate.experiment_to_tell(self._run, self._key)
            links.tag_run(self._context.instance, self._run.run_id, experiment=told)
            return run
        return None

    def _parent_experiment(self) -> str | None:
        """What the run was recorded under of which this one executes all or a part again."""
        parent = self._run.parent_run_id
        before = None if parent is None else self._context.instance.get_run_by_id(parent)
        return None if before is None else translate.run_key(before, self._context.job.get_definition()).experiment

    def event(self, event: DagsterEvent) -> None:
        """The executor has yielded an event, of a step in this process or in another."""
        if event.event_type_value not in HANDLED:
            return
        at = None
        if self._past is not None:
            with self._guard("the past of a run"):
                at = self._past.time_of(event)
        self._events.event(event, at or datetime.now(UTC))

    def left(self, error: BaseException | None) -> None:
        """The executor is done, or has raised, or is asked to stop in the middle."""
        with self._guard("the end of a run"):
            runs_here.pop(self._run.run_id, None)
            status, message = self._outcome(error)
            if status is not None:
                at = datetime.now(UTC)
                self._events.end(status, at)
                self._recording.execution_finished(
                    translate.run_finished(self._key, status=status, at=at, message=message)
                )

    def _outcome(self, error: BaseException | None) -> tuple[Status | None, str | None]:
        """As Dagster decides it; None where the run will be taken up again."""
        steps = translate.outcome_of(self._events.failed)
        if error is None and steps[0] is Status.COMPLETED:
            return steps
        instance, run_id = self._context.instance, self._run.run_id
        if _compat.is_being_cancelled(instance, run_id):
            return Status.CANCELLED, translate.TERMINATED
        if isinstance(error, (KeyboardInterrupt, *_compat.signals())):
            interrupted = (Status.FAILED, translate.INTERRUPTED)
            return (None, None) if _compat.will_resume(instance, run_id) else interrupted
        return steps if error is None or self._events.failed else (Status.FAILED, translate.exception_text(error))


class StepWatch:
    """Follows one attempt of a step; ``run`` is its run, None if that cannot be told."""

    def __init__(self, context: StepExecutionContext, recording: Recording) -> None:
        self._context = context
        self._recording = recording
        self._guard = recording.guard
        execution = runs_here.get(context.run_id)
        self._is_remote = execution is None
        self._key = translate.step_key(context, execution)
        self._dynamic = 0  # dynamic outputs so far
        self.run = recording.run_of(self._key)

    def begins(self, inputs: Mapping[str, Any]) -> None:
        """Before user code runs, with its inputs loaded."""
        with self._guard("the start of a step"):
            self.run = self._recording.step_started(
                translate.step_started(
                    self._context,
                    self._key,
                    inputs=inputs,
                    at=datetime.now(UTC),
                    url=links.dagster_step_url(self._context.run_id, self._context.step.key),
                    supervised=self._is_remote,
                )
            )

    def yields(self, item: Any) -> None:
        """User code has made an output, or said something of an asset."""
        with self._guard("an output of a step"):
            found = _compat.output_in(item, self._context)
            if found is None:
                return
            self._link(found)
            if found.has_value:
                self._recording.step_output(
                    translate.step_output(
                        self._context,
                        self._key,
                        name=found.name,
                        value=found.value,
                        mapping_key=found.mapping_key,
                        capture=self._capture,
                    )
                )

    @functools.cached_property
    def _capture(self) -> str | None:
        return translate.capture_of(self._context.op_def, self._context.dagster_run)

    def _link(self, output: _compat.MadeOutput) -> None:
        """Dagster goes through all that was said of a step's outputs before, each time that something is added."""
        if output.mapping_key is not None:
            self._dynamic += 1
        if self._dynamic <= _LINKED_MAX:
            links.link_output(self._context, output.name, output.mapping_key)

    def left(self) -> None:
        """All that is to be done for the step is done."""
        with self._guard("the end of a step"):
            flush_if_remote(self._recording)
