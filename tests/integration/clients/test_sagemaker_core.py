"""sagemaker-core, unmodified: what it reads back, and what the record holds of it."""

from pathlib import Path

import pytest
from kit.wire import client

from plugin_core.model.components import Status
from plugin_core.model.lineage import NodeKind, NodeRef

PROGRAM = Path(__file__).parent / "programs" / "core_runs.py"
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def told(served):
    return served.run("sagemaker-core", PROGRAM)


def test_a_run_is_found_again_under_its_names(told):
    assert told["config"] == {"ExperimentName": "core", "TrialName": "Default-Run-Group-core", "RunName": "core-one"}
    assert told["listed"] == ["one"]


@pytest.mark.usefixtures("told")
def test_the_record_holds_what_a_run_logged(served):
    found = served.store.component("core-one")

    assert served.store.parameters([found.id])[found.id] == {"depth": 3, "again": "yes"}
    assert [point.value for point in served.store.points(found.id, "loss")] == [0.5]
    assert found.status is Status.COMPLETED
    edges = served.store.associations(source=NodeRef(NodeKind.COMPONENT, "core-one"))
    produced = {served.store.artifact(edge.destination.key).name for edge in edges if edge.type == "Produced"}
    assert produced == {"matrix", "core-model"}


@pytest.mark.usefixtures("told")
def test_a_chart_lies_in_the_bucket(served):
    s3 = client("s3", served.url)
    found = s3.list_objects_v2(Bucket="flowtrail", Prefix="trial-component-artifacts/core-one/")

    assert [entry["Key"].rpartition("/")[2] for entry in found["Contents"]] == ["matrix.json"]


def test_a_lineage_component_finds_its_data_and_models(told):
    assert told["data"] == ["DatasetArtifact:core-data"]
    assert told["models"] == ["ModelArtifact:core-model"]
    assert told["pipeline"] is None
