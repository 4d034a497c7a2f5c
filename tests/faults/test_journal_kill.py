"""F1, F2: kill -9 at random moments. What was acknowledged is in the store afterwards, once."""

from __future__ import annotations

import random
import signal
import time

import pytest
from kit.journal import RecordingStore
from kit.processes import Acks, start

from plugin_core.journal import recover
from plugin_core.stores import open_store

WRITER = """
number = int(arguments[0])
journal = opened(segment_bytes=256 * 1024)
log = journal.series("c", f"m{number}").log
i = 0
while True:
    log(0.5, i)
    i += 1
    view[number] = i
"""
# Forks writers one after the other: a fork starts in a millisecond, an interpreter in fifty.
NURSERY = """
import random, signal
first = int(arguments[0])
for number in range(first, first + int(arguments[1])):
    pid = os.fork()
    if pid == 0:
        journal = opened(segment_bytes=256 * 1024)
        own = [journal.series("c", f"m{number}-{n}").log for n in range(int(arguments[2]))]
        def work(slot, log):
            i = 0
            while True:
                log(0.5, i)
                i += 1
                view[slot] = i
        for n, log in enumerate(own[1:], 1):
            threading.Thread(target=work, args=(number * len(own) + n, log)).start()
        work(number * len(own), own[0])
    time.sleep(random.uniform(0.0, 0.05))
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
"""


@pytest.mark.parametrize("threads", [1, 4])
def test_a_hundred_kills_lose_nothing_that_was_acknowledged(place, tmp_path, threads: int) -> None:
    acknowledged = 0
    for _ in range(0, 100, 10):
        acks, store = Acks(tmp_path / "acks"), RecordingStore()
        nursery = start(NURSERY, place.spool, store.url, acks, 0, 10, threads)
        _, err = nursery.communicate(timeout=60)
        assert nursery.returncode == 0, err
        report = recover(place.spool, store, fallback=place.fallback)

        assert (report.lost_events, report.bad_regions, report.live) == (0, 0, 0)
        for slot in range(10 * threads):
            found = store.steps(metric=f"m{slot // threads}-{slot % threads}")
            assert found == list(range(len(found)))
            assert acks[slot] <= len(found) <= acks[slot] + 1
            acknowledged += acks[slot]
        assert place.files == []
    assert acknowledged > 10_000


DRAINED_WRITER = """
number = int(arguments[0])
journal = opened(segment_bytes=64 * 1024)
drainer = Drainer(journal, store, interval_s=0.0)
log = journal.series("c", f"m{number}").log
for i in range(10**9):
    log(0.5, i)
    view[number] = i + 1
    if i % 500 == 0:
        time.sleep(0.001)
"""
RECOVERER = """
from plugin_core.journal import recover, drain_live
opened_store = store()
print("ready", flush=True)
while True:
    recover(spool, opened_store, fallback=spool.parent / "fallback")
    drain_live(spool, opened_store, fallback=spool.parent / "fallback")
"""


def test_writers_and_drains_that_are_killed_at_random_bring_each_event_once(place, tmp_path) -> None:
    url, acks = f"sqlite:///{tmp_path}/record.db", Acks(tmp_path / "acks")
    open_store(url).close()
    dice = random.Random()
    writers = {n: start(DRAINED_WRITER, place.spool, url, acks, n) for n in range(3)}
    drains = [start(RECOVERER, place.spool, url, acks) for _ in range(2)]
    used = len(writers)
    deadline = time.monotonic() + 8
    while time.monotonic() < deadline:
        time.sleep(dice.uniform(0.2, 0.8))
        if dice.random() < 0.5:
            victim = dice.choice(list(writers))
            kill(writers.pop(victim))
            writers[used] = start(DRAINED_WRITER, place.spool, url, acks, used)
            used += 1
        else:
            kill(drains.pop(0))
            drains.append(start(RECOVERER, place.spool, url, acks))
    for process in (*writers.values(), *drains):
        kill(process)
    store = open_store(url)
    report = recover(place.spool, store, fallback=place.fallback)

    assert (report.lost_events, report.bad_regions, report.missing_bytes, report.quarantined) == (0, 0, 0, [])
    component = store.component("c").id
    for number in range(used):
        found = [p.step for p in store.points(component, f"m{number}")]
        assert found == list(range(len(found)))
        assert acks[number] <= len(found) <= acks[number] + 1
    assert sum(acks[n] for n in range(used)) > 1_000
    assert place.files == []


def kill(process) -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate()


CONTENDER = """
number, points = int(arguments[0]), int(arguments[1])
journal = opened("1s")
drainer = Drainer(journal, store, interval_s=0.2)
log = journal.series(f"c{number}", "m").log
for i in range(points):
    log(0.5, i)
drainer.close(60)
print(journal.pending_events)
"""


def test_sixteen_processes_log_into_one_store(place, tmp_path) -> None:
    url, acks, points = f"sqlite:///{tmp_path}/record.db", Acks(tmp_path / "acks"), 2_000
    open_store(url).close()
    processes = [start(CONTENDER, place.spool, url, acks, n, points) for n in range(16)]
    for process in processes:
        out, err = process.communicate(timeout=200)
        assert (process.returncode, out, err) == (0, "0\n", "")

    store = open_store(url)
    for n in range(16):
        assert [p.step for p in store.points(store.component(f"c{n}").id, "m")] == list(range(points))
    assert place.files == []


def test_the_lock_of_a_killed_process_is_free_at_once(place, tmp_path) -> None:
    acks = Acks(tmp_path / "acks")
    process = start(WRITER, place.spool, place.store.url, acks, 0)
    while acks[0] < 100:
        time.sleep(0.01)
        assert process.poll() is None
    assert recover(place.spool, place.store, fallback=place.fallback).live == 1
    kill(process)

    report = recover(place.spool, place.store, fallback=place.fallback)
    assert (report.live, report.lost_events) == (0, 0)
    assert report.events >= acks[0]
    assert place.files == []
