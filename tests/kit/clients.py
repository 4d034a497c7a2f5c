"""Clients of SageMaker as their packages bring them, each in an environment of its own that make builds."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from plugin_core.server.client_setup import client_environment, write_config
from plugin_core.stores import open_store
from plugin_core.stores.protocol import TrackingStore

ROOT = Path(__file__).parents[2]
FOREIGN = ("FLOWTRAIL_", "AWS_", "SAGEMAKER_", "TRAINING_JOB_", "PYTHON")


def program_of(client: str, name: str = "python") -> str:
    """A program of a client's environment; the test is skipped, under CI=true failed, where there is none."""
    environments = Path(os.environ.get("FLOWTRAIL_CLIENTS", ROOT / ".venvs"))
    found = environments / f"clients-{client}" / "bin" / name
    if not found.exists():
        pytest.skip(f"clients-{client} is not installed: make .venvs/clients-{client}/.pins")
    return str(found)


@dataclass(kw_only=True)
class Served:
    """`flowtrail serve` as a process, its record, and what leads clients to it."""

    url: str
    store: TrackingStore
    record: Mapping[str, str]
    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    def run(self, client: str, program: Path, *arguments: str, **variables: str) -> Any:
        """What an unmodified program prints, as its client's Python runs it: the last line is JSON."""
        output = self.finished([program_of(client), "-W", "ignore", str(program), *arguments], **variables)
        return json.loads(output.strip().splitlines()[-1])

    def finished(self, command: list[str], **variables: str) -> str:
        """What a command that ended well has printed."""
        done = subprocess.run(
            command,
            cwd=self.folder,
            env={**self.environment, **variables},
            capture_output=True,
            text=True,
            timeout=500,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


class Server:
    """Starts `flowtrail serve` at a free port over a record in a folder."""

    def __init__(self, folder: Path) -> None:
        own = {key: value for key, value in os.environ.items() if not key.startswith(FOREIGN)}
        record = {
            "FLOWTRAIL_STORE": f"sqlite:///{folder / 'record.db'}",
            "FLOWTRAIL_BLOBS": (folder / "blobs").as_uri(),
            "FLOWTRAIL_SPOOL_DIR": str(folder / "spool"),
        }
        self._process = subprocess.Popen(
            [sys.executable, "-m", "plugin_core.cli", "serve", "--port", "0"],
            env={**own, **record},
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._process.stderr is not None
        said = self._process.stderr.readline()
        url = re.search(r"http://\S+\d", said)
        assert url is not None, said + self._process.communicate(timeout=60)[1]
        keys = {"AWS_DEFAULT_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "flowtrail", "AWS_SECRET_ACCESS_KEY": "none"}
        leading = client_environment(url[0], write_config(folder / "client"))
        self.served = Served(
            url=url[0],
            store=open_store(record["FLOWTRAIL_STORE"]),
            record=record,
            folder=folder,
            environment={**own, **keys, **leading, "SAGEMAKER_SUPPRESS_V2_WARNING": "1"},
        )

    def stop(self) -> str:
        """End the server; what it said after it had started."""
        self.served.store.close()
        self._process.send_signal(signal.SIGTERM)
        return self._process.communicate(timeout=60)[1]
