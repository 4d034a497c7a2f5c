from __future__ import annotations

import math
import os
from pathlib import Path

import pytest

from plugin_core.journal import frames
from plugin_core.journal.reader import Damage, SegmentReader, Window
from plugin_core.journal.segments import segment_at
from plugin_core.model.changes import AppendPoints, PutExperiment, SetParameters


def read(path: Path, start: int = 0, **options) -> tuple[list[Window], Damage]:
    segment = segment_at(path)
    assert segment is not None
    window_bytes = options.pop("window_bytes", 1 << 20)
    with SegmentReader(segment, window_bytes=window_bytes) as reader:
        return list(reader.windows(start, **options)), reader.damage


def steps(windows: list[Window]) -> list[int]:
    return [s for w in windows for c in w.changes if isinstance(c, AppendPoints) for s in c.steps]


@pytest.fixture
def written(place) -> Path:
    journal = place.journal()
    journal.append(PutExperiment(at=1, name="e"))
    for i in range(500):
        journal.series("c", f"m{i % 3}").log(i / 2, i, i)
    journal.append(SetParameters(at=2, component="c", parameters={"lr": math.inf}))
    journal.close()
    return place.files[0]


@pytest.mark.parametrize("window_bytes", [1, 7, 48, 100, 4096, 1 << 20])
def test_windows_of_any_size_hold_the_same(written: Path, window_bytes: int) -> None:
    windows, damage = read(written, window_bytes=window_bytes)

    assert sorted(steps(windows)) == list(range(500))
    assert sum(w.events for w in windows) == 502
    assert not damage
    assert [w.end for w in windows[:-1]] == [w.start for w in windows[1:]]
    assert windows[-1].end == written.stat().st_size


def test_reading_may_begin_where_any_window_ended(written: Path) -> None:
    cuts, _ = read(written, window_bytes=64)
    for cut in cuts[:: len(cuts) // 20]:
        before, _ = read(written, upto=cut.end)
        after, damage = read(written, cut.end)

        assert sorted(steps(before) + steps(after)) == list(range(500))
        assert not damage


def test_points_keep_what_was_logged(place) -> None:
    journal = place.journal()
    series = journal.series("c", "m")
    for value in (0.1, math.inf, -math.inf, -0.0, math.nan):
        series.log(value, None, 1_700_000_000_000_000)
    series.log_data({"row": [1, "x"]}, None, 5)
    series.log(2.0, None, 6)
    journal.close()

    windows, _ = read(place.files[0])
    (points,) = windows[0].changes
    assert isinstance(points, AppendPoints)
    assert repr(list(points.values)) == "[0.1, inf, -inf, -0.0, nan, nan, 2.0]"
    assert list(points.steps) == list(range(7))
    assert list(points.times) == [1_700_000_000_000_000] * 5 + [5, 6]
    assert points.data == {5: {"row": [1, "x"]}}


def test_the_end_of_a_living_journal_is_left_alone(written: Path) -> None:
    whole = written.read_bytes()
    for cut in (1, 10, 30):
        written.write_bytes(whole[:-cut])
        windows, damage = read(written, is_live=True)

        assert windows[-1].end < len(whole) - cut
        assert damage == Damage()


def test_a_last_frame_that_was_never_finished_is_torn_not_damaged(written: Path) -> None:
    written.write_bytes(written.read_bytes()[:-25])  # all of the closing frame, and some of the last change
    windows, damage = read(written)

    assert damage.torn_bytes > 0
    assert not damage
    assert len(steps(windows)) == 500
    assert windows[-1].end == written.stat().st_size


def test_a_tail_of_zeros_after_a_loss_of_power_is_torn(written: Path) -> None:
    written.write_bytes(written.read_bytes() + bytes(5000))
    windows, damage = read(written)

    assert damage.torn_bytes == 5000
    assert not damage
    assert sum(w.events for w in windows) == 502


def test_frames_of_another_journal_are_no_part_of_this_one(place, written: Path) -> None:
    other = place.journal()
    other.series("x", "y").log(1.0, 7777)
    other.close()
    (foreign,) = (p for p in place.files if p != written)
    whole = written.read_bytes()
    written.write_bytes(whole[:-20] + foreign.read_bytes() + whole[-20:])

    windows, damage = read(written)
    assert 7777 not in steps(windows)
    assert damage.skipped_bytes == foreign.stat().st_size
    assert damage.lost_events == 0


def test_a_block_that_is_there_twice_counts_once(written: Path) -> None:
    whole = written.read_bytes()
    windows, _ = read(written, window_bytes=1)
    start, end = windows[100].start, windows[110].end
    written.write_bytes(whole[:end] + whole[start:end] + whole[end:])

    again, damage = read(written)
    assert sorted(steps(again)) == list(range(500))
    assert damage.duplicates == 11
    assert damage.lost_events == 0


def test_lost_events_are_counted_by_their_sequence(written: Path) -> None:
    whole = written.read_bytes()
    windows, _ = read(written, window_bytes=1)
    written.write_bytes(whole[: windows[200].start] + whole[windows[220].start :])

    again, damage = read(written)
    assert damage.lost_events == 20
    assert len(steps(again)) == 480


def test_a_series_keeps_its_name_when_the_block_that_names_it_is_lost(place) -> None:
    journal = place.journal()
    for i in range(400):
        journal.series("c", "m").log(0.5, i)
    journal.close()
    whole = bytearray(place.files[0].read_bytes())
    at = whole.index(b'[0,"c","m"]')
    whole[at : at + 4096] = bytes(4096)
    place.files[0].write_bytes(whole)

    windows, damage = read(place.files[0])
    assert len(steps(windows)) >= 400 - 4096 // 48 - 2
    assert damage.nameless_points == 0


def test_frames_of_an_unknown_type_are_listed_and_skipped(place) -> None:
    journal = place.journal()
    series = journal.series("c", "m")
    series.log(1.0, 0)
    at = journal.position
    journal._put(frames.pack(99, journal._seq, b"from the future", journal._salt))
    journal._put(frames.pack(frames.CHANGE, journal._seq, b'PutColour {"at":1}', journal._salt))
    series.log(1.0, 1)
    journal.close()

    windows, damage = read(place.files[0])
    assert damage.unknown[0] == at
    assert len(damage.unknown) == 2
    assert steps(windows) == [0, 1]
    assert not damage


def test_a_length_that_lies_costs_one_frame(written: Path) -> None:
    windows, _ = read(written, window_bytes=1)
    whole = bytearray(written.read_bytes())
    at = windows[50].start
    whole[at + 4 : at + 8] = (60 * 1024 * 1024).to_bytes(4, "little")
    written.write_bytes(whole)

    again, damage = read(written, window_bytes=4096)
    assert len(steps(again)) == 499
    assert damage.regions == [(windows[50].start, windows[50].end)]


def test_a_large_frame_is_read_through_small_windows(place) -> None:
    journal = place.journal()
    text = "x" * 300_000
    journal.append(PutExperiment(at=1, name="e", description=text))
    journal.close()

    windows, damage = read(place.files[0], window_bytes=512)
    assert [c for w in windows for c in w.changes] == [PutExperiment(at=1, name="e", description=text)]
    assert not damage


def test_the_header_names_the_owner_and_holds_no_password(place) -> None:
    journal = place.journal(store_url="postgresql://me:secret@host/db")
    journal.append(PutExperiment(at=1, name="e"))
    with SegmentReader(segment_at(place.files[0])) as reader:
        header = reader.header

    assert header is not None
    assert header.owner.pid == os.getpid()
    assert header.store_url == "postgresql://host/db"  # others may bring it in as another user
    assert b"secret" not in place.files[0].read_bytes()
