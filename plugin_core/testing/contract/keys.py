"""Keys of servers: kept, revoked for all at once, never lost by being made twice. Needs the fixture ``open_keys``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

import pytest

from plugin_core.errors import ConflictError, NotFoundError
from plugin_core.stores.keys import AccessKey, KeyStore

OpenKeys: TypeAlias = Callable[[], KeyStore]
START = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)


def access_key(id: str, **changes: Any) -> AccessKey:
    key = AccessKey(id=id, sealed=b"\x00sealed\xff", role="writer", tenant="default", created_at=START)
    return replace(key, **changes)


def test_a_key_comes_back_as_it_was_kept(open_keys: OpenKeys) -> None:
    keys = open_keys()
    plain = access_key("FT1")
    full = access_key(
        "FT2",
        role="put",
        tenant="team-a",
        label="a pod é",
        created_at=START + timedelta(1),
        expires_at=START + timedelta(2),
    )
    keys.add_access_key(full)
    keys.add_access_key(plain)

    assert open_keys().access_keys() == [plain, full]


def test_a_key_cannot_be_made_twice(open_keys: OpenKeys) -> None:
    keys = open_keys()
    keys.add_access_key(access_key("FT1"))

    with pytest.raises(ConflictError):
        keys.add_access_key(access_key("FT1", role="admin"))
    assert [key.role for key in keys.access_keys()] == ["writer"]


def test_a_key_that_is_revoked_is_revoked_for_all_who_have_the_record_open(open_keys: OpenKeys) -> None:
    one, other = open_keys(), open_keys()
    one.add_access_key(access_key("FT1"))
    other.revoke_access_key("FT1", START + timedelta(1))
    other.revoke_access_key("FT1", START + timedelta(2))

    (key,) = one.access_keys()
    assert key.revoked_at == START + timedelta(1)
    assert not key.is_good(START + timedelta(3))
    with pytest.raises(NotFoundError):
        one.revoke_access_key("FT2", START)


def test_the_last_use_is_the_latest_that_anybody_noted(open_keys: OpenKeys) -> None:
    one, other = open_keys(), open_keys()
    one.add_access_key(access_key("FT1"))
    one.note_use({"FT1": START + timedelta(2)})
    other.note_use({"FT1": START + timedelta(1), "never made": START})

    assert [(key.id, key.used_at) for key in one.access_keys()] == [("FT1", START + timedelta(2))]
