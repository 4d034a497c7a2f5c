"""One server for the module's tests, over a store of its own, and real boto3 clients."""

import pytest
from kit.wire import authorised, client, serving

from plugin_core.stores import open_blobs, open_store
from plugin_core.wire.app import json_api


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("record")
    found = open_store(f"sqlite:///{folder / 'record.db'}")
    yield found
    found.close()


@pytest.fixture(scope="module")
def blobs(tmp_path_factory):
    return open_blobs(tmp_path_factory.mktemp("blobs").as_uri())


@pytest.fixture(scope="module")
def server(store, blobs):
    with serving(authorised(json_api(store, blobs, secret=b"of the tests"))) as url:
        yield url


@pytest.fixture(scope="module")
def sagemaker(server):
    return client("sagemaker", server)


@pytest.fixture(scope="module")
def metrics(server):
    return client("sagemaker-metrics", server)
