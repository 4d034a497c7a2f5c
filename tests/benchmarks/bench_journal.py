"""Logging: the cost of a call, a million points until another process has them, sixteen processes, a hundred kills."""

from __future__ import annotations

import json
import mmap
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from plugin_core import Run, configure
from plugin_core.journal import Drainer, Journal, recover
from plugin_core.stores import open_store
from plugin_core.tracking.engine import close_engine, engine

CALLS = 200_000
POINTS = 1_000_000
PROCESSES, POINTS_EACH = 16, 20_000
KILLS = 100


def show(what: str, value: float, unit: str, goal: float | None = None, peer: str = "") -> None:
    print(json.dumps({"what": what, "value": value, "unit": unit, "goal": goal, "peer": peer}), flush=True)


def latencies(call: Any, n: int = CALLS) -> list[int]:
    """Nanoseconds of each call, sorted, without what the clock costs."""
    clock, taken = time.perf_counter_ns, []
    empty = min(-clock() + clock() for _ in range(1000))
    for i in range(n):
        start = clock()
        call(0.5, i)
        taken.append(clock() - start - empty)
    return sorted(taken)


def calls(home: Path) -> None:
    fd = os.open(home / "raw", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    frame = bytes(48)
    raw = latencies(lambda _value, _step: os.write(fd, frame))
    os.close(fd)
    configure(store=f"sqlite:///{home / 'calls.db'}", spool_dir=home / "spool", blobs=(home / "blobs").as_uri())
    with Run("bench", "calls") as run:
        run.log_metric("loss", 1.0, step=0)
        engine().flush(60)
        logged = latencies(lambda value, step: run.log_metric("loss", value, step=step))
    close_engine()
    journal = Journal.create(home / "spool-2", store_url="sqlite:////none.db", durability="process")
    series = latencies(journal.series("c", "m").log)
    journal.close()
    beside = f"os.write of 48 bytes: {raw[CALLS // 2] / 1000:.2f} us; Series.log: {series[CALLS // 2] / 1000:.2f} us"
    peers = "; Trackio 7 us (lost on kill), TensorBoardX 36, Aim 61, W&B 110, MLflow 2,200"
    show(
        "log_metric, a call, safe against kill -9, while it is drained (median)",
        logged[CALLS // 2] / 1000,
        "us",
        3,
        beside + peers,
    )
    p99 = f"os.write: {raw[CALLS * 99 // 100] / 1000:.1f} us"
    show("... 99th percentile", logged[CALLS * 99 // 100] / 1000, "us", 100, p99)


READER = """
import sys, time
from plugin_core.stores import open_store
import plugin_core.stores.local
print("ready", flush=True)
for line in sys.stdin:
    store = open_store(sys.argv[1], read_only=True)
    component = store.component("bench-million").id
    summary = store.summaries([component])[component]["loss"]
    print(summary.count, summary.last_step, flush=True)
    print(sum(1 for _ in store.points(component, "loss")), flush=True)
"""


def million(home: Path) -> None:
    url = f"sqlite:///{home / 'million.db'}"
    configure(store=url, spool_dir=home / "spool", blobs=(home / "blobs").as_uri())
    with Run("bench", "warm") as run:
        run.log_metric("loss", 0.0)
    engine().flush(60)
    before = size(home)
    values = [random.random() for _ in range(POINTS)]
    reader = subprocess.Popen([sys.executable, "-c", READER, url], stdin=-1, stdout=-1, text=True)
    assert reader.stdin is not None
    assert reader.stdout is not None
    reader.stdout.readline()
    began = time.perf_counter()
    with Run("bench", "million") as run:
        for i, value in enumerate(values):
            run.log_metric("loss", value, step=i)
    logged = time.perf_counter() - began
    assert engine().flush(120)
    drained = time.perf_counter() - began
    reader.stdin.write("now\n")
    reader.stdin.flush()
    seen = reader.stdout.readline().split()
    visible = time.perf_counter() - began
    assert seen == [str(POINTS), str(POINTS - 1)], seen
    assert int(reader.stdout.readline()) == POINTS
    read = time.perf_counter() - began
    reader.stdin.close()
    reader.wait()
    reader.stdout.close()
    beside = f"logged after {logged:.2f} s, in the store after {drained:.2f} s"
    peers = "Trackio 18 s, Aim 75 s, MLflow batches 50 s"
    show(
        f"{POINTS:,} points, one call each, until another process sees them all", visible, "s", 4, f"{beside}; {peers}"
    )
    show("... and holds each of them as an object", read, "s")
    close_engine()
    row = "a row a point in SQLite: 36 bytes and more"
    show("... bytes a point on the disk, for random values", (size(home) - before) / POINTS, "bytes", 20, row)


def size(home: Path) -> int:
    return sum(path.stat().st_size for path in home.glob("million.db*"))


CONTENDER = """
import json, sys, time
from pathlib import Path
from plugin_core import Run, configure
from plugin_core.tracking.engine import close_engine
url, home, number, points = sys.argv[1], Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])
configure(store=url, spool_dir=home / "spool", blobs=(home / "blobs").as_uri(), exit_flush_timeout_s=120)
clock, taken = time.perf_counter_ns, []
with Run("contention", f"r{number}") as run:
    run.log_metric("loss", 0.0, step=0)
    for i in range(1, points):
        start = clock()
        run.log_metric("loss", 0.5, step=i)
        taken.append(clock() - start)
close_engine()
print(json.dumps(sorted(taken)[points * 99 // 100]))
"""


def contention(home: Path) -> None:
    url = f"sqlite:///{home / 'contention.db'}"
    store = open_store(url)
    began = time.perf_counter()
    command = [sys.executable, "-c", CONTENDER, url, str(home)]
    processes = [
        subprocess.Popen([*command, str(n), str(POINTS_EACH)], stdout=-1, stderr=-1, text=True)
        for n in range(PROCESSES)
    ]
    ended = [(*process.communicate(timeout=600), process.returncode) for process in processes]
    took = time.perf_counter() - began
    assert all(code == 0 and not err for _, err, code in ended), ended
    components = [store.component(f"contention-r{n}").id for n in range(PROCESSES)]
    there = sum(summary["loss"].count for summary in store.summaries(components).values())
    p99 = statistics.median(int(out) for out, _, _ in ended) / 1000
    name = f"{PROCESSES} processes, {POINTS_EACH:,} points each, into one store"
    show(
        f"{name}: missing",
        PROCESSES * POINTS_EACH - there,
        "points",
        0,
        f"{took:.1f} s in all, interpreters' start included",
    )
    show(
        "... 99th percentile of a call (median of the processes)", p99, "us", 100, "MLflow: 838 ms, 334 points/s in all"
    )
    store.close()


def kills(home: Path) -> None:
    """Children log to the journal and drain into SQLite until they are killed; a shared page counts what they knew."""
    url = f"sqlite:///{home / 'kills.db'}"
    open_store(url).close()
    shared = mmap.mmap(-1, 8 * KILLS)
    acks = memoryview(shared).cast("q")
    for number in range(KILLS):
        pid = os.fork()
        if pid == 0:
            log_until_killed(home / "spool-kills", url, number, acks)
        time.sleep(random.uniform(0.05, 0.25))
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    store = open_store(url)
    recover(home / "spool-kills", store)
    lost = twice = 0
    for number in range(KILLS):
        steps = logged_steps(store, number) if acks[number] else []
        lost += len(set(range(acks[number])) - set(steps))
        twice += len(steps) - len(set(steps))
    name = f"{KILLS} x kill -9 at random moments, of {sum(acks):,} acknowledged events"
    peer = "MLflow async loses thousands, W&B up to 105"
    show(f"{name}: lost", lost, "events", 0, peer)
    show("... there twice", twice, "events", 0)
    store.close()


def log_until_killed(spool: Path, url: str, number: int, acks: memoryview) -> None:
    journal = Journal.create(spool, store_url=url)
    drainer = Drainer(journal, lambda: open_store(url), interval_s=0.02)
    log, i = journal.series(f"c{number}", "m").log, 0
    while drainer:
        log(0.5, i)
        i += 1
        acks[number] = i


def logged_steps(store: Any, number: int) -> list[int]:
    return [point.step for point in store.points(store.component(f"c{number}").id, "m")]


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="flowtrail-bench-") as folder:
        for figure in (calls, million, contention, kills):
            home = Path(folder) / figure.__name__
            home.mkdir()
            figure(home)


main()
