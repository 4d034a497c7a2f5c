"""The folder of blobs keeps every promise of the contract."""

from pathlib import Path

import pytest

from plugin_core.stores import open_blobs
from plugin_core.stores.protocol import BlobStore
from plugin_core.testing.contract.blobs import *


@pytest.fixture
def blobs(tmp_path: Path) -> BlobStore:
    return open_blobs((tmp_path / "a folder").as_uri())
