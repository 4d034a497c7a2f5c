"""What a client is told that was not let in, in the words of the protocol that it speaks.

Codes are those that AWS's clients know: some are tried again, some become exceptions of their own. No
answer holds a path, a traceback or another client's data; the request id leads to the server's log.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from xml.sax.saxutils import escape

from plugin_core.wire.signature import Refusal


class Dialect(StrEnum):
    """How a route's errors look."""

    JSON = "json"
    STS = "sts"
    S3 = "s3"
    PLAIN = "plain"


@dataclass(frozen=True, slots=True)
class _Words:
    status: int
    json: str
    s3: str
    sts: str
    s3_status: int | None = None


class Reason(StrEnum):
    """Why a request was not let in."""

    MISSING = "missing"
    MALFORMED = "malformed"
    MISMATCH = "mismatch"
    TIME = "time"
    PAYLOAD = "payload"
    KEY_ENDED = "key_ended"
    DENIED = "denied"
    THROTTLED = "throttled"
    TOO_LARGE = "too_large"
    LONG_HEADERS = "long_headers"
    SLOW = "slow"
    ENDED_EARLY = "ended_early"
    UNKNOWN = "unknown"
    NOT_FOUND = "not_found"
    METHOD = "method"
    MEDIA_TYPE = "media_type"
    HOST = "host"
    ORIGIN = "origin"
    UNAVAILABLE = "unavailable"
    OVERDUE = "overdue"
    FAULT = "fault"


_WORDS: Final = {
    Reason.MISSING: _Words(403, "MissingAuthenticationTokenException", "AccessDenied", "MissingAuthenticationToken"),
    Reason.MALFORMED: _Words(
        403, "IncompleteSignatureException", "AuthorizationHeaderMalformed", "IncompleteSignature", 400
    ),
    Reason.MISMATCH: _Words(403, "InvalidSignatureException", "SignatureDoesNotMatch", "SignatureDoesNotMatch"),
    Reason.TIME: _Words(403, "RequestExpired", "RequestTimeTooSkewed", "RequestExpired"),
    Reason.PAYLOAD: _Words(400, "InvalidSignatureException", "XAmzContentSHA256Mismatch", "SignatureDoesNotMatch"),
    Reason.KEY_ENDED: _Words(403, "ExpiredTokenException", "ExpiredToken", "ExpiredToken"),
    Reason.DENIED: _Words(403, "AccessDeniedException", "AccessDenied", "AccessDenied"),
    Reason.THROTTLED: _Words(400, "ThrottlingException", "SlowDown", "Throttling", 503),
    Reason.TOO_LARGE: _Words(413, "RequestEntityTooLargeException", "EntityTooLarge", "RequestEntityTooLarge", 400),
    Reason.LONG_HEADERS: _Words(431, "RequestHeaderFieldsTooLarge", "RequestHeaderSectionTooLarge", "InvalidHeader"),
    Reason.SLOW: _Words(408, "RequestTimeout", "RequestTimeout", "RequestTimeout"),
    Reason.ENDED_EARLY: _Words(400, "SerializationException", "IncompleteBody", "SerializationException"),
    Reason.UNKNOWN: _Words(400, "UnknownOperationException", "NotImplemented", "InvalidAction"),
    Reason.NOT_FOUND: _Words(404, "UnknownOperationException", "NoSuchBucket", "InvalidAction"),
    Reason.METHOD: _Words(405, "UnknownOperationException", "MethodNotAllowed", "InvalidAction"),
    Reason.MEDIA_TYPE: _Words(415, "SerializationException", "InvalidRequest", "InvalidAction"),
    Reason.HOST: _Words(421, "MisdirectedRequest", "MisdirectedRequest", "MisdirectedRequest"),
    Reason.ORIGIN: _Words(403, "AccessDeniedException", "AccessDenied", "AccessDenied"),
    Reason.UNAVAILABLE: _Words(503, "ServiceUnavailable", "ServiceUnavailable", "ServiceUnavailable"),
    Reason.OVERDUE: _Words(503, "ServiceUnavailable", "SlowDown", "ServiceUnavailable"),
    Reason.FAULT: _Words(500, "InternalFailure", "InternalError", "InternalFailure"),
}
OF_SIGNATURE: Final = {
    Refusal.MISSING: Reason.MISSING,
    Refusal.MALFORMED: Reason.MALFORMED,
    Refusal.MISMATCH: Reason.MISMATCH,
    Refusal.EXPIRED: Reason.TIME,
    Refusal.PAYLOAD: Reason.PAYLOAD,
}


class RefusedError(Exception):
    """A request that is not let in; the message is for its sender."""

    def __init__(self, reason: Reason, message: str, *, headers: Iterable[tuple[bytes, bytes]] = ()) -> None:
        super().__init__(message)
        self.reason, self.message, self.headers = reason, message, tuple(headers)


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole response."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


def answer_to(refused: RefusedError, dialect: Dialect, request_id: str) -> Answer:
    """The response that tells a client of a refusal. The connection ends with it: the body may be unread."""
    words = _WORDS[refused.reason]
    status = words.s3_status or words.status if dialect is Dialect.S3 else words.status
    content_type, body = _RENDER[dialect](words, refused.message, request_id)
    headers = [
        (b"content-type", content_type),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
        *refused.headers,
    ]
    if dialect is Dialect.JSON:
        headers.append((b"x-amzn-errortype", words.json.encode()))
    return Answer(status, headers, body)


def _json(words: _Words, message: str, _: str) -> tuple[bytes, bytes]:
    content = {"__type": words.json, "message": message, "Message": message}
    return b"application/x-amz-json-1.1", json.dumps(content).encode()


def _s3(words: _Words, message: str, request_id: str) -> tuple[bytes, bytes]:
    inner = f"<Code>{words.s3}</Code><Message>{escape(message)}</Message><RequestId>{request_id}</RequestId>"
    return b"application/xml", f'<?xml version="1.0" encoding="UTF-8"?>\n<Error>{inner}</Error>'.encode()


def _sts(words: _Words, message: str, request_id: str) -> tuple[bytes, bytes]:
    error = f"<Error><Type>Sender</Type><Code>{words.sts}</Code><Message>{escape(message)}</Message></Error>"
    return b"text/xml", f"<ErrorResponse>{error}<RequestId>{request_id}</RequestId></ErrorResponse>".encode()


def _plain(_: _Words, message: str, request_id: str) -> tuple[bytes, bytes]:
    return b"text/plain; charset=utf-8", f"{message}\nrequest {request_id}\n".encode()


_RENDER: Final = {Dialect.JSON: _json, Dialect.STS: _sts, Dialect.S3: _s3, Dialect.PLAIN: _plain}
