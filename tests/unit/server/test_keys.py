"""Keys: the secret is shown once and lies encrypted; nothing about a key can be changed beside the server."""

import os
import sqlite3
import stat
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from plugin_core.errors import InvalidValueError, NotFoundError, SettingsError, StoreError
from plugin_core.server.keyring import REFRESH_S, KeyRing
from plugin_core.server.keys import Keys
from plugin_core.server.secret import FILE, VARIABLE, server_secret
from plugin_core.stores import open_keys
from plugin_core.wire.caller import Permission, Role

SECRET = b"the servers' own secret, which is long enough"
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path):
    opened = open_keys(f"sqlite:///{tmp_path / 'record.db'}")
    yield opened
    opened.close()


@pytest.fixture
def keys(store) -> Keys:
    return Keys(store, SECRET)


def test_a_key_opens_with_the_servers_secret_alone(store, keys: Keys) -> None:
    made = keys.create(Role.WRITER, label="ci")

    (kept,) = keys.all()
    assert keys.opened(kept) == made.secret
    assert Keys(store, SECRET + b"!").opened(kept) is None
    assert len(made.key.id) == 20


def test_no_secret_lies_in_the_record_or_in_what_is_printed_of_a_key(tmp_path: Path, store, keys: Keys) -> None:
    made = keys.create(Role.WRITER)
    store.close()

    assert made.secret.encode() not in (tmp_path / "record.db").read_bytes()
    assert made.secret not in repr(made)


@pytest.mark.parametrize(
    "change",
    [{"role": "admin"}, {"tenant": "other"}, {"expires_at": None}, {"id": "FTAAAAAAAAAAAAAAAAAA"}],
    ids=lambda change: next(iter(change)),
)
def test_a_row_that_was_changed_beside_the_server_opens_nothing(keys: Keys, change) -> None:
    made = keys.create(Role.READER, lifetime=timedelta(days=1))

    assert keys.opened(replace(made.key, **change)) is None


def test_a_damaged_seal_opens_nothing(keys: Keys) -> None:
    made = keys.create(Role.READER)

    assert keys.opened(replace(made.key, sealed=made.key.sealed[:-1])) is None
    assert keys.opened(replace(made.key, sealed=b"")) is None


@pytest.mark.parametrize("tenant", ["", "A", "a/b", "..", "a--b", "a-", "x" * 80, "é"])
def test_a_tenants_name_cannot_be_a_path(keys: Keys, tenant: str) -> None:
    with pytest.raises(InvalidValueError):
        keys.create(Role.READER, tenant=tenant)


def test_a_label_cannot_break_a_log_line(keys: Keys) -> None:
    with pytest.raises(InvalidValueError):
        keys.create(Role.READER, label="one\nline more")


def test_keys_of_another_servers_secret_are_told_before_anything_is_served(store, keys: Keys) -> None:
    Keys(store, SECRET + b"!").require_openable()
    keys.create(Role.READER)

    keys.require_openable()
    with pytest.raises(SettingsError, match="another server's secret"):
        Keys(store, SECRET + b"!").require_openable()


def test_roles_permit_what_they_are_for() -> None:
    from plugin_core.wire.caller import Caller

    permitted = {role: {p for p in Permission if Caller(tenant="t", role=role).may(p)} for role in Role}

    assert permitted == {
        Role.READER: {Permission.READ},
        Role.PUT: {Permission.PUT},
        Role.WRITER: {Permission.READ, Permission.PUT, Permission.WRITE},
        Role.ADMIN: set(Permission),
    }


# The secret of the server


def test_the_secret_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "server"
    first = server_secret(folder, {})

    assert server_secret(folder, {}) == first
    assert stat.S_IMODE((folder / FILE).stat().st_mode) == 0o600
    assert [path.name for path in folder.iterdir()] == [FILE]


def test_processes_that_make_the_secret_at_once_agree_on_it(tmp_path: Path) -> None:
    code = (
        "from plugin_core.server.secret import server_secret; from pathlib import Path; "
        f"print(server_secret(Path({str(tmp_path / 'server')!r}), {{}}).hex())"
    )
    started = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) for _ in range(6)]

    assert len({process.communicate()[0] for process in started}) == 1
    assert all(process.returncode == 0 for process in started)


def test_a_secret_that_others_can_read_or_guess_is_refused(tmp_path: Path) -> None:
    server_secret(tmp_path, {})
    (tmp_path / FILE).chmod(0o640)

    with pytest.raises(SettingsError, match="read by others"):
        server_secret(tmp_path, {})
    with pytest.raises(SettingsError, match="characters"):
        server_secret(tmp_path, {VARIABLE: "password"})
    assert server_secret(tmp_path, {VARIABLE: "x" * 32}) == b"x" * 32


# What a worker knows of keys


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


async def test_a_worker_sees_keys_and_their_end_within_seconds(store, keys: Keys) -> None:
    clock = Clock()
    ring = KeyRing(keys, monotonic=clock)
    await ring.current()
    assert ring.is_open

    made = keys.create(Role.WRITER)
    await ring.current()
    assert ring.find(made.key.id) is None  # not asked again yet
    clock.now += REFRESH_S
    await ring.current()
    assert ring.find(made.key.id).secret == made.secret

    keys.revoke(made.key.id)
    clock.now += REFRESH_S
    await ring.current()
    assert not ring.find(made.key.id).key.is_good(datetime.now(UTC))
    assert not ring.is_open  # a server that had keys is never open again


async def test_two_keys_are_good_at_once_so_that_one_can_take_over_from_the_other(keys: Keys) -> None:
    old, new = keys.create(Role.WRITER), keys.create(Role.WRITER)
    ring = KeyRing(keys)
    await ring.current()

    assert [ring.find(made.key.id).secret for made in (old, new)] == [old.secret, new.secret]


async def test_a_row_that_was_changed_is_forgotten_by_workers_that_knew_it(tmp_path: Path, keys: Keys) -> None:
    clock = Clock()
    made = keys.create(Role.READER)
    ring = KeyRing(keys, monotonic=clock)
    await ring.current()
    with sqlite3.connect(tmp_path / "record.db") as beside:
        beside.execute("UPDATE access_keys SET role = 'admin'")
    beside.close()
    clock.now += REFRESH_S
    await ring.current()

    assert ring.find(made.key.id) is None


async def test_uses_are_written_later_and_none_is_lost_to_a_store_that_fails(tmp_path: Path, keys: Keys) -> None:
    made = keys.create(Role.READER)
    ring = KeyRing(keys)
    ring.note_use(made.key.id, NOW)
    record = tmp_path / "record.db"
    record.rename(tmp_path / "away.db")
    record.mkdir()
    with pytest.raises((StoreError, OSError)):
        ring.flush()
    record.rmdir()
    (tmp_path / "away.db").rename(record)
    ring.flush()

    assert [key.used_at for key in keys.all()] == [NOW]


def test_revoking_a_key_that_is_not_there_says_so(keys: Keys) -> None:
    with pytest.raises(NotFoundError):
        keys.revoke("FTNONE")


def test_nothing_of_cryptography_is_loaded_until_a_key_is_opened() -> None:
    code = "import sys, plugin_core, plugin_core.cli.app, plugin_core.server.keys; print('cryptography' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=dict(os.environ), check=True
    )

    assert done.stdout == "False\n"
