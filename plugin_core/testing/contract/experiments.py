"""Experiments and trials: made by name, once; what others mention, what is deleted and what goes with it."""

from __future__ import annotations

import pytest

from plugin_core.errors import ConflictError, NotFoundError
from plugin_core.model.changes import SetTags
from plugin_core.model.edits import AddToTrial, RemoveFromTrial
from plugin_core.model.lineage import NodeKind, NodeRef
from plugin_core.model.queries import ComponentQuery
from plugin_core.stores.protocol import TrackingStore
from plugin_core.testing.contract.making import (
    component,
    edge,
    experiment,
    logged,
    names,
    of_artifact,
    of_component,
    parameters,
    points,
    trial,
    when,
)

EXPERIMENT = NodeRef(NodeKind.EXPERIMENT, "search")


def test_an_experiment_reads_as_it_was_put(store: TrackingStore) -> None:
    store.write(
        [experiment(at=7, display_name="A search", description="for the best", tags={"team": "a", "mark": None})]
    )
    found = store.experiment("search")

    assert (found.name, found.display_name, found.description) == ("search", "A search", "for the best")
    assert found.created_at == found.modified_at == when(7)
    assert found.tags == {"team": "a", "mark": None}


def test_names_are_matched_without_case_and_kept_as_written(store: TrackingStore) -> None:
    store.write([experiment("Große-Suche"), trial("T-1", of="GROSSE-suche"), component("C-1", of="große-suche")])

    assert [found.name for found in store.experiments()] == ["Große-Suche"]
    assert store.trial("t-1").experiment == store.component("c-1").experiment == "Große-Suche"
    assert names(store, experiment="GROSSE-SUCHE") == ["C-1"]


def test_putting_again_updates_what_is_given_and_keeps_the_rest(store: TrackingStore) -> None:
    store.write([experiment(at=1, display_name="First", description="kept", tags={"a": "1", "b": "1"})])
    store.write([experiment(at=2, display_name="Second", tags={"b": "2", "c": "2"})])
    found = store.experiment("search")

    assert (found.display_name, found.description) == ("Second", "kept")
    assert found.tags == {"a": "1", "b": "2", "c": "2"}
    assert (found.created_at, found.modified_at) == (when(1), when(2))


def test_an_older_put_that_arrives_later_overwrites_nothing(store: TrackingStore) -> None:
    store.write([experiment(at=5, display_name="Newer", tags={"a": "newer"})])
    store.write([experiment(at=3, display_name="Older", description="only here", tags={"a": "older", "b": "older"})])
    found = store.experiment("search")

    assert (found.display_name, found.description) == ("Newer", "only here")
    assert found.tags == {"a": "newer", "b": "older"}
    assert (found.created_at, found.modified_at) == (when(3), when(5))


def test_what_is_only_mentioned_exists_under_its_name(store: TrackingStore) -> None:
    store.write([component("c", of="mentioned", trial="also mentioned", at=4)])

    assert store.experiment("mentioned").display_name == "mentioned"
    assert store.trial("also mentioned").experiment == ""
    store.write([experiment("Mentioned", at=5, display_name="Described")])
    assert (store.experiment("mentioned").name, store.experiment("mentioned").display_name) == (
        "Mentioned",
        "Described",
    )
    assert store.experiment("mentioned").created_at == when(4)


def test_the_experiment_used_last_comes_first(store: TrackingStore) -> None:
    store.write([experiment("a", at=1), experiment("b", at=2), experiment("c", at=3)])
    store.write([component("x", of="a", at=9)])

    assert [found.name for found in store.experiments()] == ["a", "c", "b"]


def test_trials_are_listed_newest_first_by_experiment(store: TrackingStore) -> None:
    store.write([trial("t1", at=1), trial("t2", at=2), trial("other", of="another", at=3), trial("t3", at=4)])

    assert [found.name for found in store.trials(experiment="SEARCH")] == ["t3", "t2", "t1"]
    assert [found.name for found in store.trials(limit=2)] == ["t3", "other"]
    assert store.trials(experiment="unknown") == []


def test_a_trial_reads_as_it_was_put(store: TrackingStore) -> None:
    store.write([trial("t", at=2, display_name="Monday's", root_component="t-root", tags={"a": "b"})])
    found = store.trial("T")

    assert (found.experiment, found.display_name, found.root_component) == ("search", "Monday's", "t-root")
    assert (found.tags, found.created_at) == ({"a": "b"}, when(2))


def test_unknown_names_are_not_found(store: TrackingStore) -> None:
    for read in (store.experiment, store.trial, store.component, store.action, store.context, store.artifact):
        with pytest.raises(NotFoundError, match="absent"):
            read("absent")
    with pytest.raises(NotFoundError):
        store.delete(NodeRef(NodeKind.TRIAL, "absent"))


def test_tags_are_set_and_removed_and_may_have_no_value(store: TrackingStore) -> None:
    store.write([experiment(at=1, tags={"a": "1", "b": "1"})])
    store.write([SetTags(at=2, node=EXPERIMENT, tags={"b": None, "c": "2"}, removed=("a", "never there"))])

    assert store.experiment("search").tags == {"b": None, "c": "2"}


def test_an_older_writer_does_not_bring_a_removed_tag_back(store: TrackingStore) -> None:
    store.write([SetTags(at=5, node=EXPERIMENT, removed=("a",))])
    store.write([experiment(at=3, tags={"a": "older"})])
    assert store.experiment("search").tags == {}

    store.write([SetTags(at=6, node=EXPERIMENT, tags={"a": "newer"})])
    assert store.experiment("search").tags == {"a": "newer"}


def test_an_experiment_with_trials_or_components_is_not_deleted_without_cascade(store: TrackingStore) -> None:
    store.write([trial("t"), component("c", of="lone")])

    for name in ("search", "lone"):
        with pytest.raises(ConflictError):
            store.delete(NodeRef(NodeKind.EXPERIMENT, name))
    assert {found.name for found in store.experiments()} == {"search", "lone"}


def test_cascade_deletes_all_that_belongs_to_an_experiment(store: TrackingStore) -> None:
    store.write([trial("t"), component("c", trial="t", tags={"k": "v"}), points("c", [1.0]), parameters("c", {"p": 1})])
    store.write([edge(of_artifact("s3://in"), of_component("c")), component("stays", of="another")])
    store.delete(EXPERIMENT, cascade=True)

    left = {"experiments": 1, "trials": 0, "components": 1, "artifacts": 1, "associations": 0, "series": 0, "points": 0}
    assert store.counts() == left
    assert names(store) == ["stays"]


def test_a_component_of_two_trials_outlives_one_of_them(store: TrackingStore) -> None:
    store.write([component("shared", trial="one"), component("shared", trial="two"), component("own", trial="one")])
    with pytest.raises(ConflictError):
        store.delete(NodeRef(NodeKind.TRIAL, "one"))
    store.delete(NodeRef(NodeKind.TRIAL, "one"), cascade=True)

    assert names(store, trial="two") == ["shared"]
    assert store.component("shared").trial == "two"


def test_what_is_shared_with_another_trial_goes_too_when_that_is_asked_for(store: TrackingStore) -> None:
    store.write([trial("one"), trial("two"), component("shared", trial="one"), component("own", trial="two")])
    store.write([AddToTrial(at=2, component="shared", trial="two")])
    store.delete(NodeRef(NodeKind.TRIAL, "one"), cascade=True, shared=True)

    assert (names(store), names(store, trial="two")) == (["own"], ["own"])


def test_a_component_that_is_in_a_trial_is_not_deleted_without_cascade(store: TrackingStore) -> None:
    store.write([trial("t"), component("c", trial="t")])
    with pytest.raises(ConflictError, match="is in 1 trials"):
        store.delete(of_component("c"))
    store.write([RemoveFromTrial(at=2, component="c", trial="t")])
    store.delete(of_component("c"))

    store.write([component("d", trial="t")])
    store.delete(of_component("d"), cascade=True)
    assert (names(store), store.counts()["trials"]) == ([], 1)


def test_an_emptied_experiment_is_deleted_step_by_step(store: TrackingStore) -> None:
    store.write([experiment(), trial("t"), component("c", of=None)])
    store.write([AddToTrial(at=1, component="c", trial="t")])
    store.write([RemoveFromTrial(at=2, component="c", trial="t")])
    store.delete(NodeRef(NodeKind.TRIAL, "t"))
    store.delete(EXPERIMENT)

    assert (names(store), store.experiments()) == (["c"], [])


def test_a_component_of_another_experiments_trial_outlives_its_own_experiment(store: TrackingStore) -> None:
    store.write([trial("one"), trial("two", of="other"), component("shared", trial="one"), component("own")])
    store.write([AddToTrial(at=2, component="shared", trial="two")])
    store.delete(EXPERIMENT, cascade=True)

    shared = store.component("shared")
    assert (shared.experiment, shared.trial) == ("other", "two")
    assert names(store) == names(store, experiment="other") == ["shared"]


def test_a_guest_in_a_deleted_experiment_stays_at_home(store: TrackingStore) -> None:
    store.write([trial("one"), trial("two", of="other"), component("guest", trial="two", of="other")])
    store.write([AddToTrial(at=2, component="guest", trial="one")])
    store.delete(EXPERIMENT, cascade=True)

    assert (store.component("guest").experiment, store.component("guest").trial) == ("other", "two")


def test_a_deleted_thing_may_be_made_again_and_has_nothing_of_the_old_one(store: TrackingStore) -> None:
    store.write([component("c", tags={"old": None}), points("c", [1.0])])
    old = store.component("c").id
    store.delete(of_component("c"))
    store.write([component("c")])

    found = store.component("c")
    assert (found.tags, logged(store, "c")) == ({}, [])
    assert found.id != old
    assert store.components(ComponentQuery(experiment="search", limit=5)) != []


def test_deleting_a_component_leaves_its_children_without_a_parent(store: TrackingStore) -> None:
    store.write([component("parent"), component("child", parent="parent", root="parent")])
    store.delete(of_component("parent"))

    assert (store.component("child").parent, store.component("child").root) == (None, None)
