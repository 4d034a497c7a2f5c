from __future__ import annotations

from plugin_core.model.changes import PutExperiment, SetParameters


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
