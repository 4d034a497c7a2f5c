"""smexperiments' API on flowtrail's own record: deleting an experiment with all that is in it."""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from pathlib import Path

from plugin_core import configure
from plugin_core.dialects.smexperiments import Experiment, Tracker, Trial

ROUNDS = 15


def show(what: str, value: float, unit: str, goal: float | None = None, peer: str = "") -> None:
    print(json.dumps({"what": what, "value": value, "unit": unit, "goal": goal, "peer": peer}), flush=True)


def fill(experiment: Experiment) -> None:
    for _ in range(2):
        trial = experiment.create_trial()
        for _ in range(2):
            with Tracker.create() as tracker:
                tracker.log_parameters({f"p{i}": i * 0.5 for i in range(5)})
                tracker.log_metric("auc", 0.5)
            trial.add_trial_component(tracker)


def timed(action: object) -> float:
    start = time.perf_counter()
    action()  # type: ignore[operator]
    return (time.perf_counter() - start) * 1000


def main() -> None:
    home = Path(tempfile.mkdtemp(prefix="flowtrail-bench-"))
    configure(store=f"sqlite:///{home / 'record.db'}", spool_dir=home / "spool", blobs=(home / "blobs").as_uri())
    made, deleted = [], []
    for i in range(ROUNDS):
        experiment = Experiment.create(f"bench-{i}")
        made.append(timed(lambda experiment=experiment: fill(experiment)))
        deleted.append(timed(lambda experiment=experiment: experiment.delete_all("--force")))
    assert list(Trial.list()) == []
    show("smexperiments: delete_all of 2 trials with 2 components", statistics.median(deleted), "ms", 50, "12,050 ms")
    show("... making them: 4 trackers with 5 parameters and a metric", statistics.median(made), "ms")


main()
