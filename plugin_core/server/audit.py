"""Who did what, or tried to: a file of JSON lines, each sealed with the one before it.

A line that is changed, taken out or put in breaks the chain, which only who has the server's secret could
mend; lines taken off the end show only to who kept the last seal. What was read is not in it, nor is any body.
"""

from __future__ import annotations

import fcntl
import hmac
import json
import logging
import os
import queue
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from plugin_core.server.secret import derived

FILE: Final = "audit.jsonl"
_FIRST: Final = "0" * 64
_AT_ONCE: Final = 500
_PAUSE_S: Final = 0.05  # between two writes: a thread that runs after each request takes time from the next
_TAIL: Final = 64 << 10  # bytes in which the last line surely ends
MAX_NAMING: Final = 64 << 10  # bytes of a body in which what it is about is looked for
_TARGETS: Final = (
    "TrialComponentName", "TrialName", "ExperimentName", "ArtifactArn", "ArtifactName", "ActionName", "ContextName",
    "ResourceArn", "SourceArn", "LineageGroupName",
)  # fmt: skip
_log: Final = logging.getLogger("flowtrail.server")


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One request as the audit tells of it."""

    at: str
    request_id: str
    ip: str
    tenant: str | None
    key_id: str | None
    role: str | None
    action: str
    target: str
    result: str
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class _End:
    """Where a file ended when we wrote to it last, and with which seal."""

    device: int = 0
    inode: int = 0
    size: int = -1
    seal: str = _FIRST

    def is_that_of(self, there: os.stat_result) -> bool:
        """Whether nobody has written since."""
        return (self.device, self.inode, self.size) == (there.st_dev, there.st_ino, there.st_size)


class AuditLog:
    """Writes entries in a thread of its own; several processes may write to one file."""

    def __init__(self, folder: Path, secret: bytes) -> None:
        self._path = folder / FILE
        self._key = derived(secret, "audit 1")
        self._waiting: queue.SimpleQueue[Entry | None] = queue.SimpleQueue()
        self._ending = threading.Event()
        self._end = _End()
        self._thread = threading.Thread(target=self._write_all, name="flowtrail-audit", daemon=True)
        self._thread.start()
        self.failures = 0

    def add(self, entry: Entry) -> None:
        """Have an entry written soon."""
        self._waiting.put(entry)

    def close(self) -> None:
        """Write what waits, and end."""
        self._ending.set()
        self._waiting.put(None)
        self._thread.join()

    def _write_all(self) -> None:
        is_open = True
        while is_open:
            entries = [self._waiting.get()]
            while len(entries) < _AT_ONCE and not self._waiting.empty():
                entries.append(self._waiting.get())
            is_open = None not in entries
            self._try_to_write([entry for entry in entries if entry is not None])
            self._ending.wait(_PAUSE_S)

    def _try_to_write(self, entries: list[Entry]) -> None:
        """A full disk does not stop the server; what could not be written is counted, and told each time."""
        try:
            if entries:
                self._write(entries)
        except OSError as error:
            self.failures += len(entries)
            _log.error("%d lines of the audit could not be written: %s", len(entries), error.strerror)

    def _write(self, entries: list[Entry]) -> None:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            there = os.fstat(descriptor)
            last = self._end.seal if self._end.is_that_of(there) else _last_seal(descriptor, there.st_size)
            lines = list(_chained(self._key, last, map(_content, entries)))
            text = b"".join(line for line, _ in lines)
            if os.write(descriptor, text) != len(text):
                os.ftruncate(descriptor, there.st_size)
                raise OSError(28, "the disk is full")
            self._end = _End(there.st_dev, there.st_ino, there.st_size + len(text), lines[-1][1])
        finally:
            os.close(descriptor)


class Flaw(StrEnum):
    """What is wrong with a line."""

    CHANGED = "changed"
    MISPLACED = "misplaced"


@dataclass(frozen=True, slots=True)
class Verified:
    """What a file is found to be: ``flaws`` by the lines' numbers, from 1, and whether a line has the noted seal."""

    lines: int
    flaws: Mapping[int, Flaw]
    last_seal: str | None
    has_noted: bool


def verified(path: Path, secret: bytes, *, noted: str | None = None) -> Verified:
    """Compare each line with its seal, and with the line before it; the first one begins a chain. OSError.

    ``noted`` is the seal of a line as it was read before.
    """
    key, flaws, last = derived(secret, "audit 1"), dict[int, Flaw](), _FIRST
    number, has_noted = 0, False
    with path.open(encoding="ascii", errors="replace") as lines:
        for number, line in enumerate(lines, 1):
            content = _parsed(line)
            seal = content.pop("seal", None)
            if seal != _seal(key, _text(content)):
                flaws[number] = Flaw.CHANGED
            elif last is not None and content.get("previous") != last:
                flaws[number] = Flaw.MISPLACED
            last, has_noted = seal, has_noted or (noted is not None and seal == noted)
    return Verified(number, flaws, last if number else None, has_noted)


def _parsed(line: str) -> dict[str, Any]:
    try:
        content = json.loads(line)
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def _chained(key: bytes, last: str, contents: Iterable[Mapping[str, Any]]) -> Iterable[tuple[bytes, str]]:
    """Lines with their seals."""
    for content in contents:
        sealed = _text({**content, "previous": last})
        last = _seal(key, sealed)
        yield f'{sealed[:-1]}, "seal": "{last}"}}\n'.encode("ascii"), last


def _text(content: Mapping[str, Any]) -> str:
    return json.dumps(content, sort_keys=True)


def _seal(key: bytes, text: str) -> str:
    return hmac.digest(key, text.encode("ascii"), "sha256").hex()


def _last_seal(descriptor: int, size: int) -> str:
    """The last line's seal; that of an empty file, or after a line that is damaged, is the first."""
    tail = os.pread(descriptor, min(size, _TAIL), max(0, size - _TAIL))
    found = _parsed(tail.rstrip(b"\n").rpartition(b"\n")[2].decode("ascii", "replace")).get("seal")
    return found if isinstance(found, str) else _FIRST


def _content(entry: Entry) -> dict[str, Any]:
    return {
        "at": entry.at,
        "request_id": entry.request_id,
        "ip": entry.ip,
        "tenant": entry.tenant,
        "key_id": entry.key_id,
        "role": entry.role,
        "action": entry.action,
        "target": _named_in(entry.body) or entry.target,
        "result": entry.result,
    }


def _named_in(body: bytes) -> str | None:
    """What a request of the JSON protocols is about."""
    if not body.startswith(b"{"):
        return None
    try:
        members = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return next((str(members[name])[:500] for name in _TARGETS if name in members), None)
