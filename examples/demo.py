"""Record two runs of a Prefect flow, a Dagster job, and a flow that uses what the job made; show what is recorded.

The record is left in .flowtrail/demo, to look further. Prefect and Dagster keep their own things in .flowtrail, too:
nothing is installed, and no other Prefect or Dagster is touched.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

from plugin_core import Run, configure, list_runs

ROOT = Path(__file__).resolve().parent.parent
RECORD = ROOT / ".flowtrail" / "demo"
STORE = f"sqlite:///{RECORD / 'record.db'}"
PREFECT_HOME = ROOT / ".flowtrail" / "prefect"  # kept from one demo to the next: making its database takes a while
DAGSTER_HOME = RECORD / "dagster"
DAGSTER_SETTINGS = "telemetry: {enabled: false}\npython_logs: {python_log_level: WARNING}\n"
SCRIPTS = sysconfig.get_path("scripts")
BEST = 5
AGE_GROUP = "45-to-59"


def main() -> None:
    """Record and show, first each orchestrator by itself, then what joins them."""
    make_folders()

    tell("1. Prefect: which model finds breast cancer best? Twice, with a parameter changed.")
    run("python", "examples/breast_cancer_prefect/flow.py", "--rounds", "4")
    run("python", "examples/breast_cancer_prefect/flow.py", "--rounds", "20")
    publish = latest("breast-cancer", "publish")
    run("flowtrail", "show", publish.parent.component_name)
    print_best_models()
    tell("What the chosen model came from. Equal data is one node: both executions made it, and both are shown.")
    run("flowtrail", "lineage", artifact_of(publish, "model.joblib"), "--up", "--depth", "20")

    tell("2. Dagster: how far will diabetes progress? A job of assets, each made in a process of its own.")
    tags = f'{{"dagster/partition": "{AGE_GROUP}"}}'
    run("dagster", "job", "execute", "-f", "examples/diabetes_dagster/definitions.py", "-j", "diabetes", "--tags", tags)
    run("flowtrail", "show", latest("diabetes", "published").parent.component_name)

    tell("3. Both: a Prefect flow uses the model and the patients that Dagster has published.")
    run("python", "examples/diabetes_dagster/score.py", "--age-group", AGE_GROUP)
    calls = artifact_of(latest("diabetes-calls", "keep-calls"), "calls.csv")
    run("flowtrail", "ls")
    tell("What its list came from: a file that Dagster wrote and Prefect read is one node, and so is an equal model.")
    run("flowtrail", "lineage", calls, "--up", "--depth", "20")
    print_further(calls)


def make_folders() -> None:
    """A fresh record, and homes of their own for Prefect and Dagster."""
    shutil.rmtree(RECORD, ignore_errors=True)
    PREFECT_HOME.mkdir(parents=True, exist_ok=True)
    DAGSTER_HOME.mkdir(parents=True)
    (DAGSTER_HOME / "dagster.yaml").write_text(DAGSTER_SETTINGS)
    configure(store=STORE)


def run(*command: str) -> None:
    """Run a command in a process of its own, as a user would."""
    print(f"\n$ {shlex.join(command)}", flush=True)
    program = sys.executable if command[0] == "python" else str(Path(SCRIPTS, command[0]))
    started = time.monotonic()
    subprocess.run([program, *command[1:]], cwd=ROOT, env=environment(), check=True)
    if command[0] != "flowtrail":
        print(f"({time.monotonic() - started:.0f} s)")


def environment() -> dict[str, str]:
    """This process's, with the demo's record and a Prefect and a Dagster of its own."""
    foreign = ("FLOWTRAIL_", "PREFECT_", "DAGSTER_")
    return {
        **{key: value for key, value in os.environ.items() if not key.startswith(foreign)},
        "PATH": f"{SCRIPTS}{os.pathsep}{os.environ.get('PATH', '')}",
        "FLOWTRAIL_STORE": STORE,
        "PREFECT_HOME": str(PREFECT_HOME),
        "PREFECT_LOGGING_LEVEL": "WARNING",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "180",  # the first start makes its database
        "DAGSTER_HOME": str(DAGSTER_HOME),
        "DIABETES_SHELF": str(RECORD / "shelf"),
        "PYTHONWARNINGS": "ignore:Function",  # "Function ... is superseded", says Dagster of its own
    }


def tell(what: str) -> None:
    """Say what comes next."""
    print(f"\n{what}", flush=True)


def latest(experiment: str, step: str) -> Run:
    """The newest run of a step."""
    return next(run for run in list_runs(experiment) if run.run_name.startswith(f"{step}-"))


def artifact_of(run: Run, name: str) -> str:
    """What the command line takes for one of the artifacts that a run has made: the beginning of its hash."""
    return run.output_artifacts[name].value[: len("sha256:") + 12]


def print_best_models() -> None:
    """The best judgements of both executions, read back with list_runs()."""
    judged = [run for run in list_runs("breast-cancer") if "roc_auc" in run.metrics]
    print(f"\nThe best {BEST} of {len(judged)} models, by list_runs('breast-cancer'):")
    print(f"  {'roc_auc':>8}  {'accuracy':>8}  {'rounds':>6}  candidate")
    for run in sorted(judged, key=lambda run: run.metrics["roc_auc"].last, reverse=True)[:BEST]:
        values = [run.metrics[name].last for name in ("roc_auc", "accuracy")]
        candidate = {k.rpartition(".")[2]: v for k, v in run.parameters.items() if k.startswith("candidate.")}
        named = ", ".join(f"{name}={value}" for name, value in candidate.items())
        print(f"  {values[0]:8.4f}  {values[1]:8.4f}  {run.parent.parameters['rounds']:>6}  {named}")


def print_further(calls: str) -> None:
    """Commands to go on with."""
    evaluated, boosted = latest("breast-cancer", "evaluate"), latest("diabetes", "boosting")
    diverged = next(run for run in list_runs("diabetes") if run.display_name == "descent" and run.attempt == 1)
    commands = {
        f"export FLOWTRAIL_STORE=sqlite:///{(RECORD / 'record.db').relative_to(ROOT)}": "",
        "flowtrail ls runs": "every step",
        f"flowtrail show {evaluated.component_name}": "with a confusion matrix and two curves",
        f"flowtrail show {diverged.component_name}": "the attempt that failed, before the one that is shown above",
        f"flowtrail show {boosted.component_name} --metrics training_error": "logged by a script that Dagster started",
        f"flowtrail lineage {calls} --up --format mermaid": "to paste into Markdown",
        f"flowtrail get {calls} -o calls.csv": "the bytes, checksum verified",
    }
    tell("Look further (the commands are in .venv/bin):")
    width = max(map(len, commands))
    print(
        "\n".join(f"  {command:{width}}  {'# ' if what else ''}{what}".rstrip() for command, what in commands.items())
    )


if __name__ == "__main__":
    main()
