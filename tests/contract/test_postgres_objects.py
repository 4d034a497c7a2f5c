"""Objects in a PostgreSQL database keep every promise of the contract, whatever the database's language is."""

from collections.abc import Iterator

import pytest
from kit.postgres import Postgres

from plugin_core.stores import open_store
from plugin_core.stores.objects import KeepsObjects, ObjectStore
from plugin_core.testing.contract.objects import *


@pytest.fixture(scope="module")
def database(postgres: Postgres) -> Iterator[str]:
    name = postgres.create_database()
    yield name
    postgres.drop_database(name)


@pytest.fixture
def objects(postgres: Postgres, database: str) -> Iterator[ObjectStore]:
    store = open_store(postgres.url(database))
    assert isinstance(store, KeepsObjects)
    yield store.objects
    store.close()
    postgres.ask("SET search_path = flowtrail; DELETE FROM buckets", database=database)
