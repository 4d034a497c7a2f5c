"""Series: every point is kept, exactly, in order; summaries say what a series comes to."""

from __future__ import annotations

import math
import random
import statistics
from array import array
from typing import Any

import pytest

from plugin_core.model.changes import AppendPoints
from plugin_core.model.metrics import Json, MetricSummary, MetricWindows
from plugin_core.model.queries import WindowQuery
from plugin_core.stores.protocol import TrackingStore
from plugin_core.testing.contract.making import Reopen, batch, component, logged, points, when


def summary(store: TrackingStore, name: str = "c", metric: str = "loss") -> MetricSummary:
    node = store.component(name).id
    return store.summaries([node])[node][metric]


def test_points_come_back_as_they_were_logged(store: TrackingStore) -> None:
    store.write([points("c", [0.5, 0.25], steps=[1, 2], times=[1_700_000_000_000_001, 1_700_000_000_000_005])])
    found = list(store.points(store.component("c").id, "loss"))

    assert [(p.step, p.time, p.value, p.data) for p in found] == [
        (1, when(1_700_000_000_000_001), 0.5, None),
        (2, when(1_700_000_000_000_005), 0.25, None),
    ]


def test_points_come_back_by_step_then_arrival(store: TrackingStore) -> None:
    store.write([points("c", [0.1, 0.2, 0.3], steps=[2, 1, 1])])
    store.write([points("c", [0.4, 0.5, 0.6], steps=[1, 0, 2])])

    assert logged(store, "c") == [(0, 0.5), (1, 0.2), (1, 0.3), (1, 0.4), (2, 0.1), (2, 0.6)]


def test_points_of_one_batch_stay_in_their_order(store: TrackingStore) -> None:
    store.apply(batch(*(points("c", [float(i)], steps=[0]) for i in range(50))))

    assert [value for _, value in logged(store, "c")] == [float(i) for i in range(50)]


def test_series_are_apart_by_component_and_metric(store: TrackingStore) -> None:
    store.write([points("c", [1.0]), points("c", [2.0], metric="Loss"), points("d", [3.0])])

    assert logged(store, "c") == [(0, 1.0)]
    assert logged(store, "c", "Loss") == [(0, 2.0)]
    assert logged(store, "d") == [(0, 3.0)]


def test_a_series_that_does_not_exist_has_no_points(store: TrackingStore) -> None:
    store.write([component("c"), points("c", [])])
    node = store.component("c").id

    assert list(store.points(node, "loss")) == list(store.points(10**9, "loss")) == []
    assert store.summaries([node, 10**9]) == {node: {}, 10**9: {}}


def test_special_values_are_kept_exactly(store: TrackingStore) -> None:
    values = [math.nan, math.inf, -math.inf, -0.0, 5e-324, 1.7976931348623157e308, 0.1]
    store.write([points("c", values)])
    found = [value for _, value in logged(store, "c")]

    assert array("d", found).tobytes() == array("d", values).tobytes()


def test_extreme_steps_and_times_are_kept(store: TrackingStore) -> None:
    steps, times = [0, 2**63 - 1, 0], [-62_135_596_800_000_000, 253_402_300_799_999_999, 0]
    store.write([points("c", [1.0, 2.0, 3.0], steps=steps, times=times)])
    found = list(store.points(store.component("c").id, "loss"))

    assert [point.step for point in found] == [0, 0, 2**63 - 1]
    assert [point.time for point in found] == [when(times[0]), when(times[2]), when(times[1])]


def test_points_that_are_not_numbers_keep_their_data(store: TrackingStore) -> None:
    data: dict[int, Json] = {0: "text", 2: {"row": [1, None, "\ud800"]}, 3: False}
    nan = math.nan
    store.write([points("c", [nan, 1.0, nan, nan], data=data)])
    store.write([points("c", [nan], steps=[9], data={0: ["later"]})])
    found = list(store.points(store.component("c").id, "loss"))

    assert [point.data for point in found] == ["text", None, {"row": [1, None, "\ud800"]}, False, ["later"]]
    assert summary(store).count == 5


def test_a_summary_is_over_the_finite_values(store: TrackingStore) -> None:
    store.write([points("c", [3.0, math.nan, 1.0, math.inf, 2.0])])
    found = summary(store)

    assert (found.name, found.count, found.minimum, found.maximum, found.mean) == ("loss", 5, 1.0, 3.0, 2.0)
    assert found.std_dev == pytest.approx(statistics.pstdev([3.0, 1.0, 2.0]))
    assert (found.last, found.last_step, found.last_time) == (2.0, 4, when(5))


def test_a_summary_without_finite_values_has_only_a_last_one(store: TrackingStore) -> None:
    store.write([points("c", [math.inf, math.nan])])
    found = summary(store)

    assert (found.minimum, found.maximum, found.mean, found.std_dev) == (None, None, None, None)
    assert found.count == 2
    assert math.isnan(found.last)
    store.write([points("c", [-math.inf], steps=[7])])
    assert summary(store).last == -math.inf


def test_the_last_value_is_the_one_logged_last_at_the_highest_step(store: TrackingStore) -> None:
    store.write([points("c", [1.0, 2.0, 3.0, 4.0], steps=[5, 9, 9, 2], times=[40, 30, 20, 10])])
    assert (summary(store).last, summary(store).last_step, summary(store).last_time) == (3.0, 9, when(20))

    store.write([points("c", [5.0], steps=[8])])
    assert summary(store).last == 3.0
    store.write([points("c", [6.0], steps=[9])])
    assert summary(store).last == 6.0


@pytest.mark.parametrize("offset", [0.0, 1e9])
def test_summaries_of_many_batches_are_as_exact_as_of_one(store: TrackingStore, offset: float) -> None:
    random_numbers = random.Random(7)
    values = [offset + random_numbers.gauss(0, 1) for _ in range(2_000)]
    for start in range(0, len(values), 37):
        part = values[start : start + 37]
        store.write([points("c", part, steps=range(start, start + len(part)))])
    found = summary(store)

    assert (found.count, found.minimum, found.maximum) == (2_000, min(values), max(values))
    assert found.mean == pytest.approx(statistics.fmean(values), rel=1e-12)
    assert found.std_dev == pytest.approx(statistics.pstdev(values), rel=1e-6)


def test_a_series_logged_in_many_small_pieces_reads_whole(store: TrackingStore) -> None:
    random_numbers = random.Random(8)
    expected: list[tuple[int, float]] = []
    for piece in range(200):
        steps = [random_numbers.randrange(500) for _ in range(random_numbers.randrange(1, 9))]
        values = [piece + i / 100 for i in range(len(steps))]
        expected += zip(steps, values, strict=True)
        store.write([points("c", values, steps=steps)])

    assert logged(store, "c") == sorted(expected, key=lambda point: point[0])


def test_a_long_series_reads_whole_and_in_order(store: TrackingStore) -> None:
    count = 200_000
    for start in range(0, count, 50_000):
        values = array("d", range(start, start + 50_000))
        steps = array("q", range(start, start + 50_000))
        store.write([AppendPoints(component="c", metric="loss", steps=steps, times=steps, values=values)])
    store.write([points("c", [-1.0], steps=[0])])
    found = store.points(store.component("c").id, "loss")

    assert [next(found).value, next(found).value] == [0.0, -1.0]
    assert all(point.step == i and point.value == i for i, point in enumerate(found, 1))
    assert summary(store).count == count + 1


def test_a_series_is_read_as_it_was_when_reading_began(store: TrackingStore, reopen: Reopen) -> None:
    store.write([points("c", [float(i) for i in range(100)])])
    reading = store.points(store.component("c").id, "loss")
    first = next(reading)
    reopen().write([points("c", [float(i) for i in range(500)])])

    assert [first.value, *(point.value for point in reading)] == [float(i) for i in range(100)]


def test_many_series_are_written_and_summed_up_at_once(store: TrackingStore) -> None:
    store.write([points(f"c{i % 30}", [float(i)], metric=f"m{i // 30}") for i in range(900)])
    ids = [store.component(f"c{i}").id for i in range(30)]
    found = store.summaries(ids)

    assert {len(metrics) for metrics in found.values()} == {30}
    assert found[ids[7]]["m3"].last == 97.0
    assert store.counts()["series"] == store.counts()["points"] == 900


def test_what_was_appended_is_not_kept_hold_of(store: TrackingStore) -> None:
    change = points("c", [1.0])
    store.write([change, points("c", [2.0])])

    assert list(change.values) == [1.0]
    change.values[0] = 9.0
    assert logged(store, "c") == [(0, 1.0), (0, 2.0)]


def test_a_time_that_no_datetime_holds_reads_as_the_nearest_that_one_does(store: TrackingStore) -> None:
    store.write([points("train", [1.0, 2.0], times=[-(2**62), 2**62])])
    node = store.component("train").id
    first, last = store.points(node, "loss")

    assert (first.time.year, last.time.year) == (1, 9999)
    assert store.summaries([node])[node]["loss"].last_time == last.time


def windows(store: TrackingStore, metric: str = "loss", **query: Any) -> MetricWindows:
    return store.windows(store.component("c").id, metric, WindowQuery(**query))


def test_a_series_is_cut_into_a_window_for_each_step(store: TrackingStore) -> None:
    store.write([points("c", [5.0, 1.0, 3.0], steps=[2, 1, 1], times=[30, 10, 20])])
    store.write([points("c", [math.nan, math.inf], steps=[3, 1], times=[40, 50])])
    cut = windows(store)

    assert (list(cut.steps), list(cut.times), list(cut.counts)) == ([1, 2, 3], [50, 30, 40], [3, 1, 1])
    assert list(cut.minimum[:2]) == [1.0, 5.0]
    assert (list(cut.maximum[:2]), list(cut.mean[:2]), list(cut.std_dev[:2])) == ([3.0, 5.0], [2.0, 5.0], [1.0, 0.0])
    assert list(cut.last[:2]) == [math.inf, 5.0]
    assert all(math.isnan(column[2]) for column in (cut.minimum, cut.maximum, cut.mean, cut.std_dev, cut.last))


def test_a_series_of_a_point_a_step_is_its_own_windows(store: TrackingStore) -> None:
    store.write([points("c", [2.0, math.inf, 4.0], steps=[5, 6, 9], times=[1, 2, 3])])
    cut = windows(store)

    assert (list(cut.steps), list(cut.times), list(cut.counts)) == ([5, 6, 9], [1, 2, 3], [1, 1, 1])
    assert list(cut.last) == [2.0, math.inf, 4.0]
    assert (cut.mean[0], cut.std_dev[0], cut.minimum[2], cut.maximum[2]) == (2.0, 0.0, 4.0, 4.0)
    assert math.isnan(cut.mean[1])
    assert math.isnan(cut.std_dev[1])


def test_a_series_is_cut_into_periods_of_time(store: TrackingStore) -> None:
    second = 1_000_000
    store.write([
        points("c", [1.0, 3.0, 8.0], steps=[0, 1, 2], times=[60 * second, 119 * second, 120 * second]),
        points("c", [2.0], steps=[3], times=[61 * second]),
    ])  # fmt: skip
    cut = windows(store, period_s=60)

    assert (list(cut.times), list(cut.counts)) == ([60 * second, 120 * second], [3, 1])
    assert (list(cut.steps), list(cut.last)) == ([3, 2], [3.0, 8.0])
    assert (list(cut.mean), list(cut.minimum), list(cut.maximum)) == ([2.0, 8.0], [1.0, 8.0], [3.0, 8.0])
    assert list(windows(store, period_s=3_600).times) == [0]


def test_windows_keep_to_bounds_and_limit(store: TrackingStore) -> None:
    store.write([points("c", [float(i) for i in range(10)], times=[i * 10 for i in range(10)])])

    assert list(windows(store, first_step=3, last_step=5).last) == [3.0, 4.0, 5.0]
    assert list(windows(store, since=when(70)).last) == [7.0, 8.0, 9.0]
    assert list(windows(store, until=when(19), last_step=5).last) == [0.0, 1.0]
    assert list(windows(store, first_step=4, last_step=3).last) == []
    limited = windows(store, limit=2)
    assert (list(limited.last), limited.truncated, windows(store, limit=10).truncated) == ([0.0, 1.0], True, False)
    store.write([points("c", [10.0], steps=[0], times=[5])])
    assert (list(windows(store, limit=1).counts), windows(store, limit=1).truncated) == ([2], True)
    assert windows(store, limit=1, period_s=60).truncated is False


def test_windows_leave_out_what_is_no_number(store: TrackingStore) -> None:
    store.write([points("c", [1.0, math.nan, 3.0], data={1: "a text"})])

    assert list(windows(store).last) == [1.0, 3.0]
    assert list(windows(store, metric="absent").steps) == []
    assert list(windows(store, metric="absent", period_s=60).times) == []


def test_windows_of_many_chunks_come_to_what_the_series_comes_to(store: TrackingStore) -> None:
    rng = random.Random(3)
    for i in range(40):
        store.write([points("c", [rng.random() for _ in range(50)], steps=range(i * 50, i * 50 + 50))])
    whole, (node,) = windows(store, period_s=60), [store.component("c").id]
    known = store.summaries([node])[node]["loss"]

    assert (list(whole.counts), len(windows(store).steps)) == ([2_000], 2_000)
    assert whole.mean[0] == pytest.approx(known.mean)
    assert whole.std_dev[0] == pytest.approx(known.std_dev)
