"""Starts the server: binds, composes the app in each worker, serves until it is told to stop.

A worker that is told to stop ends the requests that it has begun, and closes the store.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import tempfile
from functools import partial
from typing import Final

import uvicorn

from plugin_core.errors import SettingsError
from plugin_core.server.composition import Serving, Worker
from plugin_core.server.figures import SHARED_VARIABLE
from plugin_core.server.patience import PatientProtocol
from plugin_core.server.workers import supervise

_BACKLOG: Final = 2_048
_STOP_S: Final = 35  # longer than any answer but an object's may take


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach what listens at a host."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def bind(host: str, port: int) -> socket.socket:
    """The socket to serve at; port 0 is any free one. SettingsError where it cannot be had."""
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
    if workers == 1:
        work(serving, listening)
        return
    folder = serving.settings.server_dir
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="figures-", dir=folder) as shared:
        os.environ[SHARED_VARIABLE] = shared  # of this process, which is the server's alone; workers inherit it
        supervise(partial(work, serving), listening, workers)


def work(serving: Serving, listening: socket.socket) -> None:
    """One worker: serve at a socket until SIGTERM or SIGINT."""
    config = uvicorn.Config(
        Worker(serving),
        http=PatientProtocol,
        access_log=False,
        log_level="warning",
        lifespan="on",
        server_header=False,
        timeout_graceful_shutdown=_STOP_S,
    )
    uvicorn.Server(config).run(sockets=[listening])
