"""Records Dagster at two places: where a run gets its executor, and where the user code of a step runs.

No definition, job or executor of the user's is copied or replaced, so schedules, sensors and code that
compares or looks into them see what they saw before. Taken off again, Dagster is as it was found.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from dagster_integration import _compat, arrival, pipes
from plugin_core.capture.guard import Guard, pass_on
from plugin_core.capture.patches import Patches
from plugin_core.capture.recording import Recording, current_recording
from plugin_core.capture.sdk_jobs import answer_sdks
from plugin_core.tracking.current import attach, detach
from plugin_core.tracking.settings import is_disabled

if TYPE_CHECKING:
    from dagster_integration.watch import StepWatch
    from plugin_core.tracking.run import Run

Reason: TypeAlias = Literal["autolog", "tracked"]

_reasons: set[Reason] = set()
_installation: Installation | None = None
own_guard: Final = Guard()


class Installation(Patches):
    """The wrappers in one Dagster."""

    def __init__(self, source: Callable[[], Recording | None]) -> None:
        super().__init__()
        self.source = source
        self._steps: dict[int, StepWatch] = {}  # what follows the steps that are being executed, by their contexts' ids

    def arm(self) -> None:
        """Wrap what is imported already, and the rest when it is imported."""
        for module, name, make in (
            (_compat.RUNS, "create_executor", self._create_executor),
            (_compat.STEPS, "execute_core_compute", self._execute_core_compute),
            (_compat.STEP_EVENTS, "core_dagster_event_sequence_for_step", self._step_events),
            (_compat.PIPES, "build_external_execution_context_data", self._pipes_context),
        ):
            self.when_imported(module, functools.partial(self._install, name, make))
        self.when_imported("dagster", self._replace_absent)
        self.when_imported("dagster", _register)
        self.when_imported("dagster", self._follow_pipes)
        answer_sdks(self)

    def _install(self, name: str, make: Callable[[Any], Any], module: ModuleType) -> None:
        with own_guard(f"the instrumentation of {module.__name__}"):
            lacking = _compat.missing(module)
            if lacking:
                _compat.warn_missing(lacking)
                self._fall_back(module.__name__)
            else:
                pass_on(*_compat.signals())
                self.replace(module, name, make)

    def _replace_absent(self, _dagster: ModuleType) -> None:
        with own_guard("the instrumentation of dagster"):
            for module in _compat.absent():
                _compat.warn_missing([f"{module}."])
                self._fall_back(module)

    def _fall_back(self, lacking: str) -> None:
        """Go another way where Dagster's own functions are not as they were."""
        if lacking in {_compat.RUNS, _compat.STEPS}:
            from dagster_integration import fallback

            executors, ops = _compat.published()
            if lacking == _compat.RUNS:
                self.replace(executors, "executor_creation_fn", fallback.executors(self._watch_executor))
            else:
                self.replace(ops, "compute_fn", fallback.functions(self._wanted_in))

    # Runs

    def _create_executor(self, original: Any) -> Any:
        def create_executor(context_creation_data: Any) -> Any:
            try:
                executor = original(context_creation_data)
            except BaseException as error:
                if self.active:
                    self._record_stillbirth(context_creation_data, error)
                raise
            self._watch_executor(executor)
            return executor

        return create_executor

    def _record_stillbirth(self, context_creation_data: Any, error: BaseException) -> None:
        """A run without an executor ends before it begins."""
        recording = self._wanted(context_creation_data.job.get_definition)
        if recording is not None:
            with own_guard("the start of a run"):
                from dagster_integration.watch import RunWatch

                watch = RunWatch(context_creation_data, context_creation_data.execution_plan, recording)
                watch.begins()
                watch.left(error)

    def _watch_executor(self, executor: Any) -> None:
        """Follow what an executor does; it stays the object that it is, and is followed once for all its runs."""
        if self.active:
            with own_guard("the set-up of recording"):
                self._follow_execute(executor)

    def _follow_execute(self, executor: Any) -> None:
        execute = executor.execute
        if getattr(execute, "followed_by", None) is self:
            return

        @functools.wraps(execute)
        def followed(plan_context: Any, execution_plan: Any) -> Iterator[Any]:
            recording = self._wanted(plan_context.job.get_definition) if self.active else None
            if recording is None:
                return execute(plan_context, execution_plan)  # type: ignore[no-any-return]
            return _follow_run(execute, plan_context, execution_plan, recording)

        followed.followed_by = self  # type: ignore[attr-defined]
        executor.execute = followed

    def _wanted(self, job: Callable[[], Any]) -> Recording | None:
        """The recorder, if this job is to be recorded."""
        with own_guard("the set-up of recording"):
            if _is_wanted(job()):
                return self.source()
        return None

    # Steps

    def _wanted_in(self, step_context: Any) -> Recording | None:
        """The recorder, if the step's job is to be recorded: the one of this process as its run wants it."""
        with own_guard("the set-up of recording"):
            if self.active and _is_wanted(step_context.job_def):
                with own_guard("the arrival of a step"):
                    arrival.arrive_for(step_context.dagster_run, step_context.instance)
                return self.source()
        return None

    def _watch_of(self, step_context: Any) -> StepWatch | None:
        """What follows a step: the one that began with its first event, or a new one where nobody saw that."""
        known = self._steps.get(id(step_context))
        if known is not None:
            return known
        recording = self._wanted_in(step_context)
        if recording is None:
            return None
        with own_guard("the set-up of recording"):
            from dagster_integration.watch import StepWatch

            return StepWatch(step_context, recording)
        return None

    def _execute_core_compute(self, original: Any) -> Any:
        def execute_core_compute(
            step_context: Any, inputs: Any, compute_fn: Any, compute_context: Any
        ) -> Iterator[Any]:
            inner = original(step_context, inputs, compute_fn, compute_context)
            watch = self._watch_of(step_context)
            return inner if watch is None else _follow_step(inner, inputs, watch)

        return execute_core_compute

    def _step_events(self, original: Any) -> Any:
        def core_dagster_event_sequence_for_step(step_context: Any) -> Iterator[Any]:
            inner = original(step_context)
            watch = self._watch_of(step_context)
            return inner if watch is None else self._inside_step(inner, step_context, watch)

        return core_dagster_event_sequence_for_step

    def _inside_step(self, inner: Any, step_context: Any, watch: StepWatch) -> Generator[Any]:
        """All that is done for a step happens in its run, IO managers included, but not what its events lead to."""
        self._steps[id(step_context)] = watch
        try:
            yield from _in_run(watch.run, inner)
        finally:
            del self._steps[id(step_context)]
            watch.left()

    # Pipes

    def _pipes_context(self, original: Any) -> Any:
        def build_external_execution_context_data(context: Any, extras: Any) -> Any:
            given = extras
            if self.active:
                with own_guard("the extras of a Pipes process"):
                    given = pipes.with_run(extras)
            return original(context, given)

        return build_external_execution_context_data

    def _follow_pipes(self, dagster: ModuleType) -> None:
        with own_guard("the variables of Pipes processes"):
            if hasattr(dagster, "PipesSession"):
                self.replace(dagster.PipesSession, "get_bootstrap_env_vars", self._pipes_variables)

    def _pipes_variables(self, original: Any) -> Any:
        def get_bootstrap_env_vars(session: Any) -> Any:
            variables = original(session)
            if self.active:
                with own_guard("the variables of a Pipes process"):
                    return pipes.with_job(variables)
            return variables

        return get_bootstrap_env_vars


def _is_wanted(job: Any) -> bool:
    from dagster_integration.marks import mark_of_job

    return "autolog" in _reasons or mark_of_job(job) is not None


def _register(_dagster: ModuleType) -> None:
    with own_guard("the registration as a library of Dagster"):
        _compat.register_library()


def _follow_run(execute: Any, plan_context: Any, plan: Any, recording: Recording) -> Generator[Any]:
    watch, run = None, None
    with own_guard("the set-up of recording"):
        from dagster_integration.watch import RunWatch

        watch = RunWatch(plan_context, plan, recording)
        run = watch.begins()
    if watch is None:
        yield from execute(plan_context, plan)
        return
    error: BaseException | None = None
    try:  # what the executor starts are the run's children
        yield from _in_run(run, execute(plan_context, plan), seen=watch.event)
    except BaseException as raised:
        error = raised
        raise
    finally:
        watch.left(error)


def _follow_step(inner: Any, inputs: Mapping[str, Any], watch: StepWatch) -> Generator[Any]:
    watch.begins(inputs)
    yield from _in_run(watch.run, inner, seen=watch.yields)


def _in_run(run: Run | None, items: Iterable[Any], *, seen: Callable[[Any], None] | None = None) -> Generator[Any]:
    """The items, with ``run`` as the current one only while they are made: between two it is the caller's turn.

    ``seen`` is told of each before the caller gets it.
    """
    made = iter(items)
    try:
        while True:
            token = attach(run)
            try:
                item = next(made)
            except StopIteration:
                return
            finally:
                detach(token)
            if seen is not None:
                seen(item)
            yield item
    finally:
        token = attach(run)
        try:
            _close(made)
        finally:
            detach(token)


def _close(iterator: Iterator[Any]) -> None:
    """End a generator at once, as its caller has ended ours; other iterators have nothing to end."""
    if isinstance(iterator, Generator):
        iterator.close()


def instrument(*, reason: Reason, source: Callable[[], Recording | None] = current_recording) -> None:
    """Begin to record; again, or with FLOWTRAIL_DISABLED set, nothing changes."""
    global _installation  # noqa: PLW0603 - one Dagster per process
    if is_disabled():
        return
    _reasons.add(reason)
    arrival.tell_children(autolog="autolog" in _reasons)
    if _installation is None:
        _installation = Installation(source)
        _installation.arm()


def stop(reason: Reason) -> None:
    """Take back a reason to record; without any, take the wrappers off."""
    _reasons.discard(reason)
    arrival.tell_children(autolog="autolog" in _reasons)
    if not _reasons:
        uninstrument()


def uninstrument() -> None:
    """Leave Dagster as it was found."""
    global _installation  # noqa: PLW0603
    _reasons.clear()
    arrival.tell_children_no_longer()
    if _installation is not None:
        _installation.remove()
        _installation = None
