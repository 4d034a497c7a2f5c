"""HTTP connections of one server, kept open between requests. Raises OSError and http.client's errors, no others.

An answer that drips in is given up when its time is over, not when it pauses.
"""

from __future__ import annotations

import http.client
import io
import os
import select
import socket
import ssl
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

    from plugin_core.stores.addresses import RemoteAddress

_IDLE_S: Final = 4.0  # uvicorn hangs up on who says nothing for five seconds
_KEPT: Final = 8
_JOINED_BYTES: Final = 8 << 10  # a body that goes out with its head, in one packet or few


class NotSentError(Exception):
    """There was no connection: the server did not get the request."""


@dataclass(frozen=True, slots=True)
class Response:
    """An answer; headers are asked for by name in any case."""

    status: int
    headers: Message
    body: bytes


class Connections:
    """Safe to share between threads, and across a fork: a child leaves its parent's connections alone."""

    def __init__(self, address: RemoteAddress, *, connect_s: float, most_bytes: int) -> None:
        self._address, self._connect_s, self._most_bytes = address, connect_s, most_bytes
        self._idle: deque[tuple[_Connection, float]] = deque()
        self._pid = os.getpid()
        self._tls: ssl.SSLContext | None = None

    def post(self, path: str, headers: Mapping[str, str], body: bytes, *, within_s: float) -> Response:
        """Send a request and read the answer. NotSentError, OSError, http.client.HTTPException."""
        deadline = time.monotonic() + within_s
        connection = self._taken(within_s)
        try:
            response = connection.exchange(path, headers, body, deadline=deadline, most_bytes=self._most_bytes)
        except BaseException:
            connection.close()
            raise
        if connection.is_reusable and len(self._idle) < _KEPT:
            self._idle.append((connection, time.monotonic()))
        else:
            connection.close()
        return response

    def close(self) -> None:
        """Close what is idle; asking again opens new ones."""
        while self._idle:
            self._idle.pop()[0].close()

    def _taken(self, within_s: float) -> _Connection:
        """One that is open, or a new one."""
        if self._pid != os.getpid():
            self._pid, self._idle = os.getpid(), deque()
        while self._idle:
            try:
                connection, since = self._idle.pop()
            except IndexError:  # another thread was quicker
                break
            if time.monotonic() - since < _IDLE_S and connection.is_open:
                return connection
            connection.close()
        return self._opened(min(self._connect_s, within_s))

    def _opened(self, within_s: float) -> _Connection:
        address = self._address
        try:
            plain = socket.create_connection((address.host, address.port), timeout=max(within_s, 0.001))
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return _Connection(self._secured(plain) if address.is_tls else plain)
        except OSError as error:
            raise NotSentError(f"{error}") from error

    def _secured(self, plain: socket.socket) -> socket.socket:
        if self._tls is None:
            self._tls = ssl.create_default_context(cafile=os.environ.get("AWS_CA_BUNDLE"))  # as AWS's clients do
        return self._tls.wrap_socket(plain, server_hostname=self._address.host)


class _Connection:
    def __init__(self, opened: socket.socket) -> None:
        self._socket = opened
        self.is_reusable = False

    @property
    def is_open(self) -> bool:
        """Whether the server has not hung up: it would have something to say, its end."""
        waiting = select.poll()
        waiting.register(self._socket, select.POLLIN)
        return not waiting.poll(0)

    def exchange(
        self, path: str, headers: Mapping[str, str], body: bytes, *, deadline: float, most_bytes: int
    ) -> Response:
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        start = f"POST {path} HTTP/1.1\r\n{head}content-length: {len(body)}\r\n\r\n".encode("latin-1")
        self._socket.settimeout(_left(deadline))
        if len(body) <= _JOINED_BYTES:
            start += body
        self._socket.sendall(start)
        if len(body) > _JOINED_BYTES:
            self._socket.settimeout(_left(deadline))
            self._socket.sendall(body)
        answer = http.client.HTTPResponse(_Timed(self._socket, deadline), method="POST")  # type: ignore[arg-type]
        try:
            answer.begin()
            content = answer.read(most_bytes + 1)
            if answer.length:  # with a bound given, http.client does not mind that the rest is missing
                raise http.client.IncompleteRead(content, answer.length)
            self.is_reusable = answer.isclosed() and not answer.will_close
            return Response(answer.status, answer.headers, content)
        finally:
            answer.close()

    def close(self) -> None:
        self._socket.close()


class _Timed:
    """A socket as HTTPResponse wants it, which reads no longer than to a deadline."""

    def __init__(self, opened: socket.socket, deadline: float) -> None:
        self._socket, self._deadline = opened, deadline

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Reading(self._socket, self._deadline), 64 << 10)


class _Reading(io.RawIOBase):
    def __init__(self, opened: socket.socket, deadline: float) -> None:
        super().__init__()
        self._socket, self._deadline = opened, deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        self._socket.settimeout(_left(self._deadline))
        received: Any = self._socket.recv_into(buffer)
        return int(received)


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("timed out")
    return left
