"""The embedded store keeps every promise of the contract."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from kit.store_contract import *

from plugin_core.stores import open_store
from plugin_core.stores.protocol import TrackingStore
from plugin_core.testing.contract.making import Reopen


@pytest.fixture
def reopen(tmp_path: Path) -> Iterator[Reopen]:
    with ExitStack() as opened:

        def open_it() -> TrackingStore:
            store = open_store(f"sqlite:///{tmp_path / 'record.db'}")
            opened.callback(store.close)
            return store

        yield open_it


@pytest.fixture
def store(reopen: Reopen) -> TrackingStore:
    return reopen()
