"""Applying journals: once each, in order, all of a batch or nothing, from many threads and processes at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest

from plugin_core.errors import ConflictError, InvalidValueError, NotFoundError
from plugin_core.model.changes import JournalSeen, PutComponent
from plugin_core.stores.protocol import TrackingStore
from plugin_core.testing.contract.making import (
    OWNER,
    Reopen,
    artifact,
    batch,
    component,
    logged,
    names,
    parameters,
    points,
)


def test_an_applied_batch_moves_its_journals_watermark(store: TrackingStore) -> None:
    assert store.watermark("journal-1") == 0
    assert store.apply(batch(component("a"), end=70))
    assert store.watermark("journal-1") == 70
    assert store.watermark("another") == 0


def test_a_batch_applied_again_changes_nothing(store: TrackingStore) -> None:
    logging = batch(component("a"), points("a", [1.0, 2.0]))
    assert store.apply(logging)
    assert not store.apply(logging)

    assert logged(store, "a") == [(0, 1.0), (1, 2.0)]
    assert store.watermark("journal-1") == 100


def test_a_batch_that_ends_before_the_watermark_was_applied_already(store: TrackingStore) -> None:
    store.apply(batch(component("a"), end=100))
    store.apply(batch(component("b"), start=100, end=200))
    assert not store.apply(batch(component("c"), start=0, end=100))

    assert names(store, descending=False) == ["a", "b"]


def test_a_batch_after_a_gap_is_refused(store: TrackingStore) -> None:
    store.apply(batch(component("a"), end=100))
    with pytest.raises(ConflictError):
        store.apply(batch(component("b"), start=150, end=200))

    assert store.watermark("journal-1") == 100
    assert names(store) == ["a"]


def test_a_batch_that_overlaps_what_was_applied_changes_nothing(store: TrackingStore) -> None:
    store.apply(batch(component("a"), points("a", [1.0]), end=100))
    assert not store.apply(batch(points("a", [1.0, 2.0]), start=0, end=200))

    assert (logged(store, "a"), store.watermark("journal-1")) == ([(0, 1.0)], 100)


def test_an_empty_batch_moves_the_watermark(store: TrackingStore) -> None:
    assert store.apply(batch(end=10))
    assert store.watermark("journal-1") == 10


def test_journals_have_watermarks_of_their_own(store: TrackingStore) -> None:
    store.apply(batch(component("a"), journal="one", end=10))
    store.apply(batch(component("b"), journal="two", end=20))

    assert (store.watermark("one"), store.watermark("two")) == (10, 20)


def test_a_batch_is_applied_whole_or_not_at_all(store: TrackingStore) -> None:
    with pytest.raises(InvalidValueError):
        store.apply(batch(component("a"), parameters("a", {"p": 1}), component("b", attempt=2**70)))

    assert store.watermark("journal-1") == 0
    with pytest.raises(NotFoundError):
        store.component("a")


@pytest.mark.parametrize("odd", [2**64, object(), {"a": 1}])
def test_a_value_that_cannot_be_kept_is_refused_as_such(store: TrackingStore, odd: Any) -> None:
    with pytest.raises(InvalidValueError):
        store.write([artifact("s3://odd", size_bytes=odd)])

    assert store.artifacts() == []


def test_changes_without_a_journal_are_written_too(store: TrackingStore) -> None:
    store.write([component("a"), parameters("a", {"rate": 0.1})])
    store.write([component("a"), parameters("a", {"rate": 0.1})])

    node = store.component("a").id
    assert store.parameters([node]) == {node: {"rate": 0.1}}


def test_a_journal_makes_itself_known_with_or_without_changes(store: TrackingStore) -> None:
    store.apply(batch(JournalSeen(at=5, owner=OWNER, lease_until=60), end=30))
    store.apply(batch(component("a", owner=OWNER), start=30, end=60))

    assert store.watermark(OWNER.journal) == 60
    assert store.component("a").owner == OWNER


def test_leases_are_those_that_the_owners_gave_last(store: TrackingStore) -> None:
    store.apply(batch(JournalSeen(at=5, owner=OWNER, lease_until=60_000_000), end=30))
    store.apply(batch(JournalSeen(at=9, owner=OWNER, lease_until=90_000_000), start=30, end=60))
    many = [f"other-{number}" for number in range(2_000)]

    assert store.leases([*many, OWNER.journal]) == {OWNER.journal: datetime(1970, 1, 1, 0, 1, 30, tzinfo=UTC)}
    assert store.leases([]) == {}


def test_what_one_handle_wrote_another_reads(store: TrackingStore, reopen: Reopen) -> None:
    store.apply(batch(component("a"), end=10))
    other = reopen()
    other.apply(batch(component("b"), start=10, end=20))

    assert store.watermark("journal-1") == 20
    assert names(store, descending=False) == names(other, descending=False) == ["a", "b"]


def test_a_closed_store_opens_again_by_itself(store: TrackingStore) -> None:
    store.write([component("a")])
    store.close()
    store.write([component("b")])
    store.close()

    assert names(store, descending=False) == ["a", "b"]


def test_the_same_batch_from_many_threads_is_applied_once(store: TrackingStore, reopen: Reopen) -> None:
    other = reopen()
    logging = batch(component("a"), points("a", [1.0]))
    with ThreadPoolExecutor(8) as threads:
        applied = list(threads.map(lambda i: (store, other)[i % 2].apply(logging), range(16)))

    assert applied.count(True) == 1
    assert logged(store, "a") == [(0, 1.0)]


def test_many_threads_write_and_read_at_once(store: TrackingStore) -> None:
    def work(i: int) -> int:
        journal = f"journal-{i}"
        for n in range(5):
            store.apply(batch(component(f"c-{i}"), points(f"c-{i}", [n]), journal=journal, start=n, end=n + 1))
            assert len(logged(store, f"c-{i}")) == n + 1
        return store.watermark(journal)

    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(work, range(8))) == {5}
    assert sorted(c.number or 0 for c in map(store.component, names(store))) == list(range(1, 9))


def test_a_component_may_be_named_before_it_is_described(store: TrackingStore, reopen: Reopen) -> None:
    reopen().apply(batch(parameters("child", {"x": 1}, at=5), journal="child"))
    put = PutComponent(at=2, name="child", experiment="search", display_name="The child")
    store.apply(batch(put, journal="parent"))

    found = store.component("child")
    assert (found.display_name, found.experiment, found.number) == ("The child", "search", 1)
    assert store.parameters([found.id])[found.id] == {"x": 1}
