"""Run the breast cancer flow twice, with a changed parameter, on a fresh record; then show what was recorded.

The record is left in .flowtrail/demo, to look further. Prefect keeps its own things beside it, and its
server runs inside the flow's process: nothing is installed, and no other Prefect is touched.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

from plugin_core import Run, configure, list_runs

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "examples" / "breast_cancer_prefect"
RECORD = ROOT / ".flowtrail" / "demo"
PREFECT_HOME = ROOT / ".flowtrail" / "prefect"  # kept from one demo to the next: making its database takes a while
STORE = f"sqlite:///{RECORD / 'record.db'}"
SCRIPTS = sysconfig.get_path("scripts")
EXPERIMENT = "breast-cancer"
BEST = 5


def main() -> None:
    """Record, then show."""
    shutil.rmtree(RECORD, ignore_errors=True)
    PREFECT_HOME.mkdir(parents=True, exist_ok=True)
    for rounds in ("4", "20"):
        record("--rounds", rounds)
    configure(store=STORE)
    show("ls")
    show("show", latest("publish").parent.component_name)
    print_best()
    model = latest("publish").output_artifacts["model.joblib"].value[: len("sha256:") + 12]
    print("\nWhat the chosen model came from. Equal data is one node: both executions made it, and both are shown.")
    show("lineage", model, "--up", "--depth", "20")
    print_further(model)


def record(*options: str) -> None:
    """Run the flow in a process of its own, as a user would."""
    print(f"\n$ python {EXAMPLE.relative_to(ROOT) / 'flow.py'} {' '.join(options)}", flush=True)
    started = time.monotonic()
    subprocess.run([sys.executable, "flow.py", *options], cwd=EXAMPLE, env=environment(), check=True)
    print(f"({time.monotonic() - started:.0f} s, most of it Prefect's start)")


def environment() -> dict[str, str]:
    """This process's, with the demo's record and a Prefect of its own."""
    own = {key: value for key, value in os.environ.items() if not key.startswith(("FLOWTRAIL_", "PREFECT_"))}
    return {
        **own,
        "PATH": f"{SCRIPTS}{os.pathsep}{own.get('PATH', '')}",
        "FLOWTRAIL_STORE": STORE,
        "PREFECT_HOME": str(PREFECT_HOME),
        "PREFECT_LOGGING_LEVEL": "WARNING",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "180",  # the first start makes its database
    }


def show(*arguments: str) -> None:
    """Call the flowtrail command."""
    print(f"\n$ flowtrail {' '.join(arguments)}", flush=True)
    subprocess.run([str(Path(SCRIPTS, "flowtrail")), *arguments], env=environment(), check=True)


def latest(step: str) -> Run:
    """The newest run of a step."""
    return next(run for run in list_runs(EXPERIMENT) if run.run_name.startswith(f"{step}-"))


def print_best() -> None:
    """The best judgements of both executions, read back with list_runs()."""
    judged = [run for run in list_runs(EXPERIMENT) if "roc_auc" in run.metrics]
    print(f"\nThe best {BEST} of {len(judged)} models, by list_runs({EXPERIMENT!r}):")
    print(f"  {'roc_auc':>8}  {'accuracy':>8}  {'rounds':>6}  candidate")
    for run in sorted(judged, key=lambda run: run.metrics["roc_auc"].last, reverse=True)[:BEST]:
        values = [run.metrics[name].last for name in ("roc_auc", "accuracy")]
        candidate = {k.rpartition(".")[2]: v for k, v in run.parameters.items() if k.startswith("candidate.")}
        named = ", ".join(f"{name}={value}" for name, value in candidate.items())
        print(f"  {values[0]:8.4f}  {values[1]:8.4f}  {run.parent.parameters['rounds']:>6}  {named}")


def print_further(model: str) -> None:
    """Commands to go on with."""
    store = f"sqlite:///{(RECORD / 'record.db').relative_to(ROOT)}"
    evaluated = latest("evaluate").component_name
    commands = [
        f"export FLOWTRAIL_STORE={store}",
        "flowtrail ls runs",
        f"flowtrail show {evaluated}",
        f"flowtrail show {latest('train-model').component_name} --metrics log_loss",
        f"flowtrail lineage {model} --up --format mermaid",
        f"flowtrail get {model} -o model.joblib",
    ]
    print("\nLook further (the command is in .venv/bin):")
    print("\n".join(f"  {command}" for command in commands))


if __name__ == "__main__":
    main()
