"""What a store remembers of a server's keys: never a secret that could be read without the server's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, kw_only=True, slots=True)
class AccessKey:
    """A key as it is stored; ``sealed`` is its secret, encrypted by the server. Revoked keys stay, as history."""

    id: str
    sealed: bytes = field(repr=False)
    role: str
    tenant: str
    label: str | None = None
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    used_at: datetime | None = None

    def is_good(self, now: datetime) -> bool:
        """Whether requests may be signed with it."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


class KeyStore(Protocol):
    """The keys of all servers that share a record. Safe to share between threads; raises StoreError."""

    def access_keys(self) -> list[AccessKey]:
        """All keys, also those that are good no more, the oldest first."""
        ...

    def add_access_key(self, key: AccessKey, /) -> None:
        """Keep a new key. ConflictError if there is one of this id."""
        ...

    def revoke_access_key(self, key_id: str, at: datetime, /) -> None:
        """Let a key be good no more from ``at`` on; a time that it has already stays. NotFoundError."""
        ...

    def note_use(self, uses: Mapping[str, datetime], /) -> None:
        """Remember when keys were used last; keys that are gone and times before the known ones change nothing."""
        ...

    def close(self) -> None:
        """Let go of what is open; using it again opens it again."""
        ...
