"""Status: what was reported beats a guess, the later beats the earlier, whatever the order of arrival."""

from __future__ import annotations

import math
from itertools import permutations

import pytest

from plugin_core.model.changes import SetStatus
from plugin_core.model.components import Component, Owner, Status
from plugin_core.stores.protocol import TrackingStore
from plugin_core.testing.contract.making import component, status, when


def after(store: TrackingStore, *changes: SetStatus) -> Component:
    """The component once each of the changes has arrived, on its own."""
    for change in changes:
        store.write([change])
    return store.component("c")


def test_a_run_has_a_start_an_end_and_a_message(store: TrackingStore) -> None:
    running = after(store, component("c"), status("c", Status.RUNNING, at=2, started_at=2))  # type: ignore[arg-type]
    assert (running.status, running.started_at, running.ended_at) == (Status.RUNNING, when(2), None)

    failed = after(store, status("c", Status.FAILED, at=9, message="ValueError: no", ended_at=8))
    assert (failed.status, failed.status_message) == (Status.FAILED, "ValueError: no")
    assert (failed.started_at, failed.ended_at, failed.modified_at) == (when(2), when(8), when(9))


def test_a_component_that_begins_at_once_runs_with_its_parameters(store: TrackingStore) -> None:
    owner = Owner(journal="j", host="h", pid=7, boot_id="b", started="1")
    store.write([component("c", at=3, started_at=2, parameters={"rate": math.inf, "$": [1]}, owner=owner)])
    found = store.component("c")

    assert (found.status, found.started_at, found.modified_at, found.owner) == (Status.RUNNING, when(2), when(3), owner)
    assert store.parameters([found.id])[found.id] == {"$": [1], "rate": math.inf}


def test_a_start_that_arrives_after_the_end_does_not_undo_it(store: TrackingStore) -> None:
    ended = status("c", Status.COMPLETED, at=9)
    found = after(store, ended, component("c", at=3, started_at=3))  # type: ignore[arg-type]

    assert (found.status, found.started_at, found.ended_at) == (Status.COMPLETED, when(3), when(9))


def test_a_final_status_ends_at_its_own_time_if_no_other_is_given(store: TrackingStore) -> None:
    assert after(store, status("c", Status.COMPLETED, at=9)).ended_at == when(9)


def test_the_first_start_is_kept(store: TrackingStore) -> None:
    first = status("c", Status.RUNNING, at=2, started_at=2)
    assert after(store, first, status("c", Status.RUNNING, at=5, started_at=5)).started_at == when(2)


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_the_later_status_wins_in_any_order_of_arrival(store: TrackingStore, order: tuple[int, ...]) -> None:
    changes = [
        status("c", Status.QUEUED, at=1),
        status("c", Status.RUNNING, at=2, started_at=2),
        status("c", Status.COMPLETED, at=3),
    ]
    found = after(store, *(changes[i] for i in order))

    assert (found.status, found.started_at, found.ended_at) == (Status.COMPLETED, when(2), when(3))


def test_running_again_after_the_end_clears_it(store: TrackingStore) -> None:
    after(store, status("c", Status.RUNNING, at=1, started_at=1), status("c", Status.FAILED, at=2, message="no"))
    again = after(store, status("c", Status.RUNNING, at=3, started_at=3))

    assert (again.status, again.status_message, again.ended_at) == (Status.RUNNING, None, None)
    assert again.started_at == when(1)


def test_a_guess_never_replaces_a_reported_end(store: TrackingStore) -> None:
    after(store, status("c", Status.COMPLETED, at=5))
    found = after(store, status("c", Status.FAILED, at=90, inferred=True, message="its process is gone"))

    assert (found.status, found.status_inferred, found.ended_at) == (Status.COMPLETED, False, when(5))


def test_a_reported_end_replaces_a_guess_made_later(store: TrackingStore) -> None:
    guessed = after(store, status("c", Status.RUNNING, at=1), status("c", Status.FAILED, at=90, inferred=True))
    assert (guessed.status, guessed.status_inferred) == (Status.FAILED, True)

    found = after(store, status("c", Status.COMPLETED, at=5))
    assert (found.status, found.status_inferred, found.ended_at) == (Status.COMPLETED, False, when(5))


def test_a_guess_stands_against_what_was_reported_before_it(store: TrackingStore) -> None:
    after(store, status("c", Status.FAILED, at=90, inferred=True))

    assert after(store, status("c", Status.RUNNING, at=5)).status is Status.FAILED


def test_a_sign_of_life_after_a_guess_replaces_it(store: TrackingStore) -> None:
    after(store, status("c", Status.FAILED, at=90, inferred=True))
    found = after(store, status("c", Status.RUNNING, at=95))

    assert (found.status, found.status_inferred, found.ended_at) == (Status.RUNNING, False, None)


def test_an_old_guess_is_not_made_anew(store: TrackingStore) -> None:
    after(store, status("c", Status.RUNNING, at=5))

    assert after(store, status("c", Status.NOT_RESPONDING, at=4, inferred=True)).status is Status.RUNNING


def test_statuses_of_one_batch_are_applied_in_their_order(store: TrackingStore) -> None:
    store.write([
        status("c", Status.RUNNING, at=1, started_at=1), status("c", Status.COMPLETED, at=1),
        status("d", Status.COMPLETED, at=2), status("d", Status.RUNNING, at=1, started_at=1),
    ])  # fmt: skip

    assert store.component("c").status is Status.COMPLETED
    assert store.component("d").status is Status.COMPLETED
    assert store.component("d").started_at == when(1)


@pytest.mark.parametrize("any_status", list(Status))
def test_every_status_comes_back(store: TrackingStore, any_status: Status) -> None:
    found = after(store, status("c", any_status, at=3))

    assert found.status is any_status
    assert (found.ended_at is not None) == any_status.is_final
