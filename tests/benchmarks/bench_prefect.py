"""A recorded Prefect task over the same task unrecorded: inside the flow, variants interleaved, medians."""

from __future__ import annotations

import json
import os
import random
import statistics
import tempfile
import time
from pathlib import Path

HOME = Path(tempfile.mkdtemp(prefix="flowtrail-bench-"))
os.environ["PREFECT_HOME"] = str(HOME / "prefect")
os.environ["PREFECT_SERVER_ANALYTICS_ENABLED"] = "false"
os.environ["PREFECT_LOGGING_LEVEL"] = "WARNING"
os.environ["PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS"] = "120"

from prefect import flow, task  # noqa: E402
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings  # noqa: E402
from prefect.testing.utilities import prefect_test_harness  # noqa: E402

import prefect_integration  # noqa: E402
from plugin_core import configure  # noqa: E402

TASKS = 100
REPEATS = 12


@task
def add(x: int, y: float = 0.5, name: str = "a") -> float:
    return x + y


@flow
def sequential() -> tuple[float, float]:
    """Wall and CPU seconds of 100 calls, measured inside the flow."""
    wall, cpu = time.perf_counter(), time.process_time()
    for i in range(TASKS):
        add(i)
    return time.perf_counter() - wall, time.process_time() - cpu


@flow
def submitted() -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    for future in [add.submit(i) for i in range(TASKS)]:
        future.result()
    return time.perf_counter() - wall, time.process_time() - cpu


def measure(subject: object) -> dict[bool, list[tuple[float, float]]]:
    times: dict[bool, list[tuple[float, float]]] = {True: [], False: []}
    for _ in range(REPEATS):
        for recorded in random.sample((True, False), 2):
            if recorded:
                prefect_integration.autolog()
            else:
                prefect_integration.stop_autolog()
            times[recorded].append(subject())  # type: ignore[operator]
    return times


def show(what: str, value: float, unit: str, goal: float | None = None, peer: str = "") -> None:
    print(json.dumps({"what": what, "value": round(value, 3), "unit": unit, "goal": goal, "peer": peer}), flush=True)


def main() -> None:
    configure(store=f"sqlite:///{HOME / 'record.db'}", spool_dir=HOME / "spool", blobs=(HOME / "blobs").as_uri())
    with prefect_test_harness(), temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
        for subject in (sequential, submitted):
            subject()
            times = measure(subject)
            plain, recorded = (statistics.median(t[0] for t in times[key]) / TASKS * 1000 for key in (False, True))
            cpu = [statistics.median(t[1] for t in times[key]) / TASKS * 1000 for key in (False, True)]
            name = subject.__name__
            show(
                f"Prefect task, {name}: recorded over unrecorded",
                recorded / plain,
                "x",
                1.10,
                f"two empty Prefect hooks: 1.37 to 2.0 x; unrecorded {plain:.2f} ms",
            )
            show(
                f"Prefect task, {name}: recorded minus unrecorded",
                recorded - plain,
                "ms",
                0.5,
                f"CPU of the process {cpu[1] - cpu[0]:.2f} ms",
            )


main()
