"""Components: read as put, found by every filter, in order and in pages."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from plugin_core.model.components import Kind, OrchestratorRef, Owner, Status
from plugin_core.model.queries import ComponentQuery, SortBy
from plugin_core.stores.protocol import TrackingStore
from plugin_core.testing.contract.making import OWNER, component, experiment, names, parameters, status, trial, when

PREFECT = OrchestratorRef(system="prefect", execution_id="flow-1", step_id="task-1", url="http://127.0.0.1/1")


def test_a_component_reads_as_it_was_put(store: TrackingStore) -> None:
    put = component(
        "search-train", at=5, trial="monday", run_name="train", display_name="Train!", kind=Kind.TASK,
        parent="search-flow", root="search-flow", attempt=2, previous_attempt="search-train-1", orchestrator=PREFECT,
        owner=OWNER, source_arn="arn:x", tags={"a": None}, properties={"git": "abc"},
    )  # fmt: skip
    store.write([experiment(at=4), put])
    found = store.component("SEARCH-train")

    expected: dict[str, Any] = {
        "name": "search-train", "display_name": "Train!", "kind": Kind.TASK, "status": Status.CREATED,
        "experiment": "search", "trial": "monday", "run_name": "train", "parent": "search-flow", "root": "search-flow",
        "attempt": 2, "previous_attempt": "search-train-1", "orchestrator": PREFECT, "owner": OWNER,
        "source_arn": "arn:x", "tags": {"a": None}, "properties": {"git": "abc"}, "created_at": when(5),
        "modified_at": when(5), "status_message": None, "status_inferred": False, "started_at": None, "ended_at": None,
    }  # fmt: skip
    assert {name: getattr(found, name) for name in expected} == expected


def test_a_bare_component_has_sensible_defaults(store: TrackingStore) -> None:
    store.write([component("bare", of=None)])
    found = store.component("bare")

    assert (found.display_name, found.kind, found.attempt) == ("bare", Kind.SCRIPT, 1)
    assert (found.experiment, found.trial, found.number, found.owner, found.orchestrator) == (None,) * 5


def test_putting_a_component_again_fills_and_updates(store: TrackingStore) -> None:
    store.write([component("c", at=1, display_name="First", kind=Kind.TASK, tags={"a": "1"}, properties={"p": "1"})])
    store.write([component("c", at=2, run_name="c", display_name="Second", tags={"b": "2"}, properties={"p": "2"})])
    store.write([component("c", at=1, display_name="Stale", parent="p", owner=OWNER)])
    found = store.component("c")

    assert (found.display_name, found.kind, found.run_name, found.parent) == ("Second", Kind.TASK, "c", "p")
    assert (found.tags, found.properties) == ({"a": "1", "b": "2"}, {"p": "1"})
    assert (found.created_at, found.modified_at, found.owner) == (when(1), when(2), OWNER)


def test_the_owner_is_the_process_that_took_over_last(store: TrackingStore) -> None:
    other = Owner(journal="journal-2", host="there", pid=43, boot_id="boot", started="2000")
    store.write([component("c", at=1, owner=OWNER), status("c", Status.RUNNING, at=5, owner=other)])
    store.write([component("c", at=3, owner=OWNER)])

    assert store.component("c").owner == other


def test_components_of_an_experiment_are_numbered_as_they_appear(store: TrackingStore) -> None:
    store.write([component("b"), component("a"), component("x", of="another")])
    store.write([component("a"), component("c"), component("b", at=9)])

    numbers = {found.name: found.number for found in store.components(ComponentQuery())}
    assert numbers == {"b": 1, "a": 2, "c": 3, "x": 1}


def test_a_number_is_not_given_twice(store: TrackingStore) -> None:
    store.write([component("a"), component("b")])
    store.delete(next(iter(store.find_nodes("b"))))
    store.write([component("c")])

    assert store.component("c").number == 3


def test_a_listing_goes_by_time_and_then_by_arrival(store: TrackingStore) -> None:
    store.write([component("late", at=9), component("early", at=1), component("tie-1", at=5), component("tie-2", at=5)])

    assert names(store, descending=False) == ["early", "tie-1", "tie-2", "late"]
    assert names(store) == ["late", "tie-2", "tie-1", "early"]
    assert names(store, limit=2) == ["late", "tie-2"]


def test_a_listing_by_name_goes_without_case(store: TrackingStore) -> None:
    store.write([component("b"), component("A"), component("C")])

    assert names(store, sort_by=SortBy.NAME, descending=False) == ["A", "b", "C"]
    assert names(store, sort_by=SortBy.NAME) == ["C", "b", "A"]


@pytest.mark.parametrize("descending", [True, False])
@pytest.mark.parametrize("sort_by", list(SortBy))
def test_pages_follow_one_another_without_gap_or_repeat(
    store: TrackingStore, sort_by: SortBy, descending: bool
) -> None:
    store.write([component(f"c{i:02}", at=i // 3) for i in range(10)])
    whole = names(store, sort_by=sort_by, descending=descending)
    paged: list[str] = []
    after: tuple[str | int, int] | None = None
    while page := store.components(ComponentQuery(sort_by=sort_by, descending=descending, limit=3, after=after)):
        paged += [found.name for found in page]
        last = page[-1]
        micros = round(last.created_at.timestamp() * 1_000_000)
        after = (last.name.casefold() if sort_by is SortBy.NAME else micros, last.id)

    assert paged == whole
    assert len(set(paged)) == 10


FILTERS: list[tuple[dict[str, Any], set[str]]] = [
    ({}, {"flow", "task", "other"}),
    ({"experiment": "Search"}, {"flow", "task"}),
    ({"experiment": "absent"}, set()),
    ({"trial": "Monday"}, {"flow", "task"}),
    ({"names": ("TASK", "other", "absent")}, {"task", "other"}),
    ({"parent": "Flow"}, {"task"}),
    ({"parent": "absent"}, set()),
    ({"root": "flow"}, {"flow", "task"}),
    ({"kinds": (Kind.FLOW, Kind.SCRIPT)}, {"flow", "other"}),
    ({"statuses": (Status.CREATED,)}, {"flow", "other"}),
    ({"statuses": (Status.RUNNING, Status.FAILED)}, {"task"}),
    ({"orchestrator_system": "prefect"}, {"flow", "task"}),
    ({"execution_id": "flow-1"}, {"flow", "task"}),
    ({"step_id": "task-1"}, {"task"}),
    ({"source_arn": "arn:job"}, {"other"}),
    ({"tag": ("stage", "one")}, {"flow"}),
    ({"tag": ("stage", None)}, {"task"}),
    ({"tag": ("stage", "absent")}, set()),
    ({"created_before": when(20)}, {"flow"}),
    ({"created_after": when(20)}, {"other"}),
    ({"experiment": "search", "kinds": (Kind.TASK,), "statuses": (Status.RUNNING,)}, {"task"}),
]


@pytest.mark.parametrize(("query", "expected"), FILTERS)
def test_each_filter_finds_what_it_says(store: TrackingStore, query: dict[str, Any], expected: set[str]) -> None:
    flow = OrchestratorRef(system="prefect", execution_id="flow-1")
    store.write([
        trial("monday"),
        component("flow", at=10, trial="monday", kind=Kind.FLOW, root="flow", orchestrator=flow, tags={"stage": "one"}),
        component("task", at=20, trial="monday", kind=Kind.TASK, root="flow", parent="flow", orchestrator=PREFECT),
        component("task", at=20, tags={"stage": None}),
        component("other", at=30, of="another", source_arn="arn:job"),
        status("task", Status.RUNNING, at=21),
    ])  # fmt: skip

    assert set(names(store, **query)) == expected


def test_components_may_be_sent_to_another_process(store: TrackingStore) -> None:
    store.write([component("a", orchestrator=PREFECT, owner=OWNER)])

    found = store.components(ComponentQuery())
    assert pickle.loads(pickle.dumps(found)) == found  # noqa: S301 - it is our own


def test_a_listing_leaves_tags_and_properties_to_be_asked_for(store: TrackingStore) -> None:
    store.write([component("a", tags={"t": "1"}, properties={"p": "1"}), component("b")])
    a, b = (store.component(name).id for name in ("a", "b"))

    assert all((found.tags, found.properties) == ({}, {}) for found in store.components(ComponentQuery()))
    assert store.tags([a, b]) == {a: {"t": "1"}, b: {}}
    assert store.properties([b, a]) == {b: {}, a: {"p": "1"}}


def test_maps_are_read_for_thousands_of_components_at_once(store: TrackingStore) -> None:
    count = 2_500
    store.write([component(f"c{i}") for i in range(count)])
    store.write([parameters(f"c{i}", {"i": i}) for i in range(count)])
    ids = [found.id for found in store.components(ComponentQuery(descending=False))]

    read = store.parameters(ids)
    assert [read[node] for node in ids] == [{"i": i} for i in range(count)]
    assert store.parameters([]) == {}


@pytest.mark.parametrize(
    "text", ["lone \ud800 surrogate", "nul \0 inside", "'; DROP TABLE nodes; --", "%_\\", "💥" * 50]
)
def test_hostile_text_is_kept_and_breaks_nothing(store: TrackingStore, text: str) -> None:
    store.write([component("c", display_name=text, tags={text: text}, properties={text: text}, run_name=text)])
    store.write([component(text), parameters(text, {text: text}), status("c", Status.FAILED, message=text)])
    storable = text.replace("\0", "\\x00").encode("utf-8", "backslashreplace").decode()
    found = store.component("c")

    assert (found.display_name, found.run_name, found.status_message) == (storable,) * 3
    assert (found.tags, found.properties) == ({storable: storable}, {storable: storable})
    node = store.component(text).id
    assert store.parameters([node]) == {node: {storable: text}}
