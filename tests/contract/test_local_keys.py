"""The embedded store keeps keys as the contract promises."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from plugin_core import stores
from plugin_core.stores.keys import KeyStore
from plugin_core.testing.contract.keys import *


@pytest.fixture
def open_keys(tmp_path: Path) -> Iterator[OpenKeys]:
    with ExitStack() as opened:

        def open_them() -> KeyStore:
            keys = stores.open_keys(f"sqlite:///{tmp_path / 'record.db'}")
            opened.callback(keys.close)
            return keys

        yield open_them
