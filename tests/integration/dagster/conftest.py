from collections.abc import Iterator

import pytest

from plugin_core.model import names
from plugin_core.model.lineage import NodeKind, NodeRef
from plugin_core.model.queries import Direction, LineageQuery
from plugin_core.testing.fixtures import Record
from plugin_core.tracking.listing import find_runs
from plugin_core.tracking.run import Run


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


@pytest.fixture
def autologged(recorded: Recorded) -> Iterator[Recorded]:
    """Recording of everything, for one test."""
    from dagster_integration import autolog
    from dagster_integration.instrumentor import uninstrument

    autolog()
    yield recorded
    uninstrument()


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
