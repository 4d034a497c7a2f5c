"""Who asks: what the server's outer layer found out about a request, and what the protocols inside may rely on."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

CALLER: Final = "flowtrail.caller"  # where an ASGI scope has it
REQUEST_ID: Final = "flowtrail.request_id"
DEFAULT_TENANT: Final = "default"


class Role(StrEnum):
    """What a key is for. A pod that only reports gets ``put``: it writes, and reads nothing back."""

    READER = "reader"
    PUT = "put"
    WRITER = "writer"
    ADMIN = "admin"


class Permission(StrEnum):
    """What a route or an operation asks for."""

    READ = "read"
    PUT = "put"
    WRITE = "write"
    ADMIN = "admin"


_PERMITTED: Final = {
    Role.READER: frozenset({Permission.READ}),
    Role.PUT: frozenset({Permission.PUT}),
    Role.WRITER: frozenset({Permission.READ, Permission.PUT, Permission.WRITE}),
    Role.ADMIN: frozenset(Permission),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Caller:
    """The tenant whose record is asked for, and by which key; without one where the server needs none."""

    tenant: str
    role: Role
    key_id: str | None = None

    def may(self, permission: Permission) -> bool:
        """Whether the caller's role permits it."""
        return permission in _PERMITTED[self.role]
