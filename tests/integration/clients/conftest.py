"""One server for all clients; each test has names of its own."""

import pytest
from kit.clients import Server


@pytest.fixture(scope="session")
def served(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("clients"))
    yield server.served
    assert server.stop() == ""
