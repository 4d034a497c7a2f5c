"""Lineage as text: each node opened once, deep and cyclic graphs, names that would break the syntax."""

import io
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from rich.text import Text

from plugin_core.cli.graph import Graph, condensed, document, mermaid, trees
from plugin_core.cli.terminal import Terminal
from plugin_core.cli.views import ArtifactRow
from plugin_core.model.lineage import Association, NodeKind, NodeRef
from plugin_core.model.queries import Direction

AT = datetime(2026, 3, 1, tzinfo=UTC)


def run(name: str) -> NodeRef:
    return NodeRef(NodeKind.COMPONENT, name)


def data(uri: str) -> NodeRef:
    return NodeRef(NodeKind.ARTIFACT, uri)


def graph(*edges: tuple[NodeRef, NodeRef], starts: tuple[NodeRef, ...] = ()) -> Graph:
    nodes = dict.fromkeys([*starts, *(node for edge in edges for node in edge)])
    rows = {n: row(n.key) for n in nodes if n.kind is NodeKind.ARTIFACT}
    made = tuple(Association(source=s, destination=d, type="Produced", created_at=AT) for s, d in edges)
    return Graph(starts=starts or (edges[0][0],), depths=dict.fromkeys(nodes, 1), edges=made, artifacts=rows)


def row(uri: str) -> ArtifactRow:
    return ArtifactRow(
        uri=uri, name=f"name of {uri}", type="Value", media_type=None, size_bytes=None, stored=False, created_at=AT
    )


def drawn(found: Graph, direction=Direction.DESCENDANTS, width=None) -> list[str]:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
    terminal = Terminal(stream, width=width, now=AT, environ={"TERM": "dumb"})
    terminal.print(*trees(found, direction, terminal))
    return Text.from_ansi(stream.buffer.getvalue().decode()).plain.splitlines()


def test_a_node_that_two_ways_lead_to_is_opened_once():
    a, b, c, d, e = (run(name) for name in "abcde")
    lines = drawn(graph((a, b), (a, c), (b, d), (c, d), (d, e)))

    assert [line.strip("│├└─ ").replace("  component", "") for line in lines[1:]] == [
        "a",
        "b",
        "d",
        "e",
        "c",
        "d  (see above)",
    ]


def test_people_see_a_result_once_and_programs_with_all_its_names():
    maker, user, content, name = run("maker"), run("user"), data("sha256:" + "ab" * 32), data("dagster:asset/table#1")
    found = graph((maker, content), (content, user), (maker, name), (name, user))

    assert "dagster:asset" not in "".join(drawn(condensed(found))) + mermaid(condensed(found))
    assert {"kind": "artifact", "key": name.key} in [
        {"kind": node["kind"], "key": node["key"]} for node in document(found)["nodes"]
    ]


def test_a_cycle_ends():
    a, b = run("a"), run("b")
    assert len(drawn(graph((a, b), (b, a)))) == 4


def test_a_chain_deeper_than_pythons_stack_is_drawn():
    lines = drawn(graph(*pairwise([run(f"r{number}") for number in range(1_500)])))

    assert len(lines) == 1_501
    assert lines[-1].endswith("└─ r1499  component")


def test_guides_are_ascii_where_nothing_else_can_be_shown():
    terminal = Terminal(io.TextIOWrapper(io.BytesIO(), encoding="ascii"), width=None, now=AT, environ={})
    a, b, c, d = (run(name) for name in "abcd")
    lines = trees(graph((a, b), (b, c), (a, d)), Direction.DESCENDANTS, terminal)

    assert [line.plain.split("  component")[0] for line in lines[1:]] == ["a", "+- b", "|  `- c", "`- d"]


def test_a_fan_is_cut_on_a_terminal_and_whole_in_a_pipe():
    found = graph(*((run("a"), run(f"b{number}")) for number in range(100)))

    assert len(drawn(found)) == 102
    assert any("60 more" in line for line in drawn(found, width=80))


def test_a_node_without_edges_says_so():
    lines = drawn(graph(starts=(run("a"),)), Direction.BOTH)
    assert "Nothing is known" in lines[1]


def test_an_execution_is_drawn_from_what_nothing_came_before():
    a, x, b = run("a"), data("x"), run("b")
    lines = drawn(graph((a, x), (x, b), starts=(run("root"), a, b)), Direction.BOTH)
    assert [line.strip("└─ ").split()[0] for line in lines] == ["a", "▢", "b"]


def test_ids_of_runs_are_not_repeated_in_the_names_of_their_results():
    uri = "prefect:task-run/01a1fc93-0e5e-7e39-81aa-aa3ced12e982"
    text = "\n".join(drawn(graph((run("a"), data(uri)), (run("a"), data("s3://bucket/key")))))

    assert text.count(uri) == 1  # in its made-up name
    assert text.count("s3://bucket/key") == 2


@pytest.mark.parametrize("name", ['a"b', "a]b", "<script>", "a\nb", "#1;"])
def test_names_do_not_break_a_flowchart(name):
    lines = mermaid(graph((run(name), data("x")))).splitlines()

    assert len(lines) == 4
    label = lines[1].removeprefix('  n0["').removesuffix('"]')
    assert not set('"[]<>\n') & set(label.replace("<br/>", ""))


def test_the_document_names_nodes_by_kind_and_key():
    content = document(graph((run("a"), data("x"))))

    assert content["edges"] == [
        {
            "source": {"kind": "component", "key": "a"},
            "destination": {"kind": "artifact", "key": "x"},
            "type": "Produced",
        }
    ]
    assert [node["name"] for node in content["nodes"]] == ["a", "name of x"]
