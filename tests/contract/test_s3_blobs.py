"""A bucket of blobs keeps every promise of the contract, over HTTP: on moto's server, and on our own."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from kit.aws import CREDENTIALS, blobs_url, moto_server, s3_client
from kit.wire import authorised, serving

from plugin_core.stores import open_blobs, open_store
from plugin_core.stores.objects import KeepsObjects
from plugin_core.stores.protocol import BlobStore
from plugin_core.testing.contract.blobs import *
from plugin_core.wire.s3.app import object_api


@contextmanager
def our_server(folder: Path) -> Iterator[str]:
    store = open_store(f"sqlite:///{folder / 'record.db'}")
    assert isinstance(store, KeepsObjects)
    blobs = open_blobs((folder / "blobs").as_uri())
    with serving(authorised(object_api(store.objects, blobs, staging=folder / "staging"))) as url:
        yield url
    store.close()


@pytest.fixture(scope="module", params=["moto", "ours"])
def endpoint(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    server = moto_server() if request.param == "moto" else our_server(tmp_path_factory.mktemp("server"))
    with server as url:
        yield url


@pytest.fixture(scope="module")
def s3(endpoint: str):
    return s3_client(endpoint)


@pytest.fixture
def blobs(s3, endpoint: str, monkeypatch: pytest.MonkeyPatch) -> BlobStore:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    bucket = f"blobs-{secrets.token_hex(6)}"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    return open_blobs(blobs_url(bucket, endpoint))
