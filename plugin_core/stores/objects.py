"""The seam of objects: which bytes of the blob store a bucket's key stands for.

Implementations are safe to share between threads and processes and raise only the errors of
``plugin_core.errors``; ``plugin_core.testing.contract.objects`` is the suite that they pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol, runtime_checkable

from plugin_core.model.objects import Bucket, Condition, ObjectPage, Part, StoredObject, Upload


class ObjectStore(Protocol):
    """Buckets, objects and unfinished uploads. What is said to be missing is a NotFoundError of that kind."""

    def create_bucket(self, bucket: Bucket, /) -> bool:
        """Make a bucket; False if there is one of that name."""
        ...

    def bucket(self, name: str, /) -> Bucket:
        """Return a bucket; NotFoundError."""
        ...

    def buckets(self) -> list[Bucket]:
        """All buckets by name."""
        ...

    def delete_bucket(self, name: str, /) -> None:
        """Delete a bucket; NotFoundError, ConflictError if objects or uploads are in it."""
        ...

    def put_object(self, stored: StoredObject, /, *, condition: Condition | None = None, upload: str = "") -> None:
        """Put an object in place of what is there, and forget the upload that it came by.

        ConflictError, and nothing changes, if the condition does not hold at this moment. NotFoundError for an
        absent bucket or upload, and for an absent object whose ETag was to be matched.
        """
        ...

    def object(self, bucket: str, key: str, /) -> StoredObject:
        """Return an object; NotFoundError of a ``bucket`` or of an ``object``."""
        ...

    def objects(
        self, bucket: str, /, *, prefix: str = "", delimiter: str = "", after: str = "", limit: int = 1000
    ) -> ObjectPage:
        """Objects whose keys begin with ``prefix`` and come behind ``after``, and, of those in whose rest the
        delimiter stands, only what they begin with. Both count for ``limit``. NotFoundError.
        """
        ...

    def delete_objects(self, bucket: str, keys: Sequence[str], /) -> None:
        """Delete objects; absent ones do not matter. NotFoundError for an absent bucket."""
        ...

    def begin_upload(self, upload: Upload, /) -> None:
        """Note an upload; NotFoundError for an absent bucket."""
        ...

    def upload(self, id: str, /) -> Upload:
        """Return an unfinished upload; NotFoundError."""
        ...

    def stale_uploads(self, before: datetime, /) -> list[Upload]:
        """Unfinished uploads that were begun before a time, oldest first."""
        ...

    def put_part(self, upload: str, part: Part, /) -> Part | None:
        """Note a part in place of the one of its number, which is returned. NotFoundError for an absent upload."""
        ...

    def parts(self, upload: str, /) -> list[Part]:
        """Parts by number; NotFoundError for an absent upload."""
        ...

    def abort_upload(self, id: str, /) -> None:
        """Forget an upload and its parts; an absent one does not matter."""
        ...


@runtime_checkable
class KeepsObjects(Protocol):
    """A store that keeps objects besides the record."""

    @property
    def objects(self) -> ObjectStore:
        """Its objects."""
        ...
