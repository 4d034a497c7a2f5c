"""What the events of a run's steps mean, whether they happen now or were stored long ago.

Asks nobody but the plan, and no clock: each event comes with its time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from dagster_integration import links, translate
from dagster_integration.asset_reads import AssetReads, Read
from plugin_core.capture.events import ExecutionKey, Product, StepKey
from plugin_core.capture.recording import Recording
from plugin_core.model.components import Status

if TYPE_CHECKING:
    from datetime import datetime

    from dagster import AssetKey, AssetMaterialization, DagsterEvent
    from dagster_shared.error import SerializableErrorInfo

    from dagster_integration.plan import Plan


@dataclass(slots=True)
class Attempt:
    """What the events of one attempt of a step have told so far."""

    key: StepKey
    started_at: datetime | None = None
    upstream: dict[str, dict[str, None]] = field(default_factory=dict)  # by input, in the order they were loaded
    loaded: set[tuple[str, str, str]] = field(default_factory=set)  # input, and step and output that it came from
    outputs: list[Product] = field(default_factory=list["Product"])
    made: list[AssetMaterialization] = field(default_factory=list["AssetMaterialization"])
    observed: list[Product] = field(default_factory=list)
    reads: dict[AssetKey, Read] = field(default_factory=dict["AssetKey", Read])
    metrics: dict[str, float] = field(default_factory=dict)
    properties: dict[str, str] = field(default_factory=dict)
    trouble: tuple[str | None, str] | None = None  # what the executor said of it: the error's class, and in words


class RunEvents:
    """Follows a run through the events of its steps, and records what became of each."""

    def __init__(
        self, key: ExecutionKey, plan: Plan, reads: AssetReads, recording: Recording, *, past: bool = False
    ) -> None:
        self.failed: list[str] = []
        self._past = past  # then no process of a step has told what it made
        self._pointer: int | None = None
        self._key = key
        self._plan = plan
        self._reads = reads
        self._recording = recording
        self._retries: dict[str, int] = dict(plan.retries)
        self._open: dict[str, Attempt] = {}
        self._done: set[str] = set()
        self._dynamic: dict[tuple[str, str], dict[str, None]] = {  # (step, output) -> mapping keys
            output: dict.fromkeys(keys) for output, keys in plan.dynamic.items()
        }

    def key_of(self, step_key: str) -> StepKey:
        """The key of the attempt that a step is at."""
        return self._attempt(step_key).key

    def event(self, event: DagsterEvent, at: datetime, *, pointer: int | None = None) -> None:
        """Something has happened to a step, or in it; of a past event, ``pointer`` is where the log has it."""
        self._pointer = pointer
        handler = _HANDLERS.get(event.event_type_value)
        if handler is not None and event.step_key is not None:
            with self._recording.guard("an event of a step"):
                handler(self, event, event.step_key, at)

    def end(self, status: Status, at: datetime) -> None:
        """Say what became of the steps of which no event told: left behind, or never begun."""
        planned = list(self._planned())
        for step_key in [key for key, attempt in self._open.items() if attempt.started_at is not None]:
            left = Status.CANCELLED if status is Status.CANCELLED else Status.FAILED
            message = "The run ended before the step reported its end."
            self._finish(step_key, left, at, message=message, state="Abandoned")
        message = "A step that it needs failed." if self.failed else "The run ended before the step began."
        for step_key in planned:
            if step_key not in self._done:
                self._finish(step_key, Status.CANCELLED, at, message=message, state="NotStarted")

    def _planned(self) -> Iterator[str]:
        """The steps of the plan; those whose number shows only on the way one by one, as far as that went."""
        for step_key in self._plan.to_execute:
            decided_by = self._plan.mapped.get(step_key)
            if decided_by is None or decided_by[0] not in self._done or decided_by[0] in self.failed:
                yield step_key
            else:
                for mapping_key in self._dynamic.get(decided_by, ()):
                    yield translate.mapped(step_key, mapping_key)

    def _attempt(self, step_key: str) -> Attempt:
        found = self._open.get(step_key)
        if found is None:
            key = translate.step_key_of(self._key, step_key, self._retries.get(step_key, 0) + 1)
            found = self._open[step_key] = Attempt(key)
        return found

    # Its beginning, and what it takes and makes

    def _started(self, event: DagsterEvent, step_key: str, at: datetime) -> None:
        del event
        self._attempt(step_key).started_at = at

    def _loaded(self, event: DagsterEvent, step_key: str, at: datetime) -> None:
        del at
        data: Any = event.event_specific_data
        attempt = self._attempt(step_key)
        asset = self._asset_loaded(step_key, data)
        if asset is not None:
            attempt.reads.setdefault(asset, Read(by=self._plan.reader(step_key), pointer=self._pointer))
        elif data.upstream_step_key is not None and data.upstream_output_name is not None:
            source = (data.input_name, data.upstream_step_key, data.upstream_output_name)
            if source not in attempt.loaded:  # each of several dynamic outputs is an event of its own
                attempt.loaded.add(source)
                outputs = self._outputs_loaded(step_key, data.upstream_step_key, data.upstream_output_name)
                attempt.upstream.setdefault(data.input_name, {}).update(dict.fromkeys(outputs))

    def _asset_loaded(self, step_key: str, data: Any) -> AssetKey | None:
        """The asset that an input was loaded from, by a step of this run or of another."""
        if data.upstream_step_key is None:
            return self._plan.asset_of_input(step_key, data.input_name)
        return translate.assets_of(self._plan.outputs_of(data.upstream_step_key)).get(data.upstream_output_name)

    def _outputs_loaded(self, step_key: str, upstream: str, output: str) -> tuple[str, ...]:
        """The names of a step's outputs that were loaded, perhaps made in an earlier run."""
        run_id = self._run_of(upstream)
        return tuple(
            translate.output_uri(run_id, upstream, output, key)
            for key in self._mapping_keys(step_key, upstream, output)
        )

    def _mapping_keys(self, step_key: str, upstream: str, output: str) -> Iterable[str | None]:
        """Of several outputs of one name, those that a step takes: its own, or all where it collects them."""
        made = self._dynamic.get((upstream, output))
        if made is None:
            return (None,)
        own = translate.mapping_key_of(step_key)
        decided_by = self._plan.mapped.get(translate.unmapped(step_key), (upstream, output))
        return (own,) if own in made and decided_by == (upstream, output) else made

    def _run_of(self, step_key: str) -> str:
        """The run in which a step was executed: this one, or one that this one repeats in part."""
        here = step_key in self._done or step_key in self._open
        return (None if here else self._plan.run_of(step_key)) or self._key.execution_id

    def _output(self, event: DagsterEvent, step_key: str, at: datetime) -> None:
        del at
        data = event.step_output_data
        attempt = self._attempt(step_key)
        if data.mapping_key is not None:
            self._dynamic.setdefault((step_key, data.output_name), {})[data.mapping_key] = None
        if data.output_name not in translate.assets_of(self._plan.outputs_of(step_key)):  # assets say it once more
            attempt.metrics |= translate.metrics_of(data.metadata)
            attempt.properties |= translate.texts_of(data.metadata)
        if self._past:
            attempt.outputs += translate.past_outputs(attempt.key, step_key, data, self._plan.outputs_of(step_key))

    def _handled(self, event: DagsterEvent, step_key: str, at: datetime) -> None:
        del at
        data: Any = event.event_specific_data
        self._attempt(step_key).properties |= translate.texts_of(data.metadata)

    def _materialized(self, event: DagsterEvent, step_key: str, at: datetime) -> None:
        del at
        attempt, made = self._attempt(step_key), event.materialization
        attempt.made.append(made)
        for asset, version, pointer in translate.versions_read(made):
            read = attempt.reads.setdefault(asset, Read())
            read.version, read.pointer, read.by = version, pointer, made.asset_key
            if made.partition is not None:
                read.partitions.add(made.partition)

    def _observed(self, event: DagsterEvent, step_key: str, at: datetime) -> None:
        del at
        observation = event.asset_observation_data.asset_observation
        attempt = self._attempt(step_key)
        attempt.observed.append(translate.product_of(observation))
        attempt.metrics |= translate.metrics_of(observation.metadata)

    def _engine(self, event: DagsterEvent, step_key: str, at: datetime) -> None:
        """The executor has something to say of a step: that it must wait, or what happened to its process."""
        data = event.engine_event_data
        attempt = self._attempt(step_key)
        if "pool" in data.metadata:
            attempt.properties.setdefault("scheduled_at", at.isoformat())
        if data.error is not None:
            attempt.trouble = (data.error.cls_name, event.message or "")

    def _checked(self, event: DagsterEvent, step_key: str, at: datetime) -> None:
        del at
        check = event.asset_check_evaluation_data
        outputs = self._plan.outputs_of(step_key)
        name, attempt = translate.check_name(check, outputs), self._attempt(step_key)
        attempt.properties |= translate.check_properties(check, name)
        attempt.metrics |= translate.metrics_of(check.metadata, f"{name}." if len(outputs) > 1 else "")
        if check.asset_key not in translate.assets_of(outputs).values():
            read = attempt.reads.setdefault(check.asset_key, Read(by=check.asset_check_key))
            target = check.target_materialization_data
            read.pointer = read.pointer if target is None else target.storage_id

    # Its ends

    def _succeeded(self, event: DagsterEvent, step_key: str, at: datetime) -> None:
        del event
        self._finish(step_key, Status.COMPLETED, at)

    def _failure(self, event: DagsterEvent, step_key: str, at: datetime) -> None:
        data = event.step_failure_data
        attempt = self._attempt(step_key)
        if data.user_failure_data is not None:
            attempt.metrics |= translate.metrics_of(data.user_failure_data.metadata)
            attempt.properties |= translate.texts_of(data.user_failure_data.metadata)
        interrupted = getattr(data.error_source, "name", "") == "INTERRUPT"
        self.failed.append(step_key)
        status = Status.CANCELLED if interrupted else Status.FAILED
        state = "Interrupted" if interrupted else None
        self._finish(step_key, status, at, message=self._cause(step_key, data.error), state=state)

    def _retried(self, event: DagsterEvent, step_key: str, at: datetime) -> None:
        message = self._cause(step_key, event.step_retry_data.error)
        self._finish(step_key, Status.FAILED, at, message=message, state="UpForRetry")
        self._retries[step_key] = self._retries.get(step_key, 0) + 1
        self._done.discard(step_key)

    def _cause(self, step_key: str, error: SerializableErrorInfo | None) -> str | None:
        """Why an attempt failed: in the executor's words where the error is one that it has explained."""
        trouble = self._attempt(step_key).trouble
        if trouble is not None and error is not None and error.cls_name == trouble[0]:
            return trouble[1]
        return translate.error_text(error)

    def _skipped(self, event: DagsterEvent, step_key: str, at: datetime) -> None:
        del event
        message = "Skipped: an output that it needs was not yielded."
        self._finish(step_key, Status.CANCELLED, at, message=message, state="Skipped")

    def _finish(
        self, step_key: str, status: Status, at: datetime, *, message: str | None = None, state: str | None = None
    ) -> None:
        attempt = self._attempt(step_key)
        del self._open[step_key]
        self._done.add(step_key)
        outputs = self._plan.outputs_of(step_key)
        products = self._products_of(attempt)
        self._recording.step_finished(
            translate.step_finished(
                attempt.key,
                name=translate.step_name(step_key, outputs),
                kind=translate.kind_of(outputs),
                status=status,
                at=at,
                started_at=attempt.started_at,
                message=message,
                state=state,
                products=[*attempt.outputs, *products],
                sources=self._sources_of(attempt, {product.uri for product in products}),
                metrics={**attempt.metrics, **translate.metrics_of_assets(attempt.made, outputs)},
                upstream={name: tuple(outputs) for name, outputs in attempt.upstream.items()},
                properties={
                    **attempt.properties,
                    **translate.properties_of_asset(attempt.made, self._key.execution_id),
                },
                url=links.dagster_step_url(self._key.execution_id, step_key),
            )
        )

    def _products_of(self, attempt: Attempt) -> list[Product]:
        products = [translate.product_of(made) for made in attempt.made]
        for made, product in zip(attempt.made, products, strict=True):
            self._reads.made(made.asset_key, made.partition, product)
        return products if len(products) == 1 else list(translate.derived(attempt.made, products))

    def _sources_of(self, attempt: Attempt, own: set[str]) -> list[Product]:
        """The versions of assets that went in; a partition that an asset reads of itself, only if it is another."""
        sources = list(attempt.observed)
        with self._recording.guard("the assets that a step has read"):
            for asset, read in attempt.reads.items():
                sources += [found for found in self._reads.products_of(asset, read) if found.uri not in own]
        return sources


_HANDLERS: Final[Mapping[str, Any]] = {
    "STEP_START": RunEvents._started,  # noqa: SLF001 - this module's own table
    "STEP_RESTARTED": RunEvents._started,  # noqa: SLF001
    "LOADED_INPUT": RunEvents._loaded,  # noqa: SLF001
    "STEP_OUTPUT": RunEvents._output,  # noqa: SLF001
    "HANDLED_OUTPUT": RunEvents._handled,  # noqa: SLF001
    "ASSET_MATERIALIZATION": RunEvents._materialized,  # noqa: SLF001
    "ENGINE_EVENT": RunEvents._engine,  # noqa: SLF001
    "ASSET_OBSERVATION": RunEvents._observed,  # noqa: SLF001
    "ASSET_CHECK_EVALUATION": RunEvents._checked,  # noqa: SLF001
    "STEP_SUCCESS": RunEvents._succeeded,  # noqa: SLF001
    "STEP_FAILURE": RunEvents._failure,  # noqa: SLF001
    "STEP_UP_FOR_RETRY": RunEvents._retried,  # noqa: SLF001
    "STEP_SKIPPED": RunEvents._skipped,  # noqa: SLF001
}
HANDLED: Final = frozenset(_HANDLERS)
