"""Records a Prefect whose engines are not what we know: through the functions of flows and tasks, and state hooks.

Each run is given a copy of its flow or task, whose function and hooks report to a watch; the user's own object
stays as it is. Neither shows a run that never became ready, nor the end of an attempt that is tried again: the
former is not recorded, the latter when the next attempt begins.
"""

from __future__ import annotations

import copy
import functools
import inspect
import operator
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from prefect_integration import _compat, translate
from prefect_integration.instrumentor import drive, drive_async, own_guard

if TYPE_CHECKING:
    from types import ModuleType

    from prefect_integration.watch import FlowWatch, TaskWatch

_STATE_HOOKS: Final = ("on_completion_hooks", "on_failure_hooks", "on_cancellation_hooks", "on_crashed_hooks")


def install(
    module: ModuleType,
    replace: Callable[[Any, str, Callable[[Any], Any]], None],
    watch: Callable[[Any], TaskWatch | FlowWatch | None],
) -> None:
    """Wrap the functions of this module that run a flow or a task."""
    kind = _TaskCall if module.__name__ == _compat.TASK_ENGINE else _FlowCall
    for name in _compat.RUNS[module.__name__]:
        replace(module, name, functools.partial(_running, functools.partial(_seen, kind, watch)))


def _running(see: Callable[..., tuple[_Call | None, Any, Any]], original: Any) -> Any:
    """One of Prefect's ``run_...`` functions, given a copy that reports."""

    def run(*args: Any, **kwargs: Any) -> Any:
        call, args, kwargs = see(args, kwargs)
        if call is None:
            return original(*args, **kwargs)
        with call.whole():
            return original(*args, **kwargs)

    async def run_async(*args: Any, **kwargs: Any) -> Any:
        call, args, kwargs = see(args, kwargs)
        if call is None:
            return await original(*args, **kwargs)
        with call.whole():
            return await original(*args, **kwargs)

    def run_generator(*args: Any, **kwargs: Any) -> Any:
        _, args, kwargs = see(args, kwargs)  # its end is what its hooks say
        return original(*args, **kwargs)

    if inspect.isgeneratorfunction(original) or inspect.isasyncgenfunction(original):
        return run_generator
    return run_async if inspect.iscoroutinefunction(original) else run


def _seen(
    kind: type[_Call], watch: Callable[[Any], Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[_Call | None, tuple[Any, ...], dict[str, Any]]:
    """The arguments of a ``run_...`` function with a copy in the place of the flow or task, and what it reports to."""
    with own_guard("the set-up of recording"):
        runnable = args[0] if args else kwargs[kind.word]
        call = kind(runnable, kwargs)
        call.watch = watch(call)
        if call.watch is not None:
            observed = _observed(runnable, call)
            if args:
                return call, (observed, *args[1:]), kwargs
            return call, args, {**kwargs, kind.word: observed}
    return None, args, kwargs


def _observed(runnable: Any, call: _Call) -> Any:
    copied = copy.copy(runnable)
    if inspect.isroutine(runnable.fn):  # of another callable the class may count as its source code: leave it
        copied.fn = _Function(runnable, call)
    for name in _STATE_HOOKS:
        _add_hook(copied, name, _state_hook(call))
    _add_hook(copied, "on_rollback_hooks", _rollback_hook(call))
    return copied


def _add_hook(copied: Any, name: str, hook: Callable[..., None]) -> None:
    if hasattr(copied, name):
        setattr(copied, name, _Hooks(getattr(copied, name) or (), hook))


# Prefect logs the names of hooks.


def _state_hook(call: _Call) -> Callable[[Any, Any, Any], None]:
    def flowtrail(_runnable: Any, run: Any, state: Any) -> None:
        call.ended(run, state)

    return flowtrail


def _rollback_hook(call: _Call) -> Callable[[Any], None]:
    def flowtrail(_transaction: Any) -> None:
        call.watch.rolled_back()

    return flowtrail


class _Hooks(list[Any]):
    """Somebody's hooks and ours; in another process theirs alone."""

    def __init__(self, theirs: Any, ours: Any) -> None:
        super().__init__([*theirs, ours])
        self._theirs = list(theirs)

    def __reduce__(self) -> Any:
        return list, (self._theirs,)


class _Function:
    """A user's function that reports its calls; to all who look at it, and in another process, the function itself."""

    def __init__(self, runnable: Any, call: _Call) -> None:
        functools.update_wrapper(self, runnable.fn)
        self._fn, self._call = runnable.fn, call
        self._is_async, self._is_generator = runnable.isasync, runnable.isgenerator

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_fn"], name)

    def __reduce__(self) -> Any:
        return operator.getitem, ((self._fn,), 0)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self._is_generator:
            return drive_async(self._yield_async(args, kwargs)) if self._is_async else drive(self._yield(args, kwargs))
        if self._is_async:
            return self._await(args, kwargs)
        with self._call.attempt():
            return self._fn(*args, **kwargs)

    async def _await(self, args: Any, kwargs: Any) -> Any:
        with self._call.attempt():
            return await self._fn(*args, **kwargs)

    def _yield(self, args: Any, kwargs: Any) -> Generator[Any, Any, Any]:
        with self._call.attempt():
            return (yield from self._fn(*args, **kwargs))

    async def _yield_async(self, args: Any, kwargs: Any) -> AsyncGenerator[Any, Any]:
        with self._call.attempt():
            inner = self._fn(*args, **kwargs)
            try:
                async for value in inner:
                    yield value
            finally:
                await inner.aclose()


class _Call:
    """One run, as its function and its hooks show it: stands for the engine that a watch follows."""

    word = ""
    watch: Any = None

    def __init__(self, runnable: Any, given: dict[str, Any]) -> None:
        self.runnable = runnable
        self.parameters: dict[str, Any] = given.get("parameters") or {}
        self.context: dict[str, Any] = given.get("context") or {}
        self._error: BaseException | None = None
        self._is_open = self._is_known = False

    def _around(self) -> tuple[Any, dict[str, Any]] | None:
        """The run that Prefect's context here belongs to, and its parameters."""
        raise NotImplementedError

    def _take(self, run: Any) -> None:
        raise NotImplementedError

    @contextmanager
    def attempt(self) -> Generator[None]:
        """Around a call of the function."""
        try:
            with own_guard("the start of a run"):
                self._begin()
            yield
        except BaseException as error:
            self._error = error
            self.watch.attempt_fails(error)
            raise
        finally:
            self.watch.attempt_left()

    def _begin(self) -> None:
        if self._is_open:
            self._end(translate.failed_state(self._error), translate.retrying_state())
        around = self._around()
        if around is None:
            return
        self._take(around[0])
        self.parameters, self._is_open, self._error = around[1], True, None
        self.watch.attempt_begins()

    def ended(self, run: Any, state: Any) -> None:
        """The run has entered a final state."""
        with own_guard("the end of a run"):
            if not self._is_known:
                self._appear(run)
            self._end(state, state)

    def _appear(self, run: Any) -> None:
        """A run ends whose function was not called: its result was there already, or its parameters did not fit."""
        around = self._around()
        if around is not None and around[0].id == run.id:
            self._begin()
            self.watch.attempt_left()
        else:
            self._take(run)

    def _end(self, proposed: Any, accepted: Any) -> None:
        self._is_open = False
        self.watch.state_set(proposed, accepted)

    @contextmanager
    def whole(self) -> Generator[None]:
        """Around the run."""
        error: BaseException | None = None
        try:
            yield
        except BaseException as raised:
            error = raised
            raise
        finally:
            with own_guard("the end of a run"):
                self._leave(error)
            self._error = error = None

    def _leave(self, error: BaseException | None) -> None:
        """The end of a run that had no hook for it: a task that crashed, or what is paused or aborted."""
        if error is not None:
            self.watch.run_leaves(error)
        if self._is_open and error is not None and not (_compat.is_pause(error) or _compat.is_abort(error)):
            state = translate.crashed_state(error)
            self._end(state, state)
        self.watch.run_left(error)


class _TaskCall(_Call):
    word = "task"
    task_run: Any = None

    @property
    def task(self) -> Any:
        return self.runnable

    def _around(self) -> tuple[Any, dict[str, Any]] | None:
        context = _compat.task_context()
        return None if context is None else (context.task_run, context.parameters)

    def _take(self, run: Any) -> None:
        self.task_run, self._is_known = run, True


class _FlowCall(_Call):
    word = "flow"
    flow_run: Any = None

    @property
    def flow(self) -> Any:
        return self.runnable

    def _around(self) -> tuple[Any, dict[str, Any]] | None:
        context = _compat.flow_context()
        if context is None or context.flow_run is None:
            return None
        return context.flow_run, context.parameters or {}

    def _take(self, run: Any) -> None:
        self.flow_run, self._is_known = run, True
