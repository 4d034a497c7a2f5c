"""The past of a run that another worker takes up: its executor may tell all again that happened before.

What is told again keeps its time, and what the record has of it already stays as it is.
"""

from __future__ import annotations

from collections import defaultdict, deque
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeAlias

from dagster_integration import _compat, translate
from dagster_integration.run_events import HANDLED
from plugin_core.capture.importing import OnlyMissing
from plugin_core.capture.recording import Recording
from plugin_core.tracking.listing import components_of_executions

if TYPE_CHECKING:
    from dagster import DagsterEvent, DagsterInstance

    from plugin_core.capture.events import StepKey

_Told: TypeAlias = "tuple[str, str | None, str | None, int | None]"


class Past(OnlyMissing):
    """Passes on all that is new, and of what is told again what the record lacks."""

    def __init__(self, instance: DagsterInstance, run_id: str, recording: Recording) -> None:
        super().__init__(recording, components_of_executions(translate.SYSTEM, [run_id])[run_id])
        self._is_told_again = False
        self._times: defaultdict[_Told, deque[datetime]] = defaultdict(deque)
        for entry in instance.all_logs(run_id, of_type=_compat.event_types(HANDLED)):
            if entry.dagster_event is not None:
                self._times[_told(entry.dagster_event)].append(datetime.fromtimestamp(entry.timestamp, UTC))

    def time_of(self, event: DagsterEvent) -> datetime | None:
        """When an event happened that is told again; None for a new one."""
        times = self._times.get(_told(event))
        self._is_told_again = bool(times)
        return times.popleft() if times else None

    def _lacks(self, key: StepKey) -> bool:
        return not self._is_told_again or super()._lacks(key)


def _told(event: DagsterEvent) -> _Told:
    return event.event_type_value, event.step_key, event.message, event.pid
