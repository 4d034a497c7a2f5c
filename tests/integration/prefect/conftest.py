from collections.abc import Iterator
from typing import Any

import pytest

from plugin_core.capture.events import ExecutionFinished, ExecutionStarted, StepFinished, StepStarted
from plugin_core.capture.guard import Guard

pytest_plugins: list[str] = []


@pytest.fixture(scope="session")
def prefect_api() -> Iterator[None]:
    """One ephemeral Prefect API for all tests; heartbeats off, since each sync flow waits a second for their thread."""
    from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(server_startup_timeout=60), temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
        yield


class Collected:
    """Takes the events of an instrumented Prefect, in order."""

    def __init__(self) -> None:
        self.guard = Guard(strict=True)
        self.events: list[Any] = []

    def execution_started(self, event: ExecutionStarted) -> None:
        self.events.append(event)

    def execution_finished(self, event: ExecutionFinished) -> None:
        self.events.append(event)

    def step_started(self, event: StepStarted) -> None:
        self.events.append(event)

    def step_finished(self, event: StepFinished) -> None:
        self.events.append(event)

    def flush(self, timeout_s: float | None = None) -> bool:
        return True

    def of(self, kind: type[Any], step: str | None = None) -> list[Any]:
        return [
            event
            for event in self.events
            if isinstance(event, kind) and (step is None or getattr(event.key, "step", None) == step)
        ]


@pytest.fixture
def collected(prefect_api: None) -> Iterator[Collected]:
    """Prefect, instrumented as by ``autolog()``, with what it reports in a list."""
    from prefect_integration import instrumentor

    found = Collected()
    instrumentor.uninstrument()
    instrumentor.instrument(reason="autolog", source=lambda: found)
    yield found
    instrumentor.uninstrument()
    assert not found.guard.failures
