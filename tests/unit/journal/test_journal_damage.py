from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kit.journal import URL

from plugin_core.journal import Journal
from plugin_core.journal.reader import SegmentReader
from plugin_core.journal.segments import segment_at
from plugin_core.model.changes import AppendPoints, PutExperiment

EVENTS = 600
BLOCK = 4096


@pytest.fixture(scope="module")
def original():
    with tempfile.TemporaryDirectory() as folder:
        journal = Journal(Path(folder), store_url=URL, durability="process")
        for i in range(EVENTS):
            if i % 10:
                journal.series("c", f"m{i % 2}").log(float(i), i, i)
            else:
                journal.append(PutExperiment(at=i, name=f"e{i}"))
        journal.close()
        (path,) = Path(folder).glob("*.jrn")
        yield path, path.read_bytes()


def events_of(path: Path, data: bytes, window_bytes: int) -> list[int]:
    path.write_bytes(data)
    with SegmentReader(segment_at(path), window_bytes=window_bytes) as reader:
        changes = [c for w in reader.windows(0) for c in w.changes]
    found = [int(v) for c in changes if isinstance(c, AppendPoints) for v in c.values]
    assert all(s == v for c in changes if isinstance(c, AppendPoints) for s, v in zip(c.steps, c.values, strict=True))
    found += [c.at for c in changes if isinstance(c, PutExperiment) and c.name == f"e{c.at}"]
    assert len(found) == sum(len(c.steps) if isinstance(c, AppendPoints) else 1 for c in changes)
    return found


DAMAGE = st.one_of(
    st.tuples(st.just("flip"), st.floats(0, 1), st.integers(0, 255)),
    st.tuples(st.just("zero"), st.floats(0, 1), st.integers(1, BLOCK)),
    st.tuples(st.just("random"), st.floats(0, 1), st.binary(min_size=1, max_size=BLOCK)),
    st.tuples(st.just("insert"), st.floats(0, 1), st.binary(min_size=1, max_size=BLOCK)),
    st.tuples(st.just("cut"), st.floats(0, 1), st.integers(1, BLOCK)),
    st.tuples(st.just("double"), st.floats(0, 1), st.integers(1, BLOCK)),
)


def damaged(data: bytes, kind: str, where: float, how) -> bytes:
    at = int(where * (len(data) - 1))
    if kind == "flip":
        return data[:at] + bytes([data[at] ^ (how or 1)]) + data[at + 1 :]
    if kind == "zero":
        return data[:at] + bytes(len(data[at : at + how])) + data[at + how :]
    if kind == "random":
        return data[:at] + how[: len(data) - at] + data[at + len(how) :]
    if kind == "insert":
        return data[:at] + how + data[at:]
    if kind == "cut":
        return data[:at] + data[at + how :]
    return data[: at + how] + data[at:]


@settings(max_examples=300, deadline=None)
@given(DAMAGE, st.sampled_from([512, 4096, 1 << 20]))
def test_damage_costs_only_what_it_hits_and_makes_nothing_up(original, damage, window_bytes: int) -> None:
    path, data = original
    found = events_of(path, damaged(data, *damage), window_bytes)

    assert len(found) == len(set(found)), "an event came twice"
    assert set(found) <= set(range(EVENTS)), "an event that never was"
    assert len(found) >= EVENTS - BLOCK // 48 - 4


@settings(max_examples=100, deadline=None)
@given(st.lists(DAMAGE, min_size=2, max_size=6), st.sampled_from([512, 4096]))
def test_much_damage_is_survived_too(original, damages, window_bytes: int) -> None:
    path, data = original
    for damage in damages:
        if len(data) > 10:
            data = damaged(data, *damage)
    found = events_of(path, data, window_bytes)

    assert len(found) == len(set(found))
    assert set(found) <= set(range(EVENTS))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=2000), st.sampled_from([1, 64, 1 << 20]))
def test_a_file_of_anything_is_read_without_an_exception(original, data: bytes, window_bytes: int) -> None:
    path, _ = original

    assert events_of(path, data, window_bytes) == []
