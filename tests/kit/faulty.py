"""An app that fails as it is told to: what servers, networks and proxies do to requests."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Fault:
    """What happens to requests of a method whose path, query and operation hold a text, so many times."""

    method: str
    what: str
    holding: str = ""
    times: float = float("inf")
    code: str = ""
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    is_of_proxy: bool = False  # what refuses does not speak JSON


@dataclass
class Faulty:
    """``refuse`` answers with a code, ``hang`` says nothing, ``hold`` says nothing until the fault is lifted and then
    hangs up, ``reset`` tears the connection, ``lose`` does what is asked and loses the answer, ``cut`` ends the
    answer's body early, ``drip`` sends it byte by byte, ``chunk`` as proxies do, ``spoil`` changes a byte of the
    request's body and ``garble`` one of the answer's.
    """

    app: Any
    faults: list[Fault] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        given = dict(scope["headers"])
        operation = given.get(b"x-flowtrail-operation", given.get(b"x-amz-target", b"")).decode()
        line = f"{scope['method']} {scope['path']}?{scope['query_string'].decode()} {operation}".rstrip()
        self.seen.append(line)
        fault = next(self._due(scope["method"], line), None)
        if fault is None:
            await self.app(scope, receive, send)
            return
        fault.times -= 1
        await getattr(self, f"_{fault.what}")(fault, scope, receive, send)

    def _due(self, method: str, line: str) -> Iterator[Fault]:
        return (f for f in self.faults if f.method == method and f.holding in line and f.times > 0)

    async def _refuse(self, fault: Fault, scope: Any, receive: Any, send: Any) -> None:
        while (await receive()).get("more_body"):
            pass
        kind, body = b"application/xml", f"<Error><Code>{fault.code}</Code><Message>told to</Message></Error>".encode()
        if not fault.is_of_proxy and b"json" in dict(scope["headers"]).get(b"content-type", b""):
            kind, body = b"application/json", json.dumps({"__type": fault.code, "message": "told to"}).encode()
        headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode())]
        headers += [(name.encode(), value.encode()) for name, value in fault.headers.items()]
        await send({"type": "http.response.start", "status": fault.status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    async def _hang(self, fault: Fault, scope: Any, receive: Any, send: Any) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    async def _hold(self, fault: Fault, scope: Any, receive: Any, send: Any) -> None:
        while fault in self.faults and not await _disconnected(receive):
            pass
        await self._end(send)

    async def _lose(self, fault: Fault, scope: Any, receive: Any, send: Any) -> None:
        async def drop(message: Any) -> None:
            await asyncio.sleep(0)

        await self.app(scope, receive, drop)
        await self._end(send)

    async def _cut(self, fault: Fault, scope: Any, receive: Any, send: Any) -> None:
        async def half(message: Any) -> None:
            if message["type"] == "http.response.body" and message["body"]:
                await send({**message, "body": message["body"][: len(message["body"]) // 2], "more_body": True})
                raise ConnectionError("told to")
            await send(message)

        try:
            await self.app(scope, receive, half)
        except ConnectionError:
            await self._end(send)

    async def _drip(self, fault: Fault, scope: Any, receive: Any, send: Any) -> None:
        async def dripping(message: Any) -> None:
            for byte in message.get("body", b""):
                await send({**message, "body": bytes([byte]), "more_body": True})
                await asyncio.sleep(0.05)
            await send({**message, "body": b""} if "body" in message else message)

        await self.app(scope, receive, dripping)

    async def _chunk(self, fault: Fault, scope: Any, receive: Any, send: Any) -> None:
        async def chunked(message: Any) -> None:
            if "headers" in message:
                message = {**message, "headers": [h for h in message["headers"] if h[0] != b"content-length"]}
            await send(message)

        await self.app(scope, receive, chunked)

    async def _reset(self, fault: Fault, scope: Any, receive: Any, send: Any) -> None:
        send.__self__.transport.abort()

    async def _spoil(self, fault: Fault, scope: Any, receive: Any, send: Any) -> None:
        async def spoilt() -> Any:
            message = await receive()
            return {**message, "body": _changed(message["body"])} if message.get("body") else message

        await self.app(scope, spoilt, send)

    async def _garble(self, fault: Fault, scope: Any, receive: Any, send: Any) -> None:
        async def garbled(message: Any) -> None:
            await send({**message, "body": _changed(message["body"])} if message.get("body") else message)

        await self.app(scope, receive, garbled)

    async def _end(self, send: Any) -> None:
        """Let uvicorn close the connection, as it does when an app returns without having answered."""
        send.__self__.transport.close()


async def _disconnected(receive: Any) -> bool:
    """Whether the client has gone, after a moment's wait for what it has to say."""
    try:
        message = await asyncio.wait_for(receive(), 0.02)
    except TimeoutError:
        return False
    return message["type"] == "http.disconnect"


def _changed(data: bytes) -> bytes:
    return bytes([data[0] ^ 1]) + data[1:]
