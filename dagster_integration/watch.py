"""Watches one Dagster run in the process that works it off, and each step in the process of the step.

A step's process reports what only it knows: that user code began, its inputs and outputs. The run's
process reports what Dagster says of each step, also of those whose process died and those that never ran.
Every method runs under the one guard and changes nothing that Dagster or user code can see.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, cast

from dagster_integration import _compat, links, translate
from dagster_integration.arrival import runs_here
from plugin_core.capture.events import Product, StepKey
from plugin_core.capture.recording import Recording
from plugin_core.model.components import Status

if TYPE_CHECKING:
    from dagster import DagsterEvent, JobDefinition
    from dagster._core.definitions.dependency import NodeHandle
    from dagster._core.execution.context.system import PlanOrchestrationContext, StepExecutionContext
    from dagster._core.execution.plan.plan import ExecutionPlan
    from dagster._core.execution.plan.state import PastExecutionState

    from plugin_core.tracking.run import Run


@dataclass(slots=True)
class Attempt:
    """What the events of one attempt of a step have told so far."""

    key: StepKey
    handle: NodeHandle | None
    started_at: datetime | None = None
    upstream: dict[str, tuple[str, ...]] = field(default_factory=dict)
    products: list[Product] = field(default_factory=list)
    metrics: dict[str, float] = field(default_factory=dict)
    properties: dict[str, str] = field(default_factory=dict)


class RunWatch:
    """Follows a run through the events of its steps."""

    def __init__(self, context: PlanOrchestrationContext, plan: ExecutionPlan, recording: Recording) -> None:
        self._context = context
        self._plan = plan
        self._recording = recording
        self._guard = recording.guard
        self._run = context.dagster_run
        self._job: JobDefinition = context.job.get_definition()
        self._key = translate.run_key(self._run, self._job)
        self._attempts: dict[str, int] = dict(plan.known_state.previous_retry_attempts)
        self._open: dict[str, Attempt] = {}
        self._done: set[str] = set()
        self._failed: list[str] = []
        self._dynamic: set[tuple[str, str]] = {
            (step, output) for step, outputs in plan.known_state.dynamic_mappings.items() for output in outputs
        }
        self._assets: dict[tuple[str, str], str] = {}  # (step, output) -> the asset version that it is

    # The run

    def begins(self) -> Run | None:
        """Before the first step."""
        with self._guard("the start of a run"):
            runs_here.add(self._run.run_id)
            run = self._recording.execution_started(
                translate.run_started(
                    self._key, run=self._run, at=datetime.now(UTC), url=links.dagster_run_url(self._run.run_id)
                )
            )
            links.tag_run(self._context.instance, self._run.run_id)
            return run
        return None

    def left(self, error: BaseException | None) -> None:
        """The executor is done, or has raised."""
        with self._guard("the end of a run"):
            runs_here.discard(self._run.run_id)
            status, message = self._outcome(error)
            if status is not None:
                self._end_steps(status)
                self._recording.execution_finished(
                    translate.run_finished(self._key, status=status, at=datetime.now(UTC), message=message)
                )

    def _outcome(self, error: BaseException | None) -> tuple[Status | None, str | None]:
        """As Dagster decides it; None where the run will be taken up again."""
        if error is None:
            return (
                (Status.FAILED, f"Steps failed: {', '.join(self._failed)}.")
                if self._failed
                else (
                    Status.COMPLETED,
                    None,
                )
            )
        if _compat.is_being_cancelled(self._context.instance, self._run.run_id):
            return Status.CANCELLED, "The run was terminated."
        if isinstance(error, (KeyboardInterrupt, *_compat.signals())):
            if _compat.will_resume(self._context.instance, self._run.run_id):
                return None, None
            return Status.FAILED, "The run was interrupted."
        return Status.FAILED, f"{type(error).__name__}: {error}"

    def _end_steps(self, status: Status) -> None:
        """Say what became of the steps of which no event told: left behind, or never begun."""
        for step_key in list(self._open):
            left = Status.CANCELLED if status is Status.CANCELLED else Status.FAILED
            self._finish(step_key, left, message="The run ended before the step reported its end.", state="Abandoned")
        for step_key in self._plan.step_keys_to_execute:
            if step_key not in self._done and not self._is_resolved(step_key):
                self._finish(
                    step_key, Status.CANCELLED, message="An earlier step failed or was skipped.", state="NotStarted"
                )

    def _is_resolved(self, step_key: str) -> bool:
        """Whether this stands for steps that were found out while the run went on."""
        return step_key.endswith("[?]") and any(done.startswith(step_key[:-2]) for done in self._done)

    # Its events

    def event(self, event: DagsterEvent) -> None:
        """The executor has yielded an event."""
        handler = _HANDLERS.get(event.event_type_value)
        if handler is not None and event.step_key is not None:
            with self._guard("an event of a step"):
                handler(self, event, event.step_key)

    def _attempt(self, step_key: str, event: DagsterEvent | None = None) -> Attempt:
        found = self._open.get(step_key)
        if found is None:
            key = translate.step_key_of(self._key, step_key, self._attempts.get(step_key, 0) + 1)
            handle = event.node_handle if event is not None else self._handle_of(step_key)
            found = self._open[step_key] = Attempt(key, handle)
        return found

    def _handle_of(self, step_key: str) -> NodeHandle | None:
        steps = self._plan.step_dict_by_key
        return steps[step_key].node_handle if step_key in steps else None

    def _started(self, event: DagsterEvent, step_key: str) -> None:
        self._attempt(step_key, event).started_at = datetime.now(UTC)

    def _loaded(self, event: DagsterEvent, step_key: str) -> None:
        data: Any = event.event_specific_data
        if data.upstream_step_key is None or data.upstream_output_name is None:
            return
        attempt = self._attempt(step_key, event)
        source = self._source(step_key, data.upstream_step_key, data.upstream_output_name)
        attempt.upstream[data.input_name] = (*attempt.upstream.get(data.input_name, ()), source)

    def _source(self, step_key: str, upstream: str, output: str) -> str:
        """The name of a result that was loaded: an asset's version, or a step's output, perhaps in an earlier run."""
        asset = self._assets.get((upstream, output))
        if asset is not None:
            return asset
        mapping_key = translate.mapping_key_of(step_key) if (upstream, output) in self._dynamic else None
        return translate.output_uri(self._run_of(upstream), upstream, output, mapping_key)

    def _run_of(self, step_key: str) -> str:
        """The run in which a step was executed: this one, or one that this one repeats in part."""
        past: PastExecutionState | None = self._plan.known_state.parent_state
        if past is None or step_key in self._done or step_key in self._open:
            return self._run.run_id
        while past is not None:
            if any(output.step_key == step_key for output in past.produced_outputs):
                return past.run_id
            past = cast("PastExecutionState | None", past.parent_state)
        return self._run.run_id

    def _output(self, event: DagsterEvent, step_key: str) -> None:
        data = event.step_output_data
        attempt = self._attempt(step_key, event)
        if data.mapping_key is not None:
            self._dynamic.add((step_key, data.output_name))
        attempt.metrics |= translate.metrics_of(data.metadata)
        attempt.properties |= translate.texts_of(data.metadata)

    def _handled(self, event: DagsterEvent, step_key: str) -> None:
        data: Any = event.event_specific_data
        self._attempt(step_key, event).properties |= translate.texts_of(data.metadata)

    def _materialized(self, event: DagsterEvent, step_key: str) -> None:
        attempt = self._attempt(step_key, event)
        product = translate.product_of(event.materialization)
        attempt.products.append(product)
        attempt.metrics |= translate.metrics_of(event.materialization.metadata)
        output = None
        if event.node_handle is not None:
            output = _compat.output_of_asset(self._job, event.node_handle, event.materialization.asset_key)
        if output is not None:
            self._assets[step_key, output] = product.uri
        for asset, uri in translate.source_versions(event.materialization).items():
            attempt.upstream.setdefault(f"asset {asset}", (uri,))

    def _checked(self, event: DagsterEvent, step_key: str) -> None:
        check = event.asset_check_evaluation_data
        attempt = self._attempt(step_key, event)
        attempt.properties |= translate.check_properties(check)
        attempt.metrics |= translate.metrics_of(check.metadata)

    # Its ends

    def _succeeded(self, event: DagsterEvent, step_key: str) -> None:
        self._finish(step_key, Status.COMPLETED, event=event)

    def _failure(self, event: DagsterEvent, step_key: str) -> None:
        data = event.step_failure_data
        source = getattr(getattr(data, "error_source", None), "name", "")
        interrupted = source == "INTERRUPT"
        self._failed.append(step_key)
        self._finish(
            step_key,
            Status.CANCELLED if interrupted else Status.FAILED,
            event=event,
            message=translate.error_text(data.error),
            state="Interrupted" if interrupted else None,
        )

    def _retried(self, event: DagsterEvent, step_key: str) -> None:
        message = translate.error_text(event.step_retry_data.error)
        self._finish(step_key, Status.FAILED, event=event, message=message, state="UpForRetry")
        self._attempts[step_key] = self._attempts.get(step_key, 0) + 1
        self._done.discard(step_key)

    def _skipped(self, event: DagsterEvent, step_key: str) -> None:
        message = "Skipped: an output that it needs was not yielded."
        self._finish(step_key, Status.CANCELLED, event=event, message=message, state="Skipped")

    def _finish(
        self,
        step_key: str,
        status: Status,
        *,
        event: DagsterEvent | None = None,
        message: str | None = None,
        state: str | None = None,
    ) -> None:
        attempt = self._attempt(step_key, event)
        del self._open[step_key]
        self._done.add(step_key)
        handle = attempt.handle
        self._recording.step_finished(
            translate.step_finished(
                attempt.key,
                name=step_key if handle is None else translate.step_name(self._job, handle, step_key),
                kind=translate.kind_of(self._job, handle),
                status=status,
                at=datetime.now(UTC),
                started_at=attempt.started_at,
                message=message,
                state=state,
                products=attempt.products,
                metrics=attempt.metrics,
                upstream=attempt.upstream,
                properties=attempt.properties,
                url=links.dagster_step_url(self._run.run_id, step_key),
            )
        )


_HANDLERS: Final[Mapping[str, Any]] = {
    "STEP_START": RunWatch._started,  # noqa: SLF001 - this module's own table
    "STEP_RESTARTED": RunWatch._started,  # noqa: SLF001
    "LOADED_INPUT": RunWatch._loaded,  # noqa: SLF001
    "STEP_OUTPUT": RunWatch._output,  # noqa: SLF001
    "HANDLED_OUTPUT": RunWatch._handled,  # noqa: SLF001
    "ASSET_MATERIALIZATION": RunWatch._materialized,  # noqa: SLF001
    "ASSET_CHECK_EVALUATION": RunWatch._checked,  # noqa: SLF001
    "STEP_SUCCESS": RunWatch._succeeded,  # noqa: SLF001
    "STEP_FAILURE": RunWatch._failure,  # noqa: SLF001
    "STEP_UP_FOR_RETRY": RunWatch._retried,  # noqa: SLF001
    "STEP_SKIPPED": RunWatch._skipped,  # noqa: SLF001
}


class StepWatch:
    """Follows the user code of one attempt of a step."""

    def __init__(self, context: StepExecutionContext, recording: Recording) -> None:
        self._context = context
        self._recording = recording
        self._guard = recording.guard
        self._is_remote = context.run_id not in runs_here
        self._key: StepKey | None = None

    def begins(self, inputs: Mapping[str, Any]) -> Run | None:
        """Before user code runs, with its inputs loaded."""
        with self._guard("the start of a step"):
            self._key = translate.step_key(self._context)
            return self._recording.step_started(
                translate.step_started(
                    self._context,
                    self._key,
                    inputs=inputs,
                    at=datetime.now(UTC),
                    url=links.dagster_step_url(self._context.run_id, self._context.step.key),
                    supervised=self._is_remote,
                )
            )
        return None

    def yields(self, item: Any) -> None:
        """User code has made an output, or said something of an asset."""
        with self._guard("an output of a step"):
            found = _compat.output_in(item, self._context)
            if found is None or self._key is None:
                return
            links.link_output(self._context, found.name, found.mapping_key)
            if found.has_value:
                self._recording.step_output(
                    translate.step_output(
                        self._context, self._key, name=found.name, value=found.value, mapping_key=found.mapping_key
                    )
                )
