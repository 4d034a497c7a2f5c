"""F7: someone holds the store's lock for a long time."""

from __future__ import annotations

import sqlite3

from plugin_core.journal import Drainer, recover
from plugin_core.stores import open_store


def test_while_the_store_is_locked_logging_goes_on_and_all_arrives_later(place, tmp_path) -> None:
    url = f"sqlite:///{tmp_path}/record.db"
    store = open_store(url)
    journal = place.journal(store_url=url)
    drainer = Drainer(journal, lambda: store, interval_s=0.01)
    lock = sqlite3.connect(tmp_path / "record.db", isolation_level=None)
    lock.execute("BEGIN EXCLUSIVE")
    for i in range(20_000):
        journal.series("c", "m").log(0.5, i)
    assert not drainer.flush(0.2)
    assert journal.pending_events == 20_000

    lock.execute("ROLLBACK")
    lock.close()
    assert drainer.flush(60) or drainer.flush(60)
    assert [p.step for p in store.points(store.component("c").id, "m")] == list(range(20_000))
    drainer.close(10)
    assert recover(place.spool, store, fallback=place.fallback).events == 0
