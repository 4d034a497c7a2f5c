"""Starts the server: binds, composes the app in each worker, serves until it is told to stop.

A worker that is told to stop ends the requests that it has begun, and closes the store.
"""

from __future__ import annotations

import ipaddress
import secrets
import socket
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import uvicorn

from plugin_core.errors import SettingsError
from plugin_core.server.workers import supervise
from plugin_core.stores import open_blobs, open_store
from plugin_core.wire.app import AsgiApp, Receive, Scope, Send, json_api
from plugin_core.wire.caller import CALLER, DEFAULT_TENANT, Caller, Role
from plugin_core.wire.request import WireSettings

_BACKLOG: Final = 2_048
_STOP_S: Final = 20
_ANYONE: Final = Caller(tenant=DEFAULT_TENANT, role=Role.ADMIN)


@dataclass(frozen=True, kw_only=True, slots=True)
class Serving:
    """What is served, and to whom. Workers get a copy."""

    store_url: str
    blobs_url: str
    wire: WireSettings = field(default_factory=WireSettings)
    secret: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach what listens at a host."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def bind(host: str, port: int) -> socket.socket:
    """The socket to serve at; port 0 is any free one. SettingsError where it cannot be had."""
    if not is_loopback(host):
        raise SettingsError(
            f"This server knows no keys yet, and will not listen at {host}, where others could reach it.",
            hint="Use --host 127.0.0.1.",
        )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise SettingsError(f"Nothing can listen at {host}:{port}: {error.strerror}.", hint="Use --port.") from error


def url_of(listening: socket.socket) -> str:
    """The address that clients are given."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def run(serving: Serving, listening: socket.socket, *, workers: int = 1) -> None:
    """Serve until SIGTERM or SIGINT."""
    if workers > 1:
        supervise(partial(work, serving), listening, workers)
    else:
        work(serving, listening)


def work(serving: Serving, listening: socket.socket) -> None:
    """One worker: serve at a socket until SIGTERM or SIGINT."""
    config = uvicorn.Config(
        _Worker(serving),
        access_log=False,
        log_level="warning",
        lifespan="on",
        server_header=False,
        timeout_graceful_shutdown=_STOP_S,
    )
    uvicorn.Server(config).run(sockets=[listening])


class _Worker:
    """The app of one worker process: made there, since nothing that is open crosses to it."""

    def __init__(self, serving: Serving) -> None:
        self._serving = serving
        self._app: AsgiApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http" and self._app is not None:
            await self._app({**scope, CALLER: _ANYONE}, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        store = open_store(self._serving.store_url)
        self._app = compose(self._serving, store, open_blobs(self._serving.blobs_url))
        await send({"type": "lifespan.startup.complete"})
        await receive()
        store.close()
        await send({"type": "lifespan.shutdown.complete"})


def compose(serving: Serving, store: Any, blobs: Any) -> AsgiApp:
    """All that is served, in one app."""
    return json_api(store, blobs, secret=serving.secret, settings=serving.wire)
