"""The embedded store's file: where it may be, who may write, and what it says when it cannot."""

import os
import random
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from plugin_core.errors import (
    ConflictError,
    SettingsError,
    StoreError,
    StoreReadOnlyError,
    StoreUnavailableError,
    StoreVersionError,
)
from plugin_core.stores import open_store
from plugin_core.stores.local import LocalStore
from plugin_core.stores.local.filelock import FileLock
from plugin_core.stores.local.location import path_of, refuse_network
from plugin_core.stores.mounts import file_system
from plugin_core.testing.contract.making import batch, component, names, parameters, points

MOUNTS = r"""
22 28 0:21 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:40 / /srv/nfs rw,relatime shared:2 - nfs4 server:/export rw
31 22 0:41 / /mnt/with\040space rw - fuse.sshfs me@host: rw
32 30 0:42 / /srv/nfs/local rw - xfs /dev/sdb rw
33 22 0:43 / /containers rw - fuse.fuse-overlayfs fuse rw
nonsense
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "record.db"


@pytest.fixture
def store(path: Path) -> Iterator[LocalStore]:
    store = LocalStore(f"sqlite:///{path}")
    yield store
    store.close()


def test_a_url_names_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    assert path_of("sqlite:////var/lib/record.db") == Path("/var/lib/record.db")
    assert path_of("sqlite:///.flowtrail/record.db") == tmp_path / ".flowtrail" / "record.db"
    assert path_of("sqlite:////with%20space/x.db") == Path("/with space/x.db")


@pytest.mark.parametrize("url", ["sqlite:", "sqlite://", "sqlite:///", "sqlite:///:memory:", "sqlite://host/x", "x.db"])
def test_a_url_without_a_path_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match="sqlite:////absolute"):
        open_store(url)


def test_a_path_may_hold_any_characters(tmp_path: Path) -> None:
    odd = tmp_path / "a folder #1?%41" / "ünï.db"
    url = f"sqlite:///{str(odd).replace('%', '%25').replace('?', '%3F')}"
    store = open_store(url)
    store.write([component("c")])
    store.close()

    assert odd.exists()


def test_only_our_own_folder_is_kept_out_of_git(tmp_path: Path) -> None:
    for folder in (".flowtrail", "theirs"):
        open_store(f"sqlite:///{tmp_path / folder / 'record.db'}").close()

    assert (tmp_path / ".flowtrail" / ".gitignore").read_text() == "*\n"
    assert not (tmp_path / "theirs" / ".gitignore").exists()


@pytest.mark.parametrize(
    ("place", "kind"),
    [
        ("/srv/me/record.db", "ext4"),
        ("/srv/nfs/record.db", "nfs4"),
        ("/srv/nfsx/record.db", "ext4"),
        ("/srv/nfs/local/record.db", "xfs"),
        ("/mnt/with space/record.db", "fuse.sshfs"),
    ],
)
def test_the_file_system_of_a_path_is_known(place: str, kind: str) -> None:
    assert file_system(Path(place), MOUNTS) == kind


def test_a_network_file_system_is_refused_with_the_alternatives() -> None:
    for place in ("/srv/nfs/record.db", "/mnt/with space/record.db"):
        with pytest.raises(StoreReadOnlyError, match="flowtrail recover"):
            refuse_network(Path(place), MOUNTS)
    for place in ("/srv/nfs/local/record.db", "/containers/record.db", "/record.db"):
        refuse_network(Path(place), MOUNTS)
    refuse_network(Path("/record.db"), "")


HOLD_LOCK = """
import sys
from pathlib import Path
from plugin_core.stores.local.filelock import FileLock
with FileLock(Path(sys.argv[1])).held(1):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_lock_held_too_long_is_an_error_that_names_the_holder(path: Path) -> None:
    store = LocalStore(f"sqlite:///{path}", lock_timeout_s=0.05)
    command = [sys.executable, "-c", HOLD_LOCK, f"{path}.lock"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(StoreUnavailableError, match=f"record.db is locked by process {holder.pid}"):
            store.write([component("c")])
        assert names(store) == []
        holder.communicate()
    store.write([component("c")])
    assert names(store) == ["c"]
    store.close()


def test_waiting_for_a_lock_draws_no_number_of_the_users_seed(path: Path) -> None:
    command = [sys.executable, "-c", HOLD_LOCK, f"{path}.lock"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        before = random.getstate()
        with pytest.raises(StoreUnavailableError), FileLock(Path(f"{path}.lock")).held(0.05):
            pass
        assert random.getstate() == before
        holder.communicate()


def test_a_lock_ends_with_its_holder(path: Path, store: LocalStore) -> None:
    command = [sys.executable, "-c", HOLD_LOCK, f"{path}.lock"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        holder.kill()
        store.write([component("c")])


def test_a_lock_that_is_not_ours_is_an_error_too(path: Path) -> None:
    store = LocalStore(f"sqlite:///{path}", lock_timeout_s=0.05)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailableError, match="locked") as caught:
        store.write([component("c")])
    assert caught.value.__cause__ is not None
    other.close()

    store.write([component("c")])
    store.close()


def test_a_store_opened_for_reading_is_not_written(path: Path, store: LocalStore) -> None:
    store.write([component("c")])
    reader = open_store(f"sqlite:///{path}", read_only=True)

    assert names(reader) == ["c"]
    with pytest.raises(StoreReadOnlyError):
        reader.write([component("d")])
    reader.close()


def test_reading_makes_no_store(path: Path) -> None:
    with pytest.raises(StoreUnavailableError, match="no record"):
        open_store(f"sqlite:///{path}", read_only=True)
    assert not path.exists()


def test_a_file_that_is_no_store_is_left_alone(path: Path) -> None:
    path.write_bytes(b"something else entirely " * 100)

    with pytest.raises(StoreError, match="no flowtrail store"):
        open_store(f"sqlite:///{path}")
    assert path.read_bytes() == b"something else entirely " * 100


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(StoreUnavailableError, match="cannot be reached"):
        open_store(f"sqlite:///{tmp_path / 'file' / 'record.db'}")


def test_a_store_removed_while_in_use_is_made_anew(path: Path, store: LocalStore) -> None:
    store.apply(batch(component("lost")))
    for file in path.parent.glob("record.db*"):
        file.unlink()

    assert store.watermark("journal-1") == 0
    assert store.apply(batch(component("kept")))
    assert names(store) == ["kept"]
    assert path.exists()


def test_a_newer_store_may_be_read_and_not_written(path: Path, store: LocalStore) -> None:
    store.write([component("c")])
    with sqlite3.connect(path) as newer:
        newer.execute("UPDATE schema_info SET version = 7, min_writer = 7")
    newer.close()

    for old in (store, open_store(f"sqlite:///{path}")):
        assert names(old) == ["c"]
        with pytest.raises(StoreVersionError, match="schema 7"):
            old.write([component("d")])
        assert names(old) == ["c"]
        old.close()


def test_a_store_too_new_to_be_read_is_refused(path: Path, store: LocalStore) -> None:
    store.close()
    with sqlite3.connect(path) as newer:
        newer.execute("UPDATE schema_info SET version = 7, min_writer = 7, min_reader = 7")
    newer.close()

    with pytest.raises(StoreVersionError, match="cannot read"):
        open_store(f"sqlite:///{path}", read_only=True)


def test_the_log_ahead_of_the_file_stays_short(path: Path, store: LocalStore) -> None:
    for i in range(12):
        store.write([parameters("c", {f"p{i}": os.urandom(1_000_000).hex()})])
        assert path.with_name("record.db-wal").stat().st_size < 16 << 20
    store.close()

    assert not path.with_name("record.db-wal").exists()
    assert path.stat().st_size > 12_000_000


def test_a_reader_in_the_way_does_not_stop_writers(path: Path, store: LocalStore) -> None:
    store.write([points("c", [float(i) for i in range(10)])])
    with store._connections.read() as connection:
        connection.exec_driver_sql("SELECT count(*) FROM components").fetchall()
        for i in range(12):
            store.write([parameters("c", {f"p{i}": os.urandom(1_000_000).hex()})])
    store.write([parameters("c", {"last": True})])

    assert len(store.parameters([1])[1]) == 13


def test_an_error_in_a_transaction_leaves_the_store_usable(store: LocalStore) -> None:
    store.apply(batch(component("a")))
    with pytest.raises(ConflictError):
        store.apply(batch(component("b"), start=500))
    store.apply(batch(component("c"), start=100))

    assert names(store, descending=False) == ["a", "c"]
    check = sqlite3.connect(path_of(store.url))
    assert check.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert check.execute("PRAGMA foreign_key_check").fetchall() == []
    check.close()
