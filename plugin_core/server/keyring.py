"""The keys that a worker knows, read again every few seconds: what is revoked anywhere ends everywhere soon."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from plugin_core.server.keys import Keys
from plugin_core.stores.keys import AccessKey

REFRESH_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class KnownKey:
    """A key with its secret, for as long as a worker lives."""

    key: AccessKey
    secret: str = field(repr=False)


class KeyRing:
    """Keys by id. ``current`` is awaited once a request; the rest costs nothing."""

    def __init__(self, keys: Keys, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._keys, self._monotonic = keys, monotonic
        self._known: dict[str, KnownKey] = {}
        self._has_any = False
        self._read_at: float | None = None
        self._reading = asyncio.Lock()
        self._uses: dict[str, datetime] = {}
        self._uses_lock = threading.Lock()

    @property
    def is_open(self) -> bool:
        """Whether no key was ever made. One that was revoked does not open the server again."""
        return not self._has_any

    async def current(self) -> None:
        """Read the keys again if that is due. StoreError where they cannot be read: then nobody is let in."""
        if not self._is_due():
            return
        async with self._reading:
            if self._is_due():
                await asyncio.to_thread(self.read)

    def find(self, key_id: str) -> KnownKey | None:
        """A key by its id, good or not."""
        return self._known.get(key_id)

    def note_use(self, key_id: str, at: datetime) -> None:
        """Remember a use until ``flush``."""
        with self._uses_lock:
            self._uses[key_id] = at

    def flush(self) -> None:
        """Write what was remembered of uses. StoreError; then it is remembered still."""
        with self._uses_lock:
            uses, self._uses = self._uses, {}
        if not uses:
            return
        try:
            self._keys.note_use(uses)
        except BaseException:
            with self._uses_lock:
                self._uses = uses | self._uses
            raise

    def read(self) -> None:
        """Read the keys. StoreError."""
        begun = self._monotonic()
        keys = self._keys.all()
        self._known = {key.id: known for key in keys if (known := self._opened(key)) is not None}
        self._has_any = bool(keys)
        self._read_at = begun

    def _opened(self, key: AccessKey) -> KnownKey | None:
        """Opened each time: the seal says that role, tenant and end of a key are still those it was made with."""
        secret = self._keys.opened(key)
        return None if secret is None else KnownKey(key, secret)

    def _is_due(self) -> bool:
        return self._read_at is None or self._monotonic() - self._read_at >= REFRESH_S
