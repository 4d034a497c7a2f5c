"""Runs: opened, logged to and closed; listed and read back."""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from pathlib import Path

from plugin_core import Run, configure, list_runs
from plugin_core.tracking.engine import engine

RUNS = 1_000
LISTED = 10_000
PARAMETERS = {f"p{i}": i * 0.5 for i in range(5)}


def show(what: str, value: float, unit: str, goal: float | None = None, peer: str = "") -> None:
    print(json.dumps({"what": what, "value": value, "unit": unit, "goal": goal, "peer": peer}), flush=True)


def one(i: int) -> None:
    with Run("bench", f"r{i}") as run:
        run.log_parameters(PARAMETERS)
        run.log_metric("auc", i / LISTED)


def main() -> None:
    home = Path(tempfile.mkdtemp(prefix="flowtrail-bench-"))
    configure(store=f"sqlite:///{home / 'record.db'}", spool_dir=home / "spool", blobs=(home / "blobs").as_uri())
    one(LISTED)
    times = []
    began = time.perf_counter()
    for i in range(RUNS):
        start = time.perf_counter()
        one(i)
        times.append(time.perf_counter() - start)
    engine().flush(60)
    durable = (time.perf_counter() - began) / RUNS * 1000
    show(
        "a run with 5 parameters and a metric, opened and closed",
        statistics.median(times) * 1000,
        "ms",
        0.5,
        "Trackio 6.6, MLflow 10, W&B 71, Aim 125 ms",
    )
    show("the same, until it is in the store (of 1,000)", durable, "ms")
    for i in range(RUNS, LISTED):
        one(i)
    engine().flush(120)
    listed = []
    for _ in range(7):
        start = time.perf_counter()
        runs = list_runs("bench")
        listed.append(time.perf_counter() - start)
    assert len(runs) == LISTED + 1, len(runs)
    show("list_runs on 10,000 runs", statistics.median(listed) * 1000, "ms", 150, "SageMaker SDK: 8 calls a run")
    start = time.perf_counter()
    total = sum(run.metrics["auc"].last + run.parameters["p1"] for run in runs)
    assert total > 0
    show("... and a metric and a parameter of each", (time.perf_counter() - start) * 1000, "ms")


main()
