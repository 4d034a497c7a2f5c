"""The files of a journal: their names, how they are made, and where they go when they are done with.

A journal is a chain of segments, ``<host>-<pid>-<journal id>.<start>.jrn``, where start is the segment's position in
the journal. A file appears under its name only once its owner holds its lock and its header is written, so that
nobody takes it for an abandoned one.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from plugin_core.journal import holding
from plugin_core.journal.owners import lock

SUFFIX: Final = ".jrn"
_HIDDEN: Final = f"{SUFFIX}.new"
_STALE_S: Final = 3_600.0
QUARANTINE: Final = "quarantine"
_NAME: Final = re.compile(r"(?P<host>.*)-(?P<pid>\d+)-(?P<journal>[0-9a-f]{32})\.(?P<start>\d+)\.jrn")
_NOT_IN_NAMES: Final = re.compile(r"[^A-Za-z0-9_.]")
_FLAGS: Final = os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_WRONLY | getattr(os, "O_CLOEXEC", 0)
_NO_FOLLOW: Final = getattr(os, "O_NOFOLLOW", 0)


class Disk:
    """What the journal asks of the file system. Tests pass one that fails.

    Points are written by ``write``, which is the faster one where no other thread runs; all else by ``write_holding``.
    """

    write = staticmethod(os.write)
    write_holding = staticmethod(holding.write)
    truncate = staticmethod(os.ftruncate)
    sync = staticmethod(getattr(os, "fdatasync", os.fsync))

    def open(self, path: Path) -> int:
        """Make a file that only its user may read, to append to; FileExistsError, and no link is followed."""
        return os.open(path, _FLAGS | _NO_FOLLOW, 0o600)

    def size(self, fd: int) -> int:
        """Bytes in the file."""
        return os.fstat(fd).st_size

    def free_bytes(self, folder: Path) -> int:
        """Bytes that may still be written to the folder's file system."""
        return shutil.disk_usage(folder).free


@dataclass(frozen=True, slots=True, order=True)
class Segment:
    """A segment's file, by what its name says."""

    journal: str
    start: int
    path: Path
    host: str
    pid: int

    @property
    def size_bytes(self) -> int:
        """Bytes in the file; 0 if it is gone."""
        try:
            return self.path.lstat().st_size
        except OSError:
            return 0


@dataclass(frozen=True, slots=True)
class OpenSegment:
    """The segment that is being written, and the position from which on the next one is to be."""

    path: Path
    start: int
    limit: int


@dataclass(frozen=True, slots=True)
class Retired:
    """A journal of ours that is written no more, and whose files may hold what is not in the store."""

    folder: Path
    journal: str
    events: int


def new_journal_id(now_ns: int) -> str:
    """32 hex digits that no other journal has; later ones sort after earlier ones."""
    return f"{now_ns & (1 << 64) - 1:016x}{os.urandom(8).hex()}"


def segment_path(folder: Path, *, host: str, pid: int, journal: str, start: int) -> Path:
    """Where a segment lies."""
    return folder / f"{_NOT_IN_NAMES.sub('_', host)[:64]}-{pid}-{journal}.{start}{SUFFIX}"


def segment_at(path: Path) -> Segment | None:
    """What a file's name says; None if it is not a segment's."""
    match = _NAME.fullmatch(path.name)
    if match is None:
        return None
    return Segment(match["journal"], int(match["start"]), path, match["host"], int(match["pid"]))


def segments_in(folder: Path) -> dict[str, list[Segment]]:
    """The segments in a folder by journal, older ones first; nothing if there is no such folder."""
    found: dict[str, list[Segment]] = {}
    for name in _names(folder):
        segment = segment_at(folder / name)
        if segment is not None:
            found.setdefault(segment.journal, []).append(segment)
    return {journal: sorted(found[journal]) for journal in sorted(found)}


def _names(folder: Path) -> Iterator[str]:
    try:
        with os.scandir(folder) as entries:
            yield from [e.name for e in entries if e.name.endswith(SUFFIX) and e.is_file(follow_symlinks=False)]
    except OSError:
        return


def size_of(folder: Path) -> int:
    """Bytes of all segments in a folder."""
    total = 0
    for name in _names(folder):
        with contextlib.suppress(OSError):
            total += (folder / name).lstat().st_size
    return total


def make_folder(folder: Path) -> None:
    """Make the spool, readable by its user alone; OSError."""
    if not folder.is_dir():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def fallback_folder() -> Path:
    """Where journals go that cannot be written to their spool: a folder of this user in the temporary folder."""
    import tempfile

    return Path(tempfile.gettempdir()) / f"flowtrail-{os.getuid() if hasattr(os, 'getuid') else 'user'}"


def is_private(folder: Path) -> bool:
    """Whether a folder is this user's alone. Anyone may make a folder of any name in the temporary folder."""
    try:
        found = folder.lstat()
    except OSError:
        return False
    if not hasattr(os, "geteuid"):
        return stat.S_ISDIR(found.st_mode)
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o077


def create(path: Path, header: bytes, disk: Disk) -> int:
    """Make a segment with its lock held and its header written, and return it open; OSError."""
    hidden = path.with_name(f".{path.name.removesuffix(SUFFIX)}{_HIDDEN}")
    fd = disk.open(hidden)
    try:
        lock(fd)
        write_whole(disk, fd, header)
        hidden.rename(path)
    except BaseException:
        os.close(fd)
        hidden.unlink(missing_ok=True)
        raise
    return fd


def write_whole(disk: Disk, fd: int, data: bytes) -> None:
    """Write in one piece; OSError where less was written, with that part in the file."""
    if disk.write_holding(fd, data) != len(data):
        raise OSError("Not all of it could be written.")


def sweep(folder: Path, now: float) -> None:
    """Delete files that a process was killed over before they had their names."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(".") and entry.name.endswith(_HIDDEN) and now - entry.stat().st_mtime > _STALE_S:
                remove(Path(entry.path))


def sync_folder(folder: Path) -> None:
    """Force the folder's entries to the disk, where that can be done."""
    with contextlib.suppress(OSError):
        fd = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def remove(path: Path) -> None:
    """Delete a segment that was wholly applied; someone else may have done so."""
    with contextlib.suppress(OSError):
        path.unlink()


def quarantine(path: Path, report: Mapping[str, Any]) -> Path:
    """Move a damaged segment aside, with a report beside it, and return where it lies now."""
    folder = path.parent / QUARANTINE
    folder.mkdir(mode=0o700, exist_ok=True)
    target = folder / path.name
    (folder / f"{path.name}.json").write_text(json.dumps(dict(report), indent=2) + "\n", encoding="utf-8")
    with contextlib.suppress(FileNotFoundError):
        path.rename(target)
    return target
