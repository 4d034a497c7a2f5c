"""Ancestors, descendants and paths, from whatever a user has in hand."""

import json

import pytest

from plugin_core import Run
from plugin_core.errors import InvalidValueError, NotFoundError
from plugin_core.lineage import ancestors, descendants, path, to_node
from plugin_core.lineage.graph import walk
from plugin_core.model import arns
from plugin_core.model.changes import PutAction, PutContext
from plugin_core.model.lineage import NodeKind, NodeRef
from plugin_core.model.queries import Direction, LineageQuery

RAW, TABLE, MODEL = "file:///data/raw.csv", "sha256:" + "ab" * 32, "sha256:" + "cd" * 32


def keys(graph):
    return [vertex.ref.key for vertex in graph.vertices]


def test_ancestors_are_nearest_first_and_leave_out_what_came_later(chain):
    assert keys(ancestors(MODEL)) == ["flow-train-1", TABLE, "flow-clean-1", RAW]


def test_descendants_follow_every_branch(chain):
    found = descendants(TABLE)

    assert set(keys(found)) == {"flow-train-1", MODEL, "flow-draw-1", "sha256:" + "ef" * 32}
    assert found.start.name == "table"


def test_kinds_types_and_depth_choose_what_is_returned(chain):
    assert keys(ancestors(MODEL, types=("DataSet",))) == [TABLE, RAW]
    assert keys(ancestors(MODEL, kinds=(NodeKind.COMPONENT,))) == ["flow-train-1", "flow-clean-1"]
    assert keys(ancestors(MODEL, max_depth=2)) == ["flow-train-1", TABLE]


def test_a_path_goes_the_way_the_data_went(chain):
    found = path(RAW, MODEL)

    assert keys(found) == [RAW, "flow-clean-1", TABLE, "flow-train-1", MODEL]
    assert found.start.ref.key == RAW
    assert path(MODEL, RAW) is None


@pytest.mark.parametrize(
    "start",
    [
        "flow-train-1",
        "FLOW-Train-1",
        "flow-tr",
        NodeRef(NodeKind.COMPONENT, "flow-train-1"),
        arns.to_arn(NodeRef(NodeKind.COMPONENT, "flow-train-1")),
    ],
)
def test_a_component_is_found_by_name_beginning_ref_and_arn(chain, start):
    assert keys(ancestors(start))[0] == TABLE


@pytest.mark.parametrize("start", [TABLE, "ab" * 32, "sha256:abab", arns.to_arn(NodeRef(NodeKind.ARTIFACT, TABLE))])
def test_an_artifact_is_found_by_uri_hash_beginning_and_arn(chain, start):
    assert to_node(start) == NodeRef(NodeKind.ARTIFACT, TABLE)


def test_a_run_name_is_enough_where_one_experiment_has_it(graph):
    graph.component("flow-train-1", run_name="train-1")
    graph.component("flow-train-11", run_name="train-11")
    assert to_node("train-1") == NodeRef(NodeKind.COMPONENT, "flow-train-1")

    graph.component("other-train-1", experiment="other", run_name="train-1")
    with pytest.raises(InvalidValueError, match="could be any of 2 nodes"):
        to_node("train-1")


def test_an_artifact_known_by_its_uri_alone_is_found_by_arn(chain):
    assert to_node(arns.to_arn(NodeRef(NodeKind.ARTIFACT, RAW))) == NodeRef(NodeKind.ARTIFACT, RAW)


def test_values_of_the_model_and_runs_are_starts(chain, flowtrail_record):
    run = Run("flow", "train-1")

    assert to_node(run) == NodeRef(NodeKind.COMPONENT, "flow-train-1")
    assert to_node(flowtrail_record.store.component("flow-train-1")) == to_node(run)
    assert to_node(flowtrail_record.store.artifact(RAW)) == NodeRef(NodeKind.ARTIFACT, RAW)
    assert keys(ancestors(run))[0] == TABLE


def test_actions_contexts_and_experiments_are_starts(graph, flowtrail_record):
    graph.write(PutAction(at=1, name="approve", type="Approval", source_uri="mem://m"))
    graph.write(PutContext(at=1, name="prod", type="Endpoint", source_uri="mem://e"))
    graph.component("flow-train-1")
    graph.edge(NodeRef(NodeKind.ACTION, "approve"), NodeRef(NodeKind.CONTEXT, "prod"))
    store = flowtrail_record.store

    assert keys(descendants(store.action("approve"))) == ["prod"]
    assert ancestors(store.context("prod")).start.type == "Endpoint"
    assert descendants("approve").start.type == "Approval"
    assert repr(descendants(NodeRef(NodeKind.EXPERIMENT, "flow"))) == "flow  [experiment]"


def test_the_job_that_a_component_stands_for_is_a_start(graph):
    job = "arn:aws:sagemaker:eu-west-1:123456789012:training-job/fit"
    graph.component("fit", source_arn=job)

    assert to_node(job) == NodeRef(NodeKind.COMPONENT, "fit")
    with pytest.raises(NotFoundError, match="training-job/other"):
        to_node(job.replace("fit", "other"))


def test_the_path_of_a_file_finds_its_artifact(graph, tmp_path):
    file = tmp_path / "raw.csv"
    file.write_text("1")
    graph.artifact(file.as_uri())

    assert to_node(str(file)) == NodeRef(NodeKind.ARTIFACT, file.as_uri())


def test_a_text_that_begins_several_nodes_is_refused_with_their_names(chain):
    with pytest.raises(InvalidValueError, match=r"could be any of 3 nodes.*flow-clean-1"):
        to_node("flow-")


@pytest.mark.parametrize("missing", ["flow-trainn-1", "nothing like it", "", "\0"])
def test_a_missing_node_is_named(chain, missing):
    with pytest.raises(NotFoundError) as caught:
        ancestors(missing)

    assert caught.value.name == missing


def test_a_near_miss_is_told_what_was_nearly_hit(chain):
    with pytest.raises(NotFoundError, match="Did you mean flow-train-1"):
        ancestors("flow-trian-1")


def test_what_is_no_node_at_all_is_refused(chain):
    with pytest.raises(InvalidValueError, match="A int is no node"):
        ancestors(3)


def test_a_cycle_ends(graph):
    graph.used("a", "mem://x")
    graph.made("a", "mem://y")
    graph.used("b", "mem://y")
    graph.made("b", "mem://x")

    assert sorted(keys(descendants("mem://x"))) == ["a", "b", "mem://y"]
    assert "(see above)" not in ancestors("a").to_tree().splitlines()[0]


def test_printing_the_answer_shows_the_tree(chain):
    assert repr(ancestors(MODEL)).splitlines() == [
        "forest  [Model]  sha256:cdcdcdcdcdcd",
        "└─ flow-train-1  [component]",
        "   └─ table  [DataSet]  sha256:abababababab",
        "      └─ flow-clean-1  [component]",
        "         └─ raw.csv  [DataSet]  file:///data/raw.csv",
    ]


def test_both_ways_are_shown_apart(chain):
    tree = walk("flow-clean-1", LineageQuery(direction=Direction.BOTH)).to_tree().splitlines()

    assert tree[1:3] == ["came from", "└─ raw.csv  [DataSet]  file:///data/raw.csv"]
    assert tree[3:5] == ["went into", "└─ table  [DataSet]  sha256:abababababab"]


def test_json_holds_what_the_tree_shows(chain):
    found = ancestors(MODEL)

    content = json.loads(json.dumps(found.to_json()))

    assert content["start"]["arn"] == arns.to_arn(NodeRef(NodeKind.ARTIFACT, MODEL))
    assert [vertex["key"] for vertex in content["vertices"]] == keys(found)
    assert {edge["type"] for edge in content["edges"]} == {"ContributedTo", "Produced"}
