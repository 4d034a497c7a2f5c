from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from plugin_core.model import names
from plugin_core.model.components import Status
from plugin_core.model.lineage import NodeKind, NodeRef
from plugin_core.model.queries import ComponentQuery, Direction, LineageQuery
from plugin_core.testing.fixtures import Record
from plugin_core.tracking.listing import find_runs
from plugin_core.tracking.run import Run
from plugin_core.tracking.settings import configure, reset_configuration

if TYPE_CHECKING:
    from dagster import DagsterInstance


class Recorded:
    """Reads back what a test recorded, by the names that its jobs and steps have."""

    def __init__(self, record: Record) -> None:
        self.record = record

    def all(self) -> list[Run]:
        """Every run, oldest first."""
        return find_runs()

    def executions(self, experiment: str) -> list[Run]:
        """The Dagster runs of a job, oldest first."""
        return [run for run in self.all() if run.experiment_name == names.slug(experiment) and run.parent is None]

    def execution(self, experiment: str) -> Run:
        """The one Dagster run of a job."""
        (found,) = self.executions(experiment)
        return found

    def steps(self, name: str) -> list[Run]:
        """The attempts of a step, oldest first, by its key or the asset that it makes."""
        return [run for run in self.all() if run.parent is not None and run.display_name == name]

    def step(self, name: str) -> Run:
        """The one attempt of a step."""
        (found,) = self.steps(name)
        return found

    def states(self, experiment: str) -> dict[str, tuple[Status, str | None]]:
        """What became of the steps of a job's one run, the last attempt of each: our word and Dagster's."""
        steps = self.execution(experiment).children
        return {run.display_name: (run.status, run.properties.get("dagster_state")) for run in steps}

    def attempt_before(self, run: Run) -> Run | None:
        """The attempt that a run repeats."""
        by_component = {each.component_name: each for each in self.all()}
        (component,) = self.record.store.components(ComponentQuery(names=(run.component_name,)))
        return by_component.get(component.previous_attempt or "")

    def artifacts_into(self, run: Run) -> set[str]:
        """The artifacts that went into a run, by their URIs."""
        into = NodeRef(NodeKind.COMPONENT, run.component_name)
        return {edge.source.key for edge in self.record.store.associations(destination=into, type="ContributedTo")}

    def makers(self, run: Run) -> set[Run]:
        """The steps that made what went into this one."""
        made = {
            edge.source.key
            for uri in self.artifacts_into(run)
            for edge in self.record.store.associations(destination=NodeRef(NodeKind.ARTIFACT, uri), type="Produced")
        }
        return {each for each in self.all() if each.component_name in made}

    def direct_sources(self, run: Run) -> set[str]:
        """The names of the steps that made what went into this one."""
        return {each.display_name for each in self.makers(run)}

    def sources(self, run: Run) -> set[str]:
        """The names of the steps whose results went into this one, at first or second hand."""
        found = self.record.store.lineage(
            NodeRef(NodeKind.COMPONENT, run.component_name),
            LineageQuery(direction=Direction.ASCENDANTS, kinds=(NodeKind.COMPONENT,)),
        )
        by_component = {each.component_name: each.display_name for each in self.all()}
        return {by_component[vertex.ref.key] for vertex in found.vertices} - {run.display_name}


@pytest.fixture
def recorded(flowtrail_record: Record) -> Recorded:
    return Recorded(flowtrail_record)


@pytest.fixture(scope="module")
def shared_record(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorded]:
    """A record for all tests of a module, of what is marked to be recorded."""
    from dagster_integration.instrumentor import instrument

    record = Record(tmp_path_factory.mktemp("shared"))
    configure(store=record.url, blobs=(record.folder / "blobs").as_uri(), spool_dir=record.spool, strict=True)
    instrument(reason="tracked")
    yield Recorded(record)
    reset_configuration()


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DagsterInstance]:
    """A Dagster instance that other processes can open."""
    from dagster import DagsterInstance

    folder = tmp_path_factory.mktemp("dagster")
    (folder / "dagster.yaml").write_text("telemetry: {enabled: false}")
    with DagsterInstance.local_temp(str(folder)) as opened:
        yield opened


@pytest.fixture
def autologged(recorded: Recorded) -> Iterator[Recorded]:
    """Recording of everything, for one test."""
    from dagster_integration import autolog
    from dagster_integration.instrumentor import own_guard, uninstrument
    from plugin_core.capture.recorder import recorder

    autolog()
    yield recorded
    uninstrument()
    recording = recorder()
    assert recording is not None
    assert not recording.guard.failures
    assert not own_guard.failures


@pytest.fixture(autouse=True, scope="session")
def untold() -> Iterator[None]:
    """Dagster tells nobody of these tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAGSTER_DISABLE_TELEMETRY", "1")
        yield


@pytest.fixture(autouse=True)
def as_found() -> Iterator[None]:
    """Each test finds Dagster unwrapped, and leaves it so."""
    from dagster_integration.instrumentor import uninstrument

    yield
    uninstrument()
