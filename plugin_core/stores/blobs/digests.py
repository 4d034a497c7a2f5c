"""What all blob stores share: how a digest is written, where its bytes lie, and reading that verifies."""

from __future__ import annotations

import hashlib
import io
import math
import os
import re
import secrets
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from plugin_core.errors import ArtifactCorruptError, InvalidValueError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

    from plugin_core.stores.protocol import Progress

ALGORITHM: Final = "sha256:"
PIECE: Final = 1 << 20
_HEX: Final = re.compile(r"[0-9a-f]{64}")


def hex_of(digest: str) -> str:
    """The 64 hex digits of a digest; InvalidValueError."""
    found = digest.removeprefix(ALGORITHM)
    if not digest.startswith(ALGORITHM) or not _HEX.fullmatch(found):
        raise InvalidValueError(f"{digest[:100]!r} is not a digest.", hint="A digest is sha256: and 64 hex digits.")
    return found


def place_of(digest: str) -> str:
    """Where the bytes with this sha256 in hex lie, in a folder and in a bucket alike."""
    return f"blobs/{digest[:2]}/{digest[2:4]}/{digest}"


class Verified(io.RawIOBase):
    """Reads ``source`` and hashes it; wrong bytes raise at the end. Not seekable: a part proves nothing."""

    def __init__(self, source: io.RawIOBase, digest: str) -> None:
        super().__init__()
        self._source = source
        self._digest = digest
        self._hash = hashlib.sha256()

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Read on; ArtifactCorruptError at the end of wrong bytes."""
        count = self._source.readinto(buffer) or 0
        self._hash.update(memoryview(buffer)[:count])
        if not count and self._hash.hexdigest() != self._digest:
            raise ArtifactCorruptError(
                f"The bytes of blob {ALGORITHM}{self._digest} do not match their checksum.",
                hint="Restore the file from a backup, or run again what made it.",
            )
        return count

    def close(self) -> None:
        """Close the source, too."""
        self._source.close()
        super().close()


class Limited(io.RawIOBase):
    """Reads no more than so many bytes of ``source``."""

    def __init__(self, source: io.RawIOBase, length: int) -> None:
        super().__init__()
        self._source = source
        self._left = length

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Read on."""
        count = self._source.readinto(memoryview(buffer)[: self._left]) or 0
        self._left -= count
        return count

    def close(self) -> None:
        """Close the source, too."""
        self._source.close()
        super().close()


def copy(
    source: IO[bytes],
    target: IO[bytes],
    total: int | None,
    progress: Progress | None,
    limit: float = math.inf,
) -> str:
    """Copy to the end, or just past ``limit`` bytes of a source that grows, and return the sha256 in hex."""
    hashed = hashlib.sha256()
    done = 0
    while done <= limit and (piece := source.read(PIECE)):
        hashed.update(piece)
        target.write(piece)
        done += len(piece)
        if progress is not None:
            progress(done, total)
    return hashed.hexdigest()


def fetched(source: IO[bytes], target: Path, total: int | None, progress: Progress | None) -> None:
    """Copy a reader that verifies to a file, which appears under its name when all of it is there."""
    aside = target.with_name(f".{target.name[:64]}.{secrets.token_hex(6)}.part")
    try:
        with aside.open("xb") as written:
            copy(source, written, total, progress)
            written.flush()
            os.fsync(written.fileno())
            aside.replace(target)
    finally:
        with suppress(OSError):
            aside.unlink()
