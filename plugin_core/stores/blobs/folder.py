"""Bytes in a folder, each under its own sha256: ``blobs/ab/cd/<64 hex digits>``, written once, never changed.

A path is made of hex digits that were checked, never of a name that someone gave. Bytes are written
aside, synced and linked into place, so that what is found under a digest is whole; reading checks it again.
"""

from __future__ import annotations

import hashlib
import io
import os
import secrets
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from errno import EACCES, EPERM, EROFS
from pathlib import Path
from typing import IO, TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from plugin_core.errors import (
    ArtifactCorruptError,
    NotFoundError,
    SettingsError,
    StoreReadOnlyError,
    StoreUnavailableError,
)
from plugin_core.stores.blobs.digests import ALGORITHM, PIECE, Limited, Verified, copy, fetched, hex_of, place_of
from plugin_core.stores.blobs.sources import READS_OF_A_CHANGING_FILE, changing, opened, stamp, stamp_of

if TYPE_CHECKING:
    from plugin_core.stores.protocol import BlobWriter, Progress


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
        for _ in range(READS_OF_A_CHANGING_FILE):
            with opened(path) as source, self._writing() as (target, written):
                before = stamp(source)
                digest = copy(source, target, before[0], progress, limit=before[0])
                if stamp(source) == before == stamp_of(path):
                    return self._keep(written, target, digest)
        raise changing(path)

    def put_bytes(self, data: bytes, /) -> str:
        """See BlobStore."""
        digest = hashlib.sha256(data).hexdigest()
        with _translated(self._root):
            if self._has(digest, len(data)):
                return ALGORITHM + digest
        with self._writing() as (target, written):
            target.write(data)
            return self._keep(written, target, digest)

    def open(self, digest: str, /) -> IO[bytes]:
        """See BlobStore."""
        return io.BufferedReader(Verified(self._file(digest), hex_of(digest)), PIECE)

    def fetch(self, digest: str, target: Path, /, *, progress: Progress | None = None) -> None:
        """See BlobStore."""
        total = self.size(digest)
        with self.open(digest) as source, _translated(target.parent):
            fetched(source, target, total, progress)

    def part(self, digest: str, start: int, length: int, /) -> IO[bytes]:
        """See BlobStore."""
        source = self._file(digest)
        source.seek(start)
        return io.BufferedReader(Limited(source, length), PIECE)

    @contextmanager
    def writing(self) -> Generator[BlobWriter]:
        """See BlobStore."""
        with self._writing() as (target, written):
            yield _Writer(target, lambda digest: self._keep(written, target, digest))

    def size(self, digest: str, /) -> int | None:
        """See BlobStore."""
        with _translated(self._root):
            return _size(self._path(hex_of(digest)))

    def _file(self, digest: str) -> io.FileIO:
        path = self._path(hex_of(digest))
        with _translated(self._root, missing=digest):
            # A link in place of a blob would be somebody's way to have another file read.
            return io.FileIO(os.open(path, os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0)))

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
        return ALGORITHM + digest

    def _has(self, digest: str, size: int) -> bool:
        """Whether the bytes are here; ArtifactCorruptError if others are in their place."""
        found = _size(self._path(digest))
        if found is not None and found != size:
            raise ArtifactCorruptError(
                f"Blob {ALGORITHM}{digest} has {found} bytes instead of {size}.",
                hint=f"Remove {self._path(digest)} and store it again.",
            )
        return found is not None

    def _path(self, digest: str) -> Path:
        return self._root / place_of(digest)


class _Writer:
    """A BlobWriter into a file beside the blobs."""

    def __init__(self, target: IO[bytes], keep: Callable[[str], str]) -> None:
        self._target = target
        self._keep = keep
        self._hash = hashlib.sha256()

    def write(self, piece: bytes, /) -> None:
        """See BlobWriter."""
        self._hash.update(piece)
        self._target.write(piece)

    def keep(self) -> str:
        """See BlobWriter."""
        return self._keep(self._hash.hexdigest())


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
