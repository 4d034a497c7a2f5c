"""Objects in a PostgreSQL database keep every promise of the contract."""

from collections.abc import Iterator

import pytest
from kit.postgres import Postgres

from plugin_core.stores import open_store
from plugin_core.stores.objects import KeepsObjects, ObjectStore
from plugin_core.testing.contract.objects import *


@pytest.fixture(scope="module")
def url(postgres: Postgres) -> Iterator[str]:
    database = postgres.create_database()
    yield postgres.url(database)
    postgres.drop_database(database)


@pytest.fixture
def objects(postgres: Postgres, url: str) -> Iterator[ObjectStore]:
    store = open_store(url)
    assert isinstance(store, KeepsObjects)
    yield store.objects
    store.close()
    for table in ("uploads", "objects", "buckets"):
        postgres.ask(f"DELETE FROM flowtrail.{table}", database=url.split("/")[3].split("?", maxsplit=1)[0])
