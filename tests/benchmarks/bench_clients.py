"""SageMaker's SDK v2, unmodified and in its own environment, against a started server."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from plugin_core.server.client_setup import client_environment, write_config

ROOT = Path(__file__).parents[2]
CLIENT = "clients-sagemaker-v2"
KEYS = {"AWS_DEFAULT_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "flowtrail", "AWS_SECRET_ACCESS_KEY": "none"}


def show(what: str, value: float, unit: str, goal: float | None = None, peer: str = "") -> None:
    print(json.dumps({"what": what, "value": value, "unit": unit, "goal": goal, "peer": peer}), flush=True)


def main() -> None:
    python = Path(os.environ.get("FLOWTRAIL_CLIENTS", ROOT / ".venvs")) / CLIENT / "bin" / "python"
    if not python.exists():
        sys.exit(f"The SDK is not there: make .venvs/{CLIENT}/.pins")
    home = Path(tempfile.mkdtemp(prefix="flowtrail-bench-"))
    record = {
        "FLOWTRAIL_STORE": f"sqlite:///{home / 'record.db'}",
        "FLOWTRAIL_SERVER_REQUESTS_PER_S": "0",
    }
    command = [sys.executable, "-m", "plugin_core.cli", "serve", "--port", "0"]
    server = subprocess.Popen(command, env={**os.environ, **record}, stderr=subprocess.PIPE, text=True)
    try:
        assert server.stderr is not None
        found = re.search(r"http://\S+\d", server.stderr.readline())
        assert found is not None
        leading = client_environment(found[0], write_config(home / "client"))
        told = run([str(python), "-W", "ignore", str(Path(__file__).with_name("sdk_run.py"))], {**KEYS, **leading})
    finally:
        server.terminate()
        server.wait(30)
    peer = "22 to 35 ms on a server without a store"
    show("SDK v2: a run with a parameter, a metric and a confusion matrix", told["ms"], "ms", 40, peer)
    show("... its calls", told["calls"], "calls", 14)


def run(command: list[str], variables: dict[str, str]) -> dict[str, float]:
    done = subprocess.run(command, env={**os.environ, **variables}, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr[-2000:])
    told: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return told


main()
