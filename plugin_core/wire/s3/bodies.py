"""Bodies that come in: passed on piece by piece, counted, hashed, and compared with what their sender claims."""

from __future__ import annotations

import hashlib
import re
import zlib
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from importlib.util import find_spec
from typing import Final, Protocol

from plugin_core.wire.s3.calls import Call
from plugin_core.wire.s3.chunked import Chunked
from plugin_core.wire.s3.faults import S3Error

_HEX_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_HEADER: Final = "x-amz-checksum-"
CHECKSUM_TYPE: Final = "x-amz-checksum-type"
_STREAMING: Final = "STREAMING-"
_DOCUMENT_BYTES: Final = 4 << 20


class Hash(Protocol):
    """What hashlib's objects and ours can do."""

    def update(self, data: bytes, /) -> None:
        """Take more."""
        ...

    def digest(self) -> bytes:
        """The hash of what was taken."""
        ...


class _Crc32:
    def __init__(self) -> None:
        self._value = 0

    def update(self, data: bytes, /) -> None:
        self._value = zlib.crc32(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(4, "big")


class _Native:
    """A CRC of AWS's own library; imported when the first body claims one, since that takes its time."""

    def __init__(self, function: str, size: int) -> None:
        self._next: Callable[[bytes, int], int] = getattr(import_module("awscrt.checksums"), function)
        self._size = size
        self._value = 0

    def update(self, data: bytes, /) -> None:
        self._value = self._next(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(self._size, "big")


_IN_PYTHON: Final[Mapping[str, Callable[[], Hash]]] = {
    "CRC32": _Crc32,
    "SHA1": lambda: hashlib.sha1(usedforsecurity=False),
    "SHA256": hashlib.sha256,
}
# Where that library is not installed, such a checksum is neither compared nor kept.
_NATIVE: Final[Mapping[str, Callable[[], Hash]]] = {
    "CRC32C": lambda: _Native("crc32c", 4),
    "CRC64NVME": lambda: _Native("crc64nvme", 8),
}
ALGORITHMS: Final = {**_IN_PYTHON, **(_NATIVE if find_spec("awscrt") else {})}
_OF_WHOLE_ONLY: Final = "CRC64NVME"


@dataclass(frozen=True, slots=True)
class Received:
    """What came: its size, its MD5 in hex, and the checksums that were compared."""

    size: int
    md5: str
    checksums: Mapping[str, str]


def receive(call: Call, write: Callable[[bytes], object]) -> Received:
    """Pass a call's body to ``write``; S3Error if it is not what the call's headers and trailers say."""
    chunked = Chunked(call.pieces) if _is_chunked(call) else None
    hashes: dict[str, Hash] = {name: make() for name, make in ALGORITHMS.items() if _is_claimed(call, name)}
    md5, whole, size = hashlib.md5(usedforsecurity=False), hashlib.sha256(), 0
    signed = call.headers.get("x-amz-content-sha256", "")
    for piece in _bounded(iter(chunked or call.pieces), call.most_bytes):
        size += len(piece)
        md5.update(piece)
        if chunked is None and _HEX_DIGEST.fullmatch(signed):
            whole.update(piece)
        for hashed in hashes.values():
            hashed.update(piece)
        write(piece)
    _require_length(call, size, is_chunked=chunked is not None)
    if chunked is None and _HEX_DIGEST.fullmatch(signed) and whole.hexdigest() != signed:
        raise S3Error("XAmzContentSHA256Mismatch", "The body does not have the SHA-256 that was signed.")
    _require_md5(call, md5.digest())
    return Received(size, md5.hexdigest(), _compared({**call.headers, **(chunked.trailers if chunked else {})}, hashes))


def document(call: Call) -> bytes:
    """A body that is a small document."""
    parts: list[bytes] = []

    def add(piece: bytes) -> None:
        parts.append(piece)
        if sum(map(len, parts)) > _DOCUMENT_BYTES:
            raise S3Error("MalformedXML", f"A document here may have {_DOCUMENT_BYTES} bytes.")

    receive(call, add)
    return b"".join(parts)


def document_about(call: Call) -> tuple[bytes, Mapping[str, str]]:
    """A document whose checksum headers are not its own but those of an object; these, by algorithm."""
    claimed = {name.removeprefix(_HEADER).upper(): value for name, value in call.headers.items() if _is_claim(name)}
    others = {name: value for name, value in call.headers.items() if not _is_claim(name)}
    return document(replace(call, headers=others)), {
        name: value for name, value in claimed.items() if name in ALGORITHMS
    }


def is_composed(algorithm: str) -> bool:
    """Whether checksums of parts in this algorithm are compared here, and make one of the object."""
    return algorithm in ALGORITHMS and algorithm != _OF_WHOLE_ONLY


def require(claims: Mapping[str, str], hashes: Mapping[str, Hash]) -> dict[str, str]:
    """The checksums of what was hashed; S3Error if one is not what is claimed."""
    return _compared({_HEADER + name.lower(): value for name, value in claims.items()}, hashes)


def base64(digest: bytes) -> str:
    """A checksum as S3 writes it."""
    return b64encode(digest).decode()


def _is_chunked(call: Call) -> bool:
    encodings = [word.strip() for word in call.headers.get("content-encoding", "").split(",")]
    return call.headers.get("x-amz-content-sha256", "").startswith(_STREAMING) or "aws-chunked" in encodings


def _is_claimed(call: Call, algorithm: str) -> bool:
    name = _HEADER + algorithm.lower()
    trailers = {trailer.strip().lower() for trailer in call.headers.get("x-amz-trailer", "").split(",")}
    asked = call.headers.get("x-amz-sdk-checksum-algorithm", "").upper()
    return name in call.headers or name in trailers or asked == algorithm


def _is_claim(header: str) -> bool:
    return header.startswith(_HEADER) and header != CHECKSUM_TYPE


def _bounded(pieces: Iterator[bytes], most: int) -> Iterator[bytes]:
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > most:
            raise S3Error("EntityTooLarge", f"An upload here may have {most} bytes.")
        yield piece


def _require_length(call: Call, size: int, *, is_chunked: bool) -> None:
    declared = call.headers.get("x-amz-decoded-content-length" if is_chunked else "content-length")
    if declared is not None and declared != str(size):
        raise S3Error("IncompleteBody", f"The body has {size} bytes instead of {declared[:20]}.")


def _require_md5(call: Call, md5: bytes) -> None:
    claimed = call.headers.get("content-md5")
    if claimed is not None and _bytes_of(claimed, len(md5), "Content-MD5") != md5:
        raise S3Error("BadDigest", "The Content-MD5 you specified is not that of what was received.")


def _compared(claims: Mapping[str, str], hashes: Mapping[str, Hash]) -> dict[str, str]:
    found: dict[str, str] = {}
    for algorithm, hashed in hashes.items():
        digest = hashed.digest()
        claimed = claims.get(_HEADER + algorithm.lower())
        if claimed is not None and _bytes_of(claimed, len(digest), algorithm) != digest:
            raise S3Error("BadDigest", f"The {algorithm} you specified is not that of what was received.")
        found[algorithm] = base64(digest)
    return found


def _bytes_of(claimed: str, length: int, what: str) -> bytes:
    try:
        digest = b64decode(claimed, validate=True)
    except ValueError:
        digest = b""
    if len(digest) != length:
        raise S3Error("InvalidDigest", f"The {what} you specified is not valid.")
    return digest
