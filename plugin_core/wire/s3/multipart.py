"""Uploads in parts. Parts wait in a folder that all workers of a server share, under names that are made here."""

from __future__ import annotations

import hashlib
import re
import secrets
import shutil
from base64 import b64decode
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from plugin_core.errors import NotFoundError
from plugin_core.model.objects import Part, StoredObject, Upload
from plugin_core.stores.protocol import BlobWriter
from plugin_core.wire.s3 import bodies, markup
from plugin_core.wire.s3.calls import Call, Reply, xml
from plugin_core.wire.s3.faults import S3Error
from plugin_core.wire.s3.objects import (
    checksum_headers,
    condition_of,
    copied_parts,
    description_of,
    pieces_of,
    require_bucket,
    source_of,
)

_MOST_PARTS: Final = 10_000
_ABANDONED_AFTER: Final = timedelta(days=7)
_PIECE: Final = 1 << 20
_COPIED: Final = re.compile(r"bytes=([0-9]{1,18})-([0-9]{1,18})")


def create_upload(call: Call) -> Reply:
    """CreateMultipartUpload. Uploads that nobody goes on with are removed on the way."""
    for stale in call.objects.stale_uploads(call.now - _ABANDONED_AFTER):
        _discard(call, stale.id)
    algorithm = call.headers.get("x-amz-checksum-algorithm", "").upper()
    is_composite = call.headers.get(bodies.CHECKSUM_TYPE, "COMPOSITE").upper() == "COMPOSITE"
    described = description_of(call)
    upload = Upload(
        id=secrets.token_hex(16),
        bucket=call.bucket,
        key=call.key,
        begun_at=call.now,
        algorithm=algorithm if bodies.is_composed(algorithm) and is_composite else None,
        **described,
    )
    call.objects.begin_upload(upload)
    named = [("Bucket", call.bucket), ("Key", call.key), ("UploadId", upload.id)]
    headers = {"x-amz-checksum-algorithm": algorithm, bodies.CHECKSUM_TYPE: "COMPOSITE"} if upload.algorithm else {}
    return xml(markup.document("InitiateMultipartUploadResult", *(markup.text(*pair) for pair in named)), **headers)


def upload_part(call: Call) -> Reply:
    """UploadPart."""
    part = _take(call, lambda write: bodies.receive(call, write))
    return Reply(headers={"etag": f'"{part.etag}"', **_of_part(part)})


def copy_part(call: Call) -> Reply:
    """UploadPartCopy: a part out of an object that is here."""
    _upload(call)
    source = source_of(call)
    start, end = _copied_range(call, source.size_bytes)

    def fill(write: Callable[[bytes], object]) -> bodies.Received:
        hashed = hashlib.md5(usedforsecurity=False)
        for piece in pieces_of(call.blobs.part(source.digest, start, end - start), end - start):
            hashed.update(piece)
            write(piece)
        return bodies.Received(end - start, hashed.hexdigest(), {})

    part = _take(call, fill)
    return xml(markup.document("CopyPartResult", *copied_parts(part.etag, call.now)))


def list_parts(call: Call) -> Reply:
    """ListParts."""
    upload = _upload(call)
    after = call.number("part-number-marker", 0, most=_MOST_PARTS)
    most = call.number("max-parts", 1000, most=1000)
    following = [part for part in call.objects.parts(upload.id) if part.number > after]
    shown = following[:most]
    named: list[tuple[str, object]] = [("Bucket", call.bucket), ("Key", call.key), ("UploadId", upload.id)]
    named += [("PartNumberMarker", after), ("MaxParts", most), ("IsTruncated", str(len(following) > most).lower())]
    named += [("NextPartNumberMarker", shown[-1].number)] if shown else []
    return xml(markup.document("ListPartsResult", *(markup.text(*pair) for pair in named), *map(_shown, shown)))


def complete_upload(call: Call) -> Reply:
    """CompleteMultipartUpload: one blob out of the parts. Asked again after it was done, it answers the same."""
    condition = condition_of(call)
    document, claimed = bodies.document_about(call)
    chosen = _chosen(document)
    try:
        upload = _upload(call)
    except NotFoundError:
        return _completed_before(call, chosen)
    require_bucket(call, condition)
    parts = _matching(call, chosen)
    composite = _composite(upload.algorithm, parts, claimed)
    hashes = {name: bodies.ALGORITHMS[name]() for name in claimed if name not in composite}
    with call.blobs.writing() as writer:
        for part in parts:
            _append(call, part, writer, hashes.values())
        whole = bodies.require(claimed, hashes)
        digest = writer.keep()
    stored = StoredObject(
        bucket=call.bucket,
        key=call.key,
        digest=digest,
        size_bytes=sum(part.size_bytes for part in parts),
        etag=_etag([part.etag for part in parts]),
        modified_at=call.now,
        media_type=upload.media_type,
        headers=upload.headers,
        metadata=upload.metadata,
        checksums={**whole, **composite},
    )
    call.objects.put_object(stored, condition=condition, upload=upload.id)
    _remove_files(call, upload.id)
    return _completed(call, stored)


def abort_upload(call: Call) -> Reply:
    """AbortMultipartUpload."""
    _discard(call, _upload(call).id)
    return Reply(status=204)


# Parts


def _upload(call: Call) -> Upload:
    """The upload that is meant; NotFoundError also for one of another key."""
    call.objects.bucket(call.bucket)
    found = call.objects.upload(call.query["uploadId"])
    if (found.bucket, found.key) != (call.bucket, call.key):
        raise NotFoundError("upload", found.id)
    return found


def _take(call: Call, fill: Callable[[Callable[[bytes], object]], bodies.Received]) -> Part:
    """Write a part's bytes aside and note it; what does not come to be a part leaves no file."""
    upload = _upload(call)
    number = call.number("partNumber", 0, most=_MOST_PARTS + 1)
    if not 1 <= number <= _MOST_PARTS:
        raise S3Error("InvalidArgument", f"The part number must be one of 1 to {_MOST_PARTS}.")
    folder = _folder(call, upload.id)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = folder / f"{number}-{secrets.token_hex(8)}"
    try:
        with file.open("xb") as target:
            received = fill(target.write)
        part = Part(
            number=number,
            size_bytes=received.size,
            etag=received.md5,
            file=file.name,
            modified_at=call.now,
            checksums=received.checksums,
        )
        before = call.objects.put_part(upload.id, part)
    except BaseException:
        file.unlink(missing_ok=True)
        raise
    if before is not None:
        (folder / before.file).unlink(missing_ok=True)
    return part


def _copied_range(call: Call, size: int) -> tuple[int, int]:
    given = call.headers.get("x-amz-copy-source-range")
    if given is None:
        return 0, size
    found = _COPIED.fullmatch(given)
    if found is None or not int(found[1]) <= int(found[2]) < size:
        raise S3Error("InvalidArgument", "The range to copy is not in the source.")
    return int(found[1]), int(found[2]) + 1


@dataclass(frozen=True, slots=True)
class _Chosen:
    """A part as a client names it when it completes an upload."""

    number: int
    etag: str
    checksums: dict[str, str]


def _chosen(document: bytes) -> list[_Chosen]:
    root = markup.parsed(document)
    found = [_chosen_of(part) for part in root.iterfind("Part")]
    if root.tag != "CompleteMultipartUpload" or not found or len(found) > _MOST_PARTS:
        raise S3Error("MalformedXML", f"An upload has 1 to {_MOST_PARTS} parts.")
    numbers = [part.number for part in found]
    if numbers != sorted(set(numbers)):
        raise S3Error("InvalidPartOrder", "The parts must be in the order of their numbers.")
    return found


def _chosen_of(part: Any) -> _Chosen:
    number = part.findtext("PartNumber", "")
    if not re.fullmatch(r"[0-9]{1,5}", number):
        raise S3Error("MalformedXML", "A part has a number.")
    checksums = {name: part.findtext(f"Checksum{name}") for name in bodies.ALGORITHMS}
    etag = re.sub(r'^"|"$', "", part.findtext("ETag", "").strip())
    return _Chosen(int(number), etag, {name: value for name, value in checksums.items() if value})


def _matching(call: Call, chosen: list[_Chosen]) -> list[Part]:
    """The parts that are meant; S3Error if one is not what the client takes it for."""
    there = {part.number: part for part in call.objects.parts(call.query["uploadId"])}
    for wanted in chosen:
        part = there.get(wanted.number)
        if part is None or part.etag != wanted.etag:
            raise S3Error("InvalidPart", f"Part {wanted.number} is not there, or has another ETag.")
        if any(part.checksums.get(name, value) != value for name, value in wanted.checksums.items()):
            raise S3Error("InvalidPart", f"Part {wanted.number} has another checksum.")
    return [there[wanted.number] for wanted in chosen]


def _append(call: Call, part: Part, writer: BlobWriter, hashes: Collection[bodies.Hash]) -> None:
    """Add a part's bytes, if they are still those that came."""
    hashed = hashlib.md5(usedforsecurity=False)
    for piece in _bytes_of(_folder(call, call.query["uploadId"]) / part.file):
        for each in (hashed, *hashes):
            each.update(piece)
        writer.write(piece)
    if hashed.hexdigest() != part.etag:
        raise S3Error("InvalidPart", f"Part {part.number} was lost. Upload it again.")


def _bytes_of(file: Path) -> Iterator[bytes]:
    with suppress(FileNotFoundError), file.open("rb") as source:
        while piece := source.read(_PIECE):
            yield piece


def _etag(md5s: list[str]) -> str:
    """The ETag of an object that came in parts: the MD5 of their MD5s, and how many they were."""
    whole = hashlib.md5(b"".join(map(bytes.fromhex, md5s)), usedforsecurity=False)
    return f"{whole.hexdigest()}-{len(md5s)}"


def _composite(algorithm: str | None, parts: list[Part], claimed: Mapping[str, str]) -> dict[str, str]:
    """The checksum of the parts' checksums, as S3 writes it; nothing if one of them has none."""
    if algorithm is None or any(algorithm not in part.checksums for part in parts):
        return {}
    hashed = bodies.ALGORITHMS[algorithm]()
    for part in parts:
        hashed.update(b64decode(part.checksums[algorithm]))
    found = bodies.base64(hashed.digest())
    if claimed.get(algorithm, found).partition("-")[0] != found:
        raise S3Error("BadDigest", f"The {algorithm} you specified is not that of the parts.")
    return {algorithm: f"{found}-{len(parts)}"}


def _completed_before(call: Call, chosen: list[_Chosen]) -> Reply:
    """The answer to who did not get the first one; NotFoundError of the upload if it was never completed."""
    absent = NotFoundError("upload", call.query["uploadId"])
    try:
        found = call.objects.object(call.bucket, call.key)
        is_it = found.etag == _etag([part.etag for part in chosen])
    except (NotFoundError, ValueError):
        raise absent from None
    if not is_it:
        raise absent
    return _completed(call, found)


def _completed(call: Call, stored: StoredObject) -> Reply:
    named = [("Location", f"/{call.bucket}/{call.key}"), ("Bucket", call.bucket), ("Key", call.key)]
    named += [("ETag", f'"{stored.etag}"')]
    named += [(f"Checksum{name}", value) for name, value in stored.checksums.items()]
    kind = checksum_headers(stored.checksums).get(bodies.CHECKSUM_TYPE)
    named += [("ChecksumType", kind)] if kind else []
    return xml(markup.document("CompleteMultipartUploadResult", *(markup.text(*pair) for pair in named)))


def _of_part(part: Part) -> dict[str, str]:
    headers = checksum_headers(part.checksums)
    headers.pop(bodies.CHECKSUM_TYPE, None)
    return headers


def _shown(part: Part) -> str:
    named: list[tuple[str, object]] = [("PartNumber", part.number), ("LastModified", markup.moment(part.modified_at))]
    named += [("ETag", f'"{part.etag}"'), ("Size", part.size_bytes)]
    named += [(f"Checksum{name}", value) for name, value in part.checksums.items()]
    return markup.texts("Part", named)


def _discard(call: Call, id: str) -> None:
    call.objects.abort_upload(id)
    _remove_files(call, id)


def _remove_files(call: Call, id: str) -> None:
    shutil.rmtree(_folder(call, id), ignore_errors=True)


def _folder(call: Call, id: str) -> Path:
    """Where an upload's parts wait; its id was made here, and is known to the store."""
    assert re.fullmatch(r"[0-9a-f]{32}", id)
    return call.staging / id
