"""Buckets: made, found, listed, deleted."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from typing import Final
from urllib.parse import quote

from plugin_core.errors import ConflictError
from plugin_core.model.objects import Bucket, ObjectPage, StoredObject
from plugin_core.wire.s3 import bodies, markup
from plugin_core.wire.s3.calls import Call, Reply, xml
from plugin_core.wire.s3.faults import S3Error

REGION: Final = "us-east-1"
_NAME: Final = re.compile(r"(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_MOST: Final = 1000


def list_buckets(call: Call) -> Reply:
    """ListBuckets."""
    found = (
        markup.texts("Bucket", [("Name", bucket.name), ("CreationDate", markup.moment(bucket.created_at))])
        for bucket in call.objects.buckets()
    )
    owner = markup.element("Owner", markup.text("ID", call.caller.tenant))
    return xml(markup.document("ListAllMyBucketsResult", owner, markup.element("Buckets", *found)))


def create_bucket(call: Call) -> Reply:
    """CreateBucket. Where it is to be does not matter here."""
    if not _NAME.fullmatch(call.bucket):
        raise S3Error("InvalidBucketName", "The specified bucket is not valid.")
    if body := bodies.document(call):
        markup.parsed(body)
    if not call.objects.create_bucket(Bucket(name=call.bucket, created_at=call.now)):
        raise S3Error("BucketAlreadyOwnedByYou", "You own a bucket of that name already.")
    return Reply(headers={"location": f"/{call.bucket}"})


def delete_bucket(call: Call) -> Reply:
    """DeleteBucket, of an empty one."""
    try:
        call.objects.delete_bucket(call.bucket)
    except ConflictError:
        raise S3Error("BucketNotEmpty", "The bucket you tried to delete is not empty.") from None
    return Reply(status=204)


def head_bucket(call: Call) -> Reply:
    """HeadBucket."""
    call.objects.bucket(call.bucket)
    return Reply(headers={"x-amz-bucket-region": REGION})


def locate_bucket(call: Call) -> Reply:
    """GetBucketLocation: where S3 is by default, which it writes as nothing."""
    call.objects.bucket(call.bucket)
    return xml(markup.document("LocationConstraint"))


def list_objects_v2(call: Call) -> Reply:
    """ListObjectsV2."""
    token = call.query.get("continuation-token")
    after = _opened(token) if token is not None else call.query.get("start-after", "")
    most, page = _listed(call, after)
    written = _writer(call)
    head = [
        markup.text("KeyCount", len(page.objects) + len(page.prefixes)),
        *(markup.text("ContinuationToken", token) for _ in range(token is not None)),
        *(markup.text("StartAfter", written(call.query["start-after"])) for _ in range("start-after" in call.query)),
        *(markup.text("NextContinuationToken", _sealed(last)) for last in (page.last,) if last is not None),
    ]
    return _result(call, page, most, head)


def list_objects(call: Call) -> Reply:
    """ListObjects, the first version."""
    most, page = _listed(call, call.query.get("marker", ""))
    written = _writer(call)
    head = [
        markup.text("Marker", written(call.query.get("marker", ""))),
        *(markup.text("NextMarker", written(last)) for last in (page.last,) if last is not None),
    ]
    return _result(call, page, most, head)


def _listed(call: Call, after: str) -> tuple[int, ObjectPage]:
    if call.query.get("encoding-type", "url") != "url":
        raise S3Error("InvalidArgument", "The encoding-type must be url.")
    most = call.number("max-keys", _MOST, most=_MOST)
    prefix, delimiter = call.query.get("prefix", ""), call.query.get("delimiter", "")
    page = call.objects.objects(call.bucket, prefix=prefix, delimiter=delimiter, after=after, limit=max(most, 1))
    return most, page if most else ObjectPage(objects=())


def _result(call: Call, page: ObjectPage, most: int, head: list[str]) -> Reply:
    written = _writer(call)
    parts = [
        markup.text("Name", call.bucket),
        markup.text("Prefix", written(call.query.get("prefix", ""))),
        *(markup.text("Delimiter", written(call.query["delimiter"])) for _ in range("delimiter" in call.query)),
        *(markup.text("EncodingType", "url") for _ in range("encoding-type" in call.query)),
        markup.text("MaxKeys", most),
        markup.text("IsTruncated", str(page.last is not None).lower()),
        *head,
        *(_entry(call, found, written) for found in page.objects),
        *(markup.element("CommonPrefixes", markup.text("Prefix", written(prefix))) for prefix in page.prefixes),
    ]
    return xml(markup.document("ListBucketResult", *parts))


def _entry(call: Call, found: StoredObject, written: Callable[[str], str]) -> str:
    owner = markup.element("Owner", markup.text("ID", call.caller.tenant)) if "list-type" not in call.query else ""
    return markup.element(
        "Contents",
        markup.text("Key", written(found.key)),
        markup.text("LastModified", markup.moment(found.modified_at)),
        markup.text("ETag", f'"{found.etag}"'),
        markup.text("Size", found.size_bytes),
        markup.text("StorageClass", "STANDARD"),
        owner,
    )


def _writer(call: Call) -> Callable[[str], str]:
    """How keys are written: as they are, or percent-encoded where the client asks for it."""
    return quote if "encoding-type" in call.query else str


def _sealed(key: str) -> str:
    """A token. It holds a key only, which a client may begin after anyway."""
    return base64.urlsafe_b64encode(key.encode()).decode()


def _opened(token: str) -> str:
    try:
        return base64.b64decode(token.encode(), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise S3Error("InvalidArgument", "The continuation token provided is incorrect.") from None
