"""Bytes in S3 when the server, the network or the credentials fail: no corrupt object, and no silent loss."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from kit.aws import CREDENTIALS, blobs_url, s3_client
from kit.faulty import Fault, Faulty
from kit.wire import authorised, serving

from plugin_core.errors import ArtifactCorruptError, StoreReadOnlyError, StoreUnavailableError
from plugin_core.stores import open_blobs, open_store
from plugin_core.stores.blobs.s3 import S3Blobs
from plugin_core.wire.s3.app import object_api

SMALL = b"weights" * 100
LARGE = os.urandom(1 << 20) * 17  # three parts


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("server")


@pytest.fixture(scope="module")
def served(folder: Path) -> Iterator[tuple[Faulty, str]]:
    store = open_store(f"sqlite:///{folder / 'record.db'}")
    blobs = open_blobs((folder / "blobs").as_uri())
    faulty = Faulty(authorised(object_api(store.objects, blobs, staging=folder / "staging")))
    with serving(faulty) as url:
        yield faulty, url
    store.close()


@pytest.fixture
def faulty(served) -> Faulty:
    found = served[0]
    found.faults, found.seen = [], []
    return found


@pytest.fixture
def bucket(served, faulty: Faulty, request) -> str:
    name = "b" + hashlib.sha256(request.node.name.encode()).hexdigest()[:20]
    s3_client(served[1]).create_bucket(Bucket=name)
    faulty.seen = []
    return name


@pytest.fixture
def blobs(served, bucket: str, monkeypatch: pytest.MonkeyPatch) -> S3Blobs:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    return S3Blobs(blobs_url(bucket, served[1]), read_timeout_s=2)


@pytest.fixture
def large(tmp_path: Path) -> Path:
    path = tmp_path / "large.bin"
    path.write_bytes(LARGE)
    return path


def keys(url: str, bucket: str) -> list[str]:
    return [found["Key"] for found in s3_client(url).list_objects_v2(Bucket=bucket).get("Contents", ())]


def staged(folder: Path) -> list[Path]:
    return [path for path in (folder / "staging").rglob("*") if path.is_file()]


def is_kept(blobs: S3Blobs, data: bytes) -> bool:
    with blobs.open(f"sha256:{hashlib.sha256(data).hexdigest()}") as opened:
        return opened.read() == data


@pytest.mark.parametrize(
    "fault",
    [
        Fault("PUT", "refuse", status=503, code="SlowDown", times=2),
        Fault("PUT", "refuse", status=500, code="InternalError", times=1),
        Fault("PUT", "hang", times=1),
        Fault("PUT", "lose", times=1),
        Fault("PUT", "spoil", times=1),
        Fault("PUT", "refuse", status=409, code="ConditionalRequestConflict", times=1),
    ],
    ids=lambda fault: fault.code or fault.what,
)
def test_what_fails_once_is_sent_again(blobs: S3Blobs, faulty: Faulty, fault: Fault) -> None:
    faulty.faults = [fault]
    blobs.put_bytes(SMALL)

    assert fault.times == 0
    assert is_kept(blobs, SMALL)


@pytest.mark.parametrize(
    "fault",
    [
        Fault("PUT", "refuse", holding="partNumber=2", status=503, code="SlowDown", times=1),
        Fault("PUT", "lose", holding="partNumber=2", times=1),
        Fault("PUT", "spoil", holding="partNumber=3", times=1),
        Fault("POST", "lose", holding="uploadId", times=1),
        Fault("POST", "refuse", holding="uploads", status=500, code="InternalError", times=1),
    ],
    ids=lambda fault: f"{fault.method}-{fault.holding}-{fault.what}",
)
def test_a_part_that_fails_once_is_sent_again(
    blobs: S3Blobs, faulty: Faulty, large: Path, folder: Path, fault: Fault
) -> None:
    faulty.faults = [fault]
    blobs.put_file(large)

    assert fault.times == 0
    assert is_kept(blobs, LARGE)
    assert staged(folder) == []


@pytest.mark.parametrize(
    ("fault", "error", "told"),
    [
        (Fault("PUT", "refuse", status=500, code="InternalError"), StoreUnavailableError, "Try again later"),
        (Fault("PUT", "spoil"), StoreUnavailableError, "damaged on their way"),
        (Fault("PUT", "refuse", status=403, code="AccessDenied"), StoreReadOnlyError, "s3:PutObject"),
        (Fault("PUT", "refuse", status=400, code="ExpiredToken"), StoreUnavailableError, "Renew them"),
    ],
    ids=lambda fault: getattr(fault, "code", ""),
)
def test_what_goes_on_failing_is_told_and_nothing_is_there(
    blobs: S3Blobs, faulty: Faulty, served, bucket: str, fault: Fault, error: type[Exception], told: str
) -> None:
    faulty.faults = [fault]
    with pytest.raises(error, match=told):
        blobs.put_bytes(SMALL)

    assert keys(served[1], bucket) == []


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault("PUT", "refuse", holding="partNumber=2", status=500, code="InternalError"), StoreUnavailableError),
        (Fault("PUT", "refuse", holding="partNumber=3", status=403, code="AccessDenied"), StoreReadOnlyError),
        (Fault("PUT", "spoil", holding="partNumber=1"), StoreUnavailableError),
        (Fault("POST", "refuse", holding="uploadId", status=403, code="AccessDenied"), StoreReadOnlyError),
    ],
    ids=["500", "403", "spoilt", "completing"],
)
def test_an_upload_that_fails_in_the_middle_leaves_nothing(
    blobs: S3Blobs, faulty: Faulty, served, bucket: str, large: Path, folder: Path, fault: Fault, error: type[Exception]
) -> None:
    faulty.faults = [fault]
    with pytest.raises(error):
        blobs.put_file(large)

    assert keys(served[1], bucket) == []
    assert staged(folder) == []


def test_a_refusal_is_not_asked_for_again(blobs: S3Blobs, faulty: Faulty) -> None:
    faulty.faults = [Fault("PUT", "refuse", status=403, code="AccessDenied")]
    with pytest.raises(StoreReadOnlyError):
        blobs.put_bytes(SMALL)

    assert len(faulty.seen) == 1


def test_reading_goes_on_where_the_connection_broke_off(blobs: S3Blobs, faulty: Faulty, tmp_path: Path) -> None:
    data = os.urandom(3_000_000)
    digest = blobs.put_bytes(data)
    faulty.faults = [Fault("GET", "cut", times=3)]
    faulty.seen = []
    blobs.fetch(digest, tmp_path / "target")

    assert (tmp_path / "target").read_bytes() == data
    assert len(faulty.seen) == 4


def test_a_connection_that_always_breaks_off_is_told(blobs: S3Blobs, faulty: Faulty, tmp_path: Path) -> None:
    digest = blobs.put_bytes(os.urandom(3_000_000))
    faulty.faults = [Fault("GET", "cut")]

    with pytest.raises(StoreUnavailableError):
        blobs.fetch(digest, tmp_path / "target")
    assert list(tmp_path.iterdir()) == []


def test_bytes_that_are_changed_on_the_way_do_not_become_a_file(blobs: S3Blobs, faulty: Faulty, tmp_path: Path) -> None:
    digest = blobs.put_bytes(SMALL)
    faulty.faults = [Fault("GET", "garble")]

    with pytest.raises(ArtifactCorruptError):
        blobs.fetch(digest, tmp_path / "target")
    assert list(tmp_path.iterdir()) == []


def test_a_reader_without_the_right_to_read_is_told_what_it_needs(blobs: S3Blobs, faulty: Faulty) -> None:
    digest = blobs.put_bytes(SMALL)
    faulty.faults = [Fault("GET", "refuse", status=403, code="AccessDenied"), Fault("HEAD", "refuse", status=403)]

    for use in (blobs.open, blobs.size):
        with pytest.raises(StoreUnavailableError, match="s3:GetObject"):
            use(digest)
