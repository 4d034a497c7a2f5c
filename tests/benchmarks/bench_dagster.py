"""A recorded Dagster step over the same step unrecorded: variants interleaved in one run, medians."""

from __future__ import annotations

import gc
import json
import logging
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

HOME = Path(tempfile.mkdtemp(prefix="flowtrail-bench-"))
sys.path.insert(0, str(Path(__file__).parent))

import dagster as dg  # noqa: E402
import dagster_job  # noqa: E402

import dagster_integration  # noqa: E402
from plugin_core import configure, list_runs  # noqa: E402
from plugin_core.tracking.engine import engine  # noqa: E402

REPEATS = 15
MAPPED = {50: 24, 1000: 5}  # steps, and how often: of few, the difference is a few milliseconds
APART_REPEATS = 3
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}

APART = """
import resource, sys
import dagster as dg
import dagster_job
with dg.DagsterInstance.get() as instance:
    done = dg.execute_job(dg.reconstructable(dagster_job.apart), instance=instance, run_config={config!r})
    assert done.success
used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
print(sum(each.ru_utime + each.ru_stime for each in used))
"""


def record(recorded: bool) -> None:
    if recorded:
        dagster_integration.autolog()
    else:
        dagster_integration.stop_autolog()


def timed(job: dg.JobDefinition, **options) -> tuple[float, float]:
    """Wall seconds of a run, and the CPU seconds of the process until its record is in the store."""
    gc.collect()
    wall, cpu = time.perf_counter(), time.process_time()
    assert job.execute_in_process(run_config=QUIET, **options).success
    wall = time.perf_counter() - wall
    assert engine().flush(60)
    return wall, time.process_time() - cpu


def interleaved(repeats: int, run) -> dict[bool, tuple[float, float]]:
    """Median wall and CPU seconds, unrecorded and recorded."""
    times: dict[bool, list[tuple[float, float]]] = {True: [], False: []}
    for variant in (True, False):
        record(variant)
        run()
    for _ in range(repeats):
        for variant in random.sample((True, False), 2):
            record(variant)
            times[variant].append(run())
    return {
        variant: (statistics.median(t[0] for t in taken), statistics.median(t[1] for t in taken))
        for variant, taken in times.items()
    }


def show(what: str, value: float, unit: str, goal: float | str | None = None, peer: str = "") -> None:
    print(json.dumps({"what": what, "value": round(value, 3), "unit": unit, "goal": goal, "peer": peer}), flush=True)


class Beyond(NamedTuple):
    """Milliseconds a step, recorded minus unrecorded."""

    wall: float
    cpu: float


def beyond(times: dict[bool, tuple[float, float]], steps: int) -> Beyond:
    return Beyond(*((times[True][i] - times[False][i]) / steps * 1000 for i in (0, 1)))


def a_step(name: str, goal: float, peer: str, **options) -> None:
    times = interleaved(REPEATS, lambda: timed(dagster_job.fifty, **options))
    cost = beyond(times, dagster_job.STEPS)
    alone = times[False][0] / dagster_job.STEPS * 1000
    said = f"{peer}; alone {alone:.2f} ms, CPU of the process + {cost.cpu:.2f} ms"
    show(f"Dagster step, {name}: recorded minus unrecorded", cost.wall, "ms", goal, said)


def mapped(size: int, repeats: int) -> tuple[Beyond, float]:
    """What recording adds to a mapped step, and the CPU milliseconds of one that nobody records."""
    times = interleaved(repeats, lambda: timed(dagster_job.dynamic, tags={"size": str(size)}))
    return beyond(times, size), times[False][1] / size * 1000


def a_thousand_mapped() -> None:
    (few, few_alone), (many, many_alone) = (mapped(size, repeats) for size, repeats in MAPPED.items())
    record(True)
    run = dagster_job.dynamic.execute_in_process(run_config=QUIET, tags={"size": str(max(MAPPED))})
    steps = [each for each in list_runs("dynamic", max_results=10_000) if each.parent is not None]
    there = sum(run.run_id in (each.properties.get("dagster_run_id") or each.url or "") for each in steps)
    there = there or sum(each.parent.properties.get("dagster_run_id") == run.run_id for each in steps)
    show("Dagster, 1,000 mapped steps: missing from the record", max(MAPPED) + 1 - there, "steps", 0)
    said = f"CPU + {many.cpu:.2f} ms over + {few.cpu:.2f} ms, wall + {many.wall:.2f} ms over + {few.wall:.2f} ms"
    alone = f"alone {many_alone:.2f} over {few_alone:.2f} ms"
    what = "Dagster, 1,000 mapped steps: what recording adds to one, over what it adds to one of 50, CPU"
    show(what, many.cpu / few.cpu, "x", 1.25, f"{said}; {alone}")


def apart() -> None:
    """CPU seconds of parent and children, by step, with flowtrail switched on from outside as `flowtrail run` does."""
    home = HOME / "dagster_home"
    home.mkdir()
    (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    plain = {**os.environ, "DAGSTER_HOME": str(home), "PYTHONPATH": str(Path(__file__).parent)}
    from dagster_integration.bootstrap import bootstrap_env

    recorded = {**plain, **bootstrap_env(plain), "FLOWTRAIL_STORE": f"sqlite:///{HOME / 'apart.db'}"}
    used: dict[bool, list[float]] = {True: [], False: []}
    for _ in range(APART_REPEATS):
        for variant in random.sample((True, False), 2):
            done = subprocess.run(
                [sys.executable, "-c", APART.format(config=QUIET)],
                env=recorded if variant else plain,
                capture_output=True,
                text=True,
                check=True,
            )
            used[variant].append(float(done.stdout.splitlines()[-1]))
    cost = (statistics.median(used[True]) - statistics.median(used[False])) / dagster_job.APART
    alone = statistics.median(used[False]) / dagster_job.APART
    show(
        "Dagster step in its own process: CPU over Dagster alone",
        cost,
        "s CPU",
        0.2,
        f"dagster-mlflow 3.3 s; alone {alone:.2f} s",
    )


def main() -> None:
    logging.getLogger("dagster").setLevel(logging.CRITICAL)
    configure(store=f"sqlite:///{HOME / 'record.db'}", spool_dir=HOME / "spool", blobs=(HOME / "blobs").as_uri())
    a_step("ephemeral instance", 1.0, "dagster-mlflow 1.2 ms recording nothing, 3.2 with a parameter")
    with dg.DagsterInstance.local_temp(str(HOME)) as instance:
        a_step("SQLite instance", 1.5, "dagster-mlflow 2.7 ms, 5.5 ms", instance=instance)
    a_thousand_mapped()
    apart()


if __name__ == "__main__":
    print(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB at the start", file=sys.stderr)
    main()
