"""SageMaker's lineage query: filters, directions, results, and vertices that load what they stand for."""

from datetime import timedelta

import pytest

from plugin_core.errors import InvalidValueError, NotFoundError
from plugin_core.lineage import (
    Edge,
    LineageEntityEnum,
    LineageFilter,
    LineageQuery,
    LineageQueryDirectionEnum,
    LineageQueryResult,
    LineageSourceEnum,
    LineageTrialComponent,
    ModelArtifact,
    Vertex,
)
from plugin_core.model import arns
from plugin_core.model.changes import PutAction, PutContext
from plugin_core.model.lineage import NodeKind, NodeRef

RAW, TABLE, MODEL = "file:///data/raw.csv", "sha256:" + "ab" * 32, "sha256:" + "cd" * 32
ASCENDANTS, DESCENDANTS = LineageQueryDirectionEnum.ASCENDANTS, LineageQueryDirectionEnum.DESCENDANTS


def arn(key, kind=NodeKind.ARTIFACT):
    return arns.to_arn(NodeRef(kind, key))


def found(start, direction=ASCENDANTS, **filters):
    result = LineageQuery(None).query([start], direction, query_filter=LineageFilter(**filters))
    return [vertex.arn for vertex in result.vertices]


def test_vertices_have_arn_entity_and_type_and_edges_their_association(chain):
    result = LineageQuery(None).query([arn(MODEL)], ASCENDANTS, max_depth=2)

    train = arn("flow-train-1", NodeKind.COMPONENT)
    assert result.vertices == [
        Vertex(train, "TrialComponent", None, None),
        Vertex(arn(TABLE), "Artifact", "DataSet", None),
    ]
    assert set(result.edges) == {Edge(train, arn(MODEL), "Produced"), Edge(arn(TABLE), train, "ContributedTo")}
    assert result.startarn == [arn(MODEL)]


def test_edges_can_be_left_out(chain):
    assert LineageQuery(None).query([arn(MODEL)], ASCENDANTS, include_edges=False).edges == []


def test_filters_take_enums_and_their_values(chain):
    by_enum = found(arn(MODEL), entities=[LineageEntityEnum.ARTIFACT], sources=[LineageSourceEnum.DATASET])

    assert by_enum == found(arn(MODEL), entities=["Artifact"], sources=["DataSet"]) == [arn(TABLE), arn(RAW)]
    assert found(arn(RAW), "Descendants", sources=["Model"]) == [arn(MODEL)]


def test_filters_by_time_and_property(graph):
    for name, owner in (("old", "a"), ("new", "b")):
        graph.artifact(f"mem://{name}", properties={"owner": owner})
        graph.used("step", f"mem://{name}")
    new = arn("mem://new")
    made = LineageQuery(None).query([arn("step", NodeKind.COMPONENT)], ASCENDANTS).vertices[0]
    created = made.to_lineage_object().creation_time

    start = arn("step", NodeKind.COMPONENT)
    assert found(start, properties={"owner": "b"}) == [new]
    assert found(start, created_before=created - timedelta(days=1)) == []
    assert len(found(start, created_after=created - timedelta(days=1))) == 2


def test_several_starts_are_answered_together_and_nothing_twice(chain):
    result = LineageQuery(None).query([arn(MODEL), arn(TABLE)], ASCENDANTS)

    assert len(result.vertices) == len(set(result.vertices)) == 4


def test_a_vertex_loads_what_it_stands_for(chain):
    result = LineageQuery(None).query([arn(TABLE)], DESCENDANTS)
    loaded = {type(vertex.to_lineage_object()) for vertex in result.vertices}

    assert {LineageTrialComponent, ModelArtifact} < loaded
    assert Vertex(arn(MODEL), "Artifact", "Model", None).to_lineage_object().artifact_name == "forest"


def test_actions_and_contexts_load_as_values(graph):
    graph.write(PutAction(at=1, name="approve", type="Approval", source_uri="mem://m"))
    graph.write(PutContext(at=1, name="prod", type="Endpoint", source_uri="mem://e"))

    action = Vertex(arn("approve", NodeKind.ACTION), "Action", "Approval", None).to_lineage_object()
    context = Vertex(arn("prod", NodeKind.CONTEXT), "Context", "Endpoint", None).to_lineage_object()

    assert (action.type, context.type) == ("Approval", "Endpoint")


def test_a_trial_has_no_lineage_object(flowtrail_record):
    with pytest.raises(InvalidValueError, match="cannot be converted to a lineage object"):
        Vertex(arn("t", NodeKind.TRIAL), "Trial", None, None).to_lineage_object()


@pytest.mark.parametrize("filters", [{"entities": ["Galaxy"]}, {"direction": "Sideways"}])
def test_unknown_words_are_refused_with_the_known_ones(chain, filters):
    with pytest.raises(InvalidValueError, match=r"One of .*(TrialComponent|Ascendants)"):
        found(arn(MODEL), **filters)


def test_an_unknown_start_is_not_found(chain):
    with pytest.raises(NotFoundError):
        LineageQuery(None).query([arn("mem://nothing")])


def test_a_result_holds_each_thing_once_and_says_what_it_holds():
    edge, vertex = Edge("a", "b", "Produced"), Vertex("b", "Artifact", "Model", None)
    result = LineageQueryResult(edges=[edge, edge], vertices=[vertex, vertex], startarn=["a"])

    assert (result.edges, result.vertices) == ([edge], [vertex])
    assert repr(result).splitlines() == [
        "LineageQueryResult of a",
        "  Vertex(b, Artifact, Model)",
        "  Edge(a -Produced-> b)",
    ]


def test_a_result_is_shown_as_a_page_that_needs_no_network(tmp_path):
    result = LineageQueryResult(vertices=[Vertex("<script>", "Artifact", "Model", None)], startarn=["a"])

    page = (tmp_path / "page.html").read_text() if result.visualize(str(tmp_path / "page.html")) else ""

    assert "&lt;script&gt;" in page
    assert "<script" not in page
    assert "http" not in page
