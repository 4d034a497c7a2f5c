"""Bytes in a bucket of S3 or of what speaks its protocol: ``s3://bucket/prefix``, each under its own sha256.

The layout is the folder's, so that a copy of a folder of blobs is a store of blobs. What is sent carries its
checksum and does not replace what is there; what is read is verified, and taken up again where it broke off.
"""

from __future__ import annotations

import hashlib
import io
import os
import tempfile
import threading
from base64 import b64encode
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from plugin_core.errors import ArtifactCorruptError, NotFoundError, SettingsError, StoreUnavailableError
from plugin_core.stores.addresses import REMOTE_BUCKET, RemoteAddress, is_remote, remote_address
from plugin_core.stores.blobs.digests import ALGORITHM, PIECE, Verified, fetched, hex_of, place_of
from plugin_core.stores.blobs.s3_failures import Asked, code_of, is_forbidden, sent, translated
from plugin_core.stores.blobs.sources import READS_OF_A_CHANGING_FILE, changing, opened, stamp, stamp_of

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

    from plugin_core.stores.protocol import BlobWriter, Progress

_SMALL: Final = 256 << 10  # bytes that are sent without asking whether they are there
_PART: Final = 8 << 20
_MOST_PARTS: Final = 10_000
_RESUMPTIONS: Final = 5
_CONNECT_TIMEOUT_S: Final = 3
_READ_TIMEOUT_S: Final = 20.0
_ATTEMPTS: Final = 4
_NO_KEY: Final = "flowtrail"
_OPTIONS: Final = {"endpoint", "region"}
_FORM: Final = "Use s3://bucket/prefix, with ?endpoint=http://host:port for another server than AWS's."


@dataclass(frozen=True, kw_only=True, slots=True)
class Bucket:
    """What a URL says."""

    name: str
    prefix: str
    endpoint: str | None = None
    region: str | None = None
    profile: str | None = None
    is_ours: bool = False

    @classmethod
    def from_url(cls, url: str) -> Bucket:
        """From ``s3://bucket/prefix?endpoint=...&region=...``, or a flowtrail server's URL; SettingsError."""
        if is_remote(url):
            return cls._of_server(remote_address(url))
        parts = urlsplit(url)
        options = dict(parse_qsl(parts.query, keep_blank_values=True))
        if parts.scheme != "s3" or not parts.hostname or "@" in parts.netloc or parts.fragment:
            raise SettingsError("The blob store URL names no bucket.", hint=_FORM)
        if unknown := options.keys() - _OPTIONS:
            raise SettingsError(f"A blob store in S3 has no option {min(unknown)!r}.", hint=_FORM)
        prefix = unquote(parts.path).strip("/")
        return cls(
            name=parts.netloc,
            prefix=f"{prefix}/" if prefix else "",
            endpoint=options.get("endpoint"),
            region=options.get("region"),
        )

    @classmethod
    def _of_server(cls, server: RemoteAddress) -> Bucket:
        return cls(
            name=REMOTE_BUCKET,
            prefix="",
            endpoint=server.endpoint,
            region="us-east-1",
            profile=server.profile,
            is_ours=True,
        )

    def key(self, digest: str) -> str:
        """Where bytes with this sha256 in hex are."""
        return self.prefix + place_of(digest)


class S3Blobs:
    """A BlobStore in a bucket. Safe to share between threads, and across a fork."""

    def __init__(self, url: str, *, read_timeout_s: float = _READ_TIMEOUT_S) -> None:
        self.url = url
        self._bucket = Bucket.from_url(url)
        self._clients = _Clients(self._bucket, read_timeout_s)

    def put_file(self, path: Path, /, *, progress: Progress | None = None) -> str:
        """See BlobStore. The file is read twice: once for its digest, once to send it."""
        for _ in range(READS_OF_A_CHANGING_FILE):
            with opened(path) as source:
                before = stamp(source)
                digest = hashlib.file_digest(source, "sha256").hexdigest()
                source.seek(0)
                is_sent = self._send(digest, _Counted(source, before[0], progress), before[0])
                if is_sent and stamp(source) == before == stamp_of(path):
                    return ALGORITHM + digest
        raise changing(path)

    def put_bytes(self, data: bytes, /) -> str:
        """See BlobStore."""
        digest = hashlib.sha256(data).hexdigest()
        self._send(digest, _Counted(io.BytesIO(data), len(data), None), len(data))
        return ALGORITHM + digest

    def open(self, digest: str, /) -> IO[bytes]:
        """See BlobStore. The connection is kept while it is open; one that breaks off is made again."""
        source = _Resumed(self._ask(digest), self._clients)
        return io.BufferedReader(Verified(source, hex_of(digest)), PIECE)

    def fetch(self, digest: str, target: Path, /, *, progress: Progress | None = None) -> None:
        """See BlobStore."""
        source = _Resumed(self._ask(digest), self._clients)
        with io.BufferedReader(Verified(source, hex_of(digest)), PIECE) as verified:
            try:
                fetched(verified, target, source.size, progress)
            except OSError as error:
                raise StoreUnavailableError(f"{target.parent} cannot be written: {error}.") from error

    def part(self, digest: str, start: int, length: int, /) -> IO[bytes]:
        """See BlobStore."""
        if not length:
            self._require(digest)
            return io.BytesIO()
        return io.BufferedReader(_Resumed(self._ask(digest), self._clients, start, start + length), PIECE)

    @contextmanager
    def writing(self) -> Generator[BlobWriter]:
        """See BlobStore. The pieces wait in a temporary file, since their digest is their name."""
        with tempfile.NamedTemporaryFile(prefix="flowtrail-") as written:
            yield _Writer(written, self.put_file)

    def size(self, digest: str, /) -> int | None:
        """See BlobStore."""
        asked = self._ask(digest)
        try:
            with translated(asked):
                found: int = self._clients.client.head_object(Bucket=asked.bucket, Key=asked.key)["ContentLength"]
        except NotFoundError:
            return None
        return found

    def _require(self, digest: str) -> None:
        if self.size(digest) is None:
            raise NotFoundError("blob", digest)

    def _ask(self, digest: str, *, is_write: bool = False) -> Asked:
        return Asked(self.url, self._bucket.name, self._bucket.key(hex_of(digest)), digest, is_write)

    def _has(self, digest: str, size: int, *, otherwise: bool) -> bool:
        """Whether the bytes are here, ``otherwise`` for who may not ask; ArtifactCorruptError if others are there."""
        try:
            found = self.size(ALGORITHM + digest)
        except StoreUnavailableError as error:
            if is_forbidden(error):
                return otherwise
            raise
        if found is not None and found != size:
            raise ArtifactCorruptError(
                f"Blob {ALGORITHM}{digest} has {found} bytes instead of {size}.",
                hint=f"Remove {self._bucket.key(digest)} from bucket {self._bucket.name} and store it again.",
            )
        return found is not None

    def _send(self, digest: str, source: _Counted, size: int) -> bool:
        """Send what is not there yet; False if the bytes turned out to be others."""
        if size > _SMALL and self._has(digest, size, otherwise=False):
            source.skip()
            return True
        asked = self._ask(ALGORITHM + digest, is_write=True)
        if size > _PART:
            is_sent = _Upload(self._clients.client, asked, size).send(source, digest)
        else:
            is_sent = self._put(asked, source.read(size), digest)
        return is_sent is not False and (is_sent or self._has(digest, size, otherwise=True))

    def _put(self, asked: Asked, data: bytes, digest: str) -> bool | None:
        """Send all at once. False if it is not what was to be sent, None if something was there."""
        checksum = hashlib.sha256(data)
        if checksum.hexdigest() != digest:
            return False
        request = partial(
            self._clients.client.put_object,
            Bucket=asked.bucket,
            Key=asked.key,
            Body=data,
            ChecksumSHA256=_base64(checksum.digest()),
            IfNoneMatch="*",
        )
        return None if sent(asked, request) is None else True


class _Upload:
    """A multipart upload of a file that is too large for one request; aborted if anything goes wrong."""

    def __init__(self, client: Any, asked: Asked, size: int) -> None:
        self._client = client
        self._asked = asked
        self._part_bytes = max(_PART, -(-size // _MOST_PARTS))
        self._target = {"Bucket": asked.bucket, "Key": asked.key}

    def send(self, source: _Counted, digest: str) -> bool | None:
        """As ``S3Blobs._put``."""
        begun = sent(
            self._asked,
            partial(
                self._client.create_multipart_upload,
                **self._target,
                ChecksumAlgorithm="SHA256",
                Metadata={"sha256": digest},
            ),
        )
        assert begun is not None
        self._target["UploadId"] = begun["UploadId"]
        try:
            parts = self._send_parts(source, digest)
            return self._complete(parts) if parts else self._abort()
        except BaseException:
            self._abort()
            raise

    def _send_parts(self, source: _Counted, digest: str) -> list[dict[str, Any]]:
        """Send all parts; nothing if they were not what was to be sent."""
        whole = hashlib.sha256()
        parts: list[dict[str, Any]] = []
        while piece := source.read(self._part_bytes):
            whole.update(piece)
            parts.append(self._send_part(piece, len(parts) + 1))
        return parts if whole.hexdigest() == digest else []

    def _send_part(self, piece: bytes, number: int) -> dict[str, Any]:
        checksum = _base64(hashlib.sha256(piece).digest())
        request = partial(
            self._client.upload_part, **self._target, Body=piece, PartNumber=number, ChecksumSHA256=checksum
        )
        answer = sent(self._asked, request)
        assert answer is not None
        return {"ETag": answer["ETag"], "PartNumber": number, "ChecksumSHA256": checksum}

    def _complete(self, parts: list[dict[str, Any]]) -> bool | None:
        try:
            request = partial(
                self._client.complete_multipart_upload,
                **self._target,
                MultipartUpload={"Parts": parts},
                IfNoneMatch="*",
            )
            if sent(self._asked, request) is not None:
                return True
        except StoreUnavailableError as error:
            # An answer that was lost after the upload was complete: what is there says whether it was.
            if not isinstance(error.__cause__, ClientError) or code_of(error.__cause__) != "NoSuchUpload":
                raise
            return None
        self._abort()
        return None

    def _abort(self) -> bool:
        with suppress(ClientError, BotoCoreError):  # a rule of the bucket's removes what is left
            self._client.abort_multipart_upload(**self._target)
        return False


class _Writer:
    """A BlobWriter into a temporary file."""

    def __init__(self, written: IO[bytes], keep: Callable[[Path], str]) -> None:
        self._written = written
        self._keep = keep

    def write(self, piece: bytes, /) -> None:
        """See BlobWriter."""
        self._written.write(piece)

    def keep(self) -> str:
        """See BlobWriter."""
        self._written.flush()
        return self._keep(Path(self._written.name))


class _Counted:
    """A source of bytes that tells how far it is."""

    def __init__(self, source: IO[bytes], total: int, progress: Progress | None) -> None:
        self._source = source
        self._total = total
        self._progress = progress
        self._done = 0

    def read(self, count: int) -> bytes:
        piece = self._source.read(count)
        self._tell(self._done + len(piece))
        return piece

    def skip(self) -> None:
        """Nothing has to be read."""
        self._tell(self._total)

    def _tell(self, done: int) -> None:
        if self._progress is not None and done != self._done:
            self._progress(done, self._total)
        self._done = done


class _Resumed(io.RawIOBase):
    """Reads an object from ``start`` to ``end``, and goes on where a connection broke off."""

    def __init__(self, asked: Asked, clients: _Clients, start: int = 0, end: int | None = None) -> None:
        super().__init__()
        self._asked = asked
        self._clients = clients
        self._at = start
        self._last = "" if end is None else str(end - 1)
        self._resumptions_left = _RESUMPTIONS
        with translated(asked):
            answer = self._answer()
        self.size: int = answer["ContentLength"]
        self._body: Any = answer["Body"]

    def _answer(self) -> Any:
        part = {"Range": f"bytes={self._at}-{self._last}"} if self._at or self._last else {}
        return self._clients.client.get_object(Bucket=self._asked.bucket, Key=self._asked.key, **part)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        view = memoryview(buffer).cast("B")
        with translated(self._asked):
            piece: bytes = self._read(len(view))
        view[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)

    def _read(self, count: int) -> bytes:
        while True:
            try:
                piece: bytes = self._body.read(count)
                return piece
            except BotoCoreError:
                if not self._resumptions_left:
                    raise
                self._resumptions_left -= 1
                self._resume()

    def _resume(self) -> None:
        self._body.close()
        self._body = self._answer()["Body"]

    def close(self) -> None:
        self._body.close()
        super().close()


class _Clients:
    """The process's client: made on first use, and again in a child of a fork, which must not share sockets."""

    def __init__(self, bucket: Bucket, read_timeout_s: float) -> None:
        self._bucket = bucket
        self._read_timeout_s = read_timeout_s
        self._lock = threading.Lock()
        self._made: tuple[int, Any] | None = None

    @property
    def client(self) -> Any:
        """A client of S3; SettingsError if the SDK cannot make one."""
        made = self._made
        if made is None or made[0] != os.getpid():
            with self._lock:
                self._made = made = (os.getpid(), self._make())
        return made[1]

    def _make(self) -> Any:
        config = Config(
            connect_timeout=_CONNECT_TIMEOUT_S,
            read_timeout=self._read_timeout_s,
            retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
            s3={"addressing_style": "path"} if self._bucket.is_ours else None,
            response_checksum_validation="when_required",  # all is verified by its sha256 already
        )
        try:
            session = boto3.Session(region_name=self._bucket.region, profile_name=self._bucket.profile)
            if self._bucket.is_ours and session.get_credentials() is None:  # where no key is needed, any will do
                session = boto3.Session(_NO_KEY, _NO_KEY, region_name=self._bucket.region)
            return session.client("s3", endpoint_url=self._bucket.endpoint, config=config)
        except (BotoCoreError, ValueError) as error:
            raise SettingsError(f"The blob store in S3 cannot be used: {error}.", hint=_FORM) from error


def _base64(checksum: bytes) -> str:
    return b64encode(checksum).decode()
