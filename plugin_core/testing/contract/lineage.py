"""The graph: nodes by name or URI, edges once each, walks both ways, cycles, paths."""

from __future__ import annotations

from typing import Any

import pytest

from plugin_core.errors import NotFoundError
from plugin_core.model import arns
from plugin_core.model.changes import Change, PutAction, PutContext
from plugin_core.model.components import ArtifactValue
from plugin_core.model.lineage import NodeKind, NodeRef, SourceType
from plugin_core.model.queries import Direction, LineageQuery
from plugin_core.stores.protocol import TrackingStore
from plugin_core.testing.contract.making import artifact, component, edge, of_artifact, of_component, when

RAW, CLEAN, MODEL = (of_artifact(f"s3://{name}") for name in ("raw", "clean", "model"))
CLEANING, TRAINING = of_component("cleaning"), of_component("training")


def pipeline() -> list[Change]:
    """Raw data, cleaned, and a model trained on it."""
    return [
        artifact("s3://raw", at=1, name="raw"),
        component("cleaning", at=2),
        artifact("s3://clean", at=3, name="clean", properties={"rows": "5"}),
        component("training", at=4),
        artifact("s3://model", at=5, name="model", type="Model"),
        edge(RAW, CLEANING, at=1),
        edge(CLEANING, CLEAN, at=2, type="Produced"),
        edge(CLEAN, TRAINING, at=3),
        edge(TRAINING, MODEL, at=4, type="Produced"),
    ]


def walked(store: TrackingStore, start: NodeRef, **query: Any) -> list[tuple[str, int]]:
    found = store.lineage(start, LineageQuery(**query))
    return [(vertex.name, vertex.depth) for vertex in found.vertices]


def test_an_artifact_may_say_what_produced_it_and_as_which_output(store: TrackingStore) -> None:
    store.write(
        [
            artifact("s3://model", at=4, name="model", media_type="a/b", produced_by="training", output="result"),
            artifact("s3://log", at=5, name="log", produced_by="training"),
        ]
    )
    training = store.component("training").id
    outputs = store.artifact_values([training], is_output=True)[training]

    assert outputs == {"result": ArtifactValue(value="s3://model", media_type="a/b")}
    assert sorted(walked(store, TRAINING, direction=Direction.DESCENDANTS)) == [("log", 1), ("model", 1)]


def test_an_artifact_reads_as_it_was_put(store: TrackingStore) -> None:
    types = (SourceType(kind="S3ETag", value="e"), SourceType(kind="Custom", value="x"))
    put = artifact(
        "S3://Bucket/Key", at=3, type="Model", name="best", source_types=types, media_type="a/b", size_bytes=2**40,
        blob=f"sha256:{'a' * 64}", properties={"p": "1"}, tags={"t": None},
    )  # fmt: skip
    store.write([put])
    found = store.artifact("S3://Bucket/Key")

    for name in (
        "source_uri",
        "type",
        "name",
        "source_types",
        "media_type",
        "size_bytes",
        "blob",
        "properties",
        "tags",
    ):
        assert getattr(found, name) == getattr(put, name)
    assert found.created_at == found.modified_at == when(3)
    with pytest.raises(NotFoundError):
        store.artifact("s3://bucket/key")


def test_an_artifact_put_again_gains_only_what_it_lacked(store: TrackingStore) -> None:
    store.write([artifact("s3://x", at=5, name="first", properties={"p": "1"})])
    store.write([artifact("s3://x", at=9, name="second", blob="sha256:1", properties={"p": "2", "q": "2"})])
    store.write([artifact("s3://x", at=2, name="third", blob="sha256:2")])
    found = store.artifact("s3://x")

    assert (found.name, found.blob, found.properties) == ("first", "sha256:1", {"p": "1", "q": "2"})
    assert (found.created_at, found.modified_at) == (when(2), when(9))


def test_artifacts_are_listed_newest_first(store: TrackingStore) -> None:
    store.write([artifact("s3://a", at=1), artifact("s3://b", at=3, type="Model"), artifact("s3://c", at=2)])

    assert [found.source_uri for found in store.artifacts()] == ["s3://b", "s3://c", "s3://a"]
    assert [found.source_uri for found in store.artifacts(type="DataSet", limit=1)] == ["s3://c"]
    assert [found.source_uri for found in store.artifacts(source_uris=["s3://a", "s3://no"])] == ["s3://a"]


@pytest.mark.parametrize(
    "uri", ["s3://raw", f"sha256:{'ab' * 32}", "sha256:short", "file:///\udce9", "a\0b", "S3://Raw"]
)
def test_an_artifact_is_found_by_what_its_arn_calls_it(store: TrackingStore, uri: str) -> None:
    store.write([artifact("s3://other"), artifact(uri, name="wanted"), artifact(f"sha256:{'cd' * 32}")])
    (found,) = (known for known in store.artifacts() if known.name == "wanted")

    assert store.artifact_by_digest(arns.artifact_digest(found.source_uri)) == found


def test_an_artifact_that_was_only_named_is_found_by_what_its_arn_calls_it(store: TrackingStore) -> None:
    store.write([edge(RAW, CLEANING)])

    assert store.artifact_by_digest(arns.artifact_digest("s3://raw")).source_uri == "s3://raw"


@pytest.mark.parametrize("digest", ["ab" * 32, "", "s3://raw", "\0"])
def test_a_digest_of_no_artifact_is_not_found(store: TrackingStore, digest: str) -> None:
    store.write([artifact("s3://raw")])

    with pytest.raises(NotFoundError):
        store.artifact_by_digest(digest)


def test_actions_and_contexts_read_as_they_were_put(store: TrackingStore) -> None:
    store.write([
        PutAction(at=1, name="Approve", type="Approval", source_uri="s3://m", status="InProgress", tags={"a": "b"}),
        PutAction(at=2, name="approve", type="Approval", source_uri="s3://m", status="Completed", description="yes"),
        PutContext(at=3, name="endpoint_1", type="Endpoint", source_uri="arn:e", properties={"p": "1"}),
    ])  # fmt: skip
    action, context = store.action("approve"), store.context("Endpoint_1")

    assert (action.name, action.type, action.status, action.description) == ("Approve", "Approval", "Completed", "yes")
    assert (action.tags, action.created_at, action.modified_at) == ({"a": "b"}, when(1), when(2))
    assert (context.type, context.source_uri, context.properties) == ("Endpoint", "arn:e", {"p": "1"})


def test_an_edge_makes_the_nodes_that_it_is_the_first_to_name(store: TrackingStore) -> None:
    store.write([edge(RAW, CLEANING, at=4)])

    assert (store.artifact("s3://raw").name, store.artifact("s3://raw").type) == ("s3://raw", "")
    assert store.component("cleaning").created_at == when(4)
    store.write([artifact("s3://raw", at=9, name="raw data", type="DataSet")])
    assert (store.artifact("s3://raw").name, store.artifact("s3://raw").type) == ("raw data", "DataSet")


def test_an_edge_is_kept_once_with_its_earliest_time(store: TrackingStore) -> None:
    store.write([edge(RAW, CLEANING, at=4), edge(RAW, CLEANING, at=9)])
    store.write([edge(RAW, of_component("CLEANING"), at=2), edge(RAW, CLEANING, at=3, type="AssociatedWith")])

    found = store.associations(source=RAW)
    assert [(e.type, e.created_at) for e in found] == [("ContributedTo", when(2)), ("AssociatedWith", when(3))]


def test_edges_are_found_by_either_end_and_type(store: TrackingStore) -> None:
    store.write(pipeline())

    assert [(e.source, e.destination) for e in store.associations(source=CLEANING)] == [(CLEANING, CLEAN)]
    assert [e.source for e in store.associations(destination=TRAINING)] == [CLEAN]
    assert [e.destination for e in store.associations(type="Produced")] == [CLEAN, MODEL]
    assert len(store.associations()) == 4
    assert store.associations(source=RAW, destination=MODEL) == []
    assert store.associations(source=of_artifact("s3://absent")) == []


def test_ancestors_and_descendants_are_walked_nearest_first(store: TrackingStore) -> None:
    store.write(pipeline())
    up = [("training", 1), ("clean", 2), ("cleaning", 3), ("raw", 4)]

    assert walked(store, MODEL, direction=Direction.ASCENDANTS) == up
    assert walked(store, CLEAN, direction=Direction.DESCENDANTS) == [("training", 1), ("model", 2)]
    assert sorted(walked(store, CLEAN)) == [("cleaning", 1), ("model", 2), ("raw", 2), ("training", 1)]
    assert walked(store, MODEL, direction=Direction.ASCENDANTS, max_depth=2) == up[:2]
    assert walked(store, RAW, direction=Direction.ASCENDANTS) == []


def test_filters_choose_what_is_returned_and_do_not_prune(store: TrackingStore) -> None:
    store.write(pipeline())

    def found(**query: Any) -> list[str]:
        return [name for name, _ in walked(store, MODEL, direction=Direction.ASCENDANTS, **query)]

    assert found(kinds=(NodeKind.ARTIFACT,)) == ["clean", "raw"]
    assert found(types=("DataSet",)) == ["clean", "raw"]
    assert found(types=("Model",)) == []
    assert found(created_before=when(3)) == ["cleaning", "raw"]
    assert found(created_after=when(3)) == ["training"]
    assert found(modified_after=when(2), modified_before=when(4)) == ["clean"]
    assert found(properties={"rows": "5"}) == ["clean"]
    assert found(properties={"rows": "6"}) == []


def test_edges_of_an_answer_join_its_vertices(store: TrackingStore) -> None:
    store.write(pipeline())
    answer = store.lineage(CLEAN, LineageQuery())

    assert {(e.source, e.destination) for e in answer.edges} == {
        (RAW, CLEANING), (CLEANING, CLEAN), (CLEAN, TRAINING), (TRAINING, MODEL),
    }  # fmt: skip
    assert store.lineage(CLEAN, LineageQuery(include_edges=False)).edges == ()
    near = store.lineage(CLEAN, LineageQuery(kinds=(NodeKind.COMPONENT,)))
    assert {(e.source, e.destination) for e in near.edges} == {(CLEANING, CLEAN), (CLEAN, TRAINING)}


def test_a_limited_answer_keeps_the_nearest_and_says_so(store: TrackingStore) -> None:
    store.write(pipeline())
    answer = store.lineage(MODEL, LineageQuery(direction=Direction.ASCENDANTS, limit=2))

    assert ([vertex.name for vertex in answer.vertices], answer.truncated) == (["training", "clean"], True)
    assert not store.lineage(MODEL, LineageQuery(limit=4)).truncated


def test_a_vertex_says_what_it_is(store: TrackingStore) -> None:
    store.write([*pipeline(), PutContext(at=1, name="Group", type="ModelGroup", source_uri="")])
    store.write([edge(MODEL, NodeRef(NodeKind.CONTEXT, "group"), type="AssociatedWith")])
    found = {vertex.name: (vertex.ref, vertex.type) for vertex in store.lineage(RAW, LineageQuery()).vertices}

    assert found["training"] == (TRAINING, None)
    assert found["model"] == (MODEL, "Model")
    assert found["Group"] == (NodeRef(NodeKind.CONTEXT, "Group"), "ModelGroup")


def test_cycles_end_and_each_vertex_comes_once_at_its_least_depth(store: TrackingStore) -> None:
    nodes = [of_artifact(f"s3://{i}") for i in range(5)]
    store.write([edge(nodes[i], nodes[(i + 1) % 5]) for i in range(5)])
    store.write([edge(nodes[0], nodes[0]), edge(nodes[0], nodes[2])])

    down = dict(walked(store, nodes[0], direction=Direction.DESCENDANTS, max_depth=100))
    assert down == {"s3://1": 1, "s3://2": 1, "s3://3": 2, "s3://4": 3}


def test_a_walk_from_an_unknown_node_is_refused(store: TrackingStore) -> None:
    store.write(pipeline())
    with pytest.raises(NotFoundError):
        store.lineage(of_artifact("s3://absent"), LineageQuery())
    for ends in ((of_artifact("s3://absent"), RAW), (RAW, of_component("absent"))):
        with pytest.raises(NotFoundError):
            store.path(*ends)


def test_a_path_lists_its_nodes_and_edges_in_order(store: TrackingStore) -> None:
    store.write(pipeline())
    found = store.path(RAW, MODEL)

    assert found is not None
    assert [vertex.ref for vertex in found.vertices] == [RAW, CLEANING, CLEAN, TRAINING, MODEL]
    assert [vertex.depth for vertex in found.vertices] == [0, 1, 2, 3, 4]
    assert [(e.source, e.destination) for e in found.edges] == [
        (RAW, CLEANING), (CLEANING, CLEAN), (CLEAN, TRAINING), (TRAINING, MODEL),
    ]  # fmt: skip


def test_there_is_no_path_against_the_edges_or_beyond_the_depth(store: TrackingStore) -> None:
    store.write([*pipeline(), artifact("s3://apart")])

    assert store.path(MODEL, RAW) is None
    assert store.path(RAW, of_artifact("s3://apart")) is None
    assert store.path(RAW, MODEL, max_depth=3) is None
    assert store.path(RAW, MODEL, max_depth=4) is not None


def test_a_path_to_itself_is_the_node_alone(store: TrackingStore) -> None:
    store.write(pipeline())
    found = store.path(RAW, RAW)

    assert found is not None
    assert ([vertex.ref for vertex in found.vertices], found.edges) == ([RAW], ())


def test_of_several_paths_a_shortest_is_found(store: TrackingStore) -> None:
    nodes = [of_artifact(f"s3://{i}") for i in range(30)]
    store.write([edge(nodes[i], nodes[i + 1]) for i in range(29)])
    store.write([edge(nodes[3], nodes[20]), edge(nodes[20], nodes[3]), edge(nodes[0], nodes[2])])
    found = store.path(nodes[0], nodes[29])

    assert found is not None
    assert [vertex.name for vertex in found.vertices] == [f"s3://{i}" for i in (0, 2, 3, *range(20, 30))]


def test_deleting_a_node_deletes_its_edges(store: TrackingStore) -> None:
    store.write(pipeline())
    store.delete(CLEAN)

    assert store.path(RAW, MODEL) is None
    assert walked(store, TRAINING) == [("model", 1)]


def test_edges_between_two_nodes_are_deleted(store: TrackingStore) -> None:
    store.write([*pipeline(), edge(RAW, CLEANING, type="AssociatedWith")])
    store.delete_association(RAW, CLEANING, type="AssociatedWith")
    assert [e.type for e in store.associations(source=RAW)] == ["ContributedTo"]

    store.delete_association(RAW, CLEANING)
    assert store.associations(source=RAW) == []
    for source, destination in ((RAW, CLEANING), (CLEANING, RAW), (of_artifact("s3://absent"), CLEANING)):
        with pytest.raises(NotFoundError):
            store.delete_association(source, destination)
    assert store.artifact("s3://raw").name == "raw"
