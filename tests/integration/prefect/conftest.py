from collections.abc import Iterator
from typing import Any

import pytest

from plugin_core.capture.events import ExecutionFinished, ExecutionStarted, StepFinished, StepStarted
from plugin_core.capture.guard import Guard
from plugin_core.model import names
from plugin_core.model.lineage import NodeKind, NodeRef
from plugin_core.testing.fixtures import Record
from plugin_core.tracking.listing import find_runs
from plugin_core.tracking.run import Run


@pytest.fixture(scope="session")
def team_server(tmp_path_factory):
    """A team's server in this process."""
    from kit.team import serving_a_team  # needs what environments of other versions have not

    with serving_a_team(tmp_path_factory.mktemp("keys")) as server:
        yield server


@pytest.fixture
def team(team_server, tmp_path, monkeypatch):
    """What this test records is behind the server."""
    from kit.team import recording_behind

    with recording_behind(team_server, tmp_path, monkeypatch) as made:
        yield made


@pytest.fixture(scope="session")
def prefect_api() -> Iterator[None]:
    """One ephemeral Prefect API for all tests; heartbeats off, since each sync flow waits a second for their thread."""
    import prefect.settings
    from prefect.settings import PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW, temporary_settings
    from prefect.testing.utilities import prefect_test_harness

    quiet = {PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW: "ignore"}
    if hasattr(prefect.settings, "PREFECT_FLOWS_HEARTBEAT_FREQUENCY"):  # since 3.6
        quiet[prefect.settings.PREFECT_FLOWS_HEARTBEAT_FREQUENCY] = None
    with prefect_test_harness(server_startup_timeout=120), temporary_settings(quiet):
        yield


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Prefect's own clients leave sockets to the garbage collector; that is not what is tested here."""
    for item in items:
        if "integration/prefect" in str(item.path):
            item.add_marker(pytest.mark.prefect)
            item.add_marker(pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"))
            item.add_marker(pytest.mark.filterwarnings("ignore::ResourceWarning"))


class Recorded:
    """Reads back what a test recorded, by the names that its flows and tasks have."""

    def __init__(self, record: Record) -> None:
        self.record = record

    def all(self) -> list[Run]:
        """Every run, oldest first."""
        return find_runs()

    def runs(self, name: str) -> list[Run]:
        """The runs of a task or a flow, oldest first; a flow's by the experiment that they are in."""
        slug = names.slug(name)
        return [run for run in self.all() if _own_name(run) == slug]

    def run(self, name: str) -> Run:
        """The one run of a task or flow."""
        (found,) = self.runs(name)
        return found

    def producers(self, run: Run) -> set[str]:
        """The names of the runs whose results went into this one."""
        store = self.record.store
        found = {
            edge.source.key
            for uri in self.sources(run)
            for edge in store.associations(destination=NodeRef(NodeKind.ARTIFACT, uri), type="Produced")
        }
        return {other.run_name for other in self.all() if other.component_name in found - {run.component_name}}

    def sources(self, run: Run) -> set[str]:
        """The artifacts that went into a run, by their URIs."""
        into = NodeRef(NodeKind.COMPONENT, run.component_name)
        return {edge.source.key for edge in self.record.store.associations(destination=into, type="ContributedTo")}


def _own_name(run: Run) -> str:
    """A step's run name is its task's name and an id; an execution's is the id alone, its experiment has the name."""
    suffixes = 1 if run.attempt == 1 else 2
    return "-".join(run.run_name.split("-")[:-suffixes]) or run.experiment_name


@pytest.fixture(scope="session")
def reader() -> type[Recorded]:
    """Reads the record of other processes."""
    return Recorded


@pytest.fixture
def record(prefect_api: None, flowtrail_record: Record) -> Iterator[Recorded]:
    """A fresh embedded store, and a Prefect that ``autolog()`` records into it."""
    import prefect_integration
    from plugin_core.capture.recorder import recorder
    from prefect_integration import instrumentor

    prefect_integration.autolog()
    yield Recorded(flowtrail_record)
    instrumentor.uninstrument()
    recording = recorder()
    assert recording is not None
    assert not recording.guard.failures
    assert not instrumentor.own_guard.failures


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
def collected(prefect_api: None, flowtrail_record: Record) -> Iterator[Collected]:
    """An instrumented Prefect, and what it reports."""
    from prefect_integration import instrumentor

    found = Collected()
    instrumentor.instrument(reason="autolog", source=lambda: found)
    yield found
    instrumentor.uninstrument()
    assert not found.guard.failures
