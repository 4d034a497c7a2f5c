"""write(2) that keeps the interpreter's lock, for the few hundred bytes of a step's record.

``os.write`` lets the lock go. In a process whose other threads are busy, as an orchestrator's are, getting it back
takes up to the switch interval of 5 ms, for a call of 5 microseconds. Where ctypes cannot reach the C library,
``os.write`` it is.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Final

SMALL_BYTES: Final = 64 * 1024  # past this, other threads should run meanwhile


def _bound() -> Callable[[int, bytes], int]:
    """The function that ``write`` is, made on import."""
    try:
        import ctypes

        in_c = ctypes.PyDLL(None).write
    except (ImportError, OSError, TypeError, AttributeError):  # no libffi, no such library, Windows
        return os.write
    in_c.argtypes, in_c.restype = (ctypes.c_int, ctypes.c_char_p, ctypes.c_size_t), ctypes.c_ssize_t

    def write(fd: int, data: bytes) -> int:
        if len(data) <= SMALL_BYTES:
            written: int = in_c(fd, data, len(data))
            if written >= 0:
                return written
        # Nothing was written: this says why, or is past what a signal interrupted. To ask ctypes for the error's
        # number would cost as much again as the write, each time.
        return os.write(fd, data)

    return write


write: Final = _bound()
