"""Records Prefect by wrapping a few methods of its engines; taken off again, Prefect is as it was found.

Only what runs is watched: ``task.fn()`` and ``flow.visualize()`` do not pass through the engines.
"""

from __future__ import annotations

import functools
import itertools
import logging
import sys
from collections.abc import AsyncGenerator, Callable, Generator
from types import ModuleType, TracebackType
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from plugin_core.capture.guard import Guard, pass_on
from plugin_core.capture.patches import Patches
from plugin_core.capture.recording import Recording, current_recording
from plugin_core.capture.sdk_jobs import answer_sdks
from prefect_integration import _compat

if TYPE_CHECKING:
    from prefect_integration.watch import FlowWatch, TaskWatch

Reason: TypeAlias = Literal["autolog", "tracked", "arrival"]

_log = logging.getLogger("flowtrail")
_WATCH: Final = "_flowtrail_watch"
_reasons: set[Reason] = set()
_installation: Installation | None = None
own_guard: Final = Guard()


class Installation(Patches):
    """The wrappers around one Prefect."""

    def __init__(self, source: Callable[[], Recording | None]) -> None:
        super().__init__()
        self.source = source

    def arm(self) -> None:
        """Wrap what is imported already, and the rest when it is imported."""
        for name, install in (
            (_compat.TASK_ENGINE, self._install_task_engine),
            (_compat.FLOW_ENGINE, self._install_flow_engine),
            (_compat.TASK_RUNNERS, self._install_task_runners),
            (_compat.TASKS, self._install_tasks),
            (_compat.CLIENT, self._install_client),
        ):
            self.when_imported(name, functools.partial(self._install, install))
        answer_sdks(self)

    def _install(self, install: Callable[[ModuleType], None], module: ModuleType) -> None:
        with own_guard(f"the instrumentation of {module.__name__}"):
            lacking = _compat.missing(module)
            if not lacking:
                install(module)
                return
            falls_back = _compat.can_fall_back(module)
            _compat.warn_missing(lacking, falls_back=falls_back)
            if falls_back:
                self._install_fallback(module)

    # The parts of Prefect

    def _install_task_engine(self, module: ModuleType) -> None:
        pass_on(*_compat.signals())
        for name in ("SyncTaskRunEngine", "AsyncTaskRunEngine"):
            engine = vars(module)[name]
            self.replace(engine, "initialize_run", self._initialize(_task_watch))
            self.replace(engine, "run_context", self._attempt(_TaskAttempt))
            self.replace(engine, "set_state", functools.partial(_set_state, self))
        rollback = functools.partial(_handle_rollback, self)
        self.replace(vars(module)["BaseTaskRunEngine"], "handle_rollback", rollback)
        self._install_generators(module)

    def _install_flow_engine(self, module: ModuleType) -> None:
        pass_on(*_compat.signals())
        for name in ("FlowRunEngine", "AsyncFlowRunEngine"):
            engine = vars(module)[name]
            self.replace(engine, "initialize_run", self._initialize(_flow_watch))
            self.replace(engine, "setup_run_context", self._attempt(_FlowAttempt))
            self.replace(engine, "set_state", functools.partial(_set_state, self))
        self._install_generators(module)

    def _install_generators(self, module: ModuleType) -> None:
        of_sync, of_async = _compat.GENERATORS[module.__name__]
        self.replace(module, of_sync, functools.partial(_driven, self))
        self.replace(module, of_async, functools.partial(_driven_async, self))

    def _install_fallback(self, module: ModuleType) -> None:
        from prefect_integration import fallback

        pass_on(*_compat.signals())
        make_watch = _task_watch if module.__name__ == _compat.TASK_ENGINE else _flow_watch
        fallback.install(module, self.replace, lambda call: self._watch(call, make_watch))

    def _install_task_runners(self, module: ModuleType) -> None:
        self.replace(module.TaskRunner, "map", functools.partial(_numbered, self))
        pool = vars(module).get("ProcessPoolTaskRunner")  # since 3.4.25
        if pool is not None:
            self.replace(pool, "submit", functools.partial(_with_inputs, self))

    def _install_tasks(self, module: ModuleType) -> None:
        self.replace(module.Task, "apply_async", functools.partial(_leaving_name, self))

    def _install_client(self, module: ModuleType) -> None:
        for owner in _compat.owners_of_deployed_runs(module):
            self.replace(owner, "create_flow_run_from_deployment", functools.partial(_with_parent, self))

    def _initialize(self, make_watch: Callable[[Any, Recording], Any]) -> Callable[[Any], Any]:
        def make(original: Any) -> Any:
            def initialize_run(engine: Any, *args: Any, **kwargs: Any) -> Any:
                inner = original(engine, *args, **kwargs)
                watch = self._watch(engine, make_watch)
                return inner if watch is None else _Whole(inner, watch)

            return initialize_run

        return make

    def _attempt(self, around: Callable[[Any, Any], Any]) -> Callable[[Any], Any]:
        def make(original: Any) -> Any:
            def attempt(engine: Any, *args: Any, **kwargs: Any) -> Any:
                inner = original(engine, *args, **kwargs)
                watch = self.watch_of(engine)
                return inner if watch is None else around(inner, watch)

            return attempt

        return make

    def watch_of(self, engine: Any) -> Any | None:
        """What follows this run; nothing once the wrappers are taken off, also where others hold on to them."""
        return getattr(engine, _WATCH, None) if self.active else None

    def _watch(self, engine: Any, make_watch: Callable[[Any, Recording], Any]) -> Any | None:
        if not self.active:
            return None
        with own_guard("the set-up of recording"):
            recording = self.source()
            if recording is not None:
                watch = make_watch(engine, recording)
                setattr(engine, _WATCH, watch)  # not by vars(), which slows down all of the engine's attributes
                return watch
        return None


def _task_watch(engine: Any, recording: Recording) -> TaskWatch:
    return _watches()[0](engine, recording, wanted="autolog" in _reasons or _is_marked(engine.task))


def _flow_watch(engine: Any, recording: Recording) -> FlowWatch:
    return _watches()[1](engine, recording, wanted="autolog" in _reasons or _is_marked(engine.flow))


@functools.cache
def _watches() -> tuple[type[TaskWatch], type[FlowWatch]]:
    """Imported with the first run, and asked for by each."""
    from prefect_integration.watch import FlowWatch, TaskWatch

    return TaskWatch, FlowWatch


def _is_marked(runnable: Any) -> bool:
    from prefect_integration.marks import is_marked

    return is_marked(runnable)


# Context managers of the engines


class _Around:
    """An engine's context manager, sync or async, with our steps before and after its own: none, unless overridden."""

    __slots__ = ("_inner", "_watch")

    def __init__(self, inner: Any, watch: Any) -> None:
        self._inner = inner
        self._watch = watch

    def _before(self) -> None:
        """Before it is entered."""

    def _entered(self) -> None:
        """After it was entered."""

    def _leaving(self, error: BaseException | None) -> None:
        """Before it is left."""

    def _after(self, error: BaseException | None) -> None:
        """After it was left, or was not entered."""

    def __enter__(self) -> Any:
        self._before()
        try:
            value = self._inner.__enter__()
        except BaseException as error:
            self._after(error)
            raise
        try:
            self._entered()
        except BaseException as error:  # a signal: the engine must see it, and close what it opened
            self._after(error)
            self._inner.__exit__(*sys.exc_info())
            raise
        return value

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool | None:
        self._leaving(error)
        try:
            suppressed: bool | None = self._inner.__exit__(kind, error, traceback)
            return suppressed
        finally:
            self._after(error)

    async def __aenter__(self) -> Any:
        self._before()
        try:
            value = await self._inner.__aenter__()
        except BaseException as error:
            self._after(error)
            raise
        try:
            self._entered()
        except BaseException as error:
            self._after(error)
            await self._inner.__aexit__(*sys.exc_info())
            raise
        return value

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool | None:
        self._leaving(error)
        try:
            suppressed: bool | None = await self._inner.__aexit__(kind, error, traceback)
            return suppressed
        finally:
            self._after(error)


class _Whole(_Around):
    __slots__ = ()

    def _leaving(self, error: BaseException | None) -> None:
        if error is not None:
            self._watch.run_leaves(error)

    def _after(self, error: BaseException | None) -> None:
        self._watch.run_left(error)


class _TaskAttempt(_Around):
    __slots__ = ()

    def _before(self) -> None:
        self._watch.attempt_begins()

    def _leaving(self, error: BaseException | None) -> None:
        self._watch.attempt_fails(error)

    def _after(self, error: BaseException | None) -> None:
        del error
        self._watch.attempt_left()


class _FlowAttempt(_Around):
    __slots__ = ()

    def _entered(self) -> None:
        self._watch.attempt_begins()

    def _after(self, error: BaseException | None) -> None:
        del error
        self._watch.attempt_left()


# Methods of the engines


def _set_state(installation: Installation, original: Any) -> Any:
    def set_state(engine: Any, state: Any, *args: Any, **kwargs: Any) -> Any:
        accepted = original(engine, state, *args, **kwargs)
        watch = installation.watch_of(engine)
        if watch is not None:
            watch.state_set(state, accepted)
        return accepted

    async def set_state_async(engine: Any, state: Any, *args: Any, **kwargs: Any) -> Any:
        accepted = await original(engine, state, *args, **kwargs)
        watch = installation.watch_of(engine)
        if watch is not None:
            watch.state_set(state, accepted)
        return accepted

    return set_state_async if _compat.is_async_method(original) else set_state


def _handle_rollback(installation: Installation, original: Any) -> Any:
    def handle_rollback(engine: Any, *args: Any, **kwargs: Any) -> Any:
        value = original(engine, *args, **kwargs)
        watch = installation.watch_of(engine)
        if watch is not None:
            watch.rolled_back()
        return value

    return handle_rollback


# Generators: what runs between two values is the caller's code, not the task's


def _driven(installation: Installation, original: Any) -> Any:
    def run_generator(*args: Any, **kwargs: Any) -> Any:
        inner = original(*args, **kwargs)
        return drive(inner) if installation.active else inner

    return run_generator


def _driven_async(installation: Installation, original: Any) -> Any:
    def run_generator(*args: Any, **kwargs: Any) -> Any:
        inner = original(*args, **kwargs)
        return drive_async(inner) if installation.active else inner

    return run_generator


def drive(inner: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
    """The values of a generator, each made with what was current in it and taken with what is current outside."""
    from prefect_integration.scope import restore, snapshot

    own = None
    resume: Callable[[], Any] = functools.partial(next, inner)
    while True:
        outer = snapshot()
        if own is not None:
            restore(own)
        try:
            value = resume()
        except StopIteration as stop:
            return stop.value
        finally:
            own = snapshot()
            restore(outer)
        try:
            yield value
        except BaseException as error:  # noqa: BLE001 - whatever the caller throws in belongs to the generator
            resume = functools.partial(inner.throw, error)
        else:
            resume = functools.partial(next, inner)


async def drive_async(inner: AsyncGenerator[Any, Any]) -> AsyncGenerator[Any, Any]:
    """As ``drive``, for an asynchronous generator."""
    from prefect_integration.scope import restore, snapshot

    own = None
    resume: Callable[[], Any] = inner.__anext__
    while True:
        outer = snapshot()
        if own is not None:
            restore(own)
        try:
            value = await resume()
        except StopAsyncIteration:
            return
        finally:
            own = snapshot()
            restore(outer)
        try:
            yield value
        except GeneratorExit:
            restore(own)
            try:
                await inner.aclose()
            finally:
                restore(outer)
            raise
        except BaseException as error:  # noqa: BLE001 - as above
            resume = functools.partial(inner.athrow, error)
        else:
            resume = inner.__anext__


# Submitting: what is known there only


class _Numbering:
    """A task runner whose ``submit`` knows which of the mapped calls it makes; all else is the runner's."""

    def __init__(self, runner: Any) -> None:
        self._runner = runner
        self._indices = itertools.count()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._runner, name)

    def submit(self, task: Any, *args: Any, **kwargs: Any) -> Any:
        """Submit one of the calls, numbered."""
        from prefect_integration.marks import carrying
        from prefect_integration.scope import announce, withdraw
        from prefect_integration.translate import Call

        call = Call(map_index=next(self._indices))
        token = announce(call)
        try:
            travels = not _runs_in_threads(self._runner)
            return self._runner.submit(carrying(task, call) if travels else task, *args, **kwargs)
        finally:
            withdraw(token)


def _runs_in_threads(runner: Any) -> bool:
    from prefect.task_runners import ThreadPoolTaskRunner

    return isinstance(runner, ThreadPoolTaskRunner)


def _numbered(installation: Installation, original: Any) -> Any:
    def map_calls(runner: Any, *args: Any, **kwargs: Any) -> Any:
        return original(_Numbering(runner) if installation.active else runner, *args, **kwargs)

    return map_calls


def _with_inputs(installation: Installation, original: Any) -> Any:
    """A process pool resolves futures before it sends a task off: note here what they came from."""

    def submit(runner: Any, task: Any, parameters: Any, *args: Any, **kwargs: Any) -> Any:
        sent = task
        if installation.active:
            with own_guard("the inputs of a task in a process pool"):
                sent = _carrying_inputs(task, parameters)
        return original(runner, sent, parameters, *args, **kwargs)

    return submit


def _carrying_inputs(task: Any, parameters: dict[str, Any]) -> Any:
    from prefect.utilities.engine import collect_task_run_inputs_sync

    from prefect_integration.marks import call_of, carrying
    from prefect_integration.translate import Call, upstream_of

    known = call_of(task)
    upstream = upstream_of({name: collect_task_run_inputs_sync(value) for name, value in parameters.items()})
    return carrying(task, Call(map_index=None if known is None else known.map_index, upstream=upstream))


# What begins in another process, and has to know there what it belongs to


def _with_parent(installation: Installation, original: Any) -> Any:
    def create(client: Any, *args: Any, **kwargs: Any) -> Any:
        return original(client, *args, **(_labelled(kwargs) if installation.active else kwargs))

    async def create_async(client: Any, *args: Any, **kwargs: Any) -> Any:
        return await original(client, *args, **(_labelled(kwargs) if installation.active else kwargs))

    return create_async if _compat.is_async_method(original) else create


def _labelled(options: dict[str, Any]) -> dict[str, Any]:
    """A flow run that Prefect takes for a child gets a label that says whose, in our words."""
    with own_guard("the parent of a deployment's flow run"):
        from prefect_integration.scope import current_scope
        from prefect_integration.translate import to_label

        around = current_scope()
        if around is not None and options.get("parent_task_run_id") is not None:
            label = {_compat.PARENT_LABEL: to_label(around.task or around.flow)}
            return {**options, "labels": {**(options.get("labels") or {}), **label}}
    return options


def _leaving_name(installation: Installation, original: Any) -> Any:
    def apply_async(task: Any, *args: Any, **kwargs: Any) -> Any:
        if installation.active:
            with own_guard("the flow of a background task"):
                from prefect_integration.scope import leave_name

                leave_name()
        return original(task, *args, **kwargs)

    return apply_async


# On and off


def instrument(*, reason: Reason, source: Callable[[], Recording | None] = current_recording) -> None:
    """Begin to record: ``autolog`` all flows and tasks, else those that are marked and what they call. Idempotent."""
    global _installation  # noqa: PLW0603 - one Prefect per process
    from plugin_core.tracking.settings import is_disabled

    if is_disabled():
        return
    _reasons.add(reason)
    if _installation is None:
        from prefect_integration.resolver import register

        register()
        _installation = Installation(source)
        _installation.arm()


def stop(reason: Reason) -> None:
    """Take back one reason to record; with the last one, Prefect is as it was found."""
    _reasons.discard(reason)
    if not _reasons:
        uninstrument()


def uninstrument() -> None:
    """Stop recording in this process, for whatever reason it was on."""
    global _installation  # noqa: PLW0603
    _reasons.clear()
    if _installation is not None:
        _installation.remove()
        _installation = None


def is_instrumented() -> bool:
    """Whether Prefect is recorded in this process."""
    return _installation is not None
