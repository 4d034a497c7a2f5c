"""A record behind a server of this process, on a loopback port: its app can be put on another record between tests."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from kit.faulty import Faulty
from kit.wire import serving

from plugin_core.server.composition import Serving, endpoints_of
from plugin_core.server.gate import Rules, protected
from plugin_core.server.keyring import KeyRing
from plugin_core.server.keys import Keys
from plugin_core.server.routes import ROUTE
from plugin_core.stores.protocol import TrackingStore
from plugin_core.tracking.settings import Settings
from plugin_core.wire.record import record_api

SECRET = b"the servers' own secret, which is long enough"


@dataclass
class Behind:
    """An ASGI app that stands for whatever store it was given last, and counts requests by operation."""

    endpoints: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        headers = dict(scope["headers"])
        operation = headers.get(b"x-flowtrail-operation", b"").decode()
        self.asked.append(operation or f"{scope['method']} {scope['path']}")
        await self.endpoints[scope[ROUTE]](scope, receive, send)

    def put(self, store: TrackingStore) -> None:
        """Stand for a store, and nothing besides."""
        self.asked.clear()
        self.endpoints = {"record": record_api(store, about="flowtrail, ", threads=4)}

    @contextlib.contextmanager
    def standing_for(self, settings: Settings) -> Iterator[None]:
        """Stand for all that a server with these settings has."""
        with ExitStack() as closing:
            self.endpoints = endpoints_of("default", Serving(settings=settings, secret=SECRET), closing)
            self.asked.clear()
            yield


@dataclass
class RecordServer:
    """Where it is, what it stands in front of, and a key for it."""

    url: str
    behind: Behind
    keys: Keys
    ring: KeyRing
    faulty: Faulty

    @property
    def store_url(self) -> str:
        return f"flowtrail+{self.url}"


@contextlib.contextmanager
def record_server(keys: Keys) -> Iterator[RecordServer]:
    """Serve, behind the gate, with keys."""
    behind, ring = Behind(), KeyRing(keys)
    ring.read()
    gate = protected(behind, keys=ring, rules=Rules(requests_per_s=0, clock_window=timedelta(minutes=15)))
    faulty = Faulty(gate)
    with serving(faulty) as url:
        yield RecordServer(url, behind, keys, ring, faulty)
