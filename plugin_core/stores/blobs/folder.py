"""Bytes in a folder, each under its own sha256: ``blobs/ab/cd/<64 hex digits>``, written once, never changed.

A path is made of hex digits that were checked, never of a name that someone gave. Bytes are written
aside, synced and linked into place, so that what is found under a digest is whole; reading checks it again.
"""

from __future__ import annotations

import hashlib
import io
import math
import os
import re
import secrets
from collections.abc import Generator
from contextlib import contextmanager, suppress
from errno import EACCES, EPERM, EROFS
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from plugin_core.errors import (
    ArtifactCorruptError,
    InvalidValueError,
    NotFoundError,
    SettingsError,
    StoreReadOnlyError,
    StoreUnavailableError,
)

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

    from plugin_core.stores.protocol import Progress

_ALGORITHM: Final = "sha256:"
_HEX: Final = re.compile(r"[0-9a-f]{64}")
_PIECE: Final = 1 << 20
_READS_OF_A_CHANGING_FILE: Final = 2

Stamp = tuple[int, int, int]


class FolderBlobs:
    """A BlobStore in the folder ``root``. Safe to share between threads and processes."""

    def __init__(self, root: Path) -> None:
        self._root = Path(os.path.abspath(root))  # noqa: PTH100 - resolve() would follow links
        self._aside = self._root / "tmp"
        self.url = self._root.as_uri()

    @classmethod
    def from_url(cls, url: str) -> FolderBlobs:
        """The store at ``file:///absolute/folder``; SettingsError."""
        parts = urlsplit(url)
        path = unquote(parts.path)
        if parts.scheme != "file" or parts.netloc not in {"", "localhost"} or not path.startswith("/") or "\0" in path:
            raise SettingsError(f"{url!r} names no folder.", hint="Use file:///absolute/folder.")
        return cls(Path(path))

    def put_file(self, path: Path, /, *, progress: Progress | None = None) -> str:
        """See BlobStore."""
        for _ in range(_READS_OF_A_CHANGING_FILE):
            with self._opened(path) as source, self._writing() as (target, written):
                before = _stamp(source)
                digest = _copy(source, target, before[0], progress, limit=before[0])
                if _stamp(source) == before == _stamp_of(path):
                    return self._keep(written, target, digest)
        raise InvalidValueError(
            f"{path} changes while it is read.", hint="Log it when whoever writes it is done, or log a copy."
        )

    def put_bytes(self, data: bytes, /) -> str:
        """See BlobStore."""
        digest = hashlib.sha256(data).hexdigest()
        with _translated(self._root):
            if self._has(digest, len(data)):
                return _ALGORITHM + digest
        with self._writing() as (target, written):
            target.write(data)
            return self._keep(written, target, digest)

    def open(self, digest: str, /) -> IO[bytes]:
        """See BlobStore."""
        path = self._path(_hex_of(digest))
        with _translated(self._root, missing=digest):
            # A link in place of a blob would be somebody's way to have another file read.
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0))
        return io.BufferedReader(_Verified(descriptor, _hex_of(digest)), _PIECE)

    def fetch(self, digest: str, target: Path, /, *, progress: Progress | None = None) -> None:
        """See BlobStore."""
        total = self.size(digest)
        aside = target.with_name(f".{target.name[:64]}.{secrets.token_hex(6)}.part")
        with self.open(digest) as source:
            try:
                with _translated(target.parent), aside.open("xb") as written:
                    _copy(source, written, total, progress)
                    written.flush()
                    os.fsync(written.fileno())
                    aside.replace(target)
            finally:
                with suppress(OSError):
                    aside.unlink()

    def size(self, digest: str, /) -> int | None:
        """See BlobStore."""
        with _translated(self._root):
            return _size(self._path(_hex_of(digest)))

    @contextmanager
    def _opened(self, path: Path) -> Generator[IO[bytes]]:
        try:
            source = path.open("rb")
        except OSError as error:
            raise InvalidValueError(f"{path} cannot be read: {error.strerror}.") from error
        with source:
            yield source

    @contextmanager
    def _writing(self) -> Generator[tuple[IO[bytes], Path]]:
        """A new file beside the blobs, on their file system; it is gone at the end, its link may stay."""
        with _translated(self._root):
            self._aside.mkdir(parents=True, exist_ok=True, mode=0o700)
            written = self._aside / f"{os.getpid()}-{secrets.token_hex(8)}"
            try:
                with written.open("xb") as target:
                    yield target, written
            finally:
                with suppress(OSError):
                    written.unlink()

    def _keep(self, written: Path, target: IO[bytes], digest: str) -> str:
        """Link what was written into its place."""
        target.flush()
        size = os.fstat(target.fileno()).st_size
        place = self._path(digest)
        if not self._has(digest, size):
            os.fsync(target.fileno())
            os.fchmod(target.fileno(), 0o444)
            place.parent.mkdir(parents=True, exist_ok=True)
            with suppress(FileExistsError):
                os.link(written, place)
            _sync_folder(place.parent)
        return _ALGORITHM + digest

    def _has(self, digest: str, size: int) -> bool:
        """Whether the bytes are here; ArtifactCorruptError if others are in their place."""
        found = _size(self._path(digest))
        if found is not None and found != size:
            raise ArtifactCorruptError(
                f"Blob {_ALGORITHM}{digest} has {found} bytes instead of {size}.",
                hint=f"Remove {self._path(digest)} and store it again.",
            )
        return found is not None

    def _path(self, digest: str) -> Path:
        return self._root / "blobs" / digest[:2] / digest[2:4] / digest


class _Verified(io.RawIOBase):
    """Reads a file and hashes it; wrong bytes raise at the end. Not seekable: a part proves nothing."""

    def __init__(self, descriptor: int, digest: str) -> None:
        super().__init__()
        self._source = io.FileIO(descriptor)
        self._digest = digest
        self._hash = hashlib.sha256()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        count = self._source.readinto(buffer)
        self._hash.update(memoryview(buffer)[:count])
        if not count and self._hash.hexdigest() != self._digest:
            raise ArtifactCorruptError(
                f"The bytes of blob {_ALGORITHM}{self._digest} do not match their checksum.",
                hint="Restore the file from a backup, or run again what made it.",
            )
        return count

    def close(self) -> None:
        self._source.close()
        super().close()


@contextmanager
def _translated(root: Path, *, missing: str | None = None) -> Generator[None]:
    """Raise StoreError's kin for what the file system raises inside."""
    try:
        yield
    except FileNotFoundError as error:
        if missing is not None:
            raise NotFoundError("blob", missing) from error
        raise StoreUnavailableError(f"The blob store {root} cannot be reached: {error}.") from error
    except OSError as error:
        if error.errno in {EACCES, EPERM, EROFS}:
            raise StoreReadOnlyError(
                f"The blob store {root} is read-only.", hint="Check the permissions of the folder."
            ) from error
        raise StoreUnavailableError(
            f"The blob store {root} cannot be used: {error}.", hint="Check the disk, and try again."
        ) from error


def _hex_of(digest: str) -> str:
    found = digest.removeprefix(_ALGORITHM)
    if not digest.startswith(_ALGORITHM) or not _HEX.fullmatch(found):
        raise InvalidValueError(f"{digest[:100]!r} is not a digest.", hint="A digest is sha256: and 64 hex digits.")
    return found


def _copy(
    source: IO[bytes],
    target: IO[bytes],
    total: int | None,
    progress: Progress | None,
    limit: float = math.inf,
) -> str:
    """Copy to the end, or just past ``limit`` bytes of a source that grows, and return the sha256 in hex."""
    hashed = hashlib.sha256()
    done = 0
    while done <= limit and (piece := source.read(_PIECE)):
        hashed.update(piece)
        target.write(piece)
        done += len(piece)
        if progress is not None:
            progress(done, total)
    return hashed.hexdigest()


def _stamp(opened: IO[bytes]) -> Stamp:
    return _stamp_from(os.fstat(opened.fileno()))


def _stamp_of(path: Path) -> Stamp | None:
    try:
        return _stamp_from(path.stat())
    except OSError:
        return None


def _stamp_from(found: os.stat_result) -> Stamp:
    return found.st_size, found.st_mtime_ns, found.st_ino


def _size(path: Path) -> int | None:
    try:
        return path.lstat().st_size
    except FileNotFoundError:
        return None


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
