"""A PostgreSQL database keeps keys as the contract promises."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from kit.postgres import Postgres

from plugin_core import stores
from plugin_core.stores.keys import KeyStore
from plugin_core.testing.contract.keys import *


@pytest.fixture
def open_keys(postgres: Postgres) -> Iterator[OpenKeys]:
    database = postgres.create_database()
    with ExitStack() as opened:

        def open_them() -> KeyStore:
            keys = stores.open_keys(postgres.url(database))
            opened.callback(keys.close)
            return keys

        yield open_them
    postgres.drop_database(database)
