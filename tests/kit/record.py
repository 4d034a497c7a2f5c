"""A record behind a server of this process, on a loopback port: its app can be put on another record between tests."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from kit.wire import serving

from plugin_core.server.gate import Rules, protected
from plugin_core.server.keyring import KeyRing
from plugin_core.server.keys import Keys
from plugin_core.stores.protocol import TrackingStore
from plugin_core.wire.record import record_api


@dataclass
class Behind:
    """An ASGI app that stands for whatever store it was given last, and counts requests by operation."""

    app: Any = None
    asked: list[str] = field(default_factory=list)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        headers = dict(scope["headers"])
        self.asked.append(headers.get(b"x-flowtrail-operation", b"").decode())
        await self.app(scope, receive, send)

    def put(self, store: TrackingStore) -> None:
        self.asked.clear()
        self.app = record_api(store, about="flowtrail, ", threads=4)


@dataclass
class RecordServer:
    """Where it is, what it stands in front of, and a key for it."""

    url: str
    behind: Behind
    keys: Keys
    ring: KeyRing

    @property
    def store_url(self) -> str:
        return f"flowtrail+{self.url}"


@contextlib.contextmanager
def record_server(keys: Keys, *, wrapped: Any = lambda app: app) -> Iterator[RecordServer]:
    """Serve, behind the gate, with keys."""
    behind, ring = Behind(), KeyRing(keys)
    ring.read()
    gate = protected(behind, keys=ring, rules=Rules(requests_per_s=0, clock_window=timedelta(minutes=15)))
    with serving(wrapped(gate)) as url:
        yield RecordServer(url, behind, keys, ring)
