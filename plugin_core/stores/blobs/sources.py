"""Files of users that are about to be stored: they may be absent, unreadable, or change under the reader."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import IO, Final, TypeAlias

from plugin_core.errors import InvalidValueError

READS_OF_A_CHANGING_FILE: Final = 2

Stamp: TypeAlias = tuple[int, int, int]  # size, time of change, inode


@contextmanager
def opened(path: Path) -> Generator[BufferedReader]:
    """The file, to read; InvalidValueError."""
    try:
        source = path.open("rb")
    except OSError as error:
        raise InvalidValueError(f"{path} cannot be read: {error.strerror}.") from error
    with source:
        yield source


def stamp(source: IO[bytes]) -> Stamp:
    """What changes when an open file is written to."""
    return _stamp_from(os.fstat(source.fileno()))


def stamp_of(path: Path) -> Stamp | None:
    """The same of what stands under a name now."""
    try:
        return _stamp_from(path.stat())
    except OSError:
        return None


def changing(path: Path) -> InvalidValueError:
    """The error for a file that was another one each time it was read."""
    return InvalidValueError(
        f"{path} changes while it is read.", hint="Log it when whoever writes it is done, or log a copy."
    )


def _stamp_from(found: os.stat_result) -> Stamp:
    return found.st_size, found.st_mtime_ns, found.st_ino
