"""A result's name is left out of a picture only where its content tells the same."""

from datetime import UTC, datetime

from plugin_core.lineage.repeats import without_repeats
from plugin_core.model.lineage import Association, NodeKind, NodeRef

CONTENT, NAME, OTHER = "sha256:" + "ab" * 32, "dagster:asset/table#1", "sha256:" + "cd" * 32


def artifact(uri):
    return NodeRef(NodeKind.ARTIFACT, uri)


def made(step, uri):
    return edge(NodeRef(NodeKind.COMPONENT, step), artifact(uri), "Produced")


def used(uri, step):
    return edge(artifact(uri), NodeRef(NodeKind.COMPONENT, step), "ContributedTo")


def edge(source, destination, type):
    return Association(source=source, destination=destination, type=type, created_at=datetime(2026, 1, 1, tzinfo=UTC))


def test_a_name_that_joins_what_its_content_joins_is_left_out():
    content = (made("clean", CONTENT), used(CONTENT, "train"))

    assert without_repeats((made("clean", NAME), *content, used(NAME, "train"))) == content


def test_a_name_stays_where_any_of_its_users_took_another_content():
    edges = (
        made("clean", CONTENT),
        used(CONTENT, "train"),
        made("clean", NAME),
        used(NAME, "train"),
        used(NAME, "draw"),
        used(OTHER, "draw"),
    )

    assert without_repeats(edges) == edges


def test_a_name_stays_where_nothing_of_its_content_is_known():
    edges = (made("clean", NAME), used(NAME, "train"))

    assert without_repeats(edges) == edges


def test_what_nobody_made_or_used_stays():
    edges = (used("file:///raw.csv", "clean"), made("clean", CONTENT), used(CONTENT, "train"), made("train", NAME))

    assert without_repeats(edges) == edges


def test_what_was_asked_for_stays():
    edges = (made("clean", NAME), made("clean", CONTENT), used(CONTENT, "train"), used(NAME, "train"))

    assert without_repeats(edges, keep=[artifact(NAME)]) == edges
