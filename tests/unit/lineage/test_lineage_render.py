"""Trees and flowcharts are readable, complete, and safe whatever the names are."""

import itertools
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from plugin_core.lineage.render import branches, neighbours, short_uri, to_mermaid, to_tree
from plugin_core.model.lineage import Association, NodeKind, NodeRef, Subgraph, Vertex
from plugin_core.model.queries import Direction

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def step(name):
    return Vertex(ref=NodeRef(NodeKind.COMPONENT, name), name=name, type=None, depth=1)


def data(name):
    return Vertex(ref=NodeRef(NodeKind.ARTIFACT, f"mem://{name}"), name=name, type="DataSet", depth=1)


def subgraph(vertices, pairs, **facts):
    edges = tuple(Association(source=a.ref, destination=b.ref, type="ContributedTo", created_at=NOW) for a, b in pairs)
    return Subgraph(vertices=tuple(vertices), edges=edges, **facts)


def test_a_node_reached_twice_is_unfolded_once():
    a, left, right, shared, root = step("a"), step("l"), step("r"), step("shared"), step("root")
    graph = subgraph(
        [left, right, shared, a], [(left, root), (right, root), (shared, left), (shared, right), (a, shared)]
    )

    assert to_tree(graph, root, Direction.ASCENDANTS).splitlines() == [
        "root  [component]",
        "├─ l  [component]",
        "│  └─ shared  [component]",
        "│     └─ a  [component]",
        "└─ r  [component]",
        "   └─ shared  [component]  (see above)",
    ]


def test_a_node_whose_way_was_filtered_out_is_listed_all_the_same():
    near, far, root = data("near"), data("far"), step("root")

    lines = to_tree(subgraph([near, far], [(near, root)]), root, Direction.ASCENDANTS).splitlines()

    assert lines[1:] == ["└─ near  [DataSet]  mem://near", "...far  [DataSet]  mem://far"]


def test_a_tree_that_was_cut_says_so():
    lines = to_tree(subgraph([], [], truncated=True), step("root"), Direction.BOTH).splitlines()

    assert lines[-1] == "(there is more than was asked for)"


def test_a_chain_deeper_than_pythons_stack_is_drawn():
    chain = [step(f"s{i}") for i in range(3_000)]
    graph = subgraph(chain[1:], list(itertools.pairwise(chain)))

    assert len(to_tree(graph, chain[0], Direction.DESCENDANTS).splitlines()) == 3_000


def test_a_self_loop_and_a_cycle_end():
    a, b = step("a"), step("b")
    graph = subgraph([b], [(a, a), (a, b), (b, a)])

    assert to_tree(graph, a, Direction.DESCENDANTS).splitlines() == [
        "a  [component]",
        "├─ a  [component]  (see above)",
        "└─ b  [component]",
        "   └─ a  [component]  (see above)",
    ]


def test_a_name_cannot_steer_the_terminal():
    tree = to_tree(subgraph([], []), step("\x1b[2Jgone\nnext"), Direction.BOTH)

    assert "\x1b" not in tree
    assert tree.splitlines()[0].endswith("next  [component]")


def test_mermaid_joins_boxes_and_drums_with_the_kind_of_edge():
    table, train = data("table"), step("train")

    assert to_mermaid(subgraph([table], [(table, train)]), train).splitlines() == [
        "flowchart LR",
        '  n0["train<br/>component"]',
        '  n1[("table<br/>DataSet")]',
        "  n1 -->|ContributedTo| n0",
    ]


@given(st.text())
def test_no_name_breaks_out_of_its_mermaid_label(name):
    lines = to_mermaid(subgraph([], []), step(name)).split("\n")

    assert len(lines) == 2
    assert lines[1].startswith('  n0["')
    assert lines[1].count('"') == 2
    assert "<" not in lines[1].replace("<br/>", "")


def test_only_hashes_are_cut():
    digest = "3fa9c1d2e4b59687" * 4

    assert short_uri(f"sha256:{digest}") == "sha256:3fa9c1d2e4b5"
    assert short_uri(f"sample-sha256:{digest}") == "sample-sha256:3fa9c1d2e4b5"
    assert short_uri(f"dagster:asset/table?partition=a#{digest}") == "dagster:asset/table?partition=a#3fa9c1d2e4b5"
    assert short_uri("dagster:asset/table#v2") == "dagster:asset/table#v2"
    assert short_uri(f"prefect:task-run/sha256:{digest}") == f"prefect:task-run/sha256:{digest}"


def test_siblings_past_a_limit_are_counted():
    edges = subgraph([], [(step("a"), step(f"b{n}")) for n in range(5)]).edges
    lines = branches(NodeRef(NodeKind.COMPONENT, "a"), neighbours(edges, down=True), siblings=3)

    assert [(line.guide, line.node and line.node.key, line.left_out) for line in lines] == [
        ("├─ ", "b0", 0),
        ("├─ ", "b1", 0),
        ("├─ ", "b2", 0),
        ("└─ ", None, 2),
    ]
