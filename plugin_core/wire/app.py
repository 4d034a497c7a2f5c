"""The ASGI edge of the JSON protocols: a request's bytes to an operation, and its answer to one response.

Nothing is kept between requests that another worker would have to know. Store work runs in a pool of
threads. A client is told no more of a failure of ours than the id under which the server logged it.
"""

from __future__ import annotations

import asyncio
import functools
import json
import logging
import uuid
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from plugin_core.errors import FlowtrailError
from plugin_core.wire import faults, identity
from plugin_core.wire.caller import CALLER, REQUEST_ID, Caller
from plugin_core.wire.faults import WireError
from plugin_core.wire.registry import Operation, operations
from plugin_core.wire.request import Request, WireSettings
from plugin_core.wire.services import METRICS, SAGEMAKER, TARGET_PREFIX, load_model
from plugin_core.wire.tokens import Pages, token_key
from plugin_core.wire.validation import compile_input

if TYPE_CHECKING:
    from plugin_core.stores.protocol import BlobStore, TrackingStore

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
AsgiApp: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

_log: Final = logging.getLogger("flowtrail.wire")
_MAX_BODY: Final = 8 << 20
_FAULT: Final = 500  # from here on a status says that it is the server's
_METRIC_PATHS: Final = {("PUT", "/BatchPutMetrics"): "BatchPutMetrics", ("POST", "/BatchGetMetrics"): "BatchGetMetrics"}
_JSON_1_1: Final = b"application/x-amz-json-1.1"
_JSON: Final = b"application/json"


@dataclass(frozen=True, slots=True)
class _Served:
    """An operation with the check of its requests, and the type of its responses."""

    operation: Operation
    checked: Callable[[Any], dict[str, Any]]
    content_type: bytes


@dataclass(frozen=True, slots=True)
class _Response:
    status: int
    content_type: bytes
    body: bytes
    error: str | None = None


def json_api(
    store: TrackingStore,
    blobs: BlobStore,
    *,
    secret: bytes,
    settings: WireSettings | None = None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    threads: int = 8,
) -> AsgiApp:
    """An ASGI app of SageMaker's JSON protocol, that of its metrics, and STS's GetCallerIdentity.

    What stands in front puts the ``Caller`` into the scope; without one everything is refused. ``secret`` is
    the server's, the same in all workers: page tokens are made with it.
    """
    return _JsonApi(store, blobs, token_key(secret), settings or WireSettings(), clock, threads)


def permission_of(operation: str) -> str | None:
    """What an operation's caller must be permitted; None for an operation that is not served."""
    found = operations().get(operation)
    return None if found is None else found.permission


def operation_of(method: str, path: str, target: str | None) -> str | None:
    """The operation that a request's line and X-Amz-Target name; None where they name none that is served here."""
    if path == "/" and method == "POST":
        return (target or "").removeprefix(TARGET_PREFIX) or None
    return _METRIC_PATHS.get((method, path))


class _JsonApi:
    def __init__(
        self,
        store: TrackingStore,
        blobs: BlobStore,
        key: bytes,
        settings: WireSettings,
        clock: Callable[[], datetime],
        threads: int,
    ) -> None:
        self._store, self._blobs, self._key, self._settings, self._clock = store, blobs, key, settings, clock
        self._served = _serve(limits=settings.limits)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="flowtrail-wire")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request_id = str(scope.get(REQUEST_ID) or uuid.uuid4())
        try:
            body = await _body(receive)
            loop = asyncio.get_running_loop()
            response = await loop.run_in_executor(self._pool, self._answered, scope, body, request_id)
        except WireError as error:
            response = _refused(error)
        await _send(send, response, request_id)

    def _answered(self, scope: Scope, body: bytes, request_id: str) -> _Response:
        try:
            return self._answer(scope, body)
        except WireError as error:
            return _refused(error)
        except FlowtrailError as error:
            refusal = faults.from_error(error)
            if refusal.status >= _FAULT:
                _log.warning("request %s: %s", request_id, error, exc_info=error)
            return _refused(refusal)
        except Exception:  # noqa: BLE001 - the edge of the process: a client learns no more than an id
            _log.exception("request %s failed", request_id)
            message = f"The server failed; its log says how, under {request_id}."
            return _refused(WireError(faults.INTERNAL, message, status=500))

    def _answer(self, scope: Scope, body: bytes) -> _Response:
        headers = dict(scope["headers"])
        if identity.is_form(headers):
            return _Response(200, identity.CONTENT_TYPE, identity.answer(body, _caller(scope)))
        served = self._find(scope, headers)
        caller = _caller(scope)
        if not caller.may(served.operation.permission):
            raise WireError(faults.DENIED, f"This key may not {served.operation.name}.")
        request = self._request(served, caller, self._checked(served, _parsed(body)))
        answer = served.operation.perform(request)
        return _Response(200, served.content_type, json.dumps(answer, default=_jsonable).encode())

    def _find(self, scope: Scope, headers: Mapping[bytes, bytes]) -> _Served:
        target = headers.get(b"x-amz-target", b"").decode("latin-1")
        name = operation_of(scope["method"], scope["path"], target)
        served = self._served.get(name or "")
        if served is None or (scope["path"] == "/") != (served.operation.service == SAGEMAKER):
            raise WireError(faults.UNKNOWN_OPERATION, f"There is no operation {name or scope['path']!a} here.")
        return served

    def _checked(self, served: _Served, parsed: Any) -> dict[str, Any]:
        try:
            return served.checked(parsed)
        except WireError:
            if served.operation.spared is None:
                raise
            return served.checked(served.operation.spared(self._store, parsed))

    def _request(self, served: _Served, caller: Caller, members: dict[str, Any]) -> Request:
        now = self._clock()
        return Request(
            members=members,
            store=self._store,
            blobs=self._blobs,
            caller=caller,
            now=now,
            settings=self._settings,
            pages=Pages(self._key, int(now.timestamp()), lambda: _about(served.operation.name, members, caller)),
        )


@functools.cache
def _serve(*, limits: bool) -> Mapping[str, _Served]:
    """Every operation that this botocore's models know, ready to be called; made once, however many apps there are."""
    served: dict[str, _Served] = {}
    for service, content_type in ((SAGEMAKER, _JSON_1_1), (METRICS, _JSON)):
        model = load_model(service)
        for name, found in operations().items():
            if found.service == service and name in model.operations:
                served[name] = _Served(found, compile_input(model, name, limits=limits), content_type)
    return served


def _about(name: str, members: Mapping[str, Any], caller: Caller) -> str:
    """What a page token belongs to: all of the request but the token and the size of the page."""
    asked = {key: value for key, value in members.items() if key not in {"NextToken", "MaxResults"}}
    return json.dumps([name, caller.tenant, asked], sort_keys=True, default=str)


def _caller(scope: Scope) -> Caller:
    caller = scope.get(CALLER)
    if not isinstance(caller, Caller):
        raise WireError(faults.DENIED, "The request was not authorised.", status=403)
    return caller


async def _body(receive: Receive) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise WireError(faults.SERIALIZATION, "The request ended before its body did.")
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > _MAX_BODY:
            raise WireError(faults.TOO_LARGE, f"A request may have {_MAX_BODY} bytes.", status=413)
        if not message.get("more_body", False):
            return b"".join(parts)


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body) if body else {}
    except (ValueError, RecursionError):
        raise WireError(faults.SERIALIZATION, "The request's body is not JSON.") from None


def _jsonable(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.timestamp()
    raise TypeError(f"{type(value).__name__} is not JSON")


def _refused(error: WireError) -> _Response:
    content = {"__type": error.code, "message": error.message, "Message": error.message}
    return _Response(error.status, _JSON_1_1, json.dumps(content).encode(), error.code)


async def _send(send: Send, response: _Response, request_id: str) -> None:
    headers = [
        (b"content-type", response.content_type),
        (b"content-length", str(len(response.body)).encode()),
        (b"x-amzn-requestid", request_id.encode("latin-1", "replace")),
    ]
    if response.error is not None:
        headers.append((b"x-amzn-errortype", response.error.encode()))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body})
