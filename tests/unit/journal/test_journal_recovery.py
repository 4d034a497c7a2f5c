from __future__ import annotations

import json
import os
import time
from dataclasses import replace
from pathlib import Path

import pytest
from kit.journal import RecordingStore

from plugin_core.errors import StoreUnavailableError
from plugin_core.journal import codec, drain_live, frames, is_alive, list_journals, owners, recover
from plugin_core.journal.reader import SegmentReader
from plugin_core.journal.segments import segment_at, segment_path
from plugin_core.model.changes import PutExperiment
from plugin_core.model.components import Owner


def leave_behind(place, events: int = 10, **options) -> Path:
    """What a process that was killed leaves: a file without an end."""
    journal = place.journal(**options)
    for i in range(events):
        journal.series("c", "m").log(0.5, i)
    path = journal.paths[-1]
    journal._close_fd()
    journal._begin()
    return path


def run(place, **options):
    return recover(place.spool, place.store, fallback=place.fallback, **options)


def test_what_a_dead_process_left_is_brought_in_and_deleted(place) -> None:
    leave_behind(place)
    report = run(place)

    assert (report.journals, report.events, report.lost_events, report.torn_bytes) == (1, 10, 0, 0)
    assert place.store.steps() == list(range(10))
    assert place.files == []
    assert place.store.seen[0].lease_until == place.store.seen[0].at


def test_a_second_recovery_finds_nothing(place) -> None:
    leave_behind(place)
    run(place)

    assert run(place).events == 0
    assert place.store.steps() == list(range(10))


def test_a_living_journal_is_left_to_its_owner(place) -> None:
    journal = place.journal()
    journal.series("c", "m").log(0.5, 0)
    report = run(place)

    assert (report.live, report.events) == (1, 0)
    assert len(place.files) == 1
    assert run(place, include_live=True).events == 1
    assert len(place.files) == 1


def test_a_reader_sees_what_others_have_just_written(place) -> None:
    journal = place.journal()
    for i in range(5):
        journal.series("c", "m").log(0.5, i)
        assert drain_live(place.spool, place.store, fallback=place.fallback) == 1

    assert place.store.steps() == list(range(5))
    assert place.store.seen[-1].lease_until > place.store.seen[-1].at


def test_a_journal_of_another_store_is_left_alone(place) -> None:
    path = leave_behind(place, store_url="sqlite:////elsewhere/record.db")
    report = run(place)

    assert report.other_stores == 1
    assert place.store.changes == []
    assert path.exists()


def test_a_store_is_the_same_by_whichever_path(place, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    leave_behind(place, store_url="sqlite:///record.db")
    place.store.url = f"sqlite:///{tmp_path}/record.db"

    assert run(place).events == 10


def test_a_store_that_does_not_answer_keeps_the_files(place) -> None:
    path = leave_behind(place)
    place.store.break_down()
    with pytest.raises(StoreUnavailableError):
        run(place)

    assert path.exists()
    place.store.come_back()
    assert run(place).events == 10


def test_a_recovery_that_is_cut_off_goes_on_where_it_was(place) -> None:
    path = leave_behind(place, 50_000)
    calls = []

    def fail_later(done: int, total: int | None) -> None:
        calls.append(done)
        if len(calls) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(place, progress=fail_later)
    assert path.exists()
    run(place)

    assert place.store.steps() == list(range(50_000))


def test_progress_reaches_its_total(place) -> None:
    path = leave_behind(place, 50_000)
    size = path.stat().st_size
    told: list[tuple[int, int | None]] = []
    run(place, progress=lambda done, total: told.append((done, total)))

    assert told[-1] == (size, size)
    assert [done for done, _ in told] == sorted(done for done, _ in told)


def test_a_damaged_journal_is_read_around_the_damage_and_kept_with_a_report(place) -> None:
    path = leave_behind(place, 1000)
    data = bytearray(path.read_bytes())
    data[20_000:21_000] = os.urandom(1000)
    path.write_bytes(data)
    report = run(place)

    assert report.lost_events == 1000 - len(place.store.steps())
    assert 0 < report.lost_events <= 23
    assert (report.bad_regions, len(report.quarantined)) == (1, 1)
    assert place.files == []
    said = json.loads((place.spool / "quarantine" / f"{path.name}.json").read_text())
    assert said["lost_events"] == report.lost_events
    assert report.quarantined[0].read_bytes() == bytes(data)


def test_a_torn_tail_is_reported_and_deleted(place) -> None:
    path = leave_behind(place)
    path.write_bytes(path.read_bytes()[:-7])
    report = run(place)

    assert report.torn_bytes == 41
    assert report.quarantined == []
    assert place.store.steps() == list(range(9))


def test_a_segment_that_is_gone_is_reported_and_bridged(place) -> None:
    leave_behind(place, 5000, segment_bytes=64 * 1024)
    gone = place.files[1]
    start, size = int(gone.name.split(".")[-2]), gone.stat().st_size
    gone.unlink()
    report = run(place)

    assert report.missing_bytes == size, start
    assert report.events == 5000 - round(size / 48, -1) or 0 < report.events < 5000
    assert place.files == []


def test_what_only_a_newer_version_can_read_stays_until_one_reads_it(place, monkeypatch) -> None:
    journal = place.journal()
    journal.series("c", "m").log(0.5, 0)
    newer = b'PutColour {"at":1,"name":"red"}'
    journal._put(frames.pack(frames.CHANGE, journal._seq, newer, journal._salt))
    journal.close()
    for _ in range(2):
        assert run(place).quarantined == []
        assert len(place.files) == 1
    assert place.store.steps() == [0]

    decode = codec.decode
    known = PutExperiment(at=1, name="red")
    monkeypatch.setattr(codec, "decode", lambda p: known if p == newer else decode(p))
    run(place)
    assert place.store.written == [known]
    assert list(place.spool.iterdir()) == []


def test_a_journal_of_a_newer_format_is_not_touched(place) -> None:
    path = leave_behind(place)
    with SegmentReader(segment_at(path)) as reader:
        header = reader.header
    rest = path.read_bytes()[len(frames.pack_header(header, 0)) :]
    path.write_bytes(frames.pack_header(replace(header, format=2), 0) + rest)
    report = run(place)

    assert (report.newer, report.events) == (1, 0)
    assert path.exists()


def test_an_unreadable_header_does_not_lose_the_rest(place) -> None:
    path = leave_behind(place)
    data = bytearray(path.read_bytes())
    data[30] ^= 1
    path.write_bytes(data)
    report = run(place)

    assert report.events == 10
    assert len(report.quarantined) == 1


def test_a_file_that_was_never_finished_is_swept_away_in_time(place) -> None:
    path = leave_behind(place)
    hidden = path.with_name(f".{path.name}.new")
    hidden.write_bytes(b"x")
    run(place)
    assert hidden.exists()

    leave_behind(place)
    run(place, now=lambda: time.time() + 7200)
    assert not hidden.exists()


def test_two_recoveries_at_once_bring_each_event_once(place) -> None:
    path = leave_behind(place, 50_000)
    other = RecordingStore()
    other.marks, other.batches = place.store.marks, place.store.batches  # two connections to one store

    def interleave(done: int, total: int | None) -> None:
        if path.exists():
            recover(place.spool, other, fallback=place.fallback)  # type: ignore[arg-type]

    run(place, progress=interleave)
    assert place.store.steps() == list(range(50_000))
    assert place.files == []


def test_the_journals_of_a_spool_are_listed_with_who_writes_them(place) -> None:
    dead, journal = leave_behind(place), place.journal()
    journal.series("c", "m").log(0.5)
    infos = {info.paths[0]: info for info in list_journals(place.spool, fallback=place.fallback)}

    assert set(infos) == {dead, *journal.paths}
    assert infos[journal.paths[0]].owner == journal.owner
    assert infos[journal.paths[0]].is_alive is True
    assert infos[dead].size_bytes == dead.stat().st_size


def alive(place, owner: Owner) -> bool | None:
    return is_alive(owner, place.spool, fallback=place.fallback)


def test_a_process_is_told_by_pid_and_start_and_boot(place) -> None:
    me = owners.this_owner("0" * 32)

    assert alive(place, me) is True
    assert alive(place, replace(me, started="1")) is False
    assert alive(place, replace(me, pid=2**22 + 1)) is False
    assert alive(place, replace(me, boot_id="another")) is False


def test_nothing_is_guessed_of_another_machine(place) -> None:
    me = owners.this_owner("0" * 32)

    assert alive(place, replace(me, host="elsewhere", boot_id="another")) is None


def test_in_another_container_of_this_machine_the_lock_tells(place) -> None:
    journal = place.journal()
    journal.series("c", "m").log(0.5)
    stranger = replace(journal.owner, host="container", pid=7)
    assert alive(place, stranger) is True

    journal._close_fd()
    assert alive(place, stranger) is False


def test_the_unfinished_file_of_another_machine_is_drained_but_not_deleted(place) -> None:
    path = leave_behind(place)
    with SegmentReader(segment_at(path)) as reader:
        header = reader.header
    owner = replace(header.owner, host="elsewhere", boot_id="another")
    rest = path.read_bytes()[len(frames.pack_header(header, 0)) :]
    path.write_bytes(frames.pack_header(replace(header, owner=owner), 0) + rest)
    moved = path.rename(segment_path(path.parent, host="elsewhere", pid=1, journal=header.journal, start=0))

    assert run(place).events == 10
    assert moved.exists()
    run(place, now=lambda: time.time() + 200_000)
    assert not moved.exists()
