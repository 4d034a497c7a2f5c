"""Turns an orchestrator's events into changes of the record. Never raises into user code (see ``guard``)."""

from __future__ import annotations

import threading
import time
from array import array
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Final

from plugin_core.capture.dataflow import Dataflow
from plugin_core.capture.events import (
    NOTHING,
    ExecutionFinished,
    ExecutionKey,
    ExecutionStarted,
    StepFinished,
    StepKey,
    StepOutput,
    StepStarted,
)
from plugin_core.capture.guard import Guard
from plugin_core.capture.names import Place, address_of, previous_attempt
from plugin_core.capture.payloads import PayloadWriter
from plugin_core.capture.pieces import (
    ends_with_this_process,
    micros,
    node_of,
    step_properties,
)
from plugin_core.model import names
from plugin_core.model.changes import (
    AppendPoints,
    Change,
    PutComponent,
    PutExperiment,
    PutTrial,
    SetParameters,
    SetProperties,
    SetStatus,
)
from plugin_core.model.components import OrchestratorRef, Owner, Status
from plugin_core.model.metrics import Json
from plugin_core.tracking.carrier import RunAddress
from plugin_core.tracking.engine import Engine, engine, now_us
from plugin_core.tracking.run import Run
from plugin_core.tracking.settings import is_disabled, on_configure

_MESSAGE_MAX: Final = 1024
_RUN_TAG: Final[dict[str, str | None]] = {names.RUN_SOURCE_TAG[0]: names.RUN_SOURCE_TAG[1]}
_REMEMBERED_ADDRESSES: Final = 4_096
_CODE_WAIT_S: Final = 0.5  # at an execution's end; git needs a few milliseconds


class Recorder:
    """Records executions and steps of any orchestrator. One per process; safe to share between threads.

    That of the ``past`` is told of what other processes did: it takes every time from the events, says
    nothing of this process, its code or its life, and remembers no step.
    """

    def __init__(self, engine: Engine, *, past: bool = False) -> None:
        self._engine = engine
        self._past = past
        self._addresses: dict[ExecutionKey | StepKey, RunAddress] = {}  # of what this process records now
        self._code_threads: list[threading.Thread] = []
        self._latest_place = Place()
        self.guard = Guard(strict=engine.settings.strict)
        self._payloads = PayloadWriter(engine, self.guard.failed)
        self._flow = Dataflow(engine.settings, engine.redactor, self._payloads)

    # Events. Each writes all that it comes to at once, also where a part of it failed.

    def execution_started(self, event: ExecutionStarted) -> Run | None:
        """Record that an execution begins; return its run, None if that failed."""
        with self.guard("the start of an execution"):
            changes: list[Change] = []
            try:
                address = self._address(event.key)
                self._put_execution(changes, event.key, address, event)
                self._set_status(changes, address, Status.RUNNING, event.at, started_at=event.at)
                self._parameters(changes, address, event)
                if not self._past:
                    self._code_version(address)
            finally:
                self._write(changes)
            return Run._resolved(address, loggable=True)  # noqa: SLF001 - capture makes the handles of steps
        return None

    def _parameters(self, changes: list[Change], address: RunAddress, event: ExecutionStarted) -> None:
        parameters: dict[str, Json] = {}
        at = self._moment(event.at)
        self._flow.inputs(changes, address, event.parameters, {}, event.capture, parameters, at=at)
        if parameters:
            changes.append(SetParameters(at=at, component=address.component, parameters=parameters))

    def execution_finished(self, event: ExecutionFinished) -> None:
        """Record that an execution ended, also one whose start nobody recorded."""
        with self.guard("the end of an execution"):
            changes: list[Change] = []
            try:
                self._end_execution(changes, self._address(event.key), event)
            finally:
                self._write(changes)
        self.wait_for_code(_CODE_WAIT_S)

    def _end_execution(self, changes: list[Change], address: RunAddress, event: ExecutionFinished) -> None:
        name, now = event.key.experiment, now_us()
        self._add_properties(changes, address, event.properties)
        if event.reused_uri is not None:
            self._flow.reused(changes, address, event.reused_uri, name, at=now)
        if event.output is not NOTHING:
            self._flow.outputs(changes, address, name, event.output, event.result_uris, event.capture, at=now)
        self._set_status(
            changes,
            address,
            event.status,
            event.at,
            message=event.message,
            ended_at=_end_of(event),
            inferred=event.inferred,
        )

    def step_started(self, event: StepStarted) -> Run | None:
        """Record that an attempt of a step begins; return its run, None if that failed."""
        with self.guard("the start of a step"):
            changes: list[Change] = []
            try:
                address = self._address(event.key)
                parameters: dict[str, Json] = {}  # filled below: it is written when all is known, or has failed
                self._put_step(changes, event.key, address, event, parameters)
                at = self._moment(event.at)
                self._flow.inputs(changes, address, event.inputs, event.upstream, event.capture, parameters, at=at)
            finally:
                self._write(changes)
            return Run._resolved(address, loggable=True)  # noqa: SLF001
        return None

    def step_output(self, event: StepOutput) -> None:
        """Record one of a step's outputs."""
        with self.guard("an output of a step"):
            changes: list[Change] = []
            try:
                self._flow.outputs(
                    changes,
                    self._address(event.key),
                    event.key.step,
                    event.value,
                    event.result_uris,
                    event.capture,
                    at=now_us(),
                    output_name=event.name,
                )
            finally:
                self._write(changes)

    def step_finished(self, event: StepFinished) -> None:
        """Record that an attempt of a step ended, also one that never ran (cached, not ready)."""
        with self.guard("the end of a step"):
            changes: list[Change] = []
            try:
                self._end_step(changes, self._address(event.key), event)
            finally:
                self._write(changes)

    def _end_step(self, changes: list[Change], address: RunAddress, event: StepFinished) -> None:
        self._put_step(changes, event.key, address, event)
        now = now_us()
        if event.reused_uri is not None:
            self._flow.reused(changes, address, event.reused_uri, event.name, at=now)
        if event.output is not NOTHING:
            self._flow.outputs(changes, address, event.name, event.output, event.result_uris, event.capture, at=now)
        if event.upstream or event.sources or event.products or event.metrics:
            self._add_told(changes, address, event)
        self._set_status(
            changes,
            address,
            event.status,
            event.at,
            message=event.message,
            started_at=event.started_at,
            ended_at=_end_of(event),
            inferred=event.inferred,
        )

    def _add_told(self, changes: list[Change], address: RunAddress, event: StepFinished) -> None:
        """What the orchestrator knows of a step beside its values."""
        at = self._moment(event.at)
        self._flow.upstream(changes, address, event.upstream, at=at)
        self._flow.products(changes, address, event.sources, made=False, at=at)
        self._flow.products(changes, address, event.products, made=True, at=at)
        self._metrics(changes, address, event.metrics, at=micros(event.at))

    def run_of(self, key: ExecutionKey | StepKey) -> Run | None:
        """The run of an execution or step, for ``load_run()`` in a process that did not see its start."""
        with self.guard("finding the current step"):
            return Run._resolved(self._address(key), loggable=True)  # noqa: SLF001
        return None

    def flush(self, timeout_s: float | None = None) -> bool:
        """Wait until what was recorded is in the store, payloads too; False if it was not within the time-out."""
        limit = self._engine.settings.flush_timeout_s if timeout_s is None else timeout_s
        deadline = time.monotonic() + limit
        self.wait_for_code(limit)
        return self._payloads.wait(limit) and self._engine.flush(max(0.0, deadline - time.monotonic()))

    # The write

    def _write(self, changes: list[Change]) -> None:
        if changes:
            self._engine.journal.append_all(changes)

    def _moment(self, at: datetime) -> int:
        """When something is recorded: now, but of the past when it was."""
        return micros(at) if self._past else now_us()

    def _owner(self) -> Owner | None:
        return None if self._past else self._engine.journal.owner

    # Components

    def _address(self, key: ExecutionKey | StepKey) -> RunAddress:
        address = self._addresses.get(key)
        if address is None or address.journal != self._engine.journal.id:  # the process goes on in another one
            place = self._place()
            address = address_of(key, experiment=self._engine.settings.experiment, place=place)
            if len(self._addresses) >= _REMEMBERED_ADDRESSES:
                self._addresses = {}
            self._addresses[key] = address
        return address

    def _place(self) -> Place:
        """Where this process records now; it goes on in another journal when it must."""
        settings, journal = self._engine.settings, self._engine.journal.id
        if self._latest_place.journal != journal:
            self._latest_place = Place(
                store=settings.store, blobs=settings.blobs, spool=str(settings.spool_dir), journal=journal
            )
        return self._latest_place

    def _put_execution(
        self, changes: list[Change], key: ExecutionKey, address: RunAddress, event: ExecutionStarted
    ) -> None:
        at, override, once = micros(event.at), self._engine.settings.experiment, ("experiment", address.experiment)
        if once not in self._engine.known:
            self._engine.known.add(once)
            display = override or key.experiment
            changes.append(PutExperiment(at=at, name=address.experiment, display_name=display))
        changes += (
            PutTrial(
                at=at,
                name=address.trial,
                experiment=address.experiment,
                display_name=event.name,
                root_component=address.component,
            ),
            PutComponent(
                at=at,
                name=address.component,
                experiment=address.experiment,
                trial=address.trial,
                run_name=address.run_name,
                display_name=event.name,
                kind=event.kind,
                parent=None if event.parent is None else self._address(event.parent).component,
                root=address.component,
                attempt=key.attempt,
                previous_attempt=self._attempt_before(key, event.retry_of),
                orchestrator=OrchestratorRef(system=key.system, execution_id=key.execution_id, url=event.url),
                owner=self._owner(),
                tags=self._tags(event.tags),
                properties=self._engine.redactor.properties(event.properties),
            ),
        )

    def _attempt_before(self, key: ExecutionKey, retry_of: ExecutionKey | None) -> str | None:
        if retry_of is not None:
            return self._address(retry_of).component
        return previous_attempt(key, experiment=self._engine.settings.experiment)

    def _put_step(
        self,
        changes: list[Change],
        key: StepKey,
        address: RunAddress,
        event: StepStarted | StepFinished,
        parameters: Mapping[str, Json] | None = None,
    ) -> None:
        """Put the component; the end repeats only what the start may not have said."""
        known, began = self._engine.known, isinstance(event, StepStarted)
        if not began and address.component in known:
            self._add_properties(changes, address, event.properties)
            return
        if not self._past:
            known.add(address.component)
        at, override = micros(event.at), self._engine.settings.experiment
        root = self._address(key.execution).component
        changes.append(
            PutComponent(
                at=at,
                name=address.component,
                experiment=address.experiment,
                trial=address.trial,
                run_name=address.run_name,
                display_name=event.name,
                kind=event.kind,
                parent=root if event.parent is None else self._address(event.parent).component,
                root=root,
                attempt=key.attempt,
                previous_attempt=None if key.attempt <= 1 else previous_attempt(key, experiment=override),
                orchestrator=OrchestratorRef(
                    system=key.execution.system,
                    execution_id=key.execution.execution_id,
                    step_id=key.step_id,
                    url=event.url,
                ),
                owner=self._owner() if ends_with_this_process(event) else None,
                tags=self._tags(event.tags),
                properties=self._step_properties(event),
                started_at=at if began else None,
                parameters={} if parameters is None else parameters,
            )
        )

    def _step_properties(self, event: StepStarted | StepFinished) -> dict[str, str]:
        given = self._engine.redactor.properties(event.properties) if event.properties else {}
        return given | step_properties(event) if isinstance(event, StepStarted) else given

    def _add_properties(self, changes: list[Change], address: RunAddress, properties: Mapping[str, str]) -> None:
        if properties:
            kept = self._engine.redactor.properties(properties)
            changes.append(SetProperties(at=now_us(), node=node_of(address), properties=kept))

    def _set_status(
        self,
        changes: list[Change],
        address: RunAddress,
        status: Status,
        at: datetime,
        *,
        message: str | None = None,
        started_at: datetime | None = None,
        ended_at: datetime | None = None,
        inferred: bool = False,
    ) -> None:
        moment = micros(at)
        changes.append(
            SetStatus(
                at=moment,
                component=address.component,
                status=status,
                message=None if message is None else self._engine.redactor.text(message)[:_MESSAGE_MAX],
                started_at=moment if started_at is at else None if started_at is None else micros(started_at),
                ended_at=moment if ended_at is at else None if ended_at is None else micros(ended_at),
                inferred=inferred,
                owner=self._owner() if status is Status.RUNNING else None,
            )
        )

    def _tags(self, tags: Mapping[str, str | None]) -> dict[str, str | None]:
        if not tags:
            return _RUN_TAG
        kept = self._engine.redactor.tags(tags)
        return {**{key[: names.TAG_KEY_MAX]: value for key, value in kept.items()}, **_RUN_TAG}

    def _metrics(self, changes: list[Change], address: RunAddress, metrics: Mapping[str, float], *, at: int) -> None:
        for full_name, value in metrics.items():
            name = full_name[: names.METRIC_NAME_MAX]
            if self._past:
                changes.append(
                    AppendPoints(
                        component=address.component,
                        metric=name,
                        steps=array("q", (0,)),
                        times=array("q", (at,)),
                        values=array("d", (value,)),
                    )
                )
            else:
                self._engine.series(address.component, name).log(value, None)

    # Code

    def _code_version(self, address: RunAddress) -> None:
        """Find git's commit on a thread: it takes milliseconds, and sometimes seconds."""
        thread = threading.Thread(target=self._record_code, args=(address,), name="flowtrail-code", daemon=True)
        self._code_threads = [t for t in self._code_threads if t.is_alive()] + [thread]
        thread.start()

    def wait_for_code(self, timeout_s: float) -> None:
        """Let the code versions of the executions that began be found, for a bounded time."""
        for thread in self._code_threads:
            thread.join(timeout_s)

    def _record_code(self, address: RunAddress) -> None:
        with self.guard("reading the code version"):
            from plugin_core.capture.code import code_version

            version = code_version(Path.cwd())
            if version is not None:
                changes: list[Change] = []
                self._add_properties(changes, address, version.to_properties())
                self._write(changes)


def _end_of(event: ExecutionFinished | StepFinished) -> datetime | None:
    """A paused execution reports to have stopped, and has not ended."""
    return event.at if event.status.is_final else None


_lock = threading.Lock()
_recorder: Recorder | None = None


def recorder() -> Recorder | None:
    """The recorder of this process; None where recording is switched off, or cannot be set up (warned once)."""
    global _recorder  # noqa: PLW0603 - one recorder per process
    if is_disabled():
        return None
    if _recorder is None:
        with _lock:
            if _recorder is None:
                _recorder = Recorder(engine())
    return _recorder


def past_recorder() -> Recorder | None:
    """A recorder of what happened before, for an import; None where recording is switched off."""
    return None if is_disabled() else Recorder(engine(), past=True)


def _forget() -> None:
    global _recorder  # noqa: PLW0603
    _recorder = None


on_configure(_forget)
