"""The SageMaker SDK v2, unmodified: what it reads back, and what the record holds of it."""

import json
from pathlib import Path

import pytest
from kit.wire import client

from plugin_core.model.components import Status
from plugin_core.model.lineage import NodeKind, NodeRef

PROGRAMS = Path(__file__).parent / "programs"
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def told(served):
    return served.run("sagemaker-v2", PROGRAMS / "v2_runs.py")


@pytest.fixture(scope="module")
def drawn(served):
    return served.run("sagemaker-v2", PROGRAMS / "v2_lineage.py")


def test_a_run_is_found_again_under_its_names(told):
    assert told["config"] == {
        "ExperimentName": "churn",
        "TrialName": "Default-Run-Group-churn",
        "RunName": "churn-first",
    }
    assert told["listed"] == ["broken", "first"]


def test_analytics_read_what_runs_logged(told):
    assert told["rows"] == {
        "churn-first": {"depth": 3.0, "booster": "gbtree", "loss - Count": 13.0},
        "churn-broken": {"depth": "", "booster": "", "loss - Count": ""},
    }
    assert {"inner", "rate", "data - Value", "notes - Value"} <= set(told["columns"])


@pytest.mark.usefixtures("told")
def test_the_record_holds_what_a_run_logged(served):
    found = served.store.component("churn-first")

    assert served.store.parameters([found.id])[found.id] == {
        "depth": 3,
        "booster": "gbtree",
        "rate": 0.5,
        "inner": "yes",
    }
    points = list(served.store.points(found.id, "loss"))
    assert [(point.step, point.value) for point in points] == [(n, 1 / (n + 1)) for n in range(12)] + [(12, 0.01)]
    assert found.status is Status.COMPLETED
    assert found.tags["team"] == "growth"
    came_in = served.store.artifact_values([found.id], is_output=False)[found.id]["data"]
    assert (came_in.value, came_in.media_type) == ("s3://flowtrail/in.csv", "text/csv")


@pytest.mark.usefixtures("told")
def test_a_run_that_raised_has_failed_with_the_words_of_the_exception(served):
    found = served.store.component("churn-broken")

    assert (found.status, found.status_message) == (Status.FAILED, "the data is gone")


@pytest.mark.usefixtures("told")
def test_files_and_charts_lie_in_the_bucket(served):
    s3 = client("s3", served.url)

    def read(name):
        return s3.get_object(Bucket="flowtrail", Key=f"trial-component-artifacts/churn-first/{name}")["Body"].read()

    assert read("notes.txt") == b"what was tried\n"
    assert json.loads(read("confusion.json"))["confusionMatrix"] == [[2, 0], [1, 1]]


@pytest.mark.usefixtures("told")
def test_charts_are_ahead_of_and_behind_their_run(served):
    run = NodeRef(NodeKind.COMPONENT, "churn-first")
    behind = {edge.destination.key: edge.type for edge in served.store.associations(source=run)}
    ahead = {edge.source.key: edge.type for edge in served.store.associations(destination=run)}

    def named(edges):
        return {served.store.artifact(uri).name: kind for uri, kind in edges.items()}

    assert named(behind) == {"confusion": "Produced", "roc": "Produced"}
    assert named(ahead) == {"precision": "ContributedTo"}


def test_lineage_classes_find_what_they_recorded(drawn):
    assert drawn["data"] == ["data"]
    assert drawn["models"] == ["model"]
    assert drawn["pipeline"] is None
    assert drawn["found"] == [True]
    assert drawn["edges"] == ["AssociatedWith", "ContributedTo", "ContributedTo", "Produced"]
    assert drawn["incoming"] == [True]
    assert drawn["framework"] == "gbm"
    assert (drawn["actions"], drawn["contexts"]) == (["approve"], ["shop_front"])


def test_the_visualizer_shows_both_sides_of_a_component(drawn):
    assert drawn["shown"] == [
        ["Input", "DataSet", "ContributedTo", "artifact"],
        ["Output", "Model", "Produced", "artifact"],
    ]


@pytest.mark.usefixtures("drawn")
def test_the_record_holds_the_lineage_that_was_recorded(served):
    model = served.store.artifact("s3://flowtrail/model.bin")

    assert (model.name, model.type, model.properties) == ("model", "Model", {"framework": "gbm"})
    assert served.store.context("shop_front").type == "Endpoint"
    (edge,) = served.store.associations(source=NodeRef(NodeKind.ACTION, "approve"))
    assert edge.destination == NodeRef(NodeKind.CONTEXT, "shop_front")
