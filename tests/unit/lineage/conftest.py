"""A small graph to ask: raw -> clean (step) -> table -> train (step) -> model, written to a real store."""

from itertools import count

import pytest

from plugin_core.model.changes import PutArtifact, PutAssociation, PutComponent
from plugin_core.model.components import OrchestratorRef
from plugin_core.model.lineage import AssociationType, NodeKind, NodeRef

FLOW_RUN = "01890000-aaaa-7bbb-8ccc-1234567890ab"
RAW, TABLE, MODEL = "file:///data/raw.csv", "sha256:" + "ab" * 32, "sha256:" + "cd" * 32


class GraphWriter:
    """Writes nodes and edges, one microsecond apart."""

    def __init__(self, record):
        self._record, self._clock = record, count(1_700_000_000_000_000)

    def write(self, *changes):
        self._record.store.write(changes)

    def component(self, name, *, experiment="flow", trial="flow-t1", **facts):
        self.write(PutComponent(at=next(self._clock), name=name, experiment=experiment, trial=trial, **facts))

    def artifact(self, uri, type="DataSet", **facts):
        facts.setdefault("name", uri.rpartition("/")[2])
        self.write(PutArtifact(at=next(self._clock), source_uri=uri, type=type, **facts))

    def edge(self, source, destination, type=AssociationType.CONTRIBUTED_TO):
        self.write(PutAssociation(at=next(self._clock), source=source, destination=destination, type=type))

    def used(self, component, uri):
        self.edge(NodeRef(NodeKind.ARTIFACT, uri), NodeRef(NodeKind.COMPONENT, component))

    def made(self, component, uri):
        produced = AssociationType.PRODUCED
        self.edge(NodeRef(NodeKind.COMPONENT, component), NodeRef(NodeKind.ARTIFACT, uri), produced)


@pytest.fixture
def graph(flowtrail_record):
    """An empty store to write a graph to."""
    return GraphWriter(flowtrail_record)


@pytest.fixture
def chain(graph):
    """The chain of the module's docstring, with a picture drawn from the table and an unrelated data set."""
    reference = OrchestratorRef(system="prefect", execution_id=FLOW_RUN)
    graph.component("flow-clean-1", orchestrator=reference)
    graph.component("flow-train-1", orchestrator=reference)
    graph.component("flow-draw-1", trial="flow-t2")
    graph.artifact(RAW, name="raw.csv")
    graph.artifact(TABLE, name="table", blob=TABLE)
    graph.artifact(MODEL, "Model", name="forest")
    graph.artifact("sha256:" + "ef" * 32, "Image", name="picture")
    graph.artifact("file:///data/unrelated.csv")
    graph.used("flow-clean-1", RAW)
    graph.made("flow-clean-1", TABLE)
    graph.used("flow-train-1", TABLE)
    graph.made("flow-train-1", MODEL)
    graph.used("flow-draw-1", TABLE)
    graph.made("flow-draw-1", "sha256:" + "ef" * 32)
    return graph
