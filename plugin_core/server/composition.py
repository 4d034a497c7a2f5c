"""One worker's app: the gate, and behind it each tenant's endpoints, which hold that tenant's record and no other.

What a worker has open is opened when it starts or when a tenant first asks, and closed when it ends, after
the last answer: uses of keys and lines of the audit that wait are written then.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from typing import Final

from plugin_core.errors import FlowtrailError, SettingsError, StoreError
from plugin_core.model.objects import Bucket
from plugin_core.server.audit import AuditLog
from plugin_core.server.client_setup import BUCKET
from plugin_core.server.figures import Figures
from plugin_core.server.gate import Rules, protected
from plugin_core.server.keyring import KeyRing
from plugin_core.server.keys import Keys
from plugin_core.server.origins import Origins
from plugin_core.server.refusals import Reason, RefusedError
from plugin_core.server.routes import OBJECTS, RECORD, ROUTE
from plugin_core.server.secret import derived
from plugin_core.server.tenants import place_of
from plugin_core.stores import open_blobs, open_keys, open_store
from plugin_core.stores.objects import KeepsObjects
from plugin_core.tracking.settings import Settings
from plugin_core.wire.app import AsgiApp, Receive, Scope, Send, json_api
from plugin_core.wire.caller import CALLER
from plugin_core.wire.record import record_api
from plugin_core.wire.request import WireSettings
from plugin_core.wire.s3.app import object_api

_FLUSH_S: Final = 30.0
_log: Final = logging.getLogger("flowtrail.server")


@dataclass(frozen=True, kw_only=True, slots=True)
class Serving:
    """What is served, and to whom. Workers get a copy. ``host`` is where the server listens.

    ``is_private``: only this machine can reach it, so that it needs no keys.
    """

    settings: Settings
    secret: bytes = field(repr=False)
    host: str = "127.0.0.1"
    is_private: bool = True
    metrics_token: str | None = field(default=None, repr=False)

    @property
    def rules(self) -> Rules:
        """What holds for all requests."""
        settings = self.settings
        return Rules(
            origins=Origins(hosts=(*settings.server_hosts, *self._own_host), origins=settings.server_origins),
            may_be_open=self.may_be_open,
            clock_window=timedelta(seconds=settings.server_clock_window_s),
            requests_per_s=settings.server_requests_per_s,
            max_object_bytes=settings.server_max_object_bytes,
            metrics_token=self.metrics_token,
        )

    @property
    def may_be_open(self) -> bool:
        """Whether it may do without keys: not where it has a name by which others could come to it."""
        return self.is_private and not self.settings.server_hosts

    @property
    def _own_host(self) -> tuple[str, ...]:
        if self.host in {"0.0.0.0", "::", ""}:  # noqa: S104 - not bound to here: it names no host
            return ()
        return (f"[{self.host}]" if ":" in self.host else self.host,)


def require_ready(serving: Serving) -> None:
    """Make or migrate the record once for all workers, and see that the server may start. SettingsError, StoreError."""
    with contextlib.closing(open_keys(serving.settings.store)) as store:
        keys = Keys(store, serving.secret)
        keys.require_openable()
        if not serving.may_be_open and not keys.all():
            raise SettingsError(
                f"This server has no keys, and will not listen at {serving.host} or go by a name of its own, where "
                "others could reach it.",
                hint="Make a key with `flowtrail keys create`, or use --host 127.0.0.1 and no server_hosts.",
            )


class Worker:
    """The app of one worker process: made there, since nothing that is open crosses to it."""

    def __init__(self, serving: Serving) -> None:
        self._serving = serving
        self._app: AsgiApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or live from the server's start to its end."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http" and self._app is not None:
            await self._app(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        with ExitStack() as closing:
            try:
                ring = self._open(closing)
            except FlowtrailError as error:
                await send({"type": "lifespan.startup.failed", "message": error.message})
                return
            flushing = asyncio.create_task(_flush_often(ring))
            await send({"type": "lifespan.startup.complete"})
            await receive()
            flushing.cancel()
        await send({"type": "lifespan.shutdown.complete"})

    def _open(self, closing: ExitStack) -> KeyRing:
        """Open all that is shared by tenants. FlowtrailError."""
        serving = self._serving
        store = open_keys(serving.settings.store)
        closing.callback(store.close)
        ring = KeyRing(Keys(store, serving.secret))
        ring.read()
        closing.callback(_flush, ring)
        audit = AuditLog(serving.settings.server_dir, serving.secret)
        closing.callback(audit.close)
        figures = Figures()
        closing.callback(figures.close)
        tenants = Tenants(lambda tenant, close: endpoints_of(tenant, serving, close))
        closing.callback(tenants.close)
        self._app = protected(
            tenants,
            keys=ring,
            rules=serving.rules,
            audit=audit,
            figures=figures,
            is_healthy=lambda: _answers(store.access_keys),
        )
        return ring


class Tenants:
    """Passes a request on to the endpoints of its caller's tenant, opened when they are first needed."""

    def __init__(self, make: Callable[[str, ExitStack], dict[str, AsgiApp]]) -> None:
        self._make = make
        self._made: dict[str, dict[str, AsgiApp]] = {}
        self._making = asyncio.Lock()
        self._open = ExitStack()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request that the gate let in."""
        endpoints = await self._endpoints(scope[CALLER].tenant)
        endpoint = endpoints.get(scope[ROUTE])
        if endpoint is None:
            raise RefusedError(Reason.UNKNOWN, "This server does not serve that.")
        await endpoint(scope, receive, send)

    def close(self) -> None:
        """Close all that tenants have open."""
        self._open.close()

    async def _endpoints(self, tenant: str) -> dict[str, AsgiApp]:
        found = self._made.get(tenant)
        if found is not None:
            return found
        async with self._making:
            if tenant not in self._made:
                self._made[tenant] = await asyncio.to_thread(self._make_or_refuse, tenant)
            return self._made[tenant]

    def _make_or_refuse(self, tenant: str) -> dict[str, AsgiApp]:
        try:
            return self._make(tenant, self._open)
        except FlowtrailError:
            _log.exception("the record of the tenant %s cannot be opened", tenant)
            raise RefusedError(Reason.UNAVAILABLE, "The record cannot be reached at the moment.") from None


def endpoints_of(tenant: str, serving: Serving, closing: ExitStack) -> dict[str, AsgiApp]:
    """What is served to one tenant, by route. SettingsError, StoreError."""
    place = place_of(tenant, serving.settings)
    store, blobs = open_store(place.store), open_blobs(place.blobs)
    closing.callback(store.close)
    settings = serving.settings
    wire = WireSettings(limits=settings.wire_limits, strict_artifacts=settings.wire_strict_artifacts)
    api = json_api(store, blobs, secret=derived(serving.secret, f"pages {tenant}"), settings=wire)
    endpoints: dict[str, AsgiApp] = dict.fromkeys(("operations", "identity", "BatchPutMetrics", "BatchGetMetrics"), api)
    endpoints[RECORD.name] = record_api(store, about=f"flowtrail {version('flowtrail')}, ")
    if isinstance(store, KeepsObjects):
        # Clients are told of this bucket, and upload into it without asking whether it is there.
        store.objects.create_bucket(Bucket(name=BUCKET, created_at=datetime.now(UTC)))
        staging = settings.server_dir / "staging" / tenant
        endpoints[OBJECTS.name] = object_api(
            store.objects,
            blobs,
            staging=staging,
            domains=bucket_domains(settings.server_hosts),
            most_bytes=settings.server_max_object_bytes,
        )
    return endpoints


def bucket_domains(hosts: Sequence[str]) -> list[str]:
    """The server's names below which a name is a bucket's: not those that stand above another of its names."""
    names = ["localhost", *(host.lower().partition(":")[0] for host in hosts)]
    return [name for name in names if not any(other.endswith(f".{name}") for other in names)]


async def _flush_often(ring: KeyRing) -> None:
    while True:
        await asyncio.sleep(_FLUSH_S)
        await asyncio.to_thread(_flush, ring)


def _flush(ring: KeyRing) -> None:
    """What cannot be written now is tried again with the next uses; it decides nothing."""
    try:
        ring.flush()
    except StoreError as error:
        _log.warning("the last uses of keys could not be written: %s", error.message)


def _answers(ask: Callable[[], object]) -> bool:
    try:
        ask()
    except StoreError:
        return False
    return True
