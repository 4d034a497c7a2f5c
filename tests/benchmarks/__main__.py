"""`make bench`: run every benchmark in a process of its own and print its figures beside their goals.

Each ``bench_*.py`` prints one JSON line a figure: what, value, unit, and optionally goal (a number that the
value should not pass, or a text) and peer. Name some to run only those: ``make bench ONLY="journal imports"``.
``PEERS=path/of/peers.py PEERS_PYTHON=python`` times other trackers on the same work, where they are installed.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

FOLDER = Path(__file__).parent
TIMEOUT_S = 900
UNWANTED = ("FLOWTRAIL_", "PYTHONDONTWRITEBYTECODE")  # the latter has each process compile us anew, and not the peers
PEER_WORK = {"metrics": 20_000, "runs": 50}
PEERS = ("raw-file", "raw-sqlite", "mlflow", "mlflow-batch", "wandb", "trackio", "aim", "tbx", "dvclive")


def main() -> int:
    wanted = os.environ.get("ONLY", "").split() or sys.argv[1:]
    scripts = [s for s in sorted(FOLDER.glob("bench_*.py")) if not wanted or s.stem.removeprefix("bench_") in wanted]
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
        for figure in peer_figures(Path(peers), os.environ.get("PEERS_PYTHON", sys.executable)):
            table.add_row(*row(figure))
    console.print(table)
    return 1 if failed else 0


def run(script: Path) -> tuple[list[dict[str, Any]], str]:
    done = subprocess.run(
        [sys.executable, str(script)],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
        env={key: value for key, value in os.environ.items() if not key.startswith(UNWANTED)},
    )
    figures = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return figures, (done.stderr or f"exit status {done.returncode}") if done.returncode else ""


def row(figure: dict[str, Any]) -> tuple[str, str, str, str, str]:
    value, goal, unit = figure["value"], figure.get("goal"), figure["unit"]
    met = "" if not isinstance(goal, int | float) else "[green]met[/green]" if value <= goal else "[red]missed[/red]"
    shown = f"{value:,.3g} {unit}" if isinstance(value, float) else f"{value:,} {unit}"
    limit = "" if goal is None else f"<= {goal:,} {unit}" if isinstance(goal, int | float) else goal
    return figure["what"], shown, limit, met, str(figure.get("peer") or "")


def peer_figures(script: Path, python: str) -> list[dict[str, Any]]:
    figures: list[dict[str, Any]] = []
    for work, n in PEER_WORK.items():
        for peer in PEERS:
            done = subprocess.run(
                [python, str(script), peer, work, str(n)],
                capture_output=True,
                text=True,
                timeout=TIMEOUT_S,
                check=False,
            )
            for line in done.stdout.splitlines():
                if done.returncode == 0 and line.startswith('{"peer"'):
                    said = json.loads(line)
                    what = f"{peer}: {'log a metric' if work == 'metrics' else 'a run with 5 parameters and a metric'}"
                    durable = f"durable after {said['durable_s']:g} s for {n:,}"
                    figures.append({"what": what, "value": said["us_per_call"], "unit": "us", "peer": durable})
    return figures


if __name__ == "__main__":
    sys.exit(main())
