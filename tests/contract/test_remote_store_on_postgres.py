"""A server's record in PostgreSQL: what depends on the store behind it, through the server."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from kit.postgres import Postgres
from kit.record import Behind
from kit.wire import authorised, serving

from plugin_core.server.routes import ROUTE
from plugin_core.stores import open_store
from plugin_core.stores.protocol import TrackingStore
from plugin_core.testing.contract.creating import *
from plugin_core.testing.contract.journals import *
from plugin_core.testing.contract.making import Reopen
from plugin_core.testing.contract.metrics import *
from plugin_core.testing.contract.values import *


@pytest.fixture(scope="module")
def database(postgres: Postgres) -> Iterator[str]:
    name = postgres.create_database()
    yield name
    postgres.drop_database(name)


@pytest.fixture(scope="module")
def url(postgres: Postgres, database: str) -> Iterator[str]:
    store, behind = open_store(postgres.url(database)), Behind()
    behind.put(store)

    async def routed(scope, receive, send):
        await behind({**scope, ROUTE: "record"}, receive, send)

    with serving(authorised(routed)) as url:
        yield f"flowtrail+{url}"
    store.close()


@pytest.fixture
def reopen(postgres: Postgres, database: str, url: str) -> Iterator[Reopen]:
    with ExitStack() as opened:

        def open_it() -> TrackingStore:
            store = open_store(url)
            opened.callback(store.close)
            return store

        yield open_it
    postgres.ask(
        "SET search_path = flowtrail; DELETE FROM nodes; DELETE FROM journals; DELETE FROM foreign_tags",
        database=database,
    )


@pytest.fixture
def store(reopen: Reopen) -> TrackingStore:
    return reopen()
