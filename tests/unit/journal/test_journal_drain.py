from __future__ import annotations

import random
import time
from collections.abc import Callable

import pytest
from kit.journal import RecordingStore

from plugin_core.errors import UnflushedError
from plugin_core.journal import drain_live, recover
from plugin_core.model.changes import PutExperiment, SetParameters


def eventually(happens: Callable[[], bool]) -> bool:
    """Whether it happens within 20 s."""
    deadline = time.monotonic() + 20
    while not (done := happens()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return done


def test_what_was_logged_is_in_the_store_after_a_flush(place) -> None:
    journal = place.journal()
    drainer = place.drainer(journal)
    journal.append(PutExperiment(at=1, name="e"))
    series = journal.series("c", "m")
    for i in range(10):
        series.log(i / 2, i)

    assert drainer.flush(10)
    assert place.store.others == [PutExperiment(at=1, name="e")]
    assert place.store.points() == [(i, i / 2) for i in range(10)]


def test_a_flush_with_nothing_new_asks_the_store_nothing(place) -> None:
    journal = place.journal()
    drainer = place.drainer(journal)
    journal.series("c", "m").log(1.0)
    assert drainer.flush(10)
    calls = place.store.applied_calls

    assert drainer.flush(0)
    assert place.store.applied_calls == calls


def test_a_drained_journal_leaves_nothing_behind(place) -> None:
    journal = place.journal()
    drainer = place.drainer(journal)
    journal.append(SetParameters(at=1, component="c", parameters={"lr": 0.1}))
    assert len(place.files) == 1

    drainer.close(10)
    assert place.files == []
    assert place.store.others == [SetParameters(at=1, component="c", parameters={"lr": 0.1})]


def test_while_the_store_is_away_events_wait_and_one_warning_is_said(place, caplog) -> None:
    journal = place.journal()
    drainer = place.drainer(journal, jitter=lambda longest: 0.001)
    place.store.break_down()
    for i in range(10):
        journal.series("c", "m").log(0.5, i)
        assert not drainer.flush(0.05)
    assert journal.pending_events == 10
    assert [r.levelname for r in caplog.records] == ["WARNING"]

    place.store.come_back()
    assert eventually(lambda: drainer.flush(1))
    assert place.store.steps() == list(range(10))
    assert journal.pending_events == 0


def test_a_store_that_is_away_draws_no_number_of_the_users_seed(place) -> None:
    before = random.getstate()
    journal = place.journal()
    drainer = place.drainer(journal)
    place.store.break_down()
    journal.append(PutExperiment(at=1, name="e"))

    assert not drainer.flush(0.3)
    assert place.store.applied_calls > 0
    assert random.getstate() == before


def test_a_flush_does_not_wait_for_a_store_that_is_known_to_be_away(place) -> None:
    journal = place.journal()
    drainer = place.drainer(journal, jitter=lambda longest: 0.001)
    place.store.break_down()
    journal.series("c", "m").log(0.5)
    assert not drainer.flush(30)  # answered after three tries, long before the time-out

    calls = place.store.applied_calls
    assert not drainer.flush(30)
    assert place.store.applied_calls == calls


def test_what_memory_has_no_room_for_comes_from_the_file(place) -> None:
    journal = place.journal()
    drainer = place.drainer(journal, mirror_bytes=1000, jitter=lambda longest: 0.001)
    place.store.break_down()
    for i in range(200):
        journal.series("c", "m").log(0.5, i)
        journal.append(PutExperiment(at=i, name="e"))
    assert not drainer.flush(10)
    assert not drainer._held
    journal.series("c", "m").log(0.5, 200)

    place.store.come_back()
    assert eventually(lambda: drainer.flush(1))
    assert place.store.steps() == list(range(201))
    assert len(place.store.others) == 200


def test_a_dropped_mirror_with_nothing_after_it_comes_from_the_file(place) -> None:
    journal = place.journal()
    drainer = place.drainer(journal, mirror_bytes=0, jitter=lambda longest: 0.001)
    place.store.break_down()
    journal.series("c", "m").log(0.5, 7)
    assert not drainer.flush(10)

    place.store.come_back()
    assert eventually(lambda: drainer.flush(1))
    assert place.store.steps() == [7]


def test_what_someone_else_drained_is_not_drained_again(place) -> None:
    journal = place.journal()
    drainer = place.drainer(journal)
    series = journal.series("c", "m")
    for i in range(100):
        series.log(0.5, i)
    assert drain_live(place.spool, place.store, fallback=place.fallback) == 100
    for i in range(100, 150):
        series.log(0.5, i)

    assert drainer.flush(10)
    assert place.store.steps() == list(range(150))
    drainer.close(10)
    assert place.files == []


def test_a_store_that_was_replaced_gets_what_the_file_still_holds(place) -> None:
    journal = place.journal()
    drainer = place.drainer(journal)
    journal.series("c", "m").log(0.5, 0)
    assert drainer.flush(10)
    place.store = RecordingStore()
    journal.series("c", "m").log(0.5, 1)

    assert drainer.flush(10)
    assert place.store.steps() == [0, 1]


def test_an_event_that_the_store_will_never_take_is_set_aside(place) -> None:
    journal = place.journal()
    drainer = place.drainer(journal)
    place.store.refuses = lambda change: isinstance(change, PutExperiment) and change.name == "bad"
    for name in ("a", "b", "bad", "c"):
        journal.append(PutExperiment(at=1, name=name))
        journal.series("c", "m").log(0.5)

    assert drainer.flush(10)
    assert [c.name for c in place.store.others] == ["a", "b", "c"]
    assert place.store.steps() == [0, 1, 2, 3]
    (letters,) = (place.spool / "dead-letters").iterdir()
    assert len(letters.read_text().splitlines()) == 1


def test_the_store_is_told_who_writes_and_until_when_it_surely_lives(place) -> None:
    journal = place.journal()
    now = [1_000.0]
    drainer = place.drainer(journal, monotonic=lambda: now[0], now_ns=lambda: int(now[0] * 1e9), interval_s=0.0)
    journal.series("c", "m").log(0.5)
    assert drainer.flush(10)
    journal.series("c", "m").log(0.5)
    assert drainer.flush(10)
    assert [(s.owner, s.lease_until) for s in place.store.seen] == [(journal.owner, 1_060_000_000)]

    now[0] += 20
    journal.series("c", "m").log(0.5)
    assert drainer.flush(10)
    assert [s.lease_until for s in place.store.seen] == [1_060_000_000, 1_080_000_000]


def test_a_strict_journal_says_what_did_not_reach_the_store(place) -> None:
    journal = place.journal(strict=True)
    drainer = place.drainer(journal, jitter=lambda longest: 0.001)
    place.store.break_down()
    journal.series("c", "m").log(0.5)

    with pytest.raises(UnflushedError, match="1 events") as caught:
        drainer.close(5)
    assert caught.value.count == 1
    assert len(place.files) == 1


def test_a_store_that_hangs_holds_up_neither_logging_nor_the_end(place) -> None:
    journal = place.journal()
    drainer = place.drainer(journal)
    place.store.gate.clear()
    journal.series("c", "m").log(0.5, 0)
    assert not drainer.flush(0.1)
    journal.series("c", "m").log(0.5, 1)
    drainer.close(0.1)
    place.store.gate.set()

    recover(place.spool, place.store, fallback=place.fallback)
    assert sorted(set(place.store.steps())) == [0, 1]


def test_a_closed_drain_starts_again_for_who_logs_later(place) -> None:
    journal = place.journal()
    drainer = place.drainer(journal)
    series = journal.series("c", "m")
    series.log(0.5)
    drainer.close(10)
    series.log(0.5)

    assert drainer.flush(10)
    assert place.store.steps() == [0, 1]


def test_while_one_series_is_drained_others_are_logged(place) -> None:
    journal = place.journal(segment_bytes=64 * 1024)
    drainer = place.drainer(journal, interval_s=0.0)
    for i in range(20_000):
        journal.series("c", "m").log(0.5, i)
        if i % 5000 == 0:
            assert drainer.flush(10)

    assert drainer.flush(10)
    assert place.store.steps() == list(range(20_000))
