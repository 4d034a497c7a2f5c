"""Records Dagster at two places: where a run gets its executor, and where the user code of a step runs.

No definition, job or executor of the user's is copied or replaced, so schedules, sensors and code that
compares or looks into them see what they saw before. Taken off again, Dagster is as it was found.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Generator, Iterator, Mapping
from types import ModuleType
from typing import Any, Final, Literal, TypeAlias

from dagster_integration import _compat
from plugin_core.capture.guard import Guard, pass_on
from plugin_core.capture.patches import Patches
from plugin_core.capture.recording import Recording, current_recording
from plugin_core.tracking.settings import is_disabled

Reason: TypeAlias = Literal["autolog", "tracked"]

_reasons: set[Reason] = set()
_installation: Installation | None = None
own_guard: Final = Guard()


class Installation(Patches):
    """The wrappers in one Dagster."""

    def __init__(self, source: Callable[[], Recording | None]) -> None:
        super().__init__()
        self.source = source

    def arm(self) -> None:
        """Wrap what is imported already, and the rest when it is imported."""
        for module, name, make in (
            (_compat.RUNS, "create_executor", self._create_executor),
            (_compat.STEPS, "execute_core_compute", self._execute_core_compute),
            (_compat.STEP_EVENTS, "core_dagster_event_sequence_for_step", self._step_events),
        ):
            self.when_imported(module, functools.partial(self._install, name, make))

    def _install(self, name: str, make: Callable[[Any], Any], module: ModuleType) -> None:
        with own_guard(f"the instrumentation of {module.__name__}"):
            lacking = _compat.missing(module)
            if lacking:
                _compat.warn_missing(lacking)
            else:
                pass_on(*_compat.signals())
                self.replace(module, name, make)

    # Runs

    def _create_executor(self, original: Any) -> Any:
        def create_executor(context_creation_data: Any) -> Any:
            executor = original(context_creation_data)
            if self.active:
                with own_guard("the set-up of recording"):
                    self._watch_executor(executor)
            return executor

        return create_executor

    def _watch_executor(self, executor: Any) -> None:
        """Follow what an executor does; it stays the object that it is."""
        execute = executor.execute

        @functools.wraps(execute)
        def followed(plan_context: Any, execution_plan: Any) -> Iterator[Any]:
            recording = self._wanted(plan_context.job.get_definition) if self.active else None
            if recording is None:
                return execute(plan_context, execution_plan)  # type: ignore[no-any-return]
            return _follow_run(execute, plan_context, execution_plan, recording)

        executor.execute = followed

    def _wanted(self, job: Callable[[], Any]) -> Recording | None:
        """The recorder, if this job is to be recorded."""
        with own_guard("the set-up of recording"):
            from dagster_integration.marks import mark_of_job

            if "autolog" in _reasons or mark_of_job(job()) is not None:
                return self.source()
        return None

    # Steps

    def _execute_core_compute(self, original: Any) -> Any:
        def execute_core_compute(
            step_context: Any, inputs: Any, compute_fn: Any, compute_context: Any
        ) -> Iterator[Any]:
            inner = original(step_context, inputs, compute_fn, compute_context)
            recording = self._wanted(lambda: step_context.job_def) if self.active else None
            return inner if recording is None else _follow_step(inner, step_context, inputs, recording)

        return execute_core_compute

    def _step_events(self, original: Any) -> Any:
        def core_dagster_event_sequence_for_step(step_context: Any) -> Iterator[Any]:
            inner = original(step_context)
            recording = self._wanted(lambda: step_context.job_def) if self.active else None
            return inner if recording is None else _inside_step(inner, step_context, recording)

        return core_dagster_event_sequence_for_step


def _follow_run(execute: Any, plan_context: Any, plan: Any, recording: Recording) -> Generator[Any]:
    from plugin_core.tracking.current import attach, detach

    watch, run = None, None
    with own_guard("the set-up of recording"):
        from dagster_integration.watch import RunWatch

        watch = RunWatch(plan_context, plan, recording)
        run = watch.begins()
    if watch is None:
        yield from execute(plan_context, plan)
        return
    error: BaseException | None = None
    try:
        events = iter(execute(plan_context, plan))
        while True:
            token = attach(run)  # what the executor starts here are the run's children
            try:
                event = next(events)
            except StopIteration:
                return
            finally:
                detach(token)
            watch.event(event)
            yield event
    except BaseException as raised:
        error = raised
        raise
    finally:
        watch.left(error)


def _follow_step(inner: Any, step_context: Any, inputs: Mapping[str, Any], recording: Recording) -> Generator[Any]:
    from plugin_core.tracking.current import attach, detach

    watch, run = None, None
    with own_guard("the set-up of recording"):
        from dagster_integration.watch import StepWatch

        watch = StepWatch(step_context, recording)
        run = watch.begins(inputs)
    if watch is None:
        yield from inner
        return
    try:
        while True:
            token = attach(run)  # only while user code runs: between two values it is Dagster's turn
            try:
                item = next(inner)
            except StopIteration:
                return
            finally:
                detach(token)
            watch.yields(item)
            yield item
    finally:
        inner.close()
        watch.left()


def _inside_step(inner: Any, step_context: Any, recording: Recording) -> Generator[Any]:
    """All that is done for a step happens in its run, IO managers included, but not what its events lead to."""
    from plugin_core.tracking.current import attach, detach

    run = None
    with own_guard("finding the run of a step"):
        from dagster_integration.translate import step_key

        run = recording.run_of(step_key(step_context))
    try:
        while True:
            token = attach(run)
            try:
                event = next(inner)
            except StopIteration:
                return
            finally:
                detach(token)
            yield event
    finally:
        inner.close()


def instrument(*, reason: Reason, source: Callable[[], Recording | None] = current_recording) -> None:
    """Begin to record; again, or with FLOWTRAIL_DISABLED set, nothing changes."""
    global _installation  # noqa: PLW0603 - one Dagster per process
    if is_disabled():
        return
    _reasons.add(reason)
    if _installation is None:
        _installation = Installation(source)
        _installation.arm()


def stop(reason: Reason) -> None:
    """Take back a reason to record; without any, take the wrappers off."""
    _reasons.discard(reason)
    if not _reasons:
        uninstrument()


def uninstrument() -> None:
    """Leave Dagster as it was found."""
    global _installation  # noqa: PLW0603
    _reasons.clear()
    if _installation is not None:
        _installation.remove()
        _installation = None
