"""Objects as S3 has them: bytes under a key in a bucket. A key is data, never a path."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Bucket:
    """What holds objects."""

    name: str
    created_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredObject:
    """What lies under a key. ``digest`` names its bytes in the blob store; ``etag`` has no quotes.

    ``headers`` are those that come back as they were given (``cache-control`` ...), ``metadata`` is the user's,
    ``checksums`` are what was verified when the bytes came, by algorithm, as S3 writes them.
    """

    bucket: str
    key: str
    digest: str
    size_bytes: int
    etag: str
    modified_at: datetime
    media_type: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])
    checksums: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, kw_only=True, slots=True)
class Upload:
    """An object that comes in parts, until it is completed or aborted. ``algorithm`` is that of its checksums."""

    id: str
    bucket: str
    key: str
    begun_at: datetime
    media_type: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])
    algorithm: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """A part of an upload; ``file`` names its bytes where the server keeps them meanwhile."""

    number: int
    size_bytes: int
    etag: str
    file: str
    modified_at: datetime
    checksums: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, kw_only=True, slots=True)
class ObjectPage:
    """A part of a bucket's listing, in the order of the keys' UTF-8. ``last`` is where the next page begins after,
    None for the end.
    """

    objects: Sequence[StoredObject]
    prefixes: Sequence[str] = ()
    last: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Condition:
    """What must be so for an object to be replaced: nothing there (``is_absent``), or this ETag."""

    is_absent: bool = False
    etag: str | None = None
