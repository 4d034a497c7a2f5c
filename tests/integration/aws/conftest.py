"""What speaks AWS's protocols, for the module's tests: a server of ours over a store, faults in front, real clients."""

import boto3
import pytest
from kit.aws import CREDENTIALS
from kit.faulty import Faulty
from kit.wire import of_aws, serving

from plugin_core.model.objects import Bucket
from plugin_core.stores import open_blobs, open_store
from plugin_core.tracking.settings import configure


@pytest.fixture(scope="module")
def behind(tmp_path_factory):
    """The store behind the server."""
    store = open_store(f"sqlite:///{tmp_path_factory.mktemp('behind') / 'record.db'}")
    yield store
    store.close()


@pytest.fixture(scope="module")
def faulty(behind, tmp_path_factory):
    from datetime import UTC, datetime

    folder = tmp_path_factory.mktemp("bytes")
    app = of_aws(behind, open_blobs(folder.as_uri()), folder / "staging")
    behind.objects.create_bucket(Bucket(name="team", created_at=datetime.now(UTC)))
    return Faulty(app)


@pytest.fixture(scope="module")
def endpoint(faulty):
    with serving(faulty) as url:
        yield url


@pytest.fixture(autouse=True)
def record(flowtrail_record):
    """The record of the settings, and the spool of them all."""
    configure(strict=False, flush_timeout_s=60.0)
    return flowtrail_record


@pytest.fixture(autouse=True)
def credentials(monkeypatch):
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def boto_session():
    return boto3.Session(region_name="eu-west-1")


@pytest.fixture(autouse=True)
def _no_faults_left(faulty):
    faulty.faults.clear()
    yield
    faulty.faults.clear()
