"""What stands in front of every route: nobody gets past it who is not in the tables, and all are told apart.

In order: the route, the host's name, the page that asks, the signature, the rate, the permission. The app
behind it finds the caller in the scope. A failure of ours becomes a 500 with an id, and a line in the log.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from plugin_core.errors import StoreError
from plugin_core.server.audit import MAX_NAMING, AuditLog, Entry
from plugin_core.server.bodies import SILENCE_S, Incoming, StreamedBody, read_body, replayed, require_size
from plugin_core.server.figures import CONTENT_TYPE, Figures
from plugin_core.server.keyring import KeyRing, KnownKey
from plugin_core.server.origins import SAFE_METHODS, Origins
from plugin_core.server.rates import Rates
from plugin_core.server.refusals import OF_SIGNATURE, Answer, Dialect, Reason, RefusedError, answer_to
from plugin_core.server.routes import HEALTH, METRICS, OBJECTS, ROUTE, Asked, Permitted, Route, asked, route_of
from plugin_core.stores.remote.calls import JOURNAL
from plugin_core.wire.app import AsgiApp, Message, Receive, Scope, Send, permission_of
from plugin_core.wire.caller import CALLER, DEFAULT_TENANT, REQUEST_ID, Caller, Permission, Role
from plugin_core.wire.signature import Claim, SignatureError, SignedRequest, claimed_service, read_claim, verify

ANYONE: Final = Caller(tenant=DEFAULT_TENANT, role=Role.ADMIN)  # where no key was ever made
_MAX_HEADERS: Final = 16 << 10
_HASHED_INLINE: Final = 256 << 10  # bytes; the event loop has others to serve
_FORWARDED: Final = frozenset({"forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip"})
_HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)
_REQUEST_ID_HEADERS: Final = (b"x-amzn-requestid", b"x-amz-request-id")
_log: Final = logging.getLogger("flowtrail.server")
_access_log: Final = logging.getLogger("flowtrail.server.access")


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """What holds for all requests. ``may_be_open``: without any key, whoever reaches the server may do all."""

    origins: Origins = field(default_factory=Origins)
    may_be_open: bool = False
    clock_window: timedelta = timedelta(minutes=15)
    requests_per_s: float = 500.0
    max_object_bytes: int = OBJECTS.max_body
    metrics_token: str | None = field(default=None, repr=False)
    silence_s: float = SILENCE_S
    answer_s: float = 30.0


@dataclass(kw_only=True, slots=True)
class _Exchange:
    """One request while it is answered."""

    request: SignedRequest
    id: str
    ip: str
    at: datetime
    begun: float
    dialect: Dialect = Dialect.PLAIN
    asked: Asked | None = None
    caller: Caller | None = None
    body: bytes = b""
    status: int = 0
    refused: Reason | None = None


class Gate:
    """The ASGI app in front of ``app``."""

    def __init__(
        self,
        app: AsgiApp,
        *,
        keys: KeyRing,
        rules: Rules,
        audit: AuditLog | None = None,
        figures: Figures | None = None,
        permitted: Permitted = permission_of,
        is_healthy: Callable[[], bool] = lambda: True,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._app, self._keys, self._rules, self._audit = app, keys, rules, audit
        self._figures, self._permitted, self._is_healthy, self._clock = figures, permitted, is_healthy, clock
        self._rates = Rates(rules.requests_per_s)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or let the app answer it."""
        exchange = self._exchange(scope)
        incoming, answering = Incoming(receive), _Answering(exchange, send)
        if self._figures:
            self._figures.begun()
        try:
            await self._answer(exchange, scope, incoming, answering)
        except RefusedError as error:
            await self._refuse(exchange, error, incoming, answering)
        except Exception:  # noqa: BLE001 - the edge: whatever fails within, a client learns nothing but the id
            _log.exception("request %s failed", exchange.id)
            failed = RefusedError(Reason.FAULT, "The server failed.")
            await self._refuse(exchange, failed, incoming, answering)
        finally:
            self._remember(exchange)

    def _exchange(self, scope: Scope) -> _Exchange:
        path = scope.get("raw_path") or scope["path"].encode("utf-8")
        headers = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in scope["headers"]]
        request = SignedRequest(
            method=scope["method"],
            path=path.decode("latin-1"),
            query=scope.get("query_string", b"").decode("latin-1"),
            headers=headers,
        )
        ip = (scope.get("client") or ("-", 0))[0]
        return _Exchange(request=request, id=str(uuid.uuid4()), ip=ip, at=self._clock(), begun=time.perf_counter())

    async def _answer(self, exchange: _Exchange, scope: Scope, receive: Receive, answering: _Answering) -> None:
        request = exchange.request
        if sum(len(name) + len(value) for name, value in request.headers) > _MAX_HEADERS:
            raise RefusedError(Reason.LONG_HEADERS, f"A request's headers may have {_MAX_HEADERS} bytes.")
        service = claimed_service(request)
        exchange.dialect = (
            Dialect.S3 if service == "s3" else Dialect.JSON if request.method == "POST" else Dialect.PLAIN
        )
        is_health = request.path == HEALTH.path and service is None  # asked by balancers, by address
        if not is_health:
            self._rules.origins.require_host(request, with_buckets=service == "s3")
        route = route_of(request, service)
        exchange.dialect = route.dialect
        exchange.asked = what = asked(route, request, self._permitted)
        if not route.is_public:
            self._rules.origins.require_origin(request)
        body = await self._let_in(exchange, what, receive)
        await self._pass_on(exchange, what, scope, body, answering)

    async def _let_in(self, exchange: _Exchange, what: Asked, receive: Receive) -> Receive:
        """Find out who asks, and whether they may; the body as the app will get it."""
        route, limit = what.route, self._limit(what.route)
        require_size(_declared_size(exchange.request), limit)
        claim = await self._claim(exchange.request, route)
        if not route.is_streamed:
            exchange.body = await read_body(receive, limit=limit, silence_s=self._rules.silence_s)
            receive = replayed(exchange.body, receive)
        exchange.caller = caller = await self._caller(exchange, claim)
        if caller is not None:
            self._require_permission(what, caller)
        if not route.is_streamed:
            return receive
        declared = claim.body_sha256 if claim is not None else None
        return StreamedBody(receive, limit=limit, silence_s=self._rules.silence_s, sha256=declared)

    async def _claim(self, request: SignedRequest, route: Route) -> Claim | None:
        """What a request claims to be; None where nothing has to be claimed."""
        if route.is_public or (route is METRICS and self._has_token(request)):
            return None
        try:
            await self._keys.current()
        except StoreError:
            _log.exception("the keys cannot be read")
            raise RefusedError(Reason.UNAVAILABLE, "The record cannot be reached at the moment.") from None
        if self._keys.is_open and self._rules.may_be_open:
            if not _FORWARDED.isdisjoint(name for name, _ in request.headers):
                raise RefusedError(Reason.DENIED, "A server that is reached through a proxy needs keys.")
            return None
        try:
            claim = read_claim(request)
        except SignatureError as error:
            raise _refused(error) from None
        if claim.service not in route.services:
            raise RefusedError(Reason.MALFORMED, "The signature is for another service than this.")
        return claim

    async def _caller(self, exchange: _Exchange, claim: Claim | None) -> Caller | None:
        if claim is None:
            is_public = exchange.asked is not None and exchange.asked.route.is_public
            return None if is_public else ANYONE
        known = self._keys.find(claim.key_id)
        await self._verify(exchange, claim, known)
        assert known is not None  # or it would not have been verified
        if not known.key.is_good(exchange.at):
            raise RefusedError(Reason.KEY_ENDED, "This key is good no more.")
        self._keys.note_use(known.key.id, exchange.at)
        caller = Caller(tenant=known.key.tenant, role=Role(known.key.role), key_id=known.key.id)
        exchange.caller = caller
        if not self._rates.take(known.key.id):
            raise RefusedError(Reason.THROTTLED, "Too many requests with this key. Try again soon.")
        return caller

    async def _verify(self, exchange: _Exchange, claim: Claim, known: KnownKey | None) -> None:
        is_streamed = exchange.asked is not None and exchange.asked.route.is_streamed
        try:
            verify(
                exchange.request,
                claim,
                None if known is None else known.secret,
                now=exchange.at,
                body_sha256=None if is_streamed else await _sha256(exchange.body),
                window=self._rules.clock_window,
            )
        except SignatureError as error:
            raise _refused(error) from None

    def _require_permission(self, what: Asked, caller: Caller) -> None:
        if what.permission is not None and not caller.may(what.permission):
            raise RefusedError(Reason.DENIED, f"A key of the role {caller.role} may not {what.action}.")

    def _has_token(self, request: SignedRequest) -> bool:
        given, token = request.header("authorization") or "", self._rules.metrics_token
        return token is not None and hmac.compare_digest(given.encode(), f"Bearer {token}".encode())

    def _limit(self, route: Route) -> int:
        return self._rules.max_object_bytes if route is OBJECTS else route.max_body

    async def _pass_on(
        self, exchange: _Exchange, what: Asked, scope: Scope, body: Receive, answering: _Answering
    ) -> None:
        if what.route is HEALTH:
            is_healthy = await asyncio.to_thread(self._is_healthy)
            await answering.whole(
                _plain(b"ok\n" if is_healthy else b"the record cannot be reached\n", 200 if is_healthy else 503)
            )
        elif what.route is METRICS:
            text = b"" if self._figures is None else await asyncio.to_thread(self._figures.text)
            await answering.whole(Answer(200, [(b"content-type", CONTENT_TYPE)], text))
        else:
            inner = {**scope, CALLER: exchange.caller, REQUEST_ID: exchange.id, ROUTE: what.route.name}
            await self._run(what.route, inner, body, answering)
            if isinstance(body, StreamedBody) and body.refused is not None and not answering.has_started:
                raise body.refused

    async def _run(self, route: Route, inner: Scope, body: Receive, answering: _Answering) -> None:
        if route.is_streamed:
            answering.holds_back = body if isinstance(body, StreamedBody) else None
            await self._app(inner, body, answering)
            return
        try:
            async with asyncio.timeout(self._rules.answer_s):
                await self._app(inner, body, answering)
        except TimeoutError:
            raise RefusedError(Reason.OVERDUE, "The answer took too long. Try again.") from None

    async def _refuse(
        self, exchange: _Exchange, error: RefusedError, incoming: Incoming, answering: _Answering
    ) -> None:
        exchange.refused = error.reason
        if answering.has_started:
            return
        answer = answer_to(error, exchange.dialect, exchange.id)
        if exchange.request.method == "HEAD":
            answer = Answer(answer.status, answer.headers, b"")
        answering.holds_back = None
        if not any(name == "expect" for name, _ in exchange.request.headers):  # who asks first sends nothing yet
            await incoming.drain()
        await answering.whole(answer)

    def _remember(self, exchange: _Exchange) -> None:
        what, caller = exchange.asked, exchange.caller
        action = what.action if what is not None else "-"
        seconds = time.perf_counter() - exchange.begun
        _access_log.info(
            "%s %s %s %a %d %.1fms %s %s",
            exchange.ip, exchange.request.method, action, exchange.request.path, exchange.status, seconds * 1000,
            (caller and caller.key_id) or "-", exchange.id,
        )  # fmt: skip
        if self._figures is not None:
            if exchange.refused is not None:
                self._figures.refused(exchange.refused)
            route = what.route.name if what is not None else "-"
            self._figures.ended(action=action, route=route, status=exchange.status, seconds=seconds)
        if self._audit is not None and _is_audited(exchange):
            self._audit.add(_entry(exchange, action))
            if self._figures is not None:
                self._figures.unaudited(self._audit.failures)


class _Answering:
    """The ``send`` of an exchange: adds what every response has, and keeps what became of it."""

    def __init__(self, exchange: _Exchange, send: Send) -> None:
        self._exchange, self._send = exchange, send
        self.has_started = False
        self.holds_back: StreamedBody | None = None

    async def __call__(self, message: Message) -> None:
        if self.holds_back is not None and self.holds_back.refused is not None and not self.has_started:
            return  # what the app makes of a body that was refused is not the answer
        if message["type"] == "http.response.start":
            self.has_started = True
            self._exchange.status = message["status"]
            message = {**message, "headers": self._completed(list(message.get("headers", ())))}
        await self._send(message)

    async def whole(self, answer: Answer) -> None:
        """Send a response of ours."""
        headers = answer.headers
        if not any(name == b"content-length" for name, _ in headers):
            headers = [*headers, (b"content-length", str(len(answer.body)).encode())]
        await self({"type": "http.response.start", "status": answer.status, "headers": headers})
        await self({"type": "http.response.body", "body": answer.body})

    def _completed(self, headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        present = {name.lower() for name, _ in headers}
        added = [(name, value) for name, value in _HEADERS if name not in present]
        added += [(name, self._exchange.id.encode()) for name in _REQUEST_ID_HEADERS if name not in present]
        return headers + added


def protected(app: AsgiApp, *, keys: KeyRing, rules: Rules, **parts: Any) -> AsgiApp:
    """``app`` behind the gate; ``parts`` are Gate's own arguments."""
    return Gate(app, keys=keys, rules=rules, **parts)


def _refused(error: SignatureError) -> RefusedError:
    return RefusedError(OF_SIGNATURE[error.refusal], error.message)


def _declared_size(request: SignedRequest) -> int:
    given = next((value for name, value in request.headers if name == "content-length"), "0")
    return int(given) if given.isdecimal() else 0


async def _sha256(body: bytes) -> str:
    if len(body) <= _HASHED_INLINE:
        return hashlib.sha256(body).hexdigest()
    return await asyncio.to_thread(lambda: hashlib.sha256(body).hexdigest())


def _plain(text: bytes, status: int) -> Answer:
    return Answer(status, [(b"content-type", b"text/plain; charset=utf-8")], text)


def _is_audited(exchange: _Exchange) -> bool:
    """What changed something, or was refused; not what was read."""
    what = exchange.asked
    if exchange.refused is not None:
        return True
    if what is None or what.route.is_public or what.permission is Permission.READ:
        return False
    return what.permission is not None and exchange.request.method not in SAFE_METHODS


def _target(request: SignedRequest) -> str:
    """What a request names besides its body: which part of which journal, or a path."""
    return next((value for name, value in request.headers if name == JOURNAL), request.path)


def _entry(exchange: _Exchange, action: str) -> Entry:
    caller = exchange.caller
    result = str(exchange.status) if exchange.refused is None else f"{exchange.status} {exchange.refused}"
    return Entry(
        at=exchange.at.isoformat(timespec="milliseconds"),
        request_id=exchange.id,
        ip=exchange.ip,
        tenant=caller.tenant if caller else None,
        key_id=caller.key_id if caller else None,
        role=caller.role.value if caller else None,
        action=action,
        target=_target(exchange.request)[:500],
        result=result,
        body=exchange.body if caller is not None and len(exchange.body) <= MAX_NAMING else b"",
    )
