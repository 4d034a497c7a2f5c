"""What the store of blobs in S3 keeps in its bucket, and what it refuses."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from kit.aws import CREDENTIALS, blobs_url, moto_server, s3_client

from plugin_core.errors import (
    ArtifactCorruptError,
    InvalidValueError,
    NotFoundError,
    SettingsError,
    StoreUnavailableError,
)
from plugin_core.stores import open_blobs
from plugin_core.stores.protocol import BlobStore

LARGE = os.urandom(1 << 20) * 20


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with moto_server() as started:
        yield started


@pytest.fixture(scope="module")
def s3(endpoint: str):
    client = s3_client(endpoint)
    client.create_bucket(Bucket="team", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    return client


@pytest.fixture
def blobs(s3, endpoint: str, monkeypatch: pytest.MonkeyPatch) -> BlobStore:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    return open_blobs(blobs_url("team", endpoint, prefix="a/record"))


def key_of(data: bytes) -> str:
    digest = hashlib.sha256(data).hexdigest()
    return f"a/record/blobs/{digest[:2]}/{digest[2:4]}/{digest}"


def test_a_blob_lies_where_a_folder_of_blobs_would_have_it(blobs: BlobStore, s3) -> None:
    blobs.put_bytes(b"content")

    assert s3.get_object(Bucket="team", Key=key_of(b"content"))["Body"].read() == b"content"


def test_a_large_file_is_sent_in_parts_and_comes_back_whole(blobs: BlobStore, s3, tmp_path: Path) -> None:
    path = tmp_path / "large.bin"
    path.write_bytes(LARGE)
    told: list[tuple[int, int | None]] = []
    digest = blobs.put_file(path, progress=lambda done, total: told.append((done, total)))
    blobs.fetch(digest, tmp_path / "copy.bin")

    assert (tmp_path / "copy.bin").read_bytes() == LARGE
    assert [done for done, _ in told] == [8 << 20, 16 << 20, 20 << 20]
    assert s3.head_object(Bucket="team", Key=key_of(LARGE))["Metadata"] == {"sha256": digest.removeprefix("sha256:")}
    told.clear()
    assert blobs.put_file(path, progress=lambda done, total: told.append((done, total))) == digest
    assert told == [(20 << 20, 20 << 20)]


def test_a_large_file_that_changes_while_it_is_sent_leaves_nothing_behind(blobs: BlobStore, s3, tmp_path: Path) -> None:
    path = tmp_path / "growing.bin"
    path.write_bytes(os.urandom(9 << 20))

    def overwrite(done: int, total: int | None) -> None:
        with path.open("r+b") as written:
            written.seek(-1, os.SEEK_END)
            written.write(os.urandom(1))

    before = {found["Key"] for found in s3.list_objects_v2(Bucket="team").get("Contents", ())}
    with pytest.raises(InvalidValueError, match="changes while it is read"):
        blobs.put_file(path, progress=overwrite)
    assert {found["Key"] for found in s3.list_objects_v2(Bucket="team").get("Contents", ())} == before
    assert "Uploads" not in s3.list_multipart_uploads(Bucket="team")


def test_damaged_bytes_are_noticed_at_the_end(blobs: BlobStore, s3, tmp_path: Path) -> None:
    digest = blobs.put_bytes(b"untouched")
    s3.put_object(Bucket="team", Key=key_of(b"untouched"), Body=b"unTouched")

    with blobs.open(digest) as opened, pytest.raises(ArtifactCorruptError):
        opened.read()
    with pytest.raises(ArtifactCorruptError):
        blobs.fetch(digest, tmp_path / "target")
    assert list(tmp_path.iterdir()) == []


def test_other_bytes_in_a_blobs_place_are_noticed_when_it_is_stored_again(blobs: BlobStore, s3) -> None:
    s3.put_object(Bucket="team", Key=key_of(b"mine"), Body=b"foreign")

    with pytest.raises(ArtifactCorruptError, match="7 bytes instead of 4"):
        blobs.put_bytes(b"mine")


def test_a_bucket_that_is_not_there_is_named(endpoint: str, blobs: BlobStore) -> None:
    absent = open_blobs(blobs_url("absent", endpoint))

    with pytest.raises(StoreUnavailableError, match="Bucket absent does not exist"):
        absent.put_bytes(b"content")


def test_a_child_of_a_fork_makes_connections_of_its_own(blobs: BlobStore) -> None:
    digest = blobs.put_bytes(b"before the fork")
    child = os.fork()
    if child == 0:
        with blobs.open(digest) as opened:
            os._exit(0 if opened.read() == b"before the fork" else 1)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert blobs.size(digest) == 15


def test_without_credentials_the_error_says_what_to_set(blobs: BlobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")

    with pytest.raises(StoreUnavailableError, match="AWS_ACCESS_KEY_ID"):
        blobs.size(f"sha256:{'0' * 64}")


def test_without_boto3_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    for name in [name for name in sys.modules if name.startswith("plugin_core.stores.blobs.s3")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "boto3", None)

    with pytest.raises(SettingsError, match=r"pip install 'flowtrail\[s3\]'"):
        open_blobs("s3://bucket/prefix")


@pytest.mark.parametrize(
    "url",
    ["s3:", "s3://", "s3:///key", "s3://key:secret@bucket/x", "s3://bucket/x#y", "s3://bucket?region=x&colour=red"],
)
def test_a_url_that_names_no_bucket_is_refused(url: str) -> None:
    with pytest.raises(SettingsError) as refused:
        open_blobs(url)
    assert "secret" not in str(refused.value)


def test_a_target_that_cannot_be_written_is_a_store_error(blobs: BlobStore, tmp_path: Path) -> None:
    digest = blobs.put_bytes(b"content")

    with pytest.raises(StoreUnavailableError, match="absent"):
        blobs.fetch(digest, tmp_path / "absent" / "target")
    with pytest.raises(NotFoundError):
        blobs.fetch(f"sha256:{'0' * 64}", tmp_path / "target")
