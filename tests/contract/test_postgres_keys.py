"""A PostgreSQL database keeps keys as the contract promises, and those of two schemas apart."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from kit.postgres import Postgres

from plugin_core import stores
from plugin_core.stores.keys import KeyStore
from plugin_core.testing.contract.keys import *
from plugin_core.testing.contract.keys import access_key


@pytest.fixture(scope="module")
def database(postgres: Postgres) -> Iterator[str]:
    name = postgres.create_database()
    yield name
    postgres.drop_database(name)


@pytest.fixture
def open_keys(postgres: Postgres, database: str) -> Iterator[OpenKeys]:
    with ExitStack() as opened:

        def open_them() -> KeyStore:
            keys = stores.open_keys(postgres.url(database))
            opened.callback(keys.close)
            return keys

        yield open_them
    postgres.ask("DELETE FROM flowtrail.access_keys", database=database)


def test_a_tenants_schema_is_a_record_of_its_own(postgres: Postgres, database: str, open_keys: OpenKeys) -> None:
    url = postgres.url(database)
    tenants = stores.open_keys(f"{url}{'&' if '?' in url else '?'}schema=flowtrail_team_a")
    tenants.add_access_key(access_key("FT1"))

    assert open_keys().access_keys() == []
    tenants.close()
