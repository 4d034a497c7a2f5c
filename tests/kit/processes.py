"""Processes that log until they are killed, and what they had acknowledged by then."""

from __future__ import annotations

import mmap
import os
import subprocess
import sys
from pathlib import Path

SLOTS = 64
PREAMBLE = """
import mmap, os, sys, threading, time
from pathlib import Path
from plugin_core.journal import Drainer, Journal
spool, url, acks, arguments = Path(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4:]
fd = os.open(acks, os.O_RDWR)
view = memoryview(mmap.mmap(fd, 8 * 64)).cast("q")
def store():
    from plugin_core.stores import open_store
    return open_store(url)
def opened(durability="process", **options):
    return Journal(spool, store_url=url, durability=durability, fallback=spool.parent / "fallback", **options)
"""


class Acks:
    """Counters in a file that outlive whoever writes them: slot n holds how many events were acknowledged."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.write_bytes(bytes(8 * SLOTS))
        with path.open("r+b") as file:
            self._view = memoryview(mmap.mmap(file.fileno(), 8 * SLOTS)).cast("q")

    def __getitem__(self, slot: int) -> int:
        return self._view[slot]

    def clear(self) -> None:
        for slot in range(SLOTS):
            self._view[slot] = 0


def start(code: str, spool: Path, url: str, acks: Acks, *arguments: object) -> subprocess.Popen[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("FLOWTRAIL_", "COV"))}
    return subprocess.Popen(
        [sys.executable, "-c", PREAMBLE + code, str(spool), url, str(acks.path), *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )


def finish(process: subprocess.Popen[str], timeout_s: float = 60) -> str:
    """Wait for a process that is to end well, and return what it printed."""
    try:
        out, err = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise
    assert process.returncode == 0, err
    assert not err, err
    return out
