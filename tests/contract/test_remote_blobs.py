"""Bytes at a flowtrail server keep every promise of a blob store."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from kit.aws import CREDENTIALS
from kit.wire import authorised, serving

from plugin_core.model.objects import Bucket
from plugin_core.stores import open_blobs, open_store
from plugin_core.stores.protocol import BlobStore
from plugin_core.testing.contract.blobs import *
from plugin_core.wire.s3.app import object_api


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("server")
    store = open_store(f"sqlite:///{folder / 'record.db'}")
    store.objects.create_bucket(Bucket(name="flowtrail", created_at=datetime.now(UTC)))
    app = object_api(store.objects, open_blobs((folder / "blobs").as_uri()), staging=folder / "staging")
    with serving(authorised(app)) as url:
        yield f"flowtrail+{url}"
    store.close()


@pytest.fixture
def blobs(behind: str, monkeypatch: pytest.MonkeyPatch) -> BlobStore:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    return open_blobs(behind)
