"""What takes an adapter's events: the recorder, as adapters and their tests see it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from plugin_core.capture.events import (
    ExecutionFinished,
    ExecutionKey,
    ExecutionStarted,
    StepFinished,
    StepKey,
    StepOutput,
    StepStarted,
)
from plugin_core.capture.guard import Guard

if TYPE_CHECKING:
    from plugin_core.tracking.run import Run


class Recording(Protocol):
    """Takes events of any orchestrator; raises nothing into user code."""

    guard: Guard

    def execution_started(self, event: ExecutionStarted) -> Run | None:
        """A flow or job begins; its run, None if that could not be recorded."""
        ...

    def execution_finished(self, event: ExecutionFinished) -> None:
        """A flow or job has ended."""
        ...

    def step_started(self, event: StepStarted) -> Run | None:
        """An attempt of a step begins; its run, None if that could not be recorded."""
        ...

    def step_output(self, event: StepOutput) -> None:
        """A step has made one of its outputs."""
        ...

    def step_finished(self, event: StepFinished) -> None:
        """An attempt of a step has ended."""
        ...

    def run_of(self, key: ExecutionKey | StepKey) -> Run | None:
        """The run of what is known by its key alone."""
        ...

    def flush(self, timeout_s: float | None = None) -> bool:
        """Wait until what was recorded is in the store; False if it took longer."""
        ...


def current_recording() -> Recording | None:
    """The recorder of this process; None where recording is switched off, or cannot be set up."""
    return _source()()


@functools.cache
def _source() -> Callable[[], Recording | None]:
    """Imported with the first event, and asked for by each step."""
    from plugin_core.capture.recorder import recorder

    return recorder
