"""A recorded Prefect task over the same task unrecorded, as users have it: a server, Prefect's default log level.

All of it happens inside one flow: blocks of 100 tasks, recorded and unrecorded in turn and in random order, each
once what the one before left to be done is done. So starting a server or a flow, and importing, are in neither. Each
recorded block is compared with the unrecorded one beside it, and the median of these is shown: a machine that is busy
with other things for some seconds then slows both.
"""

from __future__ import annotations

import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

HOME = Path(tempfile.mkdtemp(prefix="flowtrail-bench-"))
os.environ["PREFECT_HOME"] = str(HOME / "prefect")
os.environ["PREFECT_SERVER_ANALYTICS_ENABLED"] = "false"
os.environ["PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS"] = "120"

from prefect import flow, task  # noqa: E402
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings  # noqa: E402
from prefect.testing.utilities import prefect_test_harness  # noqa: E402

import prefect_integration  # noqa: E402
from plugin_core import configure  # noqa: E402
from plugin_core.capture.recorder import recorder  # noqa: E402
from prefect_integration.links import wait_for_links  # noqa: E402

TASKS = 100
ROUNDS = 30
COUNTED = 20  # tasks whose bytecodes are counted
SETTLE_S = 0.3  # Prefect's own threads send logs and events of a block for about that long


@dataclass(frozen=True)
class Spent:
    """Milliseconds a task: on the clock, of this process's CPU, and of that with what is done after the block."""

    wall: float
    cpu: float
    cpu_in_all: float

    def minus(self, other: Spent) -> Spent:
        return Spent(self.wall - other.wall, self.cpu - other.cpu, self.cpu_in_all - other.cpu_in_all)


@task
def add(x: int, y: float = 0.5, name: str = "a") -> float:
    return x + y


def called() -> None:
    for i in range(TASKS):
        add(i)


def submitted() -> None:
    for future in [add.submit(i) for i in range(TASKS)]:
        future.result()


def block(work: Callable[[], None], *, recorded: bool) -> Spent:
    """One block of tasks; what flowtrail leaves to its threads is waited for, and belongs to no other block."""
    if recorded:
        prefect_integration.autolog()
    else:
        prefect_integration.stop_autolog()
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    wall, cpu_then = time.perf_counter() - wall, time.process_time()
    recording = recorder()
    assert recording is not None
    recording.flush(60)
    wait_for_links(60)
    time.sleep(SETTLE_S)
    scale = 1000 / TASKS
    return Spent(wall * scale, (cpu_then - cpu) * scale, (time.process_time() - cpu) * scale)


def bytecodes(*, recorded: bool) -> float:
    """How many bytecodes this thread works off for a task: the same on any machine, and a busy one."""
    if recorded:
        prefect_integration.autolog()
    else:
        prefect_integration.stop_autolog()
    count = 0

    def seen(frame: FrameType, event: str, _argument: object) -> Callable[..., Any]:
        nonlocal count
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        count += event == "opcode"
        return seen

    add(0)
    sys.settrace(seen)
    try:
        for i in range(COUNTED):
            add(i)
    finally:
        sys.settrace(None)
    return count / COUNTED


@flow
def counted() -> tuple[float, float]:
    """Of a task called in turn, unrecorded and recorded."""
    with_record = bytecodes(recorded=True)
    without = bytecodes(recorded=False)
    prefect_integration.autolog()
    return without, with_record


@flow
def measured(works: tuple[Callable[[], None], ...]) -> list[list[tuple[Spent, Spent]]]:
    """For each kind of work, pairs of an unrecorded and a recorded block."""
    found: list[list[tuple[Spent, Spent]]] = []
    for work in works:
        for recorded in (True, False):
            block(work, recorded=recorded)  # not counted: imports, connections, the store's first opening
        rounds = [
            {recorded: block(work, recorded=recorded) for recorded in random.sample((True, False), 2)}
            for _ in range(ROUNDS)
        ]
        found.append([(each[False], each[True]) for each in rounds])
    prefect_integration.autolog()
    return found


def show(what: str, value: float, unit: str, goal: float | None = None, peer: str = "") -> None:
    print(json.dumps({"what": what, "value": round(value, 3), "unit": unit, "goal": goal, "peer": peer}), flush=True)


def report(name: str, pairs: list[tuple[Spent, Spent]]) -> None:
    plain = statistics.median(unrecorded.wall for unrecorded, _ in pairs)
    more = [recorded.minus(unrecorded) for unrecorded, recorded in pairs]
    ratio = statistics.median(recorded.wall / unrecorded.wall for unrecorded, recorded in pairs)
    cpu, in_all = (statistics.median(getattr(each, field) for each in more) for field in ("cpu", "cpu_in_all"))
    peer = f"two empty Prefect hooks: 1.37 to 2.0 x; unrecorded {plain:.2f} ms"
    show(f"Prefect task, {name}: recorded over unrecorded", ratio, "x", 1.10, peer)
    peer = f"CPU of the process {cpu:.2f} ms; with its drain and links {in_all:.2f}"
    show(f"Prefect task, {name}: recorded minus unrecorded", statistics.median(m.wall for m in more), "ms", 0.5, peer)


def main() -> None:
    configure(store=f"sqlite:///{HOME / 'record.db'}", spool_dir=HOME / "spool", blobs=(HOME / "blobs").as_uri())
    prefect_integration.autolog()
    with (
        prefect_test_harness(server_startup_timeout=120),
        temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}),
    ):
        called_pairs, submitted_pairs = measured((called, submitted))
        plain, recorded = counted()
    report("called in turn", called_pairs)
    report("submitted", submitted_pairs)
    said = f"{recorded - plain:,.0f} beside {plain:,.0f}: the same on a busy machine"
    show(
        "Prefect task, called in turn: bytecodes of its thread, recorded over unrecorded",
        recorded / plain,
        "x",
        1.10,
        said,
    )


main()
