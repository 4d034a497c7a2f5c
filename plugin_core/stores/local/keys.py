"""The table of a server's keys."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, func, insert, select, update

from plugin_core.errors import ConflictError, NotFoundError
from plugin_core.stores.keys import AccessKey
from plugin_core.stores.local import schema as s
from plugin_core.stores.local.listing import moment

_COLUMNS: Final = s.access_keys.c
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class LocalKeys:
    """A KeyStore in the tables of a local store, by the store's own transactions."""

    def __init__(
        self,
        *,
        reading: Callable[[], AbstractContextManager[Connection]],
        writing: Callable[[], AbstractContextManager[Connection]],
        close: Callable[[], None],
    ) -> None:
        self._reading, self._writing, self._close = reading, writing, close

    def access_keys(self) -> list[AccessKey]:
        """See KeyStore."""
        with self._reading() as connection:
            rows = connection.execute(select(s.access_keys).order_by(_COLUMNS.created_us, _COLUMNS.id)).all()
        return [_key_of(row) for row in rows]

    def add_access_key(self, key: AccessKey, /) -> None:
        """See KeyStore."""
        with self._writing() as connection:
            if connection.execute(select(_COLUMNS.id).where(_COLUMNS.id == key.id)).first() is not None:
                raise ConflictError(f"There is a key {key.id} already.")
            connection.execute(insert(s.access_keys).values(_row_of(key)))

    def revoke_access_key(self, key_id: str, at: datetime, /) -> None:
        """See KeyStore."""
        revoked = func.coalesce(_COLUMNS.revoked_us, _micros(at))
        with self._writing() as connection:
            done = connection.execute(update(s.access_keys).where(_COLUMNS.id == key_id).values(revoked_us=revoked))
            if done.rowcount == 0:
                raise NotFoundError("key", key_id, hint="`flowtrail keys list` shows which there are.")

    def note_use(self, uses: Mapping[str, datetime], /) -> None:
        """See KeyStore."""
        with self._writing() as connection:
            for key_id, at in uses.items():
                used = _micros(at)
                is_later = func.coalesce(_COLUMNS.used_us, -1) < used
                connection.execute(update(s.access_keys).where(_COLUMNS.id == key_id, is_later).values(used_us=used))

    def close(self) -> None:
        """See KeyStore."""
        self._close()


def _row_of(key: AccessKey) -> dict[str, Any]:
    return {
        "id": key.id,
        "sealed": key.sealed,
        "role": key.role,
        "tenant": key.tenant,
        "label": key.label,
        "created_us": _micros(key.created_at),
        "expires_us": _micros(key.expires_at),
        "revoked_us": _micros(key.revoked_at),
        "used_us": _micros(key.used_at),
    }


def _key_of(row: Any) -> AccessKey:
    return AccessKey(
        id=row.id,
        sealed=bytes(row.sealed),
        role=row.role,
        tenant=row.tenant,
        label=row.label,
        created_at=moment(row.created_us),
        expires_at=_moment(row.expires_us),
        revoked_at=_moment(row.revoked_us),
        used_at=_moment(row.used_us),
    )


def _moment(micros: int | None) -> datetime | None:
    return None if micros is None else moment(micros)


def _micros(at: datetime | None) -> int | None:
    return None if at is None else (at - _EPOCH) // timedelta(microseconds=1)
