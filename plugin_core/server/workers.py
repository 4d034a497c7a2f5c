"""Several worker processes at one socket: started, kept at their number, and told to stop with their parent."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from socket import socket
from types import FrameType
from typing import Final

_log: Final = logging.getLogger("flowtrail.server")
_LOOK_S: Final = 0.5
_LONGEST_PAUSE_S: Final = 30.0


def supervise(work: Callable[[socket], None], listening: socket, count: int) -> None:
    """Run ``work`` in processes of their own until SIGTERM or SIGINT. One that ends by itself is replaced."""
    stopping = threading.Event()
    _on_signals(stopping)
    processes = [_start(work, listening) for _ in range(count)]
    pause_s = _LOOK_S
    while not stopping.is_set():
        ended = wait([process.sentinel for process in processes], timeout=_LOOK_S)
        if not ended:
            pause_s = _LOOK_S
        elif not stopping.wait(pause_s):  # one that cannot start is not started in a tight loop
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
            processes = [_living(process, work, listening) for process in processes]
    for process in processes:
        process.terminate()
    for process in processes:
        process.join()


def _on_signals(stopping: threading.Event) -> None:
    def stop(number: int, frame: FrameType | None) -> None:
        del number, frame
        stopping.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)


def _start(work: Callable[[socket], None], listening: socket) -> BaseProcess:
    process = multiprocessing.get_context("spawn").Process(target=_work_with_parent, args=(work, listening))
    process.start()
    return process


def _living(process: BaseProcess, work: Callable[[socket], None], listening: socket) -> BaseProcess:
    if process.is_alive():
        return process
    _log.warning("worker %s ended with status %s; another takes its place", process.pid, process.exitcode)
    return _start(work, listening)


def _work_with_parent(work: Callable[[socket], None], listening: socket) -> None:
    """Work, and stop when the parent is gone, however it went: nobody else would stop this process."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    work(listening)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)
