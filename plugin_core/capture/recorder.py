"""Turns an orchestrator's events into changes of the record. Never raises into user code (see ``guard``)."""

from __future__ import annotations

import threading
import time
from array import array
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

from plugin_core.capture.events import (
    NOTHING,
    ExecutionFinished,
    ExecutionKey,
    ExecutionStarted,
    Product,
    StepFinished,
    StepKey,
    StepOutput,
    StepStarted,
)
from plugin_core.capture.guard import Guard
from plugin_core.capture.names import Place, address_of, previous_attempt
from plugin_core.capture.payloads import PayloadWriter
from plugin_core.capture.pieces import (
    PREVIEW_MAX,
    artifact_node,
    edge,
    ends_with_this_process,
    micros,
    node_of,
    preview_of,
    put_artifact,
    step_properties,
    type_of_whole,
)
from plugin_core.model import names
from plugin_core.model.changes import (
    AppendPoints,
    Change,
    PutArtifact,
    PutComponent,
    PutExperiment,
    PutTrial,
    SetArtifactValues,
    SetParameters,
    SetProperties,
    SetStatus,
)
from plugin_core.model.components import ArtifactValue, OrchestratorRef, Owner, Status
from plugin_core.model.lineage import ArtifactType, AssociationType
from plugin_core.model.metrics import Json
from plugin_core.redaction import REDACTED
from plugin_core.tracking.carrier import RunAddress
from plugin_core.tracking.engine import Engine, engine, now_us
from plugin_core.tracking.run import Run
from plugin_core.tracking.settings import is_disabled, on_configure

if TYPE_CHECKING:
    from plugin_core.capture.values import DescribedArtifact, Description, Limits

_MESSAGE_MAX: Final = 1024
_RUN_TAG: Final[dict[str, str | None]] = {names.RUN_SOURCE_TAG[0]: names.RUN_SOURCE_TAG[1]}
_REMEMBERED_OUTPUTS: Final = 10_000
_REMEMBERED_ADDRESSES: Final = 4_096
_CODE_WAIT_S: Final = 0.5  # at an execution's end; git needs a few milliseconds


class _Together:
    """Gathers this thread's changes, and records them on the way out."""

    __slots__ = ("_changes", "_engine", "_gathered")

    def __init__(self, engine: Engine, gathered: threading.local) -> None:
        self._engine = engine
        self._gathered = gathered
        self._changes: list[Change] = []

    def __enter__(self) -> None:
        self._gathered.changes = self._changes

    def __exit__(self, *_: object) -> None:
        self._gathered.changes = None
        self._engine.record(*self._changes)


class Recorder:
    """Records executions and steps of any orchestrator. One per process; safe to share between threads.

    That of the ``past`` is told of what other processes did: it takes every time from the events, says
    nothing of this process, its code or its life, and remembers no step.
    """

    def __init__(self, engine: Engine, *, past: bool = False) -> None:
        self._engine = engine
        self._past = past
        self._limits: dict[str, Limits] = {}  # by level
        self._values: ModuleType | None = None  # imported on first need
        self._addresses: dict[ExecutionKey | StepKey, RunAddress] = {}  # of what this process records now
        self._code_threads: list[threading.Thread] = []
        self._latest_place = Place()
        self._gathered = threading.local()  # changes of the event that this thread is recording
        self.guard = Guard(strict=engine.settings.strict)
        self._payloads = PayloadWriter(engine, self.guard.failed)
        self._outputs: dict[str, tuple[str, ...]] = {}  # result URI -> content identities, of steps of this process

    # Events

    def execution_started(self, event: ExecutionStarted) -> Run | None:
        """Record that an execution begins; return its run, None if that failed."""
        with self.guard("the start of an execution"), self._together():
            address = self._address(event.key)
            self._put_execution(event.key, address, event)
            self._set_status(address, Status.RUNNING, event.at, started_at=event.at)
            parameters: dict[str, Json] = {}
            at = self._moment(event.at)
            self._inputs(address, event.parameters, {}, event.capture, parameters, at=at)
            if parameters:
                self._record(SetParameters(at=at, component=address.component, parameters=parameters))
            if not self._past:
                self._code_version(address)
            return Run._resolved(address, loggable=True)  # noqa: SLF001 - capture makes the handles of steps
        return None

    def execution_finished(self, event: ExecutionFinished) -> None:
        """Record that an execution ended, also one whose start nobody recorded."""
        with self.guard("the end of an execution"), self._together():
            address = self._address(event.key)
            self._add_properties(address, event.properties)
            if event.reused_uri is not None:
                self._reused(address, event.reused_uri, event.key.experiment)
            if event.output is not NOTHING:
                self._outputs_of(address, event.key.experiment, event.output, event.result_uris, event.capture)
            self._set_status(
                address, event.status, event.at, message=event.message, ended_at=_end_of(event), inferred=event.inferred
            )
        self.wait_for_code(_CODE_WAIT_S)

    def step_started(self, event: StepStarted) -> Run | None:
        """Record that an attempt of a step begins; return its run, None if that failed."""
        with self.guard("the start of a step"), self._together():
            address = self._address(event.key)
            parameters: dict[str, Json] = {}  # filled below: it is written when all is known, or has failed
            self._put_step(event.key, address, event, parameters)
            self._inputs(address, event.inputs, event.upstream, event.capture, parameters, at=self._moment(event.at))
            return Run._resolved(address, loggable=True)  # noqa: SLF001
        return None

    def step_output(self, event: StepOutput) -> None:
        """Record one of a step's outputs."""
        with self.guard("an output of a step"), self._together():
            address = self._address(event.key)
            self._outputs_of(
                address, event.key.step, event.value, event.result_uris, event.capture, output_name=event.name
            )

    def step_finished(self, event: StepFinished) -> None:
        """Record that an attempt of a step ended, also one that never ran (cached, not ready)."""
        with self.guard("the end of a step"), self._together():
            address = self._address(event.key)
            self._put_step(event.key, address, event)
            if event.upstream:
                self._upstream_edges(address, event.upstream, at=self._moment(event.at))
            if event.reused_uri is not None:
                self._reused(address, event.reused_uri, event.name)
            if event.output is not NOTHING:
                self._outputs_of(address, event.name, event.output, event.result_uris, event.capture)
            if event.sources:
                self._products(address, event.sources, made=False, at=self._moment(event.at))
            if event.products:
                self._products(address, event.products, made=True, at=self._moment(event.at))
            if event.metrics:
                self._metrics(address, event.metrics, at=micros(event.at))
            self._set_status(
                address,
                event.status,
                event.at,
                message=event.message,
                started_at=event.started_at,
                ended_at=_end_of(event),
                inferred=event.inferred,
            )

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

    def _together(self) -> _Together:
        """Write all that one event comes to at once, also where a part of it failed."""
        return _Together(self._engine, self._gathered)

    def _record(self, *changes: Change) -> None:
        gathered: list[Change] | None = getattr(self._gathered, "changes", None)
        if gathered is None:
            self._engine.record(*changes)
        else:
            gathered.extend(changes)

    def _moment(self, at: datetime) -> int:
        """When something is recorded: now, but of the past when it was."""
        return micros(at) if self._past else now_us()

    def _owner(self) -> Owner | None:
        return None if self._past else self._engine.journal.owner

    def _record_once(self, key: object, *changes: Change) -> None:
        if key not in self._engine.known:
            self._engine.known.add(key)
            self._record(*changes)

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

    def _put_execution(self, key: ExecutionKey, address: RunAddress, event: ExecutionStarted) -> None:
        at, override = micros(event.at), self._engine.settings.experiment
        display = override or key.experiment
        self._record_once(
            ("experiment", address.experiment), PutExperiment(at=at, name=address.experiment, display_name=display)
        )
        self._record(
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
                properties=self._properties(event.properties),
            ),
        )

    def _attempt_before(self, key: ExecutionKey, retry_of: ExecutionKey | None) -> str | None:
        if retry_of is not None:
            return self._address(retry_of).component
        return previous_attempt(key, experiment=self._engine.settings.experiment)

    def _put_step(
        self,
        key: StepKey,
        address: RunAddress,
        event: StepStarted | StepFinished,
        parameters: Mapping[str, Json] | None = None,
    ) -> None:
        """Put the component; the end repeats only what the start may not have said."""
        if isinstance(event, StepFinished) and address.component in self._engine.known:
            self._add_properties(address, event.properties)
            return
        if not self._past:
            self._engine.known.add(address.component)
        at, override = micros(event.at), self._engine.settings.experiment
        root = self._address(key.execution).component
        properties = self._properties(event.properties)
        if isinstance(event, StepStarted):
            properties |= step_properties(event)
        self._record(
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
                previous_attempt=previous_attempt(key, experiment=override),
                orchestrator=OrchestratorRef(
                    system=key.execution.system,
                    execution_id=key.execution.execution_id,
                    step_id=key.step_id,
                    url=event.url,
                ),
                owner=self._owner() if ends_with_this_process(event) else None,
                tags=self._tags(event.tags),
                properties=properties,
                started_at=at if isinstance(event, StepStarted) else None,
                parameters={} if parameters is None else parameters,
            )
        )

    def _add_properties(self, address: RunAddress, properties: Mapping[str, str]) -> None:
        if properties:
            self._record(SetProperties(at=now_us(), node=node_of(address), properties=self._properties(properties)))

    def _set_status(
        self,
        address: RunAddress,
        status: Status,
        at: datetime,
        *,
        message: str | None = None,
        started_at: datetime | None = None,
        ended_at: datetime | None = None,
        inferred: bool = False,
    ) -> None:
        self._record(
            SetStatus(
                at=micros(at),
                component=address.component,
                status=status,
                message=None if message is None else self._engine.redactor.text(message)[:_MESSAGE_MAX],
                started_at=None if started_at is None else micros(started_at),
                ended_at=None if ended_at is None else micros(ended_at),
                inferred=inferred,
                owner=self._owner() if status is Status.RUNNING else None,
            )
        )

    def _tags(self, tags: Mapping[str, str | None]) -> dict[str, str | None]:
        if not tags:
            return _RUN_TAG
        kept = self._engine.redactor.tags(tags)
        return {**{key[: names.TAG_KEY_MAX]: value for key, value in kept.items()}, **_RUN_TAG}

    def _properties(self, properties: Mapping[str, str]) -> dict[str, str]:
        if not properties:
            return {}
        redactor = self._engine.redactor
        return {
            key: REDACTED if redactor.is_secret_name(key) else redactor.text(value) for key, value in properties.items()
        }

    # Values

    def _inputs(
        self,
        address: RunAddress,
        values: Mapping[str, Any],
        upstream: Mapping[str, tuple[str, ...]],
        level: str | None,
        parameters: dict[str, Json],
        *,
        at: int,
    ) -> None:
        """Record arguments; those that are parameters are added to ``parameters``, which the caller records."""
        entries: dict[str, ArtifactValue] = {}
        changes: list[Change] = []
        for name, value in values.items():
            if self._is_plain(name, value, level):
                parameters[name] = value
                if name in upstream:
                    self._upstream_of(address, upstream[name], set(), changes, at)
                continue
            described = self._describe(name, value, level)
            parameters.update(described.parameters)
            identities = self._input_artifacts(address, described, entries, changes, at, bool(upstream.get(name)))
            self._upstream_of(address, upstream.get(name, ()), identities, changes, at)
        for name in upstream.keys() - values.keys():
            self._upstream_of(address, upstream[name], set(), changes, at)
        if entries:
            self._record(SetArtifactValues(at=at, component=address.component, is_output=False, values=entries))
        if changes:
            self._record(*changes)

    def _input_artifacts(
        self,
        address: RunAddress,
        described: Description,
        entries: dict[str, ArtifactValue],
        changes: list[Change],
        at: int,
        has_upstream: bool,
    ) -> set[str]:
        """Add what is known of an argument's artifacts; return the identities of their content."""
        identities: set[str] = set()
        for artifact in described.artifacts:
            if artifact.identity is None and has_upstream:
                continue  # the producing step's result stands for it
            uri = artifact.identity or f"flowtrail:{address.component}/input/{artifact.name}"
            identities.add(uri)
            entries[artifact.name] = ArtifactValue(value=uri, media_type=artifact.media_type)
            changes.append(put_artifact(artifact, uri, at))
            changes.append(edge(artifact_node(uri), node_of(address), AssociationType.CONTRIBUTED_TO, at))
            self._store(artifact, uri)
        return identities

    def _upstream_of(
        self, address: RunAddress, uris: tuple[str, ...], identities: set[str], changes: list[Change], at: int
    ) -> None:
        """Edges from the results that went into an argument, unless its content says the same already."""
        for uri in uris:
            known = self._outputs.get(uri, ())
            if any(content in identities for content in known):
                continue
            # Of a result of several parts it is not known which one went in: the result as a whole did.
            source = known[0] if len(known) == 1 else uri
            changes.append(edge(artifact_node(source), node_of(address), AssociationType.CONTRIBUTED_TO, at))

    def _upstream_edges(self, address: RunAddress, upstream: Mapping[str, tuple[str, ...]], *, at: int) -> None:
        changes: list[Change] = []
        for uris in upstream.values():
            self._upstream_of(address, uris, set(), changes, at)
        self._record(*changes)

    def _outputs_of(
        self,
        address: RunAddress,
        name: str,
        value: Any,
        result_uris: tuple[str, ...],
        level: str | None,
        *,
        output_name: str = "result",
    ) -> None:
        """Record a result: its content where that has an identity, and the result itself under the step's URIs."""
        if value is None:
            return
        at = now_us()
        if self._is_plain(output_name, value, level):
            preview = {"preview": repr(value)[:PREVIEW_MAX]}
            self._results(
                address, ArtifactType.VALUE, f"{name} {output_name}", preview, result_uris, output_name, at=at
            )
            return
        described = self._describe(output_name, value, level)
        entries: dict[str, ArtifactValue] = {}
        changes: list[Change] = []
        contents: list[str] = []
        for artifact in described.artifacts:
            if artifact.identity is None:
                continue
            contents.append(artifact.identity)
            entries[artifact.name] = ArtifactValue(value=artifact.identity, media_type=artifact.media_type)
            changes.append(put_artifact(artifact, artifact.identity, at))
            changes.append(edge(node_of(address), artifact_node(artifact.identity), AssociationType.PRODUCED, at))
            self._store(artifact, artifact.identity)
        whole = not described.parameters and len(contents) == len(described.artifacts)
        kind = ArtifactType.VALUE if whole else type_of_whole(described)
        if entries:
            self._record(SetArtifactValues(at=at, component=address.component, is_output=True, values=entries))
        shown = f"{name} {output_name}", preview_of(described, output_name)
        self._record(*changes)
        self._results(address, kind, *shown, result_uris, None if entries else output_name, at=at)
        for uri in result_uris:
            self._remember_outputs(uri, contents, whole=whole)

    def _results(
        self,
        address: RunAddress,
        type: str,
        name: str,
        preview: dict[str, str],
        uris: tuple[str, ...],
        output: str | None,
        *,
        at: int,
    ) -> None:
        """Record what a step returned under each of its URIs; the first of them is its ``output``, if one is."""
        for uri in uris:
            self._record(
                PutArtifact(
                    at=at,
                    source_uri=uri,
                    type=type,
                    name=name,
                    properties=preview,
                    produced_by=address.component,
                    output=output if uri is uris[0] else None,
                )
            )

    def _products(self, address: RunAddress, products: Iterable[Product], *, made: bool, at: int) -> None:
        text = self._engine.redactor.text
        entries: dict[str, ArtifactValue] = {}
        for product in products:
            uri = text(product.uri)
            entries[product.entry or product.name] = ArtifactValue(value=uri)
            properties = self._properties(product.properties)
            self._record(
                PutArtifact(at=at, source_uri=uri, type=product.type, name=product.name, properties=properties),
                edge(node_of(address), artifact_node(uri), AssociationType.PRODUCED, at)
                if made
                else edge(artifact_node(uri), node_of(address), AssociationType.CONTRIBUTED_TO, at),
                *(
                    edge(artifact_node(text(origin)), artifact_node(uri), AssociationType.DERIVED_FROM, at)
                    for origin in product.derived_from
                ),
            )
        if entries:
            self._record(SetArtifactValues(at=at, component=address.component, is_output=made, values=entries))

    def _metrics(self, address: RunAddress, metrics: Mapping[str, float], *, at: int) -> None:
        for full_name, value in metrics.items():
            name = full_name[: names.METRIC_NAME_MAX]
            if self._past:
                self._record(
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

    def _remember_outputs(self, uri: str, contents: list[str], *, whole: bool) -> None:
        if whole and contents:
            if len(self._outputs) >= _REMEMBERED_OUTPUTS:
                self._outputs.pop(next(iter(self._outputs)))
            self._outputs[uri] = tuple(contents)

    def _reused(self, address: RunAddress, uri: str, name: str) -> None:
        at = now_us()
        self._record(
            PutArtifact(at=at, source_uri=uri, type=ArtifactType.VALUE, name=f"{name} result"),
            edge(artifact_node(uri), node_of(address), AssociationType.CONTRIBUTED_TO, at),
        )

    def _is_plain(self, name: str, value: Any, level: str | None) -> bool:
        """Whether a value is a parameter as it is, as most are."""
        plain: bool = (level or self._engine.settings.capture) != "off" and self._described().is_plain(
            name, value, self._engine.redactor
        )
        return plain

    def _describe(self, name: str, value: Any, level: str | None) -> Description:
        found: Description = self._described().describe(
            name, value, limits=self._limits_at(level), redactor=self._engine.redactor
        )
        return found

    def _described(self) -> ModuleType:
        if self._values is None:
            from plugin_core.capture import values

            self._values = values
        return self._values

    def _limits_at(self, level: str | None) -> Limits:
        wanted = level or self._engine.settings.capture
        if wanted not in self._limits:
            from plugin_core.capture.values import Limits

            self._limits[wanted] = Limits(level=wanted, max_bytes=self._engine.settings.capture_max_bytes)
        return self._limits[wanted]

    def _store(self, artifact: DescribedArtifact, uri: str) -> None:
        if artifact.payload is not None:
            self._payloads.put(source_uri=uri, type=artifact.type, name=artifact.name, payload=artifact.payload)

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
                self._add_properties(address, version.to_properties())


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
