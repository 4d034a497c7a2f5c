"""A record behind `flowtrail serve`: a run, a thousand runs read back, and a million points into PostgreSQL."""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from kit.postgres import Postgres

from plugin_core import Run, configure, list_runs
from plugin_core.model.changes import PutComponent
from plugin_core.model.names import RUN_SOURCE_TAG
from plugin_core.stores import open_store
from plugin_core.testing.contract.making import parameters, points
from plugin_core.tracking.engine import close_engine, engine

RUNS = 1_000
POINTS = 1_000_000
SERIES = 20


def show(what: str, value: float, unit: str, goal: float | None = None, peer: str = "") -> None:
    print(json.dumps({"what": what, "value": value, "unit": unit, "goal": goal, "peer": peer}), flush=True)


@contextmanager
def served(home: Path, store: str) -> Iterator[str]:
    """The URL of a record behind a server that is a process of its own."""
    environment = {
        **os.environ,
        "FLOWTRAIL_STORE": store,
        "FLOWTRAIL_BLOBS": (home / "blobs").as_uri(),
        "FLOWTRAIL_SPOOL_DIR": str(home / "server-spool"),
        "FLOWTRAIL_SERVER_DIR": str(home / "server"),
        "FLOWTRAIL_SERVER_REQUESTS_PER_S": "0",
        "FLOWTRAIL_SERVER_METRICS_TOKEN": "bench",
    }
    command = [sys.executable, "-m", "plugin_core.cli", "serve", "--port", "0"]
    server = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    try:
        assert server.stderr is not None
        found = re.search(r"http://\S+\d", server.stderr.readline())
        assert found is not None
        yield f"flowtrail+{found[0]}"
    finally:
        server.terminate()
        server.wait(30)


def asked(url: str) -> int:
    """How many requests the server has answered."""
    import urllib.request

    address = url.removeprefix("flowtrail+") + "/metrics"
    request = urllib.request.Request(address, headers={"Authorization": "Bearer bench"})
    with urllib.request.urlopen(request) as answer:
        lines = answer.read().decode().splitlines()
    counted = [line for line in lines if re.match(r"\w*requests_total\{", line) and 'action="metrics"' not in line]
    return int(sum(float(line.rpartition(" ")[2]) for line in counted))


def one_run(url: str, home: Path) -> None:
    """From the start of a run until its end, and until all of it is in the server's store."""
    configure(store=url, spool_dir=home / "spool", blobs=url)
    ended: list[float] = []
    kept: list[float] = []
    requests: list[int] = []
    for number in range(20):
        truth = [0, 1] * (number + 2)  # bytes that the server has already would be asked after
        before, began = asked(url), time.perf_counter()
        with Run("bench", f"one-{number}") as run:
            run.log_parameter("rate", 0.1)
            run.log_metric("loss", 0.5)
            run.log_confusion_matrix(truth, truth[::-1], title="cm")
        ended.append((time.perf_counter() - began) * 1000)
        assert engine().flush(10)
        kept.append((time.perf_counter() - began) * 1000)
        requests.append(asked(url) - before)
    what = "a run with a parameter, a metric and a confusion matrix, through a server (median)"
    show(what, statistics.median(ended[2:]), "ms", 10)
    show("... until the server has all of it", statistics.median(kept[2:]), "ms")
    show("... requests", statistics.median(requests), "requests", 3)


def thousand_runs(url: str) -> None:
    store = open_store(url)
    names = [f"many-run{number}" for number in range(RUNS)]
    tags = dict([RUN_SOURCE_TAG])
    store.write(
        [PutComponent(at=n, name=name, experiment="many", trial="t", tags=tags) for n, name in enumerate(names)]
    )
    store.write([parameters(name, {"rate": 0.1, "depth": 3, "kind": "x"}) for name in names])
    store.write([points(name, [1.0, 0.5], metric=metric) for name in names for metric in ("loss", "accuracy")])
    taken = []
    for _ in range(5):
        before, began = asked(url), time.perf_counter()
        runs = list_runs("many")
        assert sum(len(run.parameters) + len(run.metrics) for run in runs) == RUNS * 5
        taken.append(time.perf_counter() - began)
        requests = asked(url) - before
    show("list 1,000 runs and read their parameters and metrics, through a server", statistics.median(taken), "s", 0.5)
    show("... requests", requests, "requests", 12, "8,100 of SDK v2")
    store.close()
    close_engine()


def million(url: str, home: Path) -> None:
    configure(store=url, spool_dir=home / "spool-million", blobs=url)
    names = [f"loss-{n}" for n in range(SERIES)]
    began = time.perf_counter()
    with Run("bench", "million") as run:
        for step in range(POINTS // SERIES):
            for name in names:
                run.log_metric(name, step * 0.1, step=step)
    assert engine().flush(120)
    show("a million points through a server into PostgreSQL, from the first call", time.perf_counter() - began, "s", 20)
    close_engine()
    store = open_store(url)
    node = store.component("bench-million").id
    assert sum(summary.count for summary in store.summaries([node])[node].values()) == POINTS
    began = time.perf_counter()
    assert sum(1 for name in names for _ in store.points(node, name)) == POINTS
    show("... read back through the server", time.perf_counter() - began, "s")
    store.close()


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="flowtrail-bench-") as folder:
        home = Path(folder)
        with served(home, f"sqlite:///{home / 'record.db'}") as url:
            one_run(url, home)
            thousand_runs(url)
        postgres = Postgres()
        try:
            postgres.start()
            with served(home, postgres.url(postgres.create_database())) as url:
                million(url, home)
        finally:
            postgres.remove()


main()
