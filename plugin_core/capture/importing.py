"""Bringing past executions of an orchestrator into the record: what an adapter's importer is asked, and answers.

An importer is found by the entry point group ``flowtrail.importers``, under its orchestrator's name.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, TypeAlias

from plugin_core.capture.events import (
    ExecutionFinished,
    ExecutionKey,
    ExecutionStarted,
    StepFinished,
    StepKey,
    StepOutput,
    StepStarted,
)
from plugin_core.capture.recording import Recording

if TYPE_CHECKING:
    from plugin_core.model.components import Component
    from plugin_core.tracking.run import Run


@dataclass(frozen=True, kw_only=True, slots=True)
class ImportRequest:
    """Which executions: all, those with certain ids, or those created since a moment; ``source`` is where they are."""

    source: str | None = None
    ids: tuple[str, ...] = ()
    since: datetime | None = None


@dataclass(kw_only=True, slots=True)
class ImportReport:
    """What became of them."""

    imported: int = 0
    recorded_before: int = 0
    unfinished: int = 0
    not_found: int = 0
    failed: int = 0


Counted: TypeAlias = Callable[[int, int], None]  # how many are done, of how many
Importer: TypeAlias = Callable[[ImportRequest, Counted], ImportReport]


def is_recorded(component: Component) -> bool:
    """Whether the end of something is in the record already, as it was reported and not guessed."""
    return component.status.is_final and not component.status_inferred


class OnlyMissing:
    """Passes on what the record lacks of an execution: steps whose end is in it already stay as they are."""

    def __init__(self, recording: Recording, recorded: Collection[Component]) -> None:
        self.guard = recording.guard
        self._recording = recording
        self._ended = {
            (component.orchestrator.step_id, component.attempt)
            for component in recorded
            if component.orchestrator is not None and is_recorded(component)
        }

    def _lacks(self, key: StepKey) -> bool:
        return (key.step_id, key.attempt) not in self._ended

    def execution_started(self, event: ExecutionStarted) -> Run | None:
        """A flow or job began."""
        return self._recording.execution_started(event)

    def execution_finished(self, event: ExecutionFinished) -> None:
        """A flow or job ended."""
        self._recording.execution_finished(event)

    def step_started(self, event: StepStarted) -> Run | None:
        """An attempt of a step began."""
        return self._recording.step_started(event) if self._lacks(event.key) else None

    def step_output(self, event: StepOutput) -> None:
        """A step made one of its outputs."""
        if self._lacks(event.key):
            self._recording.step_output(event)

    def step_finished(self, event: StepFinished) -> None:
        """An attempt of a step ended."""
        if self._lacks(event.key):
            self._recording.step_finished(event)

    def run_of(self, key: ExecutionKey | StepKey) -> Run | None:
        """The run of what is known by its key alone."""
        return self._recording.run_of(key)

    def flush(self, timeout_s: float | None = None) -> bool:
        """Wait until what was recorded is in the store."""
        return self._recording.flush(timeout_s)
