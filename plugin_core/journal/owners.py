"""Who writes a journal, and whether that process still lives.

A process is told by host, boot, pid and start time, and by the lock that it holds on its journal's file: the kernel
frees the lock when the process ends, however it ends. Of a process on another machine nothing is guessed.
"""

from __future__ import annotations

import os
import socket
from functools import cache
from pathlib import Path

from plugin_core.model.components import Owner

try:
    import fcntl
except ImportError:  # not POSIX: no lock to ask, the process table decides
    fcntl = None  # type: ignore[assignment]


def this_owner(journal: str) -> Owner:
    """This process, as the writer of ``journal``."""
    pid = os.getpid()
    return Owner(journal=journal, host=_host(), pid=pid, boot_id=_boot_id(), started=started(pid) or "")


def namespace() -> str:
    """The name of this process's name space of pids; empty where there is no such thing."""
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""


@cache
def _host() -> str:
    return socket.gethostname()


@cache
def _boot_id() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def started(pid: int) -> str | None:
    """The start time of a process, in the system's ticks since boot; None if there is no such process.

    Empty where the system does not tell. A zombie is gone: it writes no more.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except FileNotFoundError:
        return None if Path("/proc/self/stat").exists() else _started_unknown(pid)
    except OSError:
        return None
    fields = stat[stat.rindex(b")") + 2 :].split()  # the name before it may hold anything
    return None if fields[0] in (b"Z", b"X") else fields[19].decode("ascii")


def _started_unknown(pid: int) -> str | None:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except OSError:
        return ""
    return ""


def in_process_table(owner: Owner) -> bool | None:
    """Whether the process is there; None if this machine's (or boot's) process table cannot tell."""
    if owner.host != _host():
        return None
    if owner.boot_id and _boot_id() and owner.boot_id != _boot_id():
        return False
    seen = started(owner.pid)
    return seen is not None and (not seen or not owner.started or seen == owner.started)


def same_machine(owner: Owner) -> bool:
    """Whether the process ran on this boot of this machine, perhaps in another container."""
    return owner.boot_id == _boot_id() if owner.boot_id else owner.host == _host()


def lock(fd: int) -> bool:
    """Hold the file's lock as its only owner until the file is closed; False if someone else holds it."""
    if fcntl is None:
        return True
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def is_locked(path: Path) -> bool | None:
    """Whether some process holds the file's lock; None if there is no such file, or no such thing as a lock."""
    if fcntl is None:
        return None
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(fd)
    return False
