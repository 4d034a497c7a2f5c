"""CPU time that importing costs, medians of fresh processes; and what must not come along."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys

REPEATS = 9


def cpu_ms(code: str, before: str = "pass") -> float:
    program = f"import time\n{before}\nbegan = time.process_time()\n{code}\nprint((time.process_time() - began) * 1000)"
    times = [
        float(subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout)
        for _ in range(REPEATS + 1)
    ]
    return statistics.median(times[1:])


def show(what: str, value: float, goal: float, peer: str = "") -> None:
    print(
        json.dumps({"what": what, "value": round(value, 1), "unit": "ms CPU", "goal": goal, "peer": peer}), flush=True
    )


show("import plugin_core", cpu_ms("import plugin_core"), 100)
show(
    "from plugin_core import Run, load_run, list_runs", cpu_ms("from plugin_core import Run, load_run, list_runs"), 100
)
show(
    "import prefect_integration, beyond import prefect",
    cpu_ms("import prefect_integration\nprefect_integration.autolog()", "import prefect, prefect.main"),
    100,
    "dagster-mlflow adds 2,800 ms",
)
show(
    "import dagster_integration, beyond import dagster",
    cpu_ms("import dagster_integration\ndagster_integration.autolog()", "import dagster"),
    150,
    "dagster-mlflow adds 2,800 ms",
)
