"""Bodies of requests: read whole or passed on, never longer, slower or other than they may be."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from contextlib import suppress
from typing import Final

from plugin_core.server.refusals import OF_SIGNATURE, Reason, RefusedError
from plugin_core.wire.app import Message, Receive
from plugin_core.wire.signature import payload_differs

SILENCE_S: Final = 10.0
_DRAINED: Final = 16 << 20
_DRAINED_S: Final = 2.0


class Incoming:
    """A ``receive`` that knows whether the body came to its end."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._has_ended = False

    async def __call__(self) -> Message:
        """The next message."""
        message = await self._receive()
        self._has_ended = message["type"] == "http.disconnect" or not message.get("more_body", False)
        return message

    async def drain(self) -> None:
        """Take what a client is still sending, within bounds: one that is cut off while it sends reads no answer."""
        size = 0
        with suppress(TimeoutError):
            async with asyncio.timeout(_DRAINED_S):
                while not self._has_ended and size < _DRAINED:
                    size += len((await self()).get("body", b""))


async def read_body(receive: Receive, *, limit: int, silence_s: float) -> bytes:
    """The whole body. RefusedError for one that is longer than ``limit`` or takes longer than ``silence_s``."""
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(silence_s):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise RefusedError(Reason.ENDED_EARLY, "The request ended before its body did.")
                parts.append(message.get("body", b""))
                size += len(parts[-1])
                require_size(size, limit)
                if not message.get("more_body", False):
                    return b"".join(parts)
    except TimeoutError:
        raise _slow() from None


def require_size(size: int, limit: int) -> None:
    """RefusedError for a body of more than ``limit`` bytes."""
    if size > limit:
        raise RefusedError(Reason.TOO_LARGE, f"A request here may have {limit} bytes.")


def replayed(body: bytes, receive: Receive) -> Receive:
    """A ``receive`` that gives a body that was read already, and then what else comes."""
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


class StreamedBody:
    """A ``receive`` that passes a body on as it comes. The end of one that is not what was signed never comes."""

    def __init__(self, receive: Receive, *, limit: int, silence_s: float, sha256: str | None) -> None:
        self._receive, self._limit, self._silence_s, self._declared = receive, limit, silence_s, sha256
        self._hash, self._size, self._has_ended = hashlib.sha256(), 0, False
        self.refused: RefusedError | None = None

    async def __call__(self) -> Message:
        """The next message; RefusedError, which is kept for who answers, also if the app makes something else of it."""
        if self.refused is not None:
            raise self.refused
        if self._has_ended:
            return await self._receive()
        try:
            return await self._next()
        except RefusedError as error:
            self.refused = error
            raise

    async def _next(self) -> Message:
        try:
            async with asyncio.timeout(self._silence_s):
                message = await self._receive()
        except TimeoutError:
            raise _slow() from None
        if message["type"] == "http.disconnect":
            return message
        body = message.get("body", b"")
        self._size += len(body)
        require_size(self._size, self._limit)
        if self._declared is not None:
            self._hash.update(body)
        if not message.get("more_body", False):
            self._finish()
        return message

    def _finish(self) -> None:
        self._has_ended = True
        if self._declared is not None and not hmac.compare_digest(self._hash.hexdigest(), self._declared):
            error = payload_differs()
            raise RefusedError(OF_SIGNATURE[error.refusal], error.message)


def _slow() -> RefusedError:
    return RefusedError(Reason.SLOW, "The request took too long to arrive.")
