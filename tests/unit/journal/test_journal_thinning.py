from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from plugin_core.journal.segments import Disk
from plugin_core.journal.thinning import Thinned, cap_bytes
from plugin_core.model.changes import SetParameters, SetTags


@given(st.lists(st.floats(allow_nan=False), min_size=1, max_size=2000))
def test_the_least_the_greatest_and_the_last_are_kept(values: list[float]) -> None:
    thinned = Thinned()
    kept = [(i, v) for i, v in enumerate(values) if thinned.keeps(i, i, v)]
    last = thinned.take_last()
    if last is not None:
        kept.append((last[0], last[2]))

    assert kept[-1] == (len(values) - 1, values[-1])
    assert {min(values), max(values)} <= {v for _, v in kept}
    assert len(kept) + thinned.dropped == len(values)


def test_a_long_series_is_thinned_ever_more() -> None:
    thinned = Thinned()
    kept = sum(thinned.keeps(i, i, 0.5) for i in range(100_000))

    assert 500 < kept < 1_000


def test_the_cap_is_a_gibibyte_or_a_tenth_of_the_room() -> None:
    assert cap_bytes(1 << 40, 0) == 1 << 30
    assert cap_bytes(900, 100) == 100


def test_a_full_spool_keeps_what_matters_and_counts_the_rest(place, caplog) -> None:
    journal = place.journal(segment_bytes=64 * 1024, spool_bytes=200_000)
    for i in range(20_000):
        journal.series("c", "m").log(0.5, i)
        if i % 1000 == 0:
            journal.append(SetParameters(at=i, component="c", parameters={"i": i}))
    used = sum(p.stat().st_size for p in place.files)
    assert used < 400_000
    assert journal.dropped_events > 10_000
    assert [r.levelname for r in caplog.records] == ["WARNING"]

    drainer = place.drainer(journal, mirror_bytes=0)
    assert drainer.flush(20)
    steps = place.store.steps()
    assert steps[-1] == 19_999
    assert len(steps) + journal.dropped_events == 20_000
    assert sum(isinstance(c, SetParameters) for c in place.store.others) == 20


def test_a_spool_with_room_again_keeps_every_point_again_and_says_how_many_were_left_out(place) -> None:
    journal = place.journal(segment_bytes=64 * 1024, spool_bytes=200_000)
    series = journal.series("c", "m")
    for i in range(20_000):
        series.log(0.5, i)
    drainer = place.drainer(journal)
    drainer.flush(20)
    series.log(0.5, 20_000)
    drainer.flush(20)
    before = journal.dropped_events
    for i in range(30_000, 30_100):
        series.log(0.5, i)

    assert drainer.flush(20)
    assert place.store.steps()[-100:] == list(range(30_000, 30_100))
    assert journal.dropped_events == before
    (told,) = (c for c in place.store.others if isinstance(c, SetTags))
    assert told.tags == {"flowtrail:dropped-points": str(before)}


def test_the_room_of_a_small_disk_bounds_the_segments(place) -> None:
    class Small(Disk):
        def free_bytes(self, folder) -> int:
            return 20 * 1024 * 1024

    journal = place.journal(disk=Small())
    journal.series("c", "m").log(0.5)

    assert journal._open.limit < 200_000
