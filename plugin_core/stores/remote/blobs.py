"""Bytes at a flowtrail server, and in a folder of this machine for as long as the server cannot take them.

A step is not held up: a server that does not answer soon is left alone for a while, and what is stored meanwhile
waits in the folder, where it can be read. Whoever reads the record later sends it.
"""

from __future__ import annotations

import logging
import re
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import IO, Final, TypeVar

from plugin_core.errors import ArtifactCorruptError, StoreUnavailableError
from plugin_core.stores.addresses import remote_address
from plugin_core.stores.blobs.folder import FolderBlobs
from plugin_core.stores.blobs.s3 import FileWriter, S3Blobs
from plugin_core.stores.patience import Patience, Persistence, TryAgainError
from plugin_core.stores.protocol import BlobStore, BlobWriter, Progress

T = TypeVar("T")

_HASTE_S: Final = 1.0  # to connect, and for an answer: together no more than a step may be held up
_ANSWER_S: Final = 10.0  # for who reads, or sends what waits
_IMPATIENCE: Final = Patience(failures=1, rest_s=15.0)
_log: Final = logging.getLogger("flowtrail")


class RemoteBlobs:
    """A BlobStore at a server. Safe to share between threads, and across a fork."""

    def __init__(self, url: str, *, spool: Path | None = None, persistence: Persistence | None = None) -> None:
        self._hasty = S3Blobs(url, connect_timeout_s=_HASTE_S, read_timeout_s=_HASTE_S, attempts=1)
        self._server = S3Blobs(url, read_timeout_s=_ANSWER_S, attempts=2)
        self.url = url
        self._persistence = persistence or Persistence(_IMPATIENCE)
        folder = None if spool is None else waiting_folder(url, spool)
        self._waiting = None if folder is None else FolderBlobs(folder)
        self._folder = folder
        self._has_warned = False

    def put_file(self, path: Path, /, *, progress: Progress | None = None) -> str:
        """See BlobStore."""
        return self._put(
            lambda: self._hasty.put_file(path, progress=progress),
            lambda waiting: waiting.put_file(path, progress=progress),
        )

    def put_bytes(self, data: bytes, /) -> str:
        """See BlobStore."""
        return self._put(lambda: self._hasty.put_bytes(data), lambda waiting: waiting.put_bytes(data))

    def open(self, digest: str, /) -> IO[bytes]:
        """See BlobStore."""
        return self._holder(digest).open(digest)

    def fetch(self, digest: str, target: Path, /, *, progress: Progress | None = None) -> None:
        """See BlobStore."""
        self._holder(digest).fetch(digest, target, progress=progress)

    def part(self, digest: str, start: int, length: int, /) -> IO[bytes]:
        """See BlobStore."""
        return self._holder(digest).part(digest, start, length)

    @contextmanager
    def writing(self) -> Generator[BlobWriter]:
        """See BlobStore. The pieces wait in a temporary file, since their digest is their name."""
        with tempfile.NamedTemporaryFile(prefix="flowtrail-") as written:
            yield FileWriter(written, self.put_file)

    def size(self, digest: str, /) -> int | None:
        """See BlobStore."""
        return self._holder(digest).size(digest)

    def send_waiting(self) -> int:
        """Send what waits, and return how many blobs it was. StoreError; what was sent until then is."""
        sent = 0
        for path in sorted(self._folder.glob("blobs/*/*/*")) if self._folder is not None else ():
            try:
                self._once(partial(self._server.put_file, path))
            except ArtifactCorruptError:
                _log.warning("flowtrail's server has other bytes than %s, which is left there", path)
                continue
            with suppress(OSError):
                path.unlink()
            sent += 1
        return sent

    def _put(self, send: Callable[[], str], keep: Callable[[FolderBlobs], str]) -> str:
        try:
            return self._once(send)
        except StoreUnavailableError as error:
            if self._waiting is None:
                raise
            if not self._has_warned:
                self._has_warned = True
                _log.warning("flowtrail keeps bytes in %s until its server takes them (%s)", self._folder, error)
            return keep(self._waiting)

    def _once(self, send: Callable[[], T]) -> T:
        """What ``send`` returns; what it is not worth to try now is not tried."""

        def attempt(_seconds: float) -> T:
            try:
                return send()
            except StoreUnavailableError as error:
                raise TryAgainError(error, at_once=False) from error

        return self._persistence.call(attempt)

    def _holder(self, digest: str) -> BlobStore:
        """Where the bytes are: in the folder if they wait there, otherwise at the server."""
        return self._waiting if self._waiting is not None and self._waiting.size(digest) is not None else self._server


def waiting_folder(url: str, spool: Path) -> Path:
    """Where bytes for a server wait in a spool."""
    return spool / "blobs" / re.sub(r"[^a-z0-9.-]", "_", remote_address(url).name.partition("://")[2])


def has_waiting(url: str, spool: Path) -> bool:
    """Whether bytes for a server wait in a spool."""
    return next(waiting_folder(url, spool).glob("blobs/*/*/*"), None) is not None
