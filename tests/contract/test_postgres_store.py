"""A PostgreSQL database keeps every promise of the contract."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from kit.postgres import Postgres

from plugin_core.stores import open_store
from plugin_core.stores.protocol import TrackingStore
from plugin_core.testing.contract.components import *
from plugin_core.testing.contract.creating import *
from plugin_core.testing.contract.edits import *
from plugin_core.testing.contract.experiments import *
from plugin_core.testing.contract.journals import *
from plugin_core.testing.contract.lineage import *
from plugin_core.testing.contract.making import Reopen
from plugin_core.testing.contract.metrics import *
from plugin_core.testing.contract.pages import *
from plugin_core.testing.contract.search import *
from plugin_core.testing.contract.searches import *
from plugin_core.testing.contract.statuses import *
from plugin_core.testing.contract.values import *


@pytest.fixture(scope="module")
def database(postgres: Postgres) -> Iterator[str]:
    name = postgres.create_database()
    yield name
    postgres.drop_database(name)


@pytest.fixture
def reopen(postgres: Postgres, database: str) -> Iterator[Reopen]:
    with ExitStack() as opened:

        def open_it() -> TrackingStore:
            store = open_store(postgres.url(database))
            opened.callback(store.close)
            return store

        yield open_it
    postgres.ask("SET search_path = flowtrail; DELETE FROM nodes; DELETE FROM journals", database=database)


@pytest.fixture
def store(reopen: Reopen) -> TrackingStore:
    return reopen()
