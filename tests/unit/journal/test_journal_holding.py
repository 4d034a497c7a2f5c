"""The write of a change does not let other threads of the process run in between."""

from __future__ import annotations

import errno
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from plugin_core.journal import holding
from plugin_core.model.changes import PutExperiment


@contextmanager
def a_thread_that_runs_whenever_it_may() -> Iterator[list[None]]:
    """What it adds to the list tells how often it ran. The interpreter does not take turns by itself meanwhile."""
    turns: list[None] = []
    stopping = threading.Event()

    def run() -> None:
        while not stopping.is_set():
            turns.append(None)
            time.sleep(0)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(100)
    thread = threading.Thread(target=run)
    thread.start()
    try:
        while not turns:
            time.sleep(0.001)
        yield turns
    finally:
        stopping.set()
        sys.setswitchinterval(interval)
        thread.join()


def test_no_other_thread_runs_while_a_change_is_recorded(place) -> None:
    journal = place.journal()
    journal.append(PutExperiment(at=0, name="first"))  # makes the file
    with a_thread_that_runs_whenever_it_may() as turns:
        before = len(turns)
        for i in range(300):
            journal.append(PutExperiment(at=i, name="e"))
            journal.append_all([PutExperiment(at=i, name="f"), PutExperiment(at=i, name="g")])
        during = len(turns) - before

    assert during == 0


@pytest.mark.parametrize("size", [0, 10, holding.SMALL_BYTES + 1])
def test_what_is_written_is_in_the_file(tmp_path: Path, size: int) -> None:
    data = os.urandom(size)
    path = tmp_path / "file"
    fd = os.open(path, os.O_CREAT | os.O_WRONLY)
    try:
        assert holding.write(fd, data) == size
    finally:
        os.close(fd)

    assert path.read_bytes() == data


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_disk_is_an_error_with_its_number() -> None:
    fd = os.open("/dev/full", os.O_WRONLY)
    try:
        with pytest.raises(OSError, match="No space left") as raised:
            holding.write(fd, b"x")
    finally:
        os.close(fd)

    assert raised.value.errno == errno.ENOSPC


def test_a_closed_file_is_an_error_with_its_number(tmp_path: Path) -> None:
    fd = os.open(tmp_path / "file", os.O_CREAT | os.O_WRONLY)
    os.close(fd)
    with pytest.raises(OSError, match="Bad file descriptor") as raised:
        holding.write(fd, b"x")

    assert raised.value.errno == errno.EBADF
