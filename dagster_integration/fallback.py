"""How runs and steps are recorded in a Dagster whose private functions are not those that we know.

In place of them it goes by what Dagster publishes: the function that makes an executor, and the function
behind an op, each as its definition hands it out. Nothing of a definition itself is changed.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncGenerator, Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from dagster_integration import _compat
from plugin_core.capture.guard import Guard
from plugin_core.tracking.current import attach, detach

if TYPE_CHECKING:
    from dagster import OpDefinition
    from dagster._core.execution.context.system import StepExecutionContext

    from dagster_integration.watch import StepWatch
    from plugin_core.capture.recording import Recording
    from plugin_core.tracking.run import Run

Wanted: TypeAlias = "Callable[[StepExecutionContext], Recording | None]"

_INSIDE: Final = "__flowtrail_inside__"
_guard: Final = Guard()


def executors(watch: Callable[[Any], None]) -> Callable[[property], property]:
    """Make the property that hands out the function which makes an executor: what it makes is watched."""

    def make(original: property) -> property:
        def executor_creation_fn(definition: Any) -> Any:
            create = original.__get__(definition)
            return None if create is None else _watching(create, watch)

        return property(executor_creation_fn, doc=original.__doc__)

    return make


def _watching(create: Callable[..., Any], watch: Callable[[Any], None]) -> Callable[..., Any]:
    @functools.wraps(create)
    def watching(*args: Any, **kwargs: Any) -> Any:
        executor = create(*args, **kwargs)
        watch(executor)
        return executor

    return watching


def functions(wanted: Wanted) -> Callable[[property], property]:
    """Make the property that hands out the function of an op: what it is called with and returns is recorded."""

    def make(original: property) -> property:
        def compute_fn(definition: OpDefinition) -> Any:
            compute: Any = original.__get__(definition)
            function = getattr(compute, "decorated_fn", None)
            if function is None:
                return _observed_compute(compute, wanted)
            return compute._replace(decorated_fn=_observed(inside(function), wanted))

        return property(compute_fn, doc=original.__doc__)

    return make


def inside(function: Any) -> Any:
    """The user's function in one of ours; of any other function itself."""
    return getattr(function, _INSIDE, function)


class _Step:
    """What is told of one call of an op's function, if it is to be recorded at all."""

    def __init__(self, wanted: Wanted, inputs: Mapping[str, Any]) -> None:
        self.run: Run | None = None
        self._watch: StepWatch | None = None
        with _guard("the set-up of recording"):
            context = _compat.current_step()
            recording = None if context is None else wanted(context)
            if context is not None and recording is not None:
                self._begin(context, recording, inputs)

    def _begin(self, context: StepExecutionContext, recording: Recording, inputs: Mapping[str, Any]) -> None:
        from dagster_integration.watch import StepWatch

        self._outputs = context.op_def.output_defs
        self._watch = StepWatch(context, recording)
        names = {each.name for each in context.op_def.input_defs}
        self._watch.begins({name: value for name, value in inputs.items() if name in names})
        self.run = self._watch.run

    @contextmanager
    def current(self) -> Generator[None]:
        """While user code runs, its run is the current one."""
        if self._watch is None:
            yield
            return
        token = attach(self.run)
        try:
            yield
        finally:
            detach(token)

    def yields(self, item: Any) -> None:
        """User code has yielded something."""
        if self._watch is not None:
            self._watch.yields(item)

    def returns(self, result: Any) -> None:
        """User code has returned what Dagster makes its outputs of."""
        if self._watch is not None:
            with _guard("the result of a step"):
                for item in _items(result, self._outputs):
                    self._watch.yields(item)


def _items(result: Any, outputs: Any) -> Iterable[Any]:
    """What Dagster makes of a result: an output for each that the op has, by position, or for each dynamic one."""
    values = (result,) if len(outputs) == 1 or not isinstance(result, tuple) else result
    pairs = zip(values, outputs, strict=False)
    return [item for value, output in pairs for item in _compat.as_outputs(value, output)]


def _observed(function: Callable[..., Any], wanted: Wanted) -> Callable[..., Any]:
    """A function of the same kind, since Dagster treats each kind in another way."""
    if inspect.isasyncgenfunction(function):
        observe = _async_generator
    elif inspect.iscoroutinefunction(function):
        observe = _coroutine
    elif inspect.isgeneratorfunction(function):
        observe = _generator
    else:
        observe = _plain
    observed = functools.wraps(function)(observe(function, wanted))
    setattr(observed, _INSIDE, function)
    return observed


def _plain(function: Callable[..., Any], wanted: Wanted) -> Callable[..., Any]:
    def observed(*args: Any, **kwargs: Any) -> Any:
        step = _Step(wanted, kwargs)
        with step.current():
            result = function(*args, **kwargs)
        step.returns(result)
        return result

    return observed


def _coroutine(function: Callable[..., Any], wanted: Wanted) -> Callable[..., Any]:
    async def observed(*args: Any, **kwargs: Any) -> Any:
        step = _Step(wanted, kwargs)
        with step.current():
            result = await function(*args, **kwargs)
        step.returns(result)
        return result

    return observed


def _generator(function: Callable[..., Any], wanted: Wanted) -> Callable[..., Any]:
    def observed(*args: Any, **kwargs: Any) -> Iterator[Any]:
        yield from _followed(function(*args, **kwargs), _Step(wanted, kwargs))

    return observed


def _followed(items: Generator[Any], step: _Step) -> Generator[Any]:
    try:
        while True:
            try:
                with step.current():
                    item = next(items)
            except StopIteration:
                return
            step.yields(item)
            yield item
    finally:
        with step.current():
            items.close()


def _async_generator(function: Callable[..., Any], wanted: Wanted) -> Callable[..., Any]:
    async def observed(*args: Any, **kwargs: Any) -> AsyncGenerator[Any]:
        step, items = _Step(wanted, kwargs), function(*args, **kwargs)
        try:
            while True:
                try:
                    with step.current():
                        item = await anext(items)
                except StopAsyncIteration:
                    return
                step.yields(item)
                yield item
        finally:
            with step.current():
                await items.aclose()

    return observed


def _observed_compute(compute: Callable[..., Any], wanted: Wanted) -> Callable[..., Any]:
    """Of an op made without a decorator: a generator of outputs, called with all inputs as one mapping."""

    @functools.wraps(compute)
    def observed(context: Any, inputs: Any) -> Any:
        made = compute(context, inputs)
        return _followed(made, _Step(wanted, inputs)) if isinstance(made, Generator) else made

    return observed
