"""Objects in the local store keep every promise of the contract."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from plugin_core.stores import open_store
from plugin_core.stores.objects import KeepsObjects, ObjectStore
from plugin_core.testing.contract.objects import *


@pytest.fixture
def objects(tmp_path: Path) -> Iterator[ObjectStore]:
    store = open_store(f"sqlite:///{tmp_path / 'record.db'}")
    assert isinstance(store, KeepsObjects)
    yield store.objects
    store.close()
