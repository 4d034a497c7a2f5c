"""Objects: put, read, copied, deleted. Their bytes are blobs; the store says which key stands for which."""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import IO, Any, Final
from urllib.parse import unquote_to_bytes

from plugin_core.errors import NotFoundError
from plugin_core.model.objects import Condition, StoredObject
from plugin_core.wire.caller import Permission
from plugin_core.wire.s3 import bodies, markup
from plugin_core.wire.s3.calls import Call, Reply, xml
from plugin_core.wire.s3.faults import S3Error, not_implemented

_KEPT_HEADERS: Final = ("cache-control", "content-disposition", "content-encoding", "content-language", "expires")
_META: Final = "x-amz-meta-"
_META_BYTES: Final = 2048
_DEFAULT_TYPE: Final = "binary/octet-stream"
_PIECE: Final = 256 << 10
_MOST_DELETED: Final = 1000
_RANGE: Final = re.compile(r"bytes=(?:([0-9]{1,18})-([0-9]{1,18})?|-([0-9]{1,18}))")
# What a browser makes of an object that somebody put here, it must not do in this server's name.
_HARMLESS: Final = {"content-security-policy": "sandbox; default-src 'none'", "x-content-type-options": "nosniff"}


def put_object(call: Call) -> Reply:
    """PutObject."""
    condition = condition_of(call)
    require_bucket(call, condition)
    described = description_of(call)
    with call.blobs.writing() as writer:
        received = bodies.receive(call, writer.write)
        digest = writer.keep()
    stored = StoredObject(
        bucket=call.bucket,
        key=call.key,
        digest=digest,
        size_bytes=received.size,
        etag=received.md5,
        modified_at=call.now,
        checksums=received.checksums,
        **described,
    )
    call.objects.put_object(stored, condition=condition)
    return Reply(headers={"etag": f'"{stored.etag}"', **checksum_headers(stored.checksums)})


def copy_object(call: Call) -> Reply:
    """CopyObject: another key for the same bytes."""
    source = source_of(call)
    directive = call.headers.get("x-amz-metadata-directive", "COPY")
    if directive not in {"COPY", "REPLACE"}:
        raise S3Error("InvalidArgument", "The metadata directive must be COPY or REPLACE.")
    if directive == "COPY" and (source.bucket, source.key) == (call.bucket, call.key):
        raise S3Error("InvalidRequest", "An object that is copied to itself must be given other metadata.")
    described: dict[str, Any] = description_of(call) if directive == "REPLACE" else {}
    copied = replace(source, bucket=call.bucket, key=call.key, modified_at=call.now, **described)
    call.objects.put_object(copied, condition=condition_of(call))
    return xml(markup.document("CopyObjectResult", *copied_parts(copied.etag, call.now)))


def get_object(call: Call) -> Reply:
    """GetObject, or a range of one."""
    found = call.objects.object(call.bucket, call.key)
    if (unchanged := _checked(call, found)) is not None:
        return unchanged
    asked = _range_of(call, found.size_bytes)
    headers = _headers_of(call, found, is_whole=asked is None) | _overrides(call)
    if asked is None:
        source = call.blobs.open(found.digest)
        return Reply(headers=headers, pieces=pieces_of(source, found.size_bytes))
    start, end = asked
    headers["content-length"] = str(end - start)
    headers["content-range"] = f"bytes {start}-{end - 1}/{found.size_bytes}"
    source = call.blobs.part(found.digest, start, end - start)
    return Reply(status=206, headers=headers, pieces=pieces_of(source, end - start))


def head_object(call: Call) -> Reply:
    """HeadObject."""
    found = call.objects.object(call.bucket, call.key)
    return _checked(call, found) or Reply(headers=_headers_of(call, found, is_whole=True))


def delete_object(call: Call) -> Reply:
    """DeleteObject. Its bytes stay, as long as others may use them."""
    if "if-match" in call.headers:
        raise not_implemented("to delete under a condition")
    call.objects.delete_objects(call.bucket, [call.key])
    return Reply(status=204)


def delete_objects(call: Call) -> Reply:
    """DeleteObjects: up to a thousand at once."""
    root = markup.parsed(bodies.document(call))
    keys = [found.findtext("Key") for found in root.iterfind("Object")]
    named = [key for key in keys if key]
    if root.tag != "Delete" or not named or len(named) != len(keys) or len(keys) > _MOST_DELETED:
        raise S3Error("MalformedXML", f"A deletion names 1 to {_MOST_DELETED} keys.")
    if root.find("Object/VersionId") is not None or root.find("Object/ETag") is not None:
        raise not_implemented("to delete versions, or under conditions")
    call.objects.delete_objects(call.bucket, named)
    is_quiet = root.findtext("Quiet", "").lower() == "true"
    deleted = () if is_quiet else (markup.texts("Deleted", [("Key", key)]) for key in named)
    return xml(markup.document("DeleteResult", *deleted))


# What requests say


def condition_of(call: Call) -> Condition:
    """Under which condition an object may be put; S3Error."""
    absent, match = call.headers.get("if-none-match"), call.headers.get("if-match")
    if absent is not None and (absent.strip() != "*" or match is not None):
        raise not_implemented("If-None-Match with anything but * in a request that puts")
    return Condition(is_absent=absent is not None, etag=None if match is None else match.strip().strip('"'))


def require_bucket(call: Call, condition: Condition) -> None:
    """Say before the body comes what will not do; whether it does is decided when the body is there."""
    call.objects.bucket(call.bucket)
    try:
        found = call.objects.object(call.bucket, call.key)
    except NotFoundError:
        if condition.etag is not None:
            raise
        return
    if condition.is_absent or (condition.etag is not None and condition.etag != found.etag):
        raise S3Error("PreconditionFailed", "At least one of the preconditions you specified did not hold.")


def description_of(call: Call) -> dict[str, Any]:
    """What is said of an object besides its bytes; S3Error."""
    metadata = {name.removeprefix(_META): value for name, value in call.headers.items() if name.startswith(_META)}
    if sum(len(name) + len(value) for name, value in metadata.items()) > _META_BYTES:
        raise S3Error("MetadataTooLarge", f"An object's metadata may have {_META_BYTES} bytes.")
    headers = {name: call.headers[name] for name in _KEPT_HEADERS if name in call.headers}
    encodings = [word.strip() for word in headers.pop("content-encoding", "").split(",")]
    if kept := ", ".join(word for word in encodings if word and word != "aws-chunked"):
        headers["content-encoding"] = kept
    return {"media_type": call.headers.get("content-type"), "headers": headers, "metadata": metadata}


def source_of(call: Call) -> StoredObject:
    """The object that is to be copied; S3Error, NotFoundError."""
    if not call.caller.may(Permission.READ):
        raise S3Error("AccessDenied", "This key may not read.")
    name, _, query = call.headers["x-amz-copy-source"].partition("?")
    if query:
        raise not_implemented("versions of objects")
    try:
        bucket, _, key = unquote_to_bytes(name).decode().removeprefix("/").partition("/")
    except UnicodeDecodeError:
        bucket = key = ""
    if not bucket or not key:
        raise S3Error("InvalidArgument", "The copy source must be bucket/key.")
    found = call.objects.object(bucket, key)
    wanted, unwanted = (call.headers.get(f"x-amz-copy-source-if-{name}") for name in ("match", "none-match"))
    if (wanted is not None and not _matches(wanted, found)) or (unwanted is not None and _matches(unwanted, found)):
        raise S3Error("PreconditionFailed", "At least one of the preconditions you specified did not hold.")
    return found


def _range_of(call: Call, size: int) -> tuple[int, int] | None:
    """The bytes that are asked for, from and to; None for all. What is no range is not listened to, as HTTP says."""
    found = _RANGE.fullmatch(call.headers.get("range", "").replace(" ", ""))
    if found is None:
        return None
    first, last, suffix = found.groups()
    if suffix is not None:
        start, end = max(size - int(suffix), 0), size
    else:
        start, end = int(first), min(int(last) + 1, size) if last else size
        if last and int(last) < start:
            return None
    if start >= end:
        raise S3Error("InvalidRange", "The range is not in the object.", headers={"content-range": f"bytes */{size}"})
    return start, end


def _checked(call: Call, found: StoredObject) -> Reply | None:
    """Whether the client's conditions of reading hold: 304 where it has the object already; S3Error."""
    asked, at = call.headers, found.modified_at.replace(microsecond=0)
    if "if-match" in asked:
        is_wanted = _matches(asked["if-match"], found)
    else:
        since = _moment(asked.get("if-unmodified-since"))
        is_wanted = since is None or at <= since
    if not is_wanted:
        raise S3Error("PreconditionFailed", "At least one of the preconditions you specified did not hold.")
    if "if-none-match" in asked:
        is_known = _matches(asked["if-none-match"], found)
    else:
        since = _moment(asked.get("if-modified-since"))
        is_known = since is not None and at <= since
    return Reply(status=304, headers={"etag": f'"{found.etag}"'}) if is_known else None


def _matches(etags: str, found: StoredObject) -> bool:
    named = {etag.strip().removeprefix("W/").strip('"') for etag in etags.split(",")}
    return "*" in named or found.etag in named


def _moment(given: str | None) -> datetime | None:
    try:
        return None if given is None else parsedate_to_datetime(given).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


# What answers say


def _headers_of(call: Call, found: StoredObject, *, is_whole: bool) -> dict[str, str]:
    headers = {
        "accept-ranges": "bytes",
        "content-length": str(found.size_bytes),
        "content-type": found.media_type or _DEFAULT_TYPE,
        "etag": f'"{found.etag}"',
        "last-modified": format_datetime(found.modified_at.astimezone(UTC), usegmt=True),
        **_HARMLESS,
        **found.headers,
        **{_META + name: value for name, value in found.metadata.items()},
    }
    if is_whole and call.headers.get("x-amz-checksum-mode", "").upper() == "ENABLED":
        headers |= checksum_headers(found.checksums)
    return headers


def _overrides(call: Call) -> dict[str, str]:
    """Headers that a (signed) URL asks for."""
    prefix = "response-"
    return {
        name.removeprefix(prefix): _one_line(value) for name, value in call.query.items() if name.startswith(prefix)
    }


def _one_line(value: str) -> str:
    if not value.isascii() or not value.isprintable():
        raise S3Error("InvalidArgument", "A header cannot hold that.")
    return value


def checksum_headers(checksums: Mapping[str, str]) -> dict[str, str]:
    """Checksums as headers."""
    found = {f"x-amz-checksum-{name.lower()}": value for name, value in checksums.items()}
    if found:
        found[bodies.CHECKSUM_TYPE] = "COMPOSITE" if any("-" in value for value in found.values()) else "FULL_OBJECT"
    return found


def copied_parts(etag: str, at: datetime) -> list[str]:
    """What an answer says of a copy."""
    return [markup.text("LastModified", markup.moment(at)), markup.text("ETag", f'"{etag}"')]


def pieces_of(source: IO[bytes], size: int) -> Generator[bytes]:
    """The bytes of a reader that verifies, the last of them only when it has: a client notices that they lack."""
    with source:
        held, left = b"", size
        while piece := source.read(_PIECE):
            if held:
                yield held
            held = piece
            left -= len(piece)
        if left:
            raise S3Error("InternalError", "The blob is not as long as it was.")
        if held:
            yield held
