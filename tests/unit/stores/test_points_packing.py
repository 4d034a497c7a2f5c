"""Chunks of points: every bit comes back, damage is noticed, and series stay in few chunks."""

import math
import random
import statistics
from array import array
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from plugin_core.errors import StoreError
from plugin_core.stores.local import LocalStore
from plugin_core.stores.local import schema as s
from plugin_core.stores.local.points import CHUNK_POINTS, Columns, by_step, last_index, merged, moments, pack, unpack
from plugin_core.testing.contract.making import points

words = st.integers(-(2**63), 2**63 - 1)
rows = st.lists(st.tuples(words, words, st.floats(width=64)), max_size=200)


def columns(given_rows: list[tuple[int, int, float]], data: dict | None = None) -> Columns:
    steps, times, values = zip(*given_rows, strict=True) if given_rows else ((), (), ())
    return Columns(array("q", steps), array("q", times), array("d", values), data or {})


def same(one: Columns, other: Columns) -> bool:
    pairs = ((one.steps, other.steps), (one.times, other.times), (one.values, other.values))
    return all(a.tobytes() == b.tobytes() for a, b in pairs) and one.data == other.data


@given(rows)
def test_any_points_come_back_bit_for_bit(given_rows):
    packed = columns(given_rows)

    assert same(unpack(pack(packed)), packed)


@given(st.lists(st.integers(0, 2**40), min_size=1, max_size=300), st.integers(0, 2**50))
def test_regular_points_come_back_bit_for_bit(steps, start):
    packed = columns([(step, start + i * 1000, 0.5) for i, step in enumerate(steps)], {0: {"a": [math.inf, None]}})

    assert same(unpack(pack(packed)), packed)


def test_random_values_take_at_most_ten_bytes_a_point():
    rng = random.Random(5)
    packed = columns([(i, 1_700_000_000_000_000 + i * 10 + rng.randrange(9), rng.random()) for i in range(10_000)])

    assert len(pack(packed)) / 10_000 < 10


@given(st.data())
def test_a_damaged_chunk_is_read_or_refused_and_nothing_else(data):
    packed = columns([(i, i * i, i / 7) for i in range(100)], {3: "text"})
    chunk = bytearray(pack(packed))
    for position in data.draw(st.lists(st.integers(0, len(chunk) - 1), min_size=1, max_size=5)):
        chunk[position] ^= data.draw(st.integers(1, 255))
    try:
        found = unpack(bytes(chunk[: data.draw(st.integers(0, len(chunk)))]))
    except StoreError:
        return
    assert len(found.steps) == len(found.times) == len(found.values)


def test_a_chunk_of_a_later_format_is_refused():
    with pytest.raises(StoreError, match="format 9 is not known"):
        unpack(b"\x09" + pack(columns([(1, 2, 3.0)]))[1:])


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=100), st.integers(1, 99))
def test_merged_moments_are_those_of_the_whole(values, cut):
    first, second = array("d", values[:cut]), array("d", values[cut:])
    found = merged(moments(first), moments(second))

    assert (found.finite, found.minimum, found.maximum) == (len(values), min(values), max(values))
    assert found.mean == pytest.approx(statistics.fmean(values), rel=1e-9, abs=1e-6)
    assert found.std_dev == pytest.approx(statistics.pstdev(values), rel=1e-6, abs=1e-3)


@given(st.lists(st.floats(), max_size=50))
def test_moments_never_fail_whatever_the_values(values):
    found = merged(moments(array("d", values)), moments(array("d", values[::-1])))

    assert found.finite == 2 * sum(map(math.isfinite, values))


def test_the_mean_of_the_largest_numbers_does_not_overflow():
    assert moments(array("d", [1.7e308, 1.7e308])).mean == pytest.approx(1.7e308)


@given(st.lists(st.integers(0, 5), min_size=1, max_size=50))
def test_points_are_ordered_stably(steps):
    ordered = list(by_step(columns([(step, i, 0.0) for i, step in enumerate(steps)])))

    assert [(step, i) for step, i, _, _ in ordered] == sorted((step, i) for i, step in enumerate(steps))
    assert last_index(array("q", steps)) == ordered[-1][1]


def chunk_sizes(store: LocalStore) -> list[int]:
    with store._connections.read() as connection:
        return list(connection.execute(select(s.chunks.c.count).order_by(s.chunks.c.ordinal)).scalars())


@pytest.fixture
def store(tmp_path: Path):
    store = LocalStore(f"sqlite:///{tmp_path / 'record.db'}")
    yield store
    store.close()


def test_a_series_logged_live_stays_in_few_chunks(store: LocalStore) -> None:
    sizes = [0]
    for drain in range(600):
        store.write([points("c", [1.0] * 10, steps=range(drain * 10, drain * 10 + 10))])
        sizes.append(len(chunk_sizes(store)))

    assert max(sizes) < 30
    assert sum(chunk_sizes(store)) == 6_000


def test_a_long_batch_is_cut_into_full_chunks(store: LocalStore) -> None:
    count = 2 * CHUNK_POINTS + 5
    store.write([points("c", [0.0] * count)])
    assert chunk_sizes(store) == [CHUNK_POINTS, CHUNK_POINTS, 5]

    store.write([points("c", [0.0] * 7)])
    assert chunk_sizes(store)[:2] == [CHUNK_POINTS, CHUNK_POINTS]
    assert sum(chunk_sizes(store)) == count + 7


def test_damage_in_the_store_is_said_when_the_series_is_read(store: LocalStore) -> None:
    store.write([points("c", [1.0, 2.0])])
    with store._connections.write() as connection:
        connection.execute(s.chunks.update().values(payload=b"\x01garbage"))

    with pytest.raises(StoreError, match="cannot be read"):
        list(store.points(store.component("c").id, "loss"))
