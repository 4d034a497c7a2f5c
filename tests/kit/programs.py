"""Programs that record as ``flowtrail run`` makes them, each in a session of its own, ended with the test."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

from prefect_integration.bootstrap import bootstrap_env

T = TypeVar("T")


class Programs:
    """Starts Python programs in a folder, with a given Prefect and a given record."""

    def __init__(self, folder: Path, record: Mapping[str, str]) -> None:
        from prefect.settings import get_current_settings

        self._folder = folder
        self._environ = {
            **os.environ,
            **get_current_settings().to_environment_variables(exclude_unset=True),
            **record,
            "PREFECT_LOGGING_LEVEL": "WARNING",
        }

    def __call__(self, *command: str, recorded: bool = True, **variables: str) -> subprocess.Popen[str]:
        """Start ``python`` with a command line."""
        given = {**self._environ, **(bootstrap_env(self._environ) if recorded else {}), **variables}
        return subprocess.Popen(
            [sys.executable, *command],
            cwd=self._folder,
            env=given,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


@contextlib.contextmanager
def running(process: subprocess.Popen[str]) -> Iterator[subprocess.Popen[str]]:
    """A process in its own session, and its children; ended with the test."""
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


def until(condition: Callable[[], T], *, within_s: float = 150.0) -> T:
    """What ``condition`` gives, as soon as it is something."""
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.3)
    raise AssertionError("it did not happen")


def finished(process: subprocess.Popen[str]) -> str:
    """What a program printed that ended well."""
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    return output
