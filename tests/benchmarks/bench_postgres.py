"""The record in PostgreSQL: a million points, a write, many writers at once; on a server of the benchmark's own."""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from kit.postgres import Postgres

from plugin_core import Run, configure
from plugin_core.model.components import Status
from plugin_core.stores import open_store
from plugin_core.testing.contract.making import component, parameters, points, status
from plugin_core.tracking.engine import close_engine, engine

POINTS = 1_000_000
SERIES = 20
WRITES = 500
WRITERS, WRITES_EACH = 8, 200


def show(what: str, value: float, unit: str, goal: float | None = None, peer: str = "") -> None:
    print(json.dumps({"what": what, "value": value, "unit": unit, "goal": goal, "peer": peer}), flush=True)


def million(url: str, home: Path, *, series: int) -> None:
    configure(store=url, spool_dir=home / "spool", blobs=(home / "blobs").as_uri())
    with Run("bench", f"warm-{series}") as run:
        run.log_metric("loss", 0.0)
    assert engine().flush(60)
    names = [f"loss-{n}" for n in range(series)]
    began = time.perf_counter()
    with Run("bench", f"million-{series}") as run:
        for step in range(POINTS // series):
            for name in names:
                run.log_metric(name, step * 0.1, step=step)
    logged = time.perf_counter() - began
    assert engine().flush(120)
    drained = time.perf_counter() - began
    close_engine()
    store = open_store(url)
    node = store.component(f"bench-million-{series}").id
    assert sum(summary.count for summary in store.summaries([node])[node].values()) == POINTS
    began = time.perf_counter()
    assert sum(1 for name in names for _ in store.points(node, name)) == POINTS
    read = time.perf_counter() - began
    store.close()
    what = f"PostgreSQL: a million points in {series} series, from the first call until they are in the store"
    show(what, drained, "s", 20, f"logging alone: {logged:.1f} s; COPY of a row a point alone: 11 s")
    show("... read back", read, "s")


def milliseconds(call: Callable[[int], object], n: int = WRITES) -> float:
    taken = []
    for i in range(n):
        began = time.perf_counter()
        call(i)
        taken.append(time.perf_counter() - began)
    return statistics.median(taken) * 1000


def writes(url: str, sqlite: str) -> None:
    for name, place in (("PostgreSQL", url), ("SQLite", sqlite)):
        store = open_store(place)
        store.write([component("w")])

        def put(i: int, store=store) -> None:
            run = f"c{i}"
            store.write([component(run, at=i), status(run, Status.RUNNING), parameters(run, {"a": 1, "b": "x"})])

        show(f"{name}: a run with two parameters, one transaction (median)", milliseconds(put), "ms")
        show(
            f"{name}: ten points of a series, one transaction (median)",
            milliseconds(
                lambda i, store=store: store.write([points("w", [1.0] * 10, steps=range(i * 10, i * 10 + 10))])
            ),
            "ms",
        )
        store.close()


def at_once(url: str, *, shared: bool) -> None:
    """Processes that write ten points at a time, each of a run of its own or all of one."""
    began = time.perf_counter()
    children = []
    for n in range(WRITERS):
        if (child := os.fork()) == 0:
            store = open_store(url)
            run = "all" if shared else f"own-{n}"
            for i in range(WRITES_EACH):
                store.write([points(run, [1.0] * 10, metric=f"m{n}", steps=range(i * 10, i * 10 + 10))])
            store.close()
            os._exit(0)
        children.append(child)
    assert all(os.waitpid(child, 0)[1] == 0 for child in children)
    rate = WRITERS * WRITES_EACH / (time.perf_counter() - began)
    show(
        f"PostgreSQL: {WRITERS} processes write {'of one run' if shared else 'of runs of their own'}", rate, "writes/s"
    )


def main() -> None:
    server = Postgres()
    try:
        server.start()
        with tempfile.TemporaryDirectory() as folder:
            home = Path(folder)
            url = server.url(server.create_database())
            million(url, home, series=1)
            million(url, home, series=SERIES)
            writes(url, f"sqlite:///{home / 'record.db'}")
            at_once(url, shared=False)
            at_once(url, shared=True)
    finally:
        server.remove()


if __name__ == "__main__":
    main()
