"""Bytes under their digest: stored once, whole or not at all, checked when read."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from plugin_core.errors import InvalidValueError, NotFoundError
from plugin_core.stores.protocol import BlobStore

ABSENT = f"sha256:{'0' * 64}"


def digest_of(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


@pytest.mark.parametrize("data", [b"", b"x", b"\0" * 1000, bytes(range(256)) * 20_000])
def test_bytes_come_back_as_they_were(blobs: BlobStore, data: bytes) -> None:
    digest = blobs.put_bytes(data)

    assert digest == digest_of(data)
    assert blobs.size(digest) == len(data)
    with blobs.open(digest) as opened:
        assert opened.read() == data


def test_a_file_and_its_bytes_have_one_digest(blobs: BlobStore, tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(b"weights" * 1000)

    assert blobs.put_file(path) == blobs.put_bytes(path.read_bytes()) == digest_of(path.read_bytes())


def test_storing_the_same_again_changes_nothing(blobs: BlobStore) -> None:
    digest = blobs.put_bytes(b"once")
    assert blobs.put_bytes(b"once") == digest
    with blobs.open(digest) as opened:
        assert opened.read() == b"once"


def test_the_stored_bytes_do_not_follow_their_source(blobs: BlobStore, tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_bytes(b"before")
    digest = blobs.put_file(path)
    path.write_bytes(b"after!")

    with blobs.open(digest) as opened:
        assert opened.read() == b"before"


def test_bytes_are_fetched_into_a_file(blobs: BlobStore, tmp_path: Path) -> None:
    data = b"abc" * 700_000
    target = tmp_path / "out" / "model.bin"
    target.parent.mkdir()
    target.write_bytes(b"old")
    blobs.fetch(blobs.put_bytes(data), target)

    assert target.read_bytes() == data
    assert [path.name for path in target.parent.iterdir()] == ["model.bin"]


def test_progress_is_told_up_to_the_end(blobs: BlobStore, tmp_path: Path) -> None:
    path = tmp_path / "large.bin"
    path.write_bytes(b"z" * 2_500_000)
    told: list[tuple[int, int | None]] = []
    digest = blobs.put_file(path, progress=lambda done, total: told.append((done, total)))
    assert told == sorted(told)
    assert told[-1] == (2_500_000, 2_500_000)

    told.clear()
    blobs.fetch(digest, tmp_path / "copy.bin", progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (2_500_000, 2_500_000)


def test_bytes_that_are_not_here_are_not_found(blobs: BlobStore, tmp_path: Path) -> None:
    assert blobs.size(ABSENT) is None
    with pytest.raises(NotFoundError):
        blobs.open(ABSENT)
    with pytest.raises(NotFoundError):
        blobs.fetch(ABSENT, tmp_path / "nothing")
    assert not (tmp_path / "nothing").exists()


@pytest.mark.parametrize(
    "digest",
    [
        "", "sha256:", "0" * 64, f"sha256:{'0' * 63}", f"sha256:{'0' * 65}", f"sha256:{'G' * 64}",
        f"sha256:{'A' * 64}", f"md5:{'0' * 64}", "sha256:../../etc/passwd", f"sha256:{'0' * 60}/../",
        f"sha256:{'0' * 64}\n", "sha256:" + "\u0660" * 64,
    ],
)  # fmt: skip
def test_what_is_not_a_digest_is_refused(blobs: BlobStore, digest: str, tmp_path: Path) -> None:
    for use in (blobs.open, blobs.size, lambda odd: blobs.fetch(odd, tmp_path / "target")):
        with pytest.raises(InvalidValueError):
            use(digest)


def test_a_file_that_cannot_be_read_is_named(blobs: BlobStore, tmp_path: Path) -> None:
    with pytest.raises(InvalidValueError, match="absent"):
        blobs.put_file(tmp_path / "absent")
    with pytest.raises(InvalidValueError):
        blobs.put_file(tmp_path)


def test_many_threads_store_the_same_and_other_bytes(blobs: BlobStore) -> None:
    with ThreadPoolExecutor(8) as threads:
        digests = list(threads.map(lambda i: blobs.put_bytes(b"%d" % (i % 4) * 5_000), range(64)))

    assert len(set(digests)) == 4
    for i, digest in enumerate(digests[:4]):
        with blobs.open(digest) as opened:
            assert opened.read() == b"%d" % i * 5_000


@pytest.mark.parametrize(("start", "length"), [(0, 3), (5, 10), (290_000, 10_000), (299_999, 50), (100, 0)])
def test_a_part_is_read_without_the_rest(blobs: BlobStore, start: int, length: int) -> None:
    data = bytes(range(250)) * 1_200
    digest = blobs.put_bytes(data)

    with blobs.part(digest, start, length) as opened:
        assert opened.read() == data[start : start + length]
    with pytest.raises(NotFoundError):
        blobs.part(ABSENT, 0, 1)


def test_bytes_that_come_in_pieces_are_kept_as_one(blobs: BlobStore) -> None:
    with blobs.writing() as writer:
        for piece in (b"one ", b"", b"two"):
            writer.write(piece)
        digest = writer.keep()

    assert digest == digest_of(b"one two")
    with blobs.open(digest) as opened:
        assert opened.read() == b"one two"


def test_bytes_that_are_not_kept_are_gone(blobs: BlobStore) -> None:
    with blobs.writing() as writer:
        writer.write(b"given up")

    assert blobs.size(digest_of(b"given up")) is None
