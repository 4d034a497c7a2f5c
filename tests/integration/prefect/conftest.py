from collections.abc import Iterator
from typing import Any

import pytest

from plugin_core.capture.events import NOTHING, ExecutionFinished, ExecutionStarted, StepFinished, StepKey, StepStarted
from plugin_core.capture.guard import Guard
from plugin_core.capture.names import address_of
from plugin_core.model.components import Status
from plugin_core.tracking.run import Run


@pytest.fixture(scope="session")
def prefect_api() -> Iterator[None]:
    """One ephemeral Prefect API for all tests; heartbeats off, since each sync flow waits a second for their thread."""
    from prefect.settings import (
        PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
        PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW,
        temporary_settings,
    )
    from prefect.testing.utilities import prefect_test_harness

    quiet = {PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None, PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW: "ignore"}
    with prefect_test_harness(server_startup_timeout=60), temporary_settings(quiet):
        yield


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Prefect's own clients leave sockets to the garbage collector; that is not what is tested here."""
    for item in items:
        if "integration/prefect" in str(item.path):
            item.add_marker(pytest.mark.prefect)
            item.add_marker(pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"))
            item.add_marker(pytest.mark.filterwarnings("ignore::ResourceWarning"))


class Seen:
    """One run, as the record would show it."""

    def __init__(self, event: Any) -> None:
        address = address_of(event.key)
        own = event.key.step if isinstance(event.key, StepKey) else event.key.experiment
        self.key, self.name = event.key, own.replace("_", "-")
        self.run_name, self.component_name = address.run_name, address.component
        self.experiment_name, self.trial_name = address.experiment, address.trial
        self.attempt = event.key.attempt
        self.display_name = getattr(event, "name", None)
        self.status: Any = Status.RUNNING
        self.status_message = None
        self.parameters: dict[str, Any] = {}
        self.parent: Seen | None = None
        self.tags: tuple[str, ...] = ()
        self.properties: dict[str, str] = {}
        self.kind = None
        self.upstream: set[str] = set()
        self.results: tuple[str, ...] = ()
        self.output: Any = NOTHING
        self.started = False


class Collected:
    """Takes the events of an instrumented Prefect, in order."""

    def __init__(self) -> None:
        self.guard = Guard(strict=True)
        self.events: list[Any] = []
        self.seen: dict[str, Seen] = {}

    def execution_started(self, event: ExecutionStarted) -> Run:
        seen = self._of(event)
        seen.parameters = dict(event.parameters)
        seen.parent = None if event.parent is None else self.seen[address_of(event.parent).component]
        return self._started(seen, event)

    def step_started(self, event: StepStarted) -> Run:
        seen = self._of(event)
        seen.parameters = dict(event.inputs)
        seen.upstream = {uri for uris in event.upstream.values() for uri in uris}
        if event.map_index is not None:
            seen.properties["map_index"] = str(event.map_index)
        if event.scheduled_at is not None:
            seen.properties["scheduled_at"] = event.scheduled_at.isoformat()
        seen.parent = self.seen[address_of(event.parent or event.key.execution).component]
        return self._started(seen, event)

    def execution_finished(self, event: ExecutionFinished) -> None:
        self._finished(event)

    def step_finished(self, event: StepFinished) -> None:
        seen = self._finished(event)
        seen.display_name = event.name
        seen.upstream |= {uri for uris in event.upstream.values() for uri in uris}
        seen.upstream |= {event.reused_uri} if event.reused_uri else set()
        if not seen.started:
            seen.parent = self.seen[address_of(event.parent or event.key.execution).component]

    def flush(self, timeout_s: float | None = None) -> bool:
        return True

    def _of(self, event: Any) -> Seen:
        self.events.append(event)
        return self.seen.setdefault(address_of(event.key).component, Seen(event))

    def _started(self, seen: Seen, event: Any) -> Run:
        seen.started, seen.status = True, Status.RUNNING
        seen.display_name, seen.kind, seen.tags = event.name, event.kind, event.tags
        seen.properties |= event.properties
        return Run._resolved(address_of(event.key), loggable=True)

    def _finished(self, event: Any) -> Seen:
        seen = self._of(event)
        seen.status, seen.status_message = event.status, event.message
        seen.properties |= event.properties
        seen.output = event.output
        seen.results = event.result_uris
        return seen

    def of(self, kind: type[Any], step: str | None = None) -> list[Any]:
        return [
            event
            for event in self.events
            if isinstance(event, kind) and (step is None or getattr(event.key, "step", None) == step)
        ]

    def runs(self, name: str) -> list[Seen]:
        """The runs of a task or flow, by its own name, in the order they came."""
        return [run for run in self.seen.values() if run.name == name.replace("_", "-")]

    def run(self, name: str) -> Seen:
        (found,) = self.runs(name)
        return found

    def producers(self, run: Seen) -> set[str]:
        """The names of the runs whose results went into this one."""
        return {
            other.run_name for other in self.seen.values() if other is not run and set(other.results) & run.upstream
        }


@pytest.fixture
def record(prefect_api: None) -> Iterator[Collected]:
    """Prefect, instrumented as by ``autolog()``, and what it reports."""
    from prefect_integration import instrumentor

    found = Collected()
    instrumentor.uninstrument()
    instrumentor.instrument(reason="autolog", source=lambda: found)
    yield found
    instrumentor.uninstrument()
    assert not found.guard.failures


@pytest.fixture
def collected(record: Collected) -> Collected:
    return record
