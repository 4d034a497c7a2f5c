"""Edits: they hold at once, whatever is there; what is not named stays; what is not there is not found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from plugin_core.errors import InvalidValueError, NotFoundError
from plugin_core.model import arns
from plugin_core.model.changes import Change, PutAction, PutContext, SetArtifactValues, SetProperties, SetTags
from plugin_core.model.components import ArtifactValue, Status
from plugin_core.model.edits import (
    AddToTrial,
    Edit,
    RemoveFromTrial,
    TagArn,
    UpdateAction,
    UpdateArtifact,
    UpdateComponent,
    UpdateContext,
    UpdateExperiment,
    UpdateTrial,
)
from plugin_core.model.lineage import NodeKind, NodeRef
from plugin_core.stores.protocol import TrackingStore
from plugin_core.testing.contract.making import (
    artifact,
    batch,
    component,
    experiment,
    names,
    of_artifact,
    of_component,
    parameters,
    status,
    trial,
    when,
)

JOB = "arn:aws:sagemaker:local:000000000000:training-job/Train-1"

EDITS: list[Edit] = [
    UpdateExperiment(at=9, name="absent", display_name="x"),
    UpdateTrial(at=9, name="absent", display_name="x"),
    UpdateComponent(at=9, name="absent", parameters={"x": 1}),
    UpdateArtifact(at=9, source_uri="absent", name="x"),
    UpdateAction(at=9, name="absent", status="Failed"),
    UpdateContext(at=9, name="absent", description="x"),
    AddToTrial(at=9, component="absent", trial="t"),
    AddToTrial(at=9, component="c", trial="absent"),
    RemoveFromTrial(at=9, component="absent", trial="t"),
    RemoveFromTrial(at=9, component="c", trial="absent"),
]


@pytest.mark.parametrize("edit", EDITS)
def test_what_does_not_exist_is_not_edited_and_nothing_else_is(store: TrackingStore, edit: Edit) -> None:
    store.write([trial("t"), component("c", of=None)])

    with pytest.raises(NotFoundError, match="absent"):
        store.write([experiment("goes-with-it"), edit])
    assert [found.name for found in store.experiments()] == ["search"]


def test_an_experiment_and_a_trial_are_renamed(store: TrackingStore) -> None:
    store.write([experiment(at=5, display_name="First", description="kept"), trial("t", at=5, display_name="T")])
    store.write([
        UpdateExperiment(at=6, name="SEARCH", display_name="Second", by="key"),
        UpdateTrial(at=7, name="T", display_name="U"),
    ])  # fmt: skip
    found = store.experiment("search")

    assert (found.display_name, found.description, found.modified_at) == ("Second", "kept", when(6))
    assert found.provenance.modified_by == "key"
    assert (store.trial("t").display_name, store.trial("t").modified_at) == ("U", when(7))
    store.write([UpdateExperiment(at=8, name="search", description="")])
    assert (store.experiment("search").display_name, store.experiment("search").description) == ("Second", "")


def test_an_edit_holds_though_the_record_is_of_later_and_an_older_put_does_not_undo_it(store: TrackingStore) -> None:
    store.write([experiment(at=50, display_name="From a clock ahead")])
    store.write([UpdateExperiment(at=10, name="search", display_name="Edited")])
    assert (store.experiment("search").display_name, store.experiment("search").modified_at) == ("Edited", when(50))

    store.write([experiment(at=40, display_name="Late")])
    assert store.experiment("search").display_name == "Edited"


def test_parameters_are_merged_and_removed_key_by_key(store: TrackingStore) -> None:
    store.write([component("c"), parameters("c", {"a": 1, "b": 2, "c": 3}, at=50)])
    store.write([UpdateComponent(at=10, name="C", parameters={"b": "two", "d": 4.5}, removed_parameters=("c", "no"))])
    node = store.component("c").id

    assert store.parameters([node])[node] == {"a": 1, "b": "two", "d": 4.5}
    store.write([UpdateComponent(at=11, name="c", parameters={"a": 0}, removed_parameters=("a",))])
    assert store.parameters([node])[node]["a"] == 0


def test_artifact_entries_are_merged_and_removed_each_side_for_itself(store: TrackingStore) -> None:
    one, two = ArtifactValue(value="s3://1", media_type="text/csv"), ArtifactValue(value="s3://2")
    store.write([component("c"), UpdateComponent(at=5, name="c", inputs={"a": one, "b": one}, outputs={"a": one})])
    store.write([UpdateComponent(at=2, name="c", inputs={"b": two}, removed_inputs=("a",), outputs={"c": two})])
    node = store.component("c").id

    assert store.artifact_values([node], is_output=False)[node] == {"b": two}
    assert store.artifact_values([node], is_output=True)[node] == {"a": one, "c": two}
    store.write([UpdateComponent(at=6, name="c", removed_outputs=("a", "c", "never"))])
    assert store.artifact_values([node], is_output=True)[node] == {}


@pytest.mark.parametrize("written_first", [True, False])
def test_what_was_removed_does_not_come_back_with_an_older_write(store: TrackingStore, written_first: bool) -> None:
    entry = {"x": ArtifactValue(value="s3://1")}
    late = batch(
        parameters("c", {"x": 1}, at=8),
        *(SetArtifactValues(at=8, component="c", is_output=side, values=entry) for side in (True, False)),
        SetTags(at=8, node=of_component("c"), tags={"x": "1"}),
        artifact("s3://a", at=8, properties={"x": "1"}),
    )
    removals: list[Change | Edit] = [
        UpdateComponent(at=9, name="c", removed_parameters=("x",), removed_inputs=("x",), removed_outputs=("x",)),
        SetTags(at=9, node=of_component("c"), removed=("x",)),
        UpdateArtifact(at=9, source_uri="s3://a", removed_properties=("x",)),
    ]
    store.write([component("c"), artifact("s3://a")])
    if written_first:
        store.apply(replace(late, journal="before"))
    store.write(removals)
    store.apply(late)

    assert _written_of(store) == [{}, {}, {}, {}, {}]


def test_what_was_removed_is_there_again_when_it_is_written_later(store: TrackingStore) -> None:
    entry = ArtifactValue(value="s3://1")
    gone = UpdateComponent(at=5, name="c", removed_parameters=("x",), removed_inputs=("x",), removed_outputs=("x",))
    store.write([component("c"), artifact("s3://a"), gone])
    store.write([UpdateArtifact(at=5, source_uri="s3://a", removed_properties=("x",))])
    later = batch(
        parameters("C", {"x": 1}, at=6),
        *(SetArtifactValues(at=6, component="c", is_output=side, values={"x": entry}) for side in (True, False)),
        SetProperties(at=6, node=of_artifact("s3://a"), properties={"x": "1"}),
    )
    store.apply(later)

    assert _written_of(store) == [{"x": 1}, {"x": entry}, {"x": entry}, {}, {"x": "1"}]


def test_a_removal_holds_against_the_write_that_it_removed_though_that_came_from_a_clock_ahead(
    store: TrackingStore,
) -> None:
    ahead = batch(component("c"), parameters("c", {"x": 1}, at=50), artifact("s3://a", at=50, properties={"x": "1"}))
    store.apply(ahead)
    store.write([UpdateComponent(at=9, name="c", removed_parameters=("x",))])
    store.write([UpdateArtifact(at=9, source_uri="s3://a", removed_properties=("x",))])
    store.apply(replace(ahead, journal="again"))
    assert (_written_of(store)[0], _written_of(store)[4]) == ({}, {})

    store.write([UpdateComponent(at=10, name="c", parameters={"x": 2})])
    store.apply(replace(ahead, journal="once more"))
    assert _written_of(store)[0] == {"x": 2}


def test_a_thing_made_anew_knows_nothing_of_what_was_removed_from_the_one_before(store: TrackingStore) -> None:
    store.write([component("c"), UpdateComponent(at=9, name="c", removed_parameters=("x",))])
    store.delete(NodeRef(NodeKind.COMPONENT, "c"), cascade=True)
    store.write([component("c", at=5), parameters("c", {"x": 1}, at=5)])

    node = store.component("c").id
    assert store.parameters([node])[node] == {"x": 1}


def _written_of(store: TrackingStore) -> list[Mapping[str, object]]:
    """Parameters, inputs, outputs and tags of c, and properties of s3://a."""
    found = store.component("c")
    values = [store.artifact_values([found.id], is_output=side)[found.id] for side in (False, True)]
    return [store.parameters([found.id])[found.id], *values, found.tags, store.artifact("s3://a").properties]


def test_a_client_sets_status_and_times_as_it_likes(store: TrackingStore) -> None:
    store.write([component("c"), status("c", Status.COMPLETED, at=50, started_at=40, ended_at=50)])
    again = UpdateComponent(at=10, name="c", status=Status.RUNNING, status_message="again", started_at=7)
    store.write([again])
    found = store.component("c")

    assert (found.status, found.status_message, found.status_inferred) == (Status.RUNNING, "again", False)
    assert (found.started_at, found.ended_at) == (when(7), when(50))
    store.write([replace(again, at=11, status=Status.FAILED, status_message=None, started_at=None, ended_at=60)])
    found = store.component("c")
    assert (found.status, found.status_message, found.started_at, found.ended_at) == (
        Status.FAILED, None, when(7), when(60),
    )  # fmt: skip
    store.write([UpdateComponent(at=12, name="c", status_message="why")])
    assert (store.component("c").status, store.component("c").status_message) == (Status.FAILED, "why")


def test_a_guess_about_a_component_that_a_client_ended_is_not_believed(store: TrackingStore) -> None:
    store.write([component("c"), UpdateComponent(at=5, name="c", status=Status.COMPLETED)])
    store.write([status("c", Status.FAILED, at=90, inferred=True)])

    assert store.component("c").status is Status.COMPLETED


def test_properties_of_lineage_nodes_are_changed_and_removed(store: TrackingStore) -> None:
    store.write([
        artifact("s3://a", name="first", properties={"a": "1", "b": "1"}),
        PutAction(at=1, name="act", type="A", source_uri="", description="d", properties={"a": "1", "b": "1"}),
        PutContext(at=1, name="con", type="C", source_uri="", description="d", properties={"a": "1", "b": "1"}),
    ])  # fmt: skip
    store.write([
        UpdateArtifact(at=2, source_uri="s3://a", name="second", properties={"a": "2"}, removed_properties=("b",)),
        UpdateAction(at=3, name="ACT", status="Failed", properties={"a": "2"}, removed_properties=("b",)),
        UpdateContext(at=4, name="con", description="e", properties={"a": "2"}, removed_properties=("b",), by="me"),
    ])  # fmt: skip
    data, action, context = store.artifact("s3://a"), store.action("act"), store.context("con")

    assert [thing.properties for thing in (data, action, context)] == [{"a": "2"}] * 3
    assert (data.name, data.modified_at) == ("second", when(2))
    assert (action.status, action.description, action.modified_at) == ("Failed", "d", when(3))
    assert (context.description, context.modified_at, context.provenance.modified_by) == ("e", when(4), "me")


def test_a_component_enters_trials_and_is_at_home_in_the_first(store: TrackingStore) -> None:
    store.write([trial("one", of="First"), trial("two", of="First"), trial("far", of="other")])
    store.write([component("First-Run", of=None, at=5)])
    assert names(store, experiment="first") == []

    for name in ("one", "two", "far", "one"):
        store.write([AddToTrial(at=9, component="first-run", trial=name)])
    found = store.component("first-run")
    assert (found.experiment, found.trial, found.run_name, found.number) == ("First", "one", "Run", 1)
    for where in (
        {"trial": "one"},
        {"trial": "two"},
        {"trial": "far"},
        {"experiment": "first"},
        {"experiment": "other"},
    ):
        assert names(store, **where) == ["First-Run"]
    assert store.parents([found.id]) == {found.id: {"one": "First", "two": "First", "far": "other"}}


def test_a_component_that_leaves_its_home_moves_to_another_trial_or_belongs_nowhere(store: TrackingStore) -> None:
    store.write([trial("one"), trial("two", of="other"), component("c", trial="one"), component("d", of="other")])
    store.write([AddToTrial(at=2, component="c", trial="two")])
    leave = RemoveFromTrial(at=3, component="c", trial="one")
    store.write([leave, leave])

    found = store.component("c")
    assert (found.experiment, found.trial, found.number) == ("other", "two", 2)
    assert (names(store, experiment="search"), names(store, trial="one")) == ([], [])
    assert names(store, experiment="other", descending=False) == ["c", "d"]

    store.write([RemoveFromTrial(at=4, component="c", trial="two")])
    found = store.component("c")
    assert (found.experiment, found.trial, found.number) == (None, None, None)
    assert names(store, experiment="other") == ["d"]


def test_parents_and_members_are_read_for_many_at_once(store: TrackingStore) -> None:
    store.write([trial("One", at=2), trial("two", of="Other", at=1), trial("empty"), component("loose")])
    store.write([component("a", trial="one", at=2), component("b", trial="one", at=1), component("c", trial="later")])
    store.write([AddToTrial(at=3, component="a", trial="two")])
    a, b, c, loose = (store.component(name).id for name in ("a", "b", "c", "loose"))

    parents = store.parents([a, b, c, loose])
    assert parents == {a: {"two": "Other", "One": "search"}, b: {"One": "search"}, c: {"later": ""}, loose: {}}
    assert list(parents[a]) == ["two", "One"]
    members = store.members(["ONE", "two", "empty", "absent"])
    assert {name: [found.name for found in some] for name, some in members.items()} == {
        "ONE": ["b", "a"], "two": ["a"], "empty": [], "absent": [],
    }  # fmt: skip
    assert members["two"] == [replace(store.component("a"), tags={}, properties={})]


def test_what_is_no_node_of_the_record_has_tags_by_its_arn(store: TrackingStore) -> None:
    store.write([TagArn(at=1, arn=JOB, tags={"a": "1", "b": None})])
    store.write([TagArn(at=2, arn=JOB.lower(), tags={"a": "2", "c": "3"}, removed=("b", "never"))])

    assert store.arn_tags(JOB) == store.arn_tags(JOB.upper()) == {"a": "2", "c": "3"}
    assert store.arn_tags("arn:absent") == {}
    assert store.counts()["components"] == 0


def test_a_node_is_found_by_its_arn(store: TrackingStore) -> None:
    store.write([
        experiment("Search"), trial("Monday"), component("Train"), artifact("s3://Data"),
        PutAction(at=1, name="Act", type="A", source_uri=""), PutContext(at=1, name="Con_1", type="C", source_uri=""),
    ])  # fmt: skip
    nodes = [
        NodeRef(NodeKind.EXPERIMENT, "Search"), NodeRef(NodeKind.TRIAL, "Monday"),
        NodeRef(NodeKind.COMPONENT, "Train"), NodeRef(NodeKind.ARTIFACT, "s3://Data"),
        NodeRef(NodeKind.ACTION, "Act"), NodeRef(NodeKind.CONTEXT, "Con_1"),
    ]  # fmt: skip

    assert [store.node(arns.to_arn(node)) for node in nodes] == nodes
    for absent in (JOB, arns.to_arn(NodeRef(NodeKind.TRIAL, "absent")), arns.to_arn(NodeRef(NodeKind.ARTIFACT, "x"))):
        with pytest.raises(NotFoundError):
            store.node(absent)
    with pytest.raises(InvalidValueError):
        store.node("train")
