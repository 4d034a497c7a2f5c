"""What the folder of blobs does with files: places, permissions, damage, and sources that change."""

import stat
from pathlib import Path

import pytest

from plugin_core.errors import ArtifactCorruptError, InvalidValueError, NotFoundError, SettingsError, StoreError
from plugin_core.stores.blobs import FolderBlobs


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def blobs(root: Path) -> FolderBlobs:
    return FolderBlobs(root)


def place(root: Path, digest: str) -> Path:
    name = digest.removeprefix("sha256:")
    return root / "blobs" / name[:2] / name[2:4] / name


def damage(path: Path, data: bytes) -> None:
    path.chmod(0o644)
    path.write_bytes(data)


def test_a_blob_lies_under_its_digest_and_cannot_be_written(root: Path, blobs: FolderBlobs) -> None:
    path = place(root, blobs.put_bytes(b"content"))

    assert path.read_bytes() == b"content"
    assert stat.S_IMODE(path.stat().st_mode) == 0o444
    assert path.stat().st_nlink == 1
    assert list((root / "tmp").iterdir()) == []


def test_damaged_bytes_are_noticed_at_the_end(root: Path, blobs: FolderBlobs, tmp_path: Path) -> None:
    digest = blobs.put_bytes(b"content")
    damage(place(root, digest), b"conTent")

    with blobs.open(digest) as opened, pytest.raises(ArtifactCorruptError):
        opened.read()
    with pytest.raises(ArtifactCorruptError):
        blobs.fetch(digest, tmp_path / "target")
    assert not list(tmp_path.glob("*target*"))


def test_a_damaged_fetch_leaves_the_old_file(root: Path, blobs: FolderBlobs, tmp_path: Path) -> None:
    digest = blobs.put_bytes(b"content")
    damage(place(root, digest), b"")
    target = tmp_path / "target"
    target.write_bytes(b"old")

    with pytest.raises(ArtifactCorruptError):
        blobs.fetch(digest, target)
    assert target.read_bytes() == b"old"
    assert not list(tmp_path.glob("*.part"))


def test_other_bytes_in_a_blobs_place_are_noticed_when_it_is_stored_again(root: Path, blobs: FolderBlobs) -> None:
    digest = blobs.put_bytes(b"content")
    damage(place(root, digest), b"cut")

    with pytest.raises(ArtifactCorruptError, match="3 bytes instead of 7"):
        blobs.put_bytes(b"content")


def test_a_link_in_a_blobs_place_is_not_followed(root: Path, blobs: FolderBlobs, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"content")
    digest = blobs.put_bytes(b"content")
    place(root, digest).unlink()
    place(root, digest).symlink_to(secret)

    with pytest.raises(StoreError):
        blobs.open(digest)


def test_a_file_that_never_stops_changing_is_refused(blobs: FolderBlobs, root: Path, tmp_path: Path) -> None:
    source = tmp_path / "log"
    source.write_bytes(b"x" * 100)

    def grow(done: int, total: int | None) -> None:
        with source.open("ab") as more:
            more.write(b"y")

    with pytest.raises(InvalidValueError, match="changes while it is read"):
        blobs.put_file(source, progress=grow)
    assert not list((root / "tmp").iterdir())
    assert not (root / "blobs").exists()


def test_a_file_that_changes_once_is_read_once_more(blobs: FolderBlobs, tmp_path: Path) -> None:
    source = tmp_path / "log"
    source.write_bytes(b"x" * 100)
    changes = iter([b"new content"])

    def replace(done: int, total: int | None) -> None:
        for content in changes:
            fresh = tmp_path / "fresh"
            fresh.write_bytes(content)
            fresh.replace(source)

    digest = blobs.put_file(source, progress=replace)
    with blobs.open(digest) as opened:
        assert opened.read() == b"new content"


def test_a_folder_that_cannot_be_made_is_a_store_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(StoreError):
        FolderBlobs(tmp_path / "file" / "store").put_bytes(b"content")
    assert FolderBlobs(tmp_path / "absent").size(f"sha256:{'0' * 64}") is None
    with pytest.raises(NotFoundError):
        FolderBlobs(tmp_path / "absent").open(f"sha256:{'0' * 64}")


def test_a_descriptor_is_not_left_open(blobs: FolderBlobs) -> None:
    digest = blobs.put_bytes(b"content")
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(20):
        with blobs.open(digest) as opened:
            opened.read(3)

    assert len(list(Path("/proc/self/fd").iterdir())) == before


@pytest.mark.parametrize("url", ["file://host/folder", "file:", "file:relative", "http:///x", "file:///a%00b"])
def test_a_url_that_names_no_folder_is_refused(url: str) -> None:
    with pytest.raises(SettingsError):
        FolderBlobs.from_url(url)


def test_a_url_may_hold_spaces(tmp_path: Path) -> None:
    url = (tmp_path / "a folder").as_uri()

    assert FolderBlobs.from_url(url).url == url
