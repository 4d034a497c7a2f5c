"""Keys: made, looked up, revoked. A secret is shown once, and lies in the record encrypted, bound to its key.

What a key may, for whom, and until when is sealed with the secret: a row that was changed by hand opens nothing.
"""

from __future__ import annotations

import base64
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from plugin_core.errors import InvalidValueError, SettingsError
from plugin_core.server.secret import derived
from plugin_core.stores.keys import AccessKey, KeyStore
from plugin_core.wire.caller import DEFAULT_TENANT, Role

_PREFIX: Final = "FT"
_NONCE: Final = 12  # bytes, what AES-GCM takes
_TENANT: Final = re.compile(r"[a-z0-9](-?[a-z0-9]){0,39}")
_LABEL: Final = re.compile(r"[^\x00-\x1f\x7f]{1,200}")


@dataclass(frozen=True, kw_only=True, slots=True)
class NewKey:
    """A key that was just made; nobody can ask for the secret again."""

    key: AccessKey
    secret: str = field(repr=False)


class Keys:
    """The keys in a store, sealed by a server's secret."""

    def __init__(
        self, store: KeyStore, secret: bytes, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._store, self._clock = store, clock
        self._sealing = derived(secret, "keys 1")

    def create(
        self, role: Role, *, tenant: str = DEFAULT_TENANT, label: str | None = None, lifetime: timedelta | None = None
    ) -> NewKey:
        """Make a key. InvalidValueError for a tenant's name or a label that cannot be; StoreError."""
        require_tenant(tenant)
        if label is not None and _LABEL.fullmatch(label) is None:
            raise InvalidValueError("A key's label has 1 to 200 characters, none of them a control character.")
        now = self._clock()
        secret = secrets.token_urlsafe(30)
        key = AccessKey(
            id=_PREFIX + base64.b32encode(secrets.token_bytes(12)).decode()[:18],
            sealed=b"",
            role=role.value,
            tenant=tenant,
            label=label,
            created_at=now,
            expires_at=None if lifetime is None else now + lifetime,
        )
        sealed = _sealed(self._sealing, key, secret)
        self._store.add_access_key(sealed)
        return NewKey(key=sealed, secret=secret)

    def all(self) -> list[AccessKey]:
        """All keys, the oldest first. StoreError."""
        return self._store.access_keys()

    def revoke(self, key_id: str) -> None:
        """Let a key be good no more. NotFoundError, StoreError."""
        self._store.revoke_access_key(key_id, self._clock())

    def note_use(self, uses: Mapping[str, datetime]) -> None:
        """Remember when keys were used last. StoreError."""
        self._store.note_use(uses)

    def opened(self, key: AccessKey) -> str | None:
        """The secret of a key; None if it was sealed by another server's secret, or changed since."""
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        try:
            opened = AESGCM(self._sealing).decrypt(key.sealed[:_NONCE], key.sealed[_NONCE:], _bound_to(key))
        except (InvalidTag, ValueError):
            return None
        return opened.decode("ascii")

    def require_openable(self) -> None:
        """SettingsError if there are keys and none of them can be used with this server's secret."""
        keys = [key for key in self.all() if key.revoked_at is None]
        if keys and all(self.opened(key) is None for key in keys):
            raise SettingsError(
                "The keys in this record were made with another server's secret.",
                hint="Set FLOWTRAIL_SERVER_SECRET to the one they were made with, or revoke them and make new ones.",
            )


def require_tenant(name: str) -> None:
    """InvalidValueError for what cannot name a tenant: names become parts of paths and databases."""
    if _TENANT.fullmatch(name) is None:
        raise InvalidValueError(
            f"{name!r} cannot name a tenant.", hint="Use 1 to 40 small letters and digits, with hyphens between them."
        )


def _sealed(sealing: bytes, key: AccessKey, secret: str) -> AccessKey:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = secrets.token_bytes(_NONCE)
    return replace(key, sealed=nonce + AESGCM(sealing).encrypt(nonce, secret.encode("ascii"), _bound_to(key)))


def _bound_to(key: AccessKey) -> bytes:
    """What the seal covers besides the secret."""
    until = "" if key.expires_at is None else key.expires_at.isoformat()
    return f"{key.id}\n{key.role}\n{key.tenant}\n{until}".encode()
