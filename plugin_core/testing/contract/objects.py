"""Objects: which bytes a bucket's key stands for. ``objects`` is an empty ObjectStore."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from plugin_core.errors import ConflictError, NotFoundError
from plugin_core.model.objects import Bucket, Condition, Part, StoredObject, Upload
from plugin_core.stores.objects import ObjectStore

AT = datetime(2026, 5, 1, 12, 30, 15, 123456, tzinfo=UTC)
ODD_KEYS = [
    "../up",
    "..",
    ".",
    "/",
    "//",
    "a//b",
    "a\\b",
    "C:\\x",
    "CON",
    "a b+c%2F",
    "ключ",
    "\U0001f600",
    "\ud7ff",
    "\ue000",
    "'; --",
    "%",
    "_",
]


def stored(key: str, *, bucket: str = "team", etag: str = "e1") -> StoredObject:
    return StoredObject(
        bucket=bucket,
        key=key,
        digest=f"sha256:{'0' * 64}",
        size_bytes=5,
        etag=etag,
        modified_at=AT,
        media_type="text/plain",
        headers={"cache-control": "no-store"},
        metadata={"owner": "é"},
        checksums={"CRC32": "NhCmhg=="},
    )


@pytest.fixture
def filled(objects: ObjectStore) -> ObjectStore:
    objects.create_bucket(Bucket(name="team", created_at=AT))
    return objects


def listed(objects: ObjectStore, **asked: str | int) -> tuple[list[str], list[str], str | None]:
    page = objects.objects("team", **asked)  # type: ignore[arg-type]
    return [found.key for found in page.objects], list(page.prefixes), page.last


def in_order(keys: Iterable[str]) -> list[str]:
    return sorted(keys, key=lambda key: key.encode())


def test_a_bucket_is_made_once(objects: ObjectStore) -> None:
    assert objects.create_bucket(Bucket(name="team", created_at=AT))
    assert not objects.create_bucket(Bucket(name="team", created_at=AT + timedelta(days=1)))
    assert objects.create_bucket(Bucket(name="alpha", created_at=AT))

    assert objects.bucket("team") == Bucket(name="team", created_at=AT)
    assert [bucket.name for bucket in objects.buckets()] == ["alpha", "team"]


def test_a_bucket_is_deleted_once_nothing_is_in_it(filled: ObjectStore) -> None:
    filled.put_object(stored("k"))
    filled.begin_upload(UPLOAD)
    with pytest.raises(ConflictError):
        filled.delete_bucket("team")
    filled.delete_objects("team", ["k"])
    with pytest.raises(ConflictError):
        filled.delete_bucket("team")
    filled.abort_upload(UPLOAD.id)
    filled.delete_bucket("team")

    assert filled.buckets() == []
    assert filled.create_bucket(Bucket(name="team", created_at=AT))
    assert listed(filled) == ([], [], None)


def test_an_object_comes_back_as_it_was_put(filled: ObjectStore) -> None:
    filled.put_object(stored("a/b"))
    assert filled.object("team", "a/b") == stored("a/b")

    other = replace(stored("a/b", etag="e2"), media_type=None, metadata={}, modified_at=AT + timedelta(seconds=1))
    filled.put_object(other)
    assert filled.object("team", "a/b") == other


def test_what_is_absent_is_named_by_its_kind(filled: ObjectStore) -> None:
    asking: list[tuple[str, Callable[[], object]]] = [
        ("bucket", lambda: filled.bucket("none")),
        ("bucket", lambda: filled.object("none", "k")),
        ("bucket", lambda: filled.objects("none")),
        ("bucket", lambda: filled.put_object(stored("k", bucket="none"))),
        ("bucket", lambda: filled.delete_objects("none", ["k"])),
        ("bucket", lambda: filled.delete_bucket("none")),
        ("object", lambda: filled.object("team", "k")),
        ("upload", lambda: filled.upload("u")),
        ("upload", lambda: filled.parts("u")),
        ("upload", lambda: filled.put_object(stored("k"), upload="u")),
    ]
    for kind, ask in asking:
        with pytest.raises(NotFoundError) as raised:
            ask()
        assert raised.value.kind == kind
    assert listed(filled) == ([], [], None)


def test_keys_are_told_apart_to_the_letter_and_listed_in_the_order_of_their_utf8(filled: ObjectStore) -> None:
    keys = [*ODD_KEYS, "A", "a", "é", "e\u0301"]
    for key in keys:
        filled.put_object(stored(key, etag=str(keys.index(key))))

    assert [filled.object("team", key).etag for key in keys] == [str(keys.index(key)) for key in keys]
    assert listed(filled)[0] == in_order(keys)


@pytest.mark.parametrize("prefix", ["%", "_", "'", "..", "\ud7ff", "\U0001f600", "\U0010ffff", "a/"])
def test_a_prefix_finds_what_begins_with_it_and_no_more(filled: ObjectStore, prefix: str) -> None:
    keys = {*ODD_KEYS, "\U0010ffff\U0010ffff", "a", "a/", "a/1", "a0"}
    for key in keys:
        filled.put_object(stored(key))

    assert listed(filled, prefix=prefix)[0] == in_order(k for k in keys if k.startswith(prefix))


def test_what_lies_behind_a_delimiter_is_listed_once(filled: ObjectStore) -> None:
    for key in ["a/", "a/1", "a/2", "b", "c/d/e", "c/f", *(f"many/{i:04}" for i in range(700)), "z"]:
        filled.put_object(stored(key))

    assert listed(filled, delimiter="/") == (["b", "z"], ["a/", "c/", "many/"], None)
    assert listed(filled, prefix="c/", delimiter="/") == (["c/f"], ["c/d/"], None)
    assert listed(filled, prefix="a", delimiter="1")[1] == ["a/1"]


@pytest.mark.parametrize("delimiter", ["", "/"])
@pytest.mark.parametrize("limit", [1, 2, 3, 1000])
def test_pages_together_are_the_listing(filled: ObjectStore, delimiter: str, limit: int) -> None:
    for key in ["a/1", "a/2", "b", "c/1", "d", "e/1", "e/2", "f"]:
        filled.put_object(stored(key))
    keys: list[str] = []
    prefixes: list[str] = []
    after: str | None = ""
    while after is not None:
        some, groups, after = listed(filled, delimiter=delimiter, limit=limit, after=after)
        assert 1 <= len(some) + len(groups) <= limit
        keys += some
        prefixes += groups

    assert (keys, prefixes, None) == listed(filled, delimiter=delimiter)


def test_long_listings_end(filled: ObjectStore) -> None:
    keys = [f"k{i:04}" for i in range(501)]
    for key in keys:
        filled.put_object(stored(key))

    assert listed(filled) == (keys, [], None)
    assert listed(filled, limit=500)[2] == "k0499"
    assert listed(filled, limit=501)[2] is None


def test_deleting_takes_what_is_named(filled: ObjectStore) -> None:
    for i in range(300):
        filled.put_object(stored(f"k{i}"))
    filled.delete_objects("team", [*(f"k{i}" for i in range(299)), "absent"])

    assert listed(filled)[0] == ["k299"]


def test_a_condition_that_does_not_hold_changes_nothing(filled: ObjectStore) -> None:
    filled.put_object(stored("k", etag="first"), condition=Condition(is_absent=True))
    for condition in (Condition(is_absent=True), Condition(etag="other")):
        with pytest.raises(ConflictError):
            filled.put_object(stored("k", etag="second"), condition=condition)
    assert filled.object("team", "k").etag == "first"

    filled.put_object(stored("k", etag="second"), condition=Condition(etag="first"))
    assert filled.object("team", "k").etag == "second"
    with pytest.raises(NotFoundError):
        filled.put_object(stored("absent"), condition=Condition(etag="first"))


def test_of_many_who_put_what_is_not_there_one_does(filled: ObjectStore) -> None:
    def put(i: int) -> bool:
        try:
            filled.put_object(stored("k", etag=str(i)), condition=Condition(is_absent=True))
        except ConflictError:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        done = list(threads.map(put, range(16)))
    assert done.count(True) == 1
    assert filled.object("team", "k").etag == str(done.index(True))


UPLOAD = Upload(id="u1", bucket="team", key="k", begun_at=AT, media_type="a/b", metadata={"x": "y"}, algorithm="CRC32")


def part(number: int, *, file: str = "f") -> Part:
    return Part(number=number, size_bytes=3, etag=f"p{number}", file=file, modified_at=AT, checksums={"CRC32": "AAAA"})


def test_an_upload_is_there_until_its_object_is(filled: ObjectStore) -> None:
    filled.begin_upload(UPLOAD)
    assert filled.upload("u1") == UPLOAD
    for number in (2, 1):
        assert filled.put_part("u1", part(number)) is None
    assert filled.put_part("u1", part(2, file="again")) == part(2)
    assert filled.parts("u1") == [part(1), part(2, file="again")]

    filled.put_object(stored("k"), upload="u1")
    with pytest.raises(NotFoundError):
        filled.parts("u1")


def test_a_condition_that_does_not_hold_keeps_the_upload(filled: ObjectStore) -> None:
    filled.begin_upload(UPLOAD)
    filled.put_object(stored("k"))

    with pytest.raises(ConflictError):
        filled.put_object(stored("k"), condition=Condition(is_absent=True), upload="u1")
    assert filled.upload("u1") == UPLOAD


def test_an_aborted_upload_is_forgotten(filled: ObjectStore) -> None:
    filled.begin_upload(UPLOAD)
    filled.put_part("u1", part(1))
    filled.abort_upload("u1")
    filled.abort_upload("u1")

    with pytest.raises(NotFoundError):
        filled.put_part("u1", part(2))


def test_uploads_that_were_left_are_found_by_their_age(filled: ObjectStore) -> None:
    for days in (3, 1, 2):
        filled.begin_upload(replace(UPLOAD, id=f"u{days}", begun_at=AT + timedelta(days=days)))

    assert [found.id for found in filled.stale_uploads(AT + timedelta(days=3))] == ["u1", "u2"]
