"""Objects in the tables of the local store: which bytes a key stands for, and uploads that are not complete."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeAlias

from sqlalchemy import ColumnElement, Connection, Select, Table, delete, select, update

from plugin_core.errors import ConflictError, NotFoundError
from plugin_core.model.objects import Bucket, Condition, ObjectPage, Part, StoredObject, Upload
from plugin_core.stores.local import schema as s
from plugin_core.stores.local.dialects import Insert, insert
from plugin_core.stores.local.listing import micros_of, moment

_Transaction: TypeAlias = Callable[[], AbstractContextManager[Connection]]

_KEY: Final = s.objects.c.key
_AT_ONCE: Final = 250
_FIRST_SURROGATE: Final = 0xD800
_AFTER_SURROGATES: Final = 0xE000


def _upsert(table: Table) -> Insert:
    statement = insert(table)
    keys = list(table.primary_key.columns)
    return statement.on_conflict_do_update(
        index_elements=keys,
        set_={column.name: statement.excluded[column.name] for column in table.c if column not in keys},
    )


# What RETURNING gives tells whether there was a conflict; not every driver counts the rows of an INSERT.
_ADD_BUCKET: Final = insert(s.buckets).on_conflict_do_nothing().returning(s.buckets.c.name)
_ADD_OBJECT: Final = insert(s.objects).on_conflict_do_nothing().returning(s.objects.c.key)
_PUT_OBJECT: Final = _upsert(s.objects)
_PUT_PART: Final = _upsert(s.upload_parts)


class LocalObjects:
    """An ObjectStore in the local store's file or database."""

    def __init__(self, reading: _Transaction, writing: _Transaction) -> None:
        self._reading = reading
        self._writing = writing

    def create_bucket(self, bucket: Bucket, /) -> bool:
        """See ObjectStore."""
        with self._writing() as connection:
            row = {"name": bucket.name, "created_us": micros_of(bucket.created_at)}
            return connection.execute(_ADD_BUCKET, row).first() is not None

    def bucket(self, name: str, /) -> Bucket:
        """See ObjectStore."""
        with self._reading() as connection:
            return _bucket(connection, name)

    def buckets(self) -> list[Bucket]:
        """See ObjectStore."""
        with self._reading() as connection:
            rows = connection.execute(select(s.buckets).order_by(s.buckets.c.name))
            return [Bucket(name=row.name, created_at=moment(row.created_us)) for row in rows]

    def delete_bucket(self, name: str, /) -> None:
        """See ObjectStore. The bucket is held from before it is looked into, so that nothing is put meanwhile."""
        with self._writing() as connection:
            connection.execute(select(s.buckets.c.name).where(s.buckets.c.name == name).with_for_update())
            _bucket(connection, name)
            for table in (s.objects, s.uploads):
                if connection.execute(select(table.c.bucket).where(table.c.bucket == name).limit(1)).first():
                    raise ConflictError(f"The bucket {name} is not empty.", kind="bucket", name=name)
            connection.execute(delete(s.buckets).where(s.buckets.c.name == name))

    def put_object(self, stored: StoredObject, /, *, condition: Condition | None = None, upload: str = "") -> None:
        """See ObjectStore."""
        with self._writing() as connection:
            _bucket(connection, stored.bucket)
            if upload:
                _upload(connection, upload)
            _put(connection, stored, condition or Condition())
            connection.execute(delete(s.uploads).where(s.uploads.c.id == upload))

    def object(self, bucket: str, key: str, /) -> StoredObject:
        """See ObjectStore."""
        with self._reading() as connection:
            row = connection.execute(_of_bucket(bucket).where(s.objects.c.key == key)).first()
            if row is None:
                _bucket(connection, bucket)
                raise NotFoundError("object", key)
        return _object_of(row)

    def objects(
        self, bucket: str, /, *, prefix: str = "", delimiter: str = "", after: str = "", limit: int = 1000
    ) -> ObjectPage:
        """See ObjectStore."""
        with self._reading() as connection:
            _bucket(connection, bucket)
            return _page(connection, _Asked(bucket, prefix, delimiter, after), limit)

    def delete_objects(self, bucket: str, keys: Sequence[str], /) -> None:
        """See ObjectStore."""
        with self._writing() as connection:
            _bucket(connection, bucket)
            for start in range(0, len(keys), _AT_ONCE):
                some = s.objects.c.key.in_(keys[start : start + _AT_ONCE])
                connection.execute(delete(s.objects).where(s.objects.c.bucket == bucket, some))

    def begin_upload(self, upload: Upload, /) -> None:
        """See ObjectStore."""
        row = {
            "id": upload.id,
            "bucket": upload.bucket,
            "key": upload.key,
            "begun_us": micros_of(upload.begun_at),
            "media_type": upload.media_type,
            "headers": _text(upload.headers),
            "metadata": _text(upload.metadata),
            "algorithm": upload.algorithm,
        }
        with self._writing() as connection:
            _bucket(connection, upload.bucket)
            connection.execute(insert(s.uploads), row)

    def upload(self, id: str, /) -> Upload:
        """See ObjectStore."""
        with self._reading() as connection:
            return _upload(connection, id)

    def stale_uploads(self, before: datetime, /) -> list[Upload]:
        """See ObjectStore."""
        query = select(s.uploads).where(s.uploads.c.begun_us < micros_of(before)).order_by(s.uploads.c.begun_us)
        with self._reading() as connection:
            return [_upload_of(row) for row in connection.execute(query)]

    def put_part(self, upload: str, part: Part, /) -> Part | None:
        """See ObjectStore."""
        row = {
            "upload_id": upload,
            "number": part.number,
            "size_bytes": part.size_bytes,
            "etag": part.etag,
            "file": part.file,
            "modified_us": micros_of(part.modified_at),
            "checksums": _text(part.checksums),
        }
        with self._writing() as connection:
            _upload(connection, upload)
            before = connection.execute(_parts(upload).where(s.upload_parts.c.number == part.number)).first()
            connection.execute(_PUT_PART, row)
        return None if before is None else _part_of(before)

    def parts(self, upload: str, /) -> list[Part]:
        """See ObjectStore."""
        with self._reading() as connection:
            _upload(connection, upload)
            return [_part_of(row) for row in connection.execute(_parts(upload))]

    def abort_upload(self, id: str, /) -> None:
        """See ObjectStore."""
        with self._writing() as connection:
            connection.execute(delete(s.uploads).where(s.uploads.c.id == id))


def _put(connection: Connection, stored: StoredObject, condition: Condition) -> None:
    row = {
        "bucket": stored.bucket,
        "key": stored.key,
        "digest": stored.digest,
        "size_bytes": stored.size_bytes,
        "etag": stored.etag,
        "modified_us": micros_of(stored.modified_at),
        "media_type": stored.media_type,
        "headers": _text(stored.headers),
        "metadata": _text(stored.metadata),
        "checksums": _text(stored.checksums),
    }
    if condition.is_absent:
        _require(connection.execute(_ADD_OBJECT, row).first() is not None, stored.key)
    elif condition.etag is None:
        connection.execute(_PUT_OBJECT, row)
    else:
        there = s.objects.c.bucket == stored.bucket, s.objects.c.key == stored.key
        if connection.execute(select(s.objects.c.etag).where(*there)).first() is None:
            raise NotFoundError("object", stored.key)
        same = update(s.objects).where(*there, s.objects.c.etag == condition.etag)
        _require(connection.execute(same.values(row)).rowcount == 1, stored.key)


def _require(is_done: bool, key: str) -> None:
    if not is_done:
        raise ConflictError(f"Object {key!r} is not what it was to be.")


# Listing


@dataclass(frozen=True, slots=True)
class _Asked:
    bucket: str
    prefix: str
    delimiter: str
    after: str

    def group_of(self, key: str) -> str | None:
        """What a key is listed as with all that begin like it; None for itself."""
        found = key.find(self.delimiter, len(self.prefix)) if self.delimiter else -1
        return None if found < 0 else key[: found + len(self.delimiter)]


def _page(connection: Connection, asked: _Asked, limit: int) -> ObjectPage:
    objects: list[StoredObject] = []
    prefixes: list[str] = []
    last = asked.after
    for entry in _entries(connection, asked):
        if len(objects) + len(prefixes) >= limit:
            return ObjectPage(objects=objects, prefixes=prefixes, last=last)
        if isinstance(entry, str):
            prefixes.append(entry)
            last = entry
        else:
            objects.append(entry)
            last = entry.key
    return ObjectPage(objects=objects, prefixes=prefixes)


def _entries(connection: Connection, asked: _Asked) -> Iterator[StoredObject | str]:
    """Objects and groups in order; a group is passed over at once, however many there are in it."""
    query = _of_bucket(asked.bucket).order_by(_KEY).limit(_AT_ONCE)
    query = query.where(asked.prefix <= _KEY) if asked.prefix else query
    if (end := _behind(asked.prefix)) is not None:
        query = query.where(end > _KEY)
    begin = _beginning(asked)
    while begin is not None:
        rows = connection.execute(query.where(begin)).all()
        begin = rows[-1].key < _KEY if len(rows) == _AT_ONCE else None
        for row in rows:
            if (group := asked.group_of(row.key)) is None:
                yield _object_of(row)
            else:
                yield group
                begin = _from(_behind(group))
                break


def _beginning(asked: _Asked) -> ColumnElement[bool] | None:
    """Behind the key, or the group, that was listed last."""
    if asked.after and asked.after.startswith(asked.prefix) and asked.group_of(asked.after) == asked.after:
        return _from(_behind(asked.after))
    return asked.after < _KEY


def _from(key: str | None) -> ColumnElement[bool] | None:
    return None if key is None else key <= _KEY


def _behind(prefix: str) -> str | None:
    """The first text behind all that begin with ``prefix``, by UTF-8; None where there is none."""
    kept = prefix.rstrip(chr(sys.maxunicode))
    if not kept:
        return None
    following = ord(kept[-1]) + 1
    return kept[:-1] + chr(_AFTER_SURROGATES if following == _FIRST_SURROGATE else following)


# Rows


def _of_bucket(bucket: str) -> Select[Any]:
    return select(s.objects).where(s.objects.c.bucket == bucket)


def _parts(upload: str) -> Select[Any]:
    return select(s.upload_parts).where(s.upload_parts.c.upload_id == upload).order_by(s.upload_parts.c.number)


def _bucket(connection: Connection, name: str) -> Bucket:
    row = connection.execute(select(s.buckets).where(s.buckets.c.name == name)).first()
    if row is None:
        raise NotFoundError("bucket", name)
    return Bucket(name=row.name, created_at=moment(row.created_us))


def _upload(connection: Connection, id: str) -> Upload:
    row = connection.execute(select(s.uploads).where(s.uploads.c.id == id)).first()
    if row is None:
        raise NotFoundError("upload", id)
    return _upload_of(row)


def _object_of(row: Any) -> StoredObject:
    return StoredObject(
        bucket=row.bucket,
        key=row.key,
        digest=row.digest,
        size_bytes=row.size_bytes,
        etag=row.etag,
        modified_at=moment(row.modified_us),
        media_type=row.media_type,
        headers=json.loads(row.headers),
        metadata=json.loads(row.metadata),
        checksums=json.loads(row.checksums),
    )


def _upload_of(row: Any) -> Upload:
    return Upload(
        id=row.id,
        bucket=row.bucket,
        key=row.key,
        begun_at=moment(row.begun_us),
        media_type=row.media_type,
        headers=json.loads(row.headers),
        metadata=json.loads(row.metadata),
        algorithm=row.algorithm,
    )


def _part_of(row: Any) -> Part:
    return Part(
        number=row.number,
        size_bytes=row.size_bytes,
        etag=row.etag,
        file=row.file,
        modified_at=moment(row.modified_us),
        checksums=json.loads(row.checksums),
    )


def _text(values: Mapping[str, str]) -> str:
    return json.dumps(dict(values), sort_keys=True)
