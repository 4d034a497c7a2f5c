"""The ASGI edge of S3: a request to an operation by what it names, its body and its answer in pieces.

Operations run in threads; a body waits at the socket until a thread has taken what came before. What a client
asks for and is not in the table of operations is refused, never half done.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from plugin_core.errors import FlowtrailError
from plugin_core.wire.app import AsgiApp, Receive, Scope, Send
from plugin_core.wire.caller import CALLER, REQUEST_ID, Caller, Permission
from plugin_core.wire.s3 import buckets, faults, markup, multipart, objects
from plugin_core.wire.s3.calls import Address, Call, Reply, address_of, query_of
from plugin_core.wire.s3.faults import S3Error, not_implemented

if TYPE_CHECKING:
    from plugin_core.stores.objects import ObjectStore
    from plugin_core.stores.protocol import BlobStore

_log: Final = logging.getLogger("flowtrail.wire")
_Perform: TypeAlias = Callable[[Call], Reply]
_THREADS: Final = 32
_MOST_BYTES: Final = 5 << 30


@dataclass(frozen=True, kw_only=True, slots=True)
class Operation:
    """What a request does that has these members in its query, and no others but ``optional`` ones."""

    name: str
    perform: _Perform
    permission: Permission
    needed: frozenset[str] = frozenset()
    optional: frozenset[str] = frozenset()
    copies: bool = False


_LISTING: Final = {"prefix", "delimiter", "max-keys", "encoding-type"}
_UPLOAD: Final = frozenset({"uploadId"})
_PART: Final = frozenset({"uploadId", "partNumber"})
_RESPONSE: Final = frozenset(
    f"response-{name}"
    for name in (
        "cache-control",
        "content-disposition",
        "content-encoding",
        "content-language",
        "content-type",
        "expires",
    )
)
_READ, _PUT, _WRITE = Permission.READ, Permission.PUT, Permission.WRITE


def _operation(
    name: str,
    perform: _Perform,
    permission: Permission,
    *,
    needed: frozenset[str] = frozenset(),
    optional: set[str] | frozenset[str] = frozenset(),
    copies: bool = False,
) -> Operation:
    return Operation(
        name=name,
        perform=perform,
        permission=permission,
        needed=needed,
        optional=frozenset(optional),
        copies=copies,
    )


# By method and by what is addressed; those that need most stand first.
OPERATIONS: Final[Mapping[tuple[str, str], Sequence[Operation]]] = {
    ("GET", "service"): [_operation("ListBuckets", buckets.list_buckets, _READ)],
    ("PUT", "bucket"): [_operation("CreateBucket", buckets.create_bucket, _PUT)],
    ("DELETE", "bucket"): [_operation("DeleteBucket", buckets.delete_bucket, _WRITE)],
    ("HEAD", "bucket"): [_operation("HeadBucket", buckets.head_bucket, _READ)],
    ("GET", "bucket"): [
        _operation("GetBucketLocation", buckets.locate_bucket, _READ, needed=frozenset({"location"})),
        _operation(
            "ListObjectsV2",
            buckets.list_objects_v2,
            _READ,
            needed=frozenset({"list-type"}),
            optional=_LISTING | {"continuation-token", "start-after", "fetch-owner"},
        ),
        _operation("ListObjects", buckets.list_objects, _READ, optional=_LISTING | {"marker"}),
    ],
    ("POST", "bucket"): [
        _operation("DeleteObjects", objects.delete_objects, _WRITE, needed=frozenset({"delete"})),
    ],
    ("PUT", "object"): [
        _operation("UploadPartCopy", multipart.copy_part, _WRITE, needed=_PART, copies=True),
        _operation("UploadPart", multipart.upload_part, _PUT, needed=_PART),
        _operation("CopyObject", objects.copy_object, _WRITE, copies=True),
        _operation("PutObject", objects.put_object, _PUT),
    ],
    ("GET", "object"): [
        _operation(
            "ListParts",
            multipart.list_parts,
            _READ,
            needed=_UPLOAD,
            optional={"max-parts", "part-number-marker", "encoding-type"},
        ),
        _operation("GetObject", objects.get_object, _READ, optional=_RESPONSE),
    ],
    ("HEAD", "object"): [_operation("HeadObject", objects.head_object, _READ, optional=_RESPONSE)],
    ("POST", "object"): [
        _operation("CreateMultipartUpload", multipart.create_upload, _PUT, needed=frozenset({"uploads"})),
        _operation("CompleteMultipartUpload", multipart.complete_upload, _PUT, needed=_UPLOAD),
    ],
    ("DELETE", "object"): [
        _operation("AbortMultipartUpload", multipart.abort_upload, _PUT, needed=_UPLOAD),
        _operation("DeleteObject", objects.delete_object, _WRITE),
    ],
}
# Headers that change what is to become of the bytes, and that nothing here obeys.
_REFUSED_HEADERS: Final = (
    "x-amz-copy-source-server-side-encryption",
    "x-amz-object-lock",
    "x-amz-server-side-encryption",
    "x-amz-tagging",
    "x-amz-website-redirect-location",
    "x-amz-write-offset-bytes",
)


def object_api(
    object_store: ObjectStore,
    blobs: BlobStore,
    *,
    staging: Path,
    domains: Sequence[str] = (),
    most_bytes: int = _MOST_BYTES,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> AsgiApp:
    """An ASGI app of the part of S3 that SageMaker's clients use.

    What stands in front verifies signatures and puts the ``Caller`` into the scope; without one everything is
    refused. ``staging`` is a folder that all workers share: parts of uploads wait in it. Below each of
    ``domains``, the first part of a host name is a bucket.
    """
    return _ObjectApi(object_store, blobs, staging, [domain.lower() for domain in domains], most_bytes, clock)


def operation_for(method: str, address: Address, query: Mapping[str, str], *, copies: bool) -> Operation:
    """What a request asks for; S3Error for what is not served."""
    served = OPERATIONS.get((method, address.level))
    if served is None:
        raise S3Error("MethodNotAllowed", "The specified method is not allowed against this resource.")
    members = {name for name in query if name != "x-id" and not name.startswith("X-Amz-")}
    for operation in served:
        if operation.needed <= members and operation.copies <= copies:
            if unknown := members - operation.needed - operation.optional:
                raise not_implemented(f"{method} with {min(unknown)[:64]!a}")
            return operation
    raise not_implemented(f"{method} of a {address.level}")


class _ObjectApi:
    def __init__(
        self,
        object_store: ObjectStore,
        blobs: BlobStore,
        staging: Path,
        domains: Sequence[str],
        most_bytes: int,
        clock: Callable[[], datetime],
    ) -> None:
        self._objects, self._blobs, self._staging = object_store, blobs, staging
        self._domains, self._most_bytes, self._clock = domains, most_bytes, clock
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="flowtrail-s3")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request_id = str(scope.get(REQUEST_ID) or uuid.uuid4())
        loop = asyncio.get_running_loop()
        body = _Body(receive, loop)
        reply = await loop.run_in_executor(self._pool, self._answered, scope, body, request_id)
        if body.failed is not None:  # what stands in front says what it made of the body
            raise body.failed
        if not body.is_gone:
            # A client that waits for a "100 Continue" sends no body after a refusal: the connection is of no more use.
            closing = {} if body.is_read or not _has_body(scope) else {"connection": "close"}
            reply = replace(reply, headers={**reply.headers, **closing})
            await self._send(receive, send, scope["method"], reply, request_id)

    def _answered(self, scope: Scope, body: _Body, request_id: str) -> Reply:
        try:
            return self._answer(scope, body)
        except S3Error as fault:
            return _refused(fault, scope, request_id)
        except FlowtrailError as error:
            _log.debug("request %s: %s", request_id, error)
            return _refused(faults.from_error(error), scope, request_id)
        except Exception:  # noqa: BLE001 - the edge of the process: a client learns no more than an id
            if body.failed is None and not body.is_gone:
                _log.exception("request %s failed", request_id)
            return _refused(faults.failed(), scope, request_id)

    def _answer(self, scope: Scope, body: _Body) -> Reply:
        caller = scope.get(CALLER)
        if not isinstance(caller, Caller):
            raise S3Error("AccessDenied", "The request was not authorised.")
        headers = _headers_of(scope)
        address, query = address_of(scope, self._domains), query_of(scope)
        operation = operation_for(scope["method"], address, query, copies="x-amz-copy-source" in headers)
        if not caller.may(operation.permission):
            raise S3Error("AccessDenied", f"This key may not {operation.name}.")
        for name in headers:
            if name.startswith(_REFUSED_HEADERS):
                raise not_implemented(f"the header {name}")
        call = Call(
            address=address,
            query=query,
            headers=headers,
            pieces=iter(body),
            objects=self._objects,
            blobs=self._blobs,
            staging=self._staging,
            caller=caller,
            now=self._clock(),
            most_bytes=self._most_bytes,
        )
        return operation.perform(call)

    async def _send(self, receive: Receive, send: Send, method: str, reply: Reply, request_id: str) -> None:
        headers = {"x-amz-request-id": request_id, "server": "flowtrail", **reply.headers}
        if reply.status not in {204, 304}:
            headers.setdefault("content-length", str(len(reply.body)))
        encoded = [(name.encode(), value.encode("latin-1", "replace")) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": reply.status, "headers": encoded})
        if reply.pieces is not None and method != "HEAD":
            leaving = asyncio.ensure_future(_gone(receive))
            try:
                await self._stream(send, reply.pieces, request_id, leaving)
            finally:
                leaving.cancel()
        else:
            await send({"type": "http.response.body", "body": b"" if method == "HEAD" else reply.body})

    async def _stream(
        self, send: Send, pieces: Generator[bytes], request_id: str, leaving: asyncio.Future[None]
    ) -> None:
        """Send pieces as they are read, while someone takes them. If reading fails the connection ends early,
        which the client notices.
        """
        loop = asyncio.get_running_loop()
        try:
            while not leaving.done() and (piece := await loop.run_in_executor(self._pool, next, pieces, b"")):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        except (FlowtrailError, S3Error) as error:
            _log.error("request %s: %s", request_id, error)
            raise
        finally:
            await loop.run_in_executor(self._pool, pieces.close)
        await send({"type": "http.response.body", "body": b""})


class _Body:
    """A body as an iterator for a thread: each piece is fetched from the event loop when it is wanted."""

    def __init__(self, receive: Receive, loop: asyncio.AbstractEventLoop) -> None:
        self._receive, self._loop = receive, loop
        self.failed: BaseException | None = None
        self.is_gone = False
        self.is_read = False

    def __iter__(self) -> Iterator[bytes]:
        has_more = True
        while has_more:
            message = self._message()
            if message["type"] == "http.disconnect":
                self.is_gone = True
                raise S3Error("IncompleteBody", "The request ended before its body did.")
            has_more = message.get("more_body", False)
            self.is_read = not has_more
            yield message.get("body", b"")

    def _message(self) -> Any:
        try:
            return asyncio.run_coroutine_threadsafe(_awaited(self._receive), self._loop).result()
        except Exception as error:
            self.failed = error
            raise


async def _gone(receive: Receive) -> None:
    """Return when the client goes away, or when nobody can tell any more."""
    with suppress(Exception):  # what stands in front may refuse the rest of a body, which nobody wants here
        while (await receive())["type"] != "http.disconnect":
            pass


async def _awaited(receive: Receive) -> Any:
    return await receive()


def _has_body(scope: Scope) -> bool:
    headers = dict(scope["headers"])
    return b"transfer-encoding" in headers or headers.get(b"content-length", b"0") != b"0"


def _headers_of(scope: Scope) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in scope["headers"]:
        text = value.decode("latin-1")
        key = name.decode("latin-1").lower()
        found[key] = f"{found[key]},{text}" if key in found else text
    return found


def _refused(fault: S3Error, scope: Scope, request_id: str) -> Reply:
    resource = (scope.get("raw_path") or b"").decode("latin-1").partition("?")[0]
    named = [("Code", fault.code), ("Message", fault.message), ("Resource", resource), ("RequestId", request_id)]
    body = markup.document("Error", *(markup.text(*pair) for pair in named), is_error=True)
    headers = {"content-type": "application/xml", **fault.headers}
    return Reply(status=fault.status, headers=headers, body=body)
