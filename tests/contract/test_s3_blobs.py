"""A bucket of blobs keeps every promise of the contract, over HTTP."""

import secrets
from collections.abc import Iterator

import pytest
from kit.aws import CREDENTIALS, blobs_url, moto_server, s3_client

from plugin_core.stores import open_blobs
from plugin_core.stores.protocol import BlobStore
from plugin_core.testing.contract.blobs import *


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with moto_server() as started:
        yield started


@pytest.fixture
def blobs(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> BlobStore:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    bucket = f"blobs-{secrets.token_hex(6)}"
    s3_client(endpoint).create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    return open_blobs(blobs_url(bucket, endpoint))
