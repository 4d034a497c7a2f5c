"""A request as an operation of S3 gets it, and what it answers with.

A key is decoded once, from the path as it was sent, and is data from then on: no path is ever made of it.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, unquote_to_bytes

from plugin_core.wire.caller import Caller
from plugin_core.wire.s3.faults import S3Error

if TYPE_CHECKING:
    from plugin_core.stores.objects import ObjectStore
    from plugin_core.stores.protocol import BlobStore

_LONGEST_KEY: Final = 1024
_MOST_MEMBERS: Final = 100


@dataclass(frozen=True, slots=True)
class Address:
    """What a request is about: the service, a bucket, or an object in one; either may be empty."""

    bucket: str
    key: str

    @property
    def level(self) -> str:
        """``service``, ``bucket`` or ``object``."""
        return "object" if self.key else "bucket" if self.bucket else "service"


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """One request. Names of headers are in lower case; ``pieces`` is the body as it comes, to be read once."""

    address: Address
    query: Mapping[str, str]
    headers: Mapping[str, str]
    pieces: Iterator[bytes]
    objects: ObjectStore
    blobs: BlobStore
    staging: Path
    caller: Caller
    now: datetime
    most_bytes: int

    @property
    def bucket(self) -> str:
        """The bucket's name."""
        return self.address.bucket

    @property
    def key(self) -> str:
        """The object's key."""
        return self.address.key

    def number(self, name: str, default: int, *, most: int) -> int:
        """A member of the query that is a number; S3Error. What is above ``most`` is ``most``."""
        given = self.query.get(name)
        if given is None or given == "":
            return default
        if not re.fullmatch(r"[0-9]{1,10}", given):
            raise S3Error("InvalidArgument", f"{name} must be a number.")
        return min(int(given), most)


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """An answer: a body, or the pieces of one whose length the headers tell."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: bytes = b""
    pieces: Generator[bytes] | None = None


def xml(body: bytes, **headers: str) -> Reply:
    """A document."""
    return Reply(headers={"content-type": "application/xml", **headers}, body=body)


def address_of(scope: Mapping[str, Any], domains: Sequence[str]) -> Address:
    """What a request is about, by its path or, below one of ``domains``, by its host and path; S3Error."""
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    root = str(scope.get("root_path", "")).encode()
    path = raw.partition(b"?")[0].removeprefix(root).removeprefix(b"/")
    bucket = _bucket_of_host(scope, domains)
    if bucket is None:
        name, _, path = path.partition(b"/")
        bucket = _decoded(name)
    key = _decoded(path)
    if len(key.encode()) > _LONGEST_KEY:
        raise S3Error("KeyTooLongError", f"A key may have {_LONGEST_KEY} bytes.")
    return Address(bucket, key)


def query_of(scope: Mapping[str, Any]) -> dict[str, str]:
    """The members of the query; S3Error."""
    try:
        members = parse_qsl(
            scope.get("query_string", b"").decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=_MOST_MEMBERS,
        )
    except ValueError:
        raise S3Error("InvalidURI", "The query cannot be read.") from None
    if len(found := dict(members)) != len(members):
        raise S3Error("InvalidArgument", "A member of the query stands there twice.")
    if any("\0" in value for value in found.values()):
        raise S3Error("InvalidArgument", "A member of the query holds a NUL.")
    return found


def _bucket_of_host(scope: Mapping[str, Any], domains: Sequence[str]) -> str | None:
    headers: list[tuple[bytes, bytes]] = scope["headers"]
    host = next((value.decode("latin-1").lower() for name, value in headers if name == b"host"), "")
    name = re.sub(r":[0-9]+$", "", host)
    found = (name.removesuffix(f".{domain}") for domain in domains if name.endswith(f".{domain}"))
    return next(found, None)


def _decoded(part: bytes) -> str:
    try:
        found = unquote_to_bytes(part).decode()
    except UnicodeDecodeError:
        raise S3Error("InvalidURI", "The path is not UTF-8.") from None
    if "\0" in found:
        raise S3Error("InvalidURI", "A key here cannot hold a NUL.")
    return found
