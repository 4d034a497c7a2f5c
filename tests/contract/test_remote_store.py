"""A record behind a flowtrail server keeps every promise of the contract, with signed requests over HTTP."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from shutil import copy

import pytest
from kit.record import RecordServer, record_server
from kit.store_contract import *

from plugin_core.server.keys import Keys
from plugin_core.stores import open_keys, open_store
from plugin_core.stores.protocol import TrackingStore
from plugin_core.testing.contract.making import Reopen
from plugin_core.wire.caller import Role


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[RecordServer]:
    keys = Keys(
        open_keys(f"sqlite:///{tmp_path_factory.mktemp('keys') / 'record.db'}"), b"a secret that is long enough"
    )
    made = keys.create(Role.WRITER)
    with record_server(keys) as serving, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", made.key.id)
        patch.setenv("AWS_SECRET_ACCESS_KEY", made.secret)
        patch.delenv("AWS_PROFILE", raising=False)
        yield serving


@pytest.fixture(scope="module")
def empty(tmp_path_factory) -> Path:
    """A record without anything in it: a copy is cheaper than making one."""
    path = tmp_path_factory.mktemp("empty") / "record.db"
    store = open_store(f"sqlite:///{path}")
    store.experiments()
    store.close()
    return path


@pytest.fixture
def reopen(server: RecordServer, empty: Path, tmp_path: Path) -> Iterator[Reopen]:
    with ExitStack() as opened:
        behind = open_store(f"sqlite:///{copy(empty, tmp_path / 'record.db')}")
        opened.callback(behind.close)
        server.behind.put(behind)

        def open_it() -> TrackingStore:
            store = open_store(server.store_url)
            opened.callback(store.close)
            return store

        yield open_it


@pytest.fixture
def store(reopen: Reopen) -> TrackingStore:
    return reopen()
