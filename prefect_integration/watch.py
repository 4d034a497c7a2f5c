"""Watches one run of a flow or task in Prefect's engine, and reports what happens to it.

Each method is called by the instrumentor at one point of the engine, runs under the one guard, and
changes nothing that Prefect or user code can see.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from plugin_core.capture.arrival import flush_if_remote
from plugin_core.capture.events import (
    ExecutionFinished,
    ExecutionKey,
    StepKey,
)
from plugin_core.capture.recording import Recording
from plugin_core.model.components import Status
from prefect_integration import _compat, arrival, links, scope, translate
from prefect_integration.marks import call_of, mark_of
from prefect_integration.scope import Scope

if TYPE_CHECKING:
    from plugin_core.tracking.run import Run


class TaskWatch:
    """Follows a task run through its attempts."""

    def __init__(self, engine: Any, recording: Recording, *, wanted: bool) -> None:
        self._engine_ref = weakref.ref(engine)  # the engine holds us: its result must not wait for the collector
        self._recording = recording
        self._guard = recording.guard
        self._wanted = wanted  # else only where the flow around it is recorded
        self._outer = scope.current_scope()
        self._call = scope.take_call() or call_of(engine.task) or translate.NO_CALL
        self._remote_parent = _task_context_before(engine) if self._outer is None else None
        self._key: StepKey | ExecutionKey | None = None
        self._parent: StepKey | None = None
        self._open = False
        self._error: BaseException | None = None
        self._tokens: Any = None
        self._mark = mark_of(engine.task)

    @property
    def _engine(self) -> Any:
        return self._engine_ref()

    # An attempt

    def attempt_begins(self) -> None:
        """Before the engine enters the attempt: outside of its time-out, with its parameters resolved."""
        with self._guard("the start of a task"):
            self._error = None
            engine = self._engine
            if self._identify(engine):
                self._start(engine)

    def attempt_fails(self, error: BaseException | None) -> None:
        """User code, or Prefect around it, raised; the engine has not yet decided what that means."""
        self._error = error

    def attempt_left(self) -> None:
        """The engine has left the attempt."""
        if self._tokens is not None:
            tokens, self._tokens = self._tokens, None
            scope.leave(tokens)

    def _identify(self, engine: Any) -> bool:
        """Find the names of this attempt and of what it belongs to; False if nobody wants it recorded."""
        flow = self._flow(engine.task_run.flow_run_id)
        if flow is None and not self._wanted and self._outer is None:
            return False
        if flow is not None:
            self._key = translate.task_key(flow, engine.task.name, engine.task_run)
            self._parent = self._parent_in(flow, engine)
        elif self._outer is not None:  # called by a task that is outside of any flow
            self._key = translate.task_key(self._outer.flow, engine.task.name, engine.task_run)
            self._parent = self._outer.task
        else:
            self._key = translate.lone_task_key(engine.task.name, engine.task_run, self._mark)
        return True

    def _flow(self, flow_run_id: object) -> ExecutionKey | None:
        if flow_run_id is None:
            return None
        outer = self._outer
        if outer is not None and (
            outer.flow_run_id is flow_run_id or outer.flow.execution_id == str(flow_run_id)  # str() costs more
        ):
            return outer.flow
        return _key_from_context(flow_run_id) or (self._unrecorded_flow(flow_run_id) if self._wanted else None)

    def _unrecorded_flow(self, flow_run_id: object) -> ExecutionKey:
        """A flow whose start nobody recorded: by its context, or where that did not travel along, by asking Prefect."""
        context = _compat.flow_context()
        if context is not None and context.flow_run is not None and context.flow_run.id == flow_run_id:
            flow, flow_run = context.flow, context.flow_run
            attempt = attempt_of(self._recording, flow_run)
            parent = _parent_from_labels(flow_run)
            return begin_flow(self._recording, flow, flow_run, context.parameters, attempt=attempt, parent=parent)[0]
        name, flow_run = flow_facts(flow_run_id)
        return translate.flow_key(name, flow_run.id, attempt=attempt_of(self._recording, flow_run))

    def _parent_in(self, flow: ExecutionKey, engine: Any) -> StepKey | None:
        if self._outer is not None:
            outer = self._outer
            return outer.task if outer.flow is flow or outer.flow == flow else None
        parent = self._remote_parent
        if parent is None or parent[1].flow_run_id != engine.task_run.flow_run_id:
            return None
        return translate.task_key(flow, parent[0].name, parent[1])

    def _start(self, engine: Any) -> None:
        """Report the start; where that fails, the task has no run, and must not be given that of its flow."""
        key, run = self._key, None
        assert key is not None
        with self._guard("the start of a task"):
            run = self._report_start(key, engine)
        if isinstance(key, StepKey):
            id_of_flow_run = engine.task_run.flow_run_id
            entered = Scope(flow=key.execution, task=key, run=run, flow_run_id=id_of_flow_run)
        else:
            entered = Scope(flow=key, task=None, run=run)
        self._tokens = scope.enter(entered)
        self._open = True
        if self._outer is None:  # else whatever began around it has done so
            arrival.mark_context()

    def _report_start(self, key: StepKey | ExecutionKey, engine: Any) -> Run | None:
        around = links.surroundings()
        facts: dict[str, Any] = {
            "task": engine.task,
            "task_run": engine.task_run,
            "parameters": engine.parameters,
            "at": datetime.now(UTC),
            "mark": self._mark,
        }
        if isinstance(key, StepKey):
            facts["url"] = around.url_of("task-run", key.step_id)
            if engine.task_run.flow_run_id is not None:
                around.log_task_link(key.execution.execution_id, key.step_id)
            started = translate.task_started(key, parent=self._parent, call=self._call, **facts)
            return self._recording.step_started(started)
        facts["url"] = around.url_of("task-run", key.execution_id)
        return self._recording.execution_started(translate.lone_task_started(key, **facts))

    # Its states

    def state_set(self, proposed: Any, state: Any) -> None:
        """The engine has put the run into a state."""
        del proposed
        if translate.ends_attempt(state):
            with self._guard("the end of a task"):
                self._finish(state)

    def rolled_back(self) -> None:
        """The transaction around the finished task failed, and its rollback hooks ran."""
        with self._guard("the rollback of a task"):
            if self._key is not None:
                self._finish(translate.rolled_back_state())

    def _finish(self, state: Any) -> None:
        started, engine = self._key is not None, self._engine
        if self._open is False and not started and not self._identify(engine):
            return
        if not self._open and not state.is_final() and not translate.is_not_ready(state):
            return
        key = self._key
        if not started and isinstance(key, ExecutionKey):
            self._start(engine)
        self._open = False
        facts: dict[str, Any] = {
            "task": engine.task,
            "state": state,
            "at": datetime.now(UTC),  # by the clock of the start, which the API's need not agree with
            "error": self._error,
            "mark": self._mark,
            "persisted": state.is_completed() and _compat.is_persisted(),
        }
        self._error = None
        if isinstance(key, StepKey):
            event = translate.task_finished(
                key,
                task_run=engine.task_run,
                started=started,
                parent=self._parent,
                url=None if started else links.task_run_url(engine.task_run.id),
                **facts,
            )
            self._recording.step_finished(event)
        elif key is not None:
            self._recording.execution_finished(translate.lone_task_finished(key, **facts))
        flush_if_remote(self._recording)

    def run_leaves(self, error: BaseException | None) -> None:
        """Before the engine deals with what ended the run: a task's own states say it all."""

    def run_left(self, error: BaseException | None) -> None:
        """The engine is done with the run. What is still open was interrupted: paused, aborted, or shut down."""
        self.attempt_left()
        if self._open and error is not None and not isinstance(error, Exception):
            with self._guard("the interruption of a task"):
                self._finish(translate.interrupted_state(error))


class FlowWatch:
    """Follows a flow run through its attempts."""

    def __init__(self, engine: Any, recording: Recording, *, wanted: bool) -> None:
        self._engine_ref = weakref.ref(engine)  # the engine holds us: its result must not wait for the collector
        self._recording = recording
        self._guard = recording.guard
        self._outer = scope.current_scope()
        self._wanted = wanted or self._outer is not None
        self._remote_parents = _parents_before(engine) if self._outer is None else None
        self._key: ExecutionKey | None = None
        self._tokens: Any = None
        self._ended = False

    @property
    def _engine(self) -> Any:
        return self._engine_ref()

    def attempt_begins(self) -> None:
        """After the engine has read the flow run anew and entered its context, before its time-out begins."""
        with self._guard("the start of a flow"):
            if self._wanted:
                run = self._start()
                assert self._key is not None
                self._tokens = scope.enter(
                    Scope(flow=self._key, task=None, run=run, flow_run_id=self._engine.flow_run.id)
                )
                arrival.mark_context()

    def _start(self) -> Run | None:
        engine = self._engine
        self._key, run = begin_flow(
            self._recording,
            engine.flow,
            engine.flow_run,
            engine.parameters,
            attempt=self._attempt(),
            parent=self._parent(),
        )
        self._ended = False
        links.publish_flow_link(engine)
        return run

    def _attempt(self) -> int:
        if self._key is not None and self._ended:
            return self._key.attempt + 1
        return attempt_of(self._recording, self._engine.flow_run)

    def _parent(self) -> ExecutionKey | StepKey | None:
        if self._outer is not None:
            return self._outer.task or self._outer.flow
        found = None if self._remote_parents is None else self._remote_parents()
        return found or _parent_from_labels(self._engine.flow_run)

    def attempt_fails(self, error: BaseException | None) -> None:
        """User code raised: a flow's own states say it all."""

    def attempt_left(self) -> None:
        """The engine has left the attempt's context."""
        if self._tokens is not None:
            tokens, self._tokens = self._tokens, None
            scope.leave(tokens)

    def state_set(self, proposed: Any, accepted: Any) -> None:
        """The engine has asked for a state, and Prefect's API has answered with one, perhaps another."""
        if translate.ends_attempt(accepted):
            with self._guard("the end of a flow"):
                self._finish(proposed, accepted)

    def _finish(self, proposed: Any, accepted: Any) -> None:
        if not self._is_known():
            return
        assert self._key is not None
        self._recording.execution_finished(
            translate.flow_finished(
                self._key,
                proposed=proposed,
                accepted=accepted,
                at=datetime.now(UTC),
                is_generator=self._engine.flow.isgenerator,
                mark=mark_of(self._engine.flow),
            )
        )
        self._ended = True

    def _is_known(self) -> bool:
        """Whether this flow run is recorded: since it began, since a task of it did, or since now (it never began)."""
        if self._key is None:
            self._key = _key_from_labels(self._engine.flow_run)
        if self._key is None and self._wanted:
            self._start()
        return self._key is not None

    def run_leaves(self, error: BaseException | None) -> None:
        """Before the engine deals with what ended the run: a signal to stop may not let us speak later."""
        if self._key is not None and not self._ended and _compat.is_termination(error):
            with self._guard("the termination of a flow"):
                self._conclude(translate.termination_status(_compat.termination_intent()), str(error), inferred=True)
                self._recording.flush()

    def run_left(self, error: BaseException | None) -> None:
        """The engine is done with the run."""
        with self._guard("the end of a flow"):
            if self._key is not None and not self._ended:
                if _compat.is_pause(error):
                    self._conclude(Status.PAUSED, "The flow run is paused or suspended.")
                elif _compat.is_abort(error):
                    self._conclude(Status.CANCELLED, str(error))
            if self._key is not None:
                links.wait_for_links()

    def _conclude(self, status: Status, message: str, *, inferred: bool = False) -> None:
        assert self._key is not None
        self._recording.execution_finished(
            ExecutionFinished(key=self._key, at=datetime.now(UTC), status=status, message=message, inferred=inferred)
        )


def begin_flow(
    recording: Recording,
    flow: Any,
    flow_run: Any,
    parameters: Any,
    *,
    attempt: int,
    parent: ExecutionKey | StepKey | None,
) -> tuple[ExecutionKey, Run | None]:
    """Report an attempt of a flow run, and leave its name where its tasks find it, in whichever process."""
    mark = mark_of(flow)
    key = translate.flow_key(flow.name, flow_run.id, attempt=attempt, mark=mark)
    labels = _compat.labels_of(flow_run)
    labels[_compat.LABEL], labels[_compat.ATTEMPT_LABEL] = key.experiment, key.attempt
    run = recording.execution_started(
        translate.flow_started(
            key,
            flow=flow,
            flow_run=flow_run,
            parameters=parameters,
            at=datetime.now(UTC),
            parent=parent,
            mark=mark,
            url=links.flow_run_url(flow_run.id),
        )
    )
    return key, run


def _key_from_labels(flow_run: Any) -> ExecutionKey | None:
    labels = _compat.labels_of(flow_run)
    experiment = labels.get(_compat.LABEL)
    if not isinstance(experiment, str):
        return None
    return translate.flow_key(experiment, flow_run.id, attempt=int(labels.get(_compat.ATTEMPT_LABEL) or 1))


def _parent_from_labels(flow_run: Any) -> ExecutionKey | StepKey | None:
    """What started this run of a deployment, if it was recorded."""
    return translate.from_label(_compat.labels_of(flow_run).get(_compat.PARENT_LABEL))


def _key_from_context(flow_run_id: object) -> ExecutionKey | None:
    context = _compat.flow_context()
    if context is None or context.flow_run is None or context.flow_run.id != flow_run_id:
        return None
    return _key_from_labels(context.flow_run)


def _task_context_before(engine: Any) -> tuple[Any, Any] | None:
    """The task and task run around this one where its context came from another process, else None."""
    context = _compat.task_context()
    if context is not None:
        return context.task, context.task_run
    sent = (engine.context or {}).get("task_run_context") or {}
    if "task" in sent and "task_run" in sent:
        return sent["task"], sent["task_run"]
    return None


def _parents_before(engine: Any) -> Callable[[], ExecutionKey | StepKey | None]:
    """What a flow belongs to, by the context that Prefect brought along from another process."""
    task = _task_context_before(engine)
    sent = (engine.context or {}).get("flow_run_context") or {}
    around = _compat.flow_context()
    flow_run = around.flow_run if around is not None else sent.get("flow_run")

    def parents() -> ExecutionKey | StepKey | None:
        key = None if flow_run is None else _key_from_labels(flow_run)
        if key is None or task is None or str(task[1].flow_run_id) != key.execution_id:
            return key
        return translate.task_key(key, task[0].name, task[1])

    return parents


def attempt_of(recording: Recording, flow_run: Any) -> int:
    """Which attempt a flow run is in, by its history at Prefect's API where it has run before."""
    attempt = translate.attempt_of(flow_run)
    if flow_run.run_count > 1:
        with recording.guard("the history of a flow run"):
            attempt = translate.attempt_in(_compat.states_of(flow_run.id))
    return attempt


_asked: dict[str, tuple[str, Any]] = {}


def flow_facts(flow_run_id: object) -> tuple[str, Any]:
    """The name that a flow is recorded under and its run, asked for once per flow run."""
    found = _asked.get(str(flow_run_id))
    if found is None:
        name, flow_run = _compat.flow_name_of(flow_run_id)
        recorded_as = str(_compat.labels_of(flow_run).get(_compat.NAME_LABEL) or name)
        found = _asked[str(flow_run_id)] = recorded_as, flow_run
    return found


def key_of_flow(flow: Any, flow_run: Any) -> ExecutionKey:
    """The key of a flow run, whether or not it is recorded."""
    return _key_from_labels(flow_run) or translate.flow_key(
        flow.name, flow_run.id, attempt=translate.attempt_of(flow_run), mark=mark_of(flow)
    )
