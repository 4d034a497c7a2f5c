"""A daemon thread that starts when there is something to do, ends when told, and is made anew in a forked child."""

from __future__ import annotations

import threading
from collections.abc import Callable

from plugin_core.journal.forks import begin_afresh_in_children


class Worker:
    """Runs ``work`` in a thread. ``work`` is to return soon after ``stopping`` is true; ``wait`` ends early then.

    ``wake`` may be called from a signal handler that interrupted another call of it, which threading.Event forbids.
    """

    def __init__(self, name: str, work: Callable[[], None]) -> None:
        self._name = name
        self._work = work
        self.in_child()
        begin_afresh_in_children(self)

    def in_child(self) -> None:
        """No thread yet: that of a forked child's parent is not here, nor is whoever held the locks."""
        self.stopping = False
        self._thread: threading.Thread | None = None
        self._silent = threading.Lock()  # free: woken
        self._silent.acquire()
        self._starting = threading.Lock()

    @property
    def is_current(self) -> bool:
        """Whether this is called in the worker's own thread."""
        return self._thread is threading.current_thread()

    def wake(self) -> None:
        """Have the thread run, starting it if need be. Never blocks for long, never raises."""
        if (self._thread is None or not self._thread.is_alive()) and self._starting.acquire(blocking=False):
            try:
                self._start()
            finally:
                self._starting.release()
        try:
            self._silent.release()
        except RuntimeError:
            return  # woken already

    def _start(self) -> None:
        self.stopping = False
        thread = threading.Thread(target=self._work, name=self._name, daemon=True)
        try:
            thread.start()
        except RuntimeError:
            return  # the interpreter is on its way out, or the system has no more threads: the file keeps the events
        self._thread = thread

    def wait(self, timeout_s: float | None = None) -> bool:
        """In the thread: sleep until woken; False if that took longer than the time-out."""
        return self._silent.acquire(timeout=-1 if timeout_s is None else max(0.0, timeout_s))

    def stop(self, timeout_s: float) -> None:
        """Have the thread end, and wait for that no longer than the time-out."""
        thread = self._thread
        if thread is None or thread is threading.current_thread():
            return
        self.stopping = True
        self.wake()
        thread.join(timeout_s)
