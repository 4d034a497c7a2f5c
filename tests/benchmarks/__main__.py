"""`make bench`: run every benchmark in a process of its own and print its figures beside their goals.

Each ``bench_*.py`` prints one JSON line a figure: what, value, unit, and optionally goal (a number that the
value should not pass, or a text) and peer. Name some to run only those: ``make bench ONLY="journal imports"``.
``PEERS=path/of/peers.py PEERS_PYTHON=python`` times other trackers on the same work, where they are installed;
only that with ``ONLY=peers``.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

FOLDER = Path(__file__).parent
TIMEOUT_S = 900
UNWANTED = ("FLOWTRAIL_", "PYTHONDONTWRITEBYTECODE")  # the latter has each process compile us anew, and not the peers
PEER_WORK = {  # how often, and who does it: what has no runs writes points whatever it is asked for
    "metrics": (
        20_000,
        ["raw-file", "raw-sqlite", "mlflow", "mlflow-batch", "wandb", "trackio", "aim", "tbx", "dvclive"],
    ),
    "runs": (50, ["mlflow", "wandb", "trackio", "aim"]),
}


def main() -> int:
    wanted = os.environ.get("ONLY", "").split() or sys.argv[1:]
    known = {script.stem.removeprefix("bench_"): script for script in sorted(FOLDER.glob("bench_*.py"))}
    if unknown := set(wanted) - {*known, "peers"}:
        sys.exit(f"There is no {', '.join(sorted(unknown))}; there are {', '.join(known)}, and peers.")
    scripts = [script for name, script in known.items() if not wanted or name in wanted]
    console = Console(width=None if sys.stdout.isatty() else 160)
    table = Table(
        title=f"flowtrail on {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    )
    for column in ("what", "measured", "goal", "", "for comparison"):
        table.add_column(column, overflow="fold")
    failed = 0
    for script in scripts:
        began = time.monotonic()
        figures, error = run(script)
        console.print(
            f"[dim]{script.stem.removeprefix('bench_')}: {time.monotonic() - began:.0f} s[/dim]", highlight=False
        )
        for figure in figures:
            table.add_row(*row(figure))
        if error:
            failed += 1
            table.add_row(script.stem, "[red]failed[/red]", "", "", error[-300:])
    if peers := os.environ.get("PEERS"):
        figures, silent = peer_figures(Path(peers), os.environ.get("PEERS_PYTHON", sys.executable))
        for figure in figures:
            table.add_row(*row(figure))
        for peer, why in silent.items():
            console.print(f"[dim]{peer} is left out: {why}[/dim]", highlight=False)
    console.print(table)
    return 1 if failed else 0


def run(script: Path) -> tuple[list[dict[str, Any]], str]:
    environ = {key: value for key, value in os.environ.items() if not key.startswith(UNWANTED)}
    done = finished([sys.executable, str(script)], environ)
    figures = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return figures, (done.stderr or f"exit status {done.returncode}") if done.returncode else ""


def finished(command: list[str], environ: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """A command that has ended, and nothing of what it put into the folder for temporary files."""
    with tempfile.TemporaryDirectory(prefix="flowtrail-bench-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)  # PostgreSQL has a folder in it and does not run as root
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
            env={**environ, "TMPDIR": folder},
        )


def row(figure: dict[str, Any]) -> tuple[str, str, str, str, str]:
    value, goal, unit = figure["value"], figure.get("goal"), figure["unit"]
    met = "" if not isinstance(goal, int | float) else "[green]met[/green]" if value <= goal else "[red]missed[/red]"
    shown = f"{value:,.3g} {unit}" if isinstance(value, float) else f"{value:,} {unit}"
    limit = "" if goal is None else f"<= {goal:,} {unit}" if isinstance(goal, int | float) else goal
    return figure["what"], shown, limit, met, str(figure.get("peer") or "")


def peer_figures(script: Path, python: str) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """The figures of the peers that are there, and for the others why there are none."""
    figures: list[dict[str, Any]] = []
    silent: dict[str, str] = {}
    for work, (n, peers) in PEER_WORK.items():
        for peer in peers:
            done = finished([python, str(script), peer, work, str(n)], os.environ)
            said = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"peer"')]
            if done.returncode or not said:
                silent[peer] = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
                continue
            what = f"{peer}: {'log a metric' if work == 'metrics' else 'a run with 5 parameters and a metric'}"
            durable = f"durable after {said[-1]['durable_s']:g} s for {n:,}"
            figures.append({"what": what, "value": said[-1]["us_per_call"], "unit": "us", "peer": durable})
    return figures, silent


if __name__ == "__main__":
    sys.exit(main())
