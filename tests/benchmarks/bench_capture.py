"""What a recorded step costs flowtrail itself, without an orchestrator around it."""

from __future__ import annotations

import json
import statistics
import tempfile
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path

from plugin_core import configure
from plugin_core.capture.events import ExecutionKey, ExecutionStarted, StepFinished, StepKey, StepStarted
from plugin_core.capture.recorder import recorder
from plugin_core.model.components import Status

STEPS = 2_000
FLOW = ExecutionKey(system="bench", experiment="bench", execution_id=str(uuid.uuid4()))


def show(what: str, value: float, goal: float | None = None) -> None:
    print(json.dumps({"what": what, "value": round(value, 3), "unit": "ms CPU", "goal": goal}), flush=True)


def one() -> float:
    """Record a step of three scalar arguments and a scalar result; CPU seconds of this thread."""
    recording = recorder()
    assert recording is not None
    key = StepKey(execution=FLOW, step="add", step_id=str(uuid.uuid4()))
    began = time.thread_time()
    inputs = {"x": 1, "y": 0.5, "name": "a"}
    recording.step_started(StepStarted(key=key, name="add-1", at=datetime.now(UTC), inputs=inputs))
    finished = StepFinished(
        key=key,
        name="add-1",
        at=datetime.now(UTC),
        status=Status.COMPLETED,
        output=3.5,
        result_uris=("bench:result/1",),
    )
    recording.step_finished(finished)
    return time.thread_time() - began


def main() -> None:
    home = Path(tempfile.mkdtemp(prefix="flowtrail-bench-"))
    configure(store=f"sqlite:///{home / 'record.db'}")
    recording = recorder()
    assert recording is not None
    recording.execution_started(ExecutionStarted(key=FLOW, name="bench", at=datetime.now(UTC)))
    for _ in range(200):
        one()
    recording.flush(60)
    began = time.process_time()
    times = [one() for _ in range(STEPS)]
    recording.flush(60)
    show("a recorded step with scalar arguments, in the step", statistics.median(times) * 1000, 0.5)
    show("... and with its drain into the store", (time.process_time() - began) / STEPS * 1000)


main()
