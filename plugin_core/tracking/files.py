"""Bytes that users log: into the blob store or on their way to it, by reference where neither can be done."""

from __future__ import annotations

import hashlib
import logging
import sys
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Final

from plugin_core.errors import StoreError
from plugin_core.model.lineage import SourceType

if TYPE_CHECKING:
    from plugin_core.model.changes import PutArtifact
    from plugin_core.stores.protocol import Progress
    from plugin_core.tracking.engine import Engine

_log = logging.getLogger("flowtrail")
_LONG_BYTES: Final = 256 * 1024 * 1024  # about where a copy takes long enough to want a progress bar


SENT_FROM: Final = "sent_from"  # the property that says which machine sends, or sent, an artifact's bytes

_MODEL_SUFFIXES: Final = (".pkl", ".pickle", ".joblib", ".onnx", ".pt", ".pth", ".safetensors", ".h5", ".keras")
_DATA_SUFFIXES: Final = (".csv", ".tsv", ".parquet", ".npy", ".npz", ".json", ".jsonl", ".feather", ".arrow", ".db")
_COMPRESSED: Final = frozenset({".gz", ".bz2", ".xz", ".zst"})


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of bytes: their artifact's identity, and their digest if they are stored, or will be: ``is_sent``."""

    uri: str
    digest: str | None
    is_sent: bool = True
    etag: str | None = None  # of an object in a bucket

    @property
    def source_types(self) -> tuple[SourceType, ...]:
        """Typed ids of the source, besides its URI."""
        return () if self.etag is None else (SourceType(kind="S3ETag", value=self.etag),)


def store_file(engine: Engine, path: Path) -> Stored:
    """Store a file, or set it down to be sent; where that cannot be done, its identity is its file URI."""
    try:
        place = engine.blobs if engine.uploads is None else engine.uploads.outbox
        with progress_bar(path.name, path.stat().st_size) as progress:
            digest = place.put_file(path, progress=progress)
    except (StoreError, OSError) as error:
        if engine.settings.strict:
            raise
        _log.warning("flowtrail could not store %s, and records where it is instead: %s", path, error)
        return Stored(path.absolute().as_uri(), None)
    return Stored(digest, digest, is_sent=engine.uploads is None)


def store_bytes(engine: Engine, data: bytes) -> Stored:
    """As ``put_bytes``; where that cannot be done, there is no digest."""
    try:
        return put_bytes(engine, data)
    except (StoreError, OSError) as error:
        if engine.settings.strict:
            raise
        _log.warning("flowtrail could not store %d bytes, and records their checksum only: %s", len(data), error)
        return Stored(f"sha256:{hashlib.sha256(data).hexdigest()}", None)


def put_bytes(engine: Engine, data: bytes) -> Stored:
    """Store bytes, or set them down to be sent. StoreError, OSError."""
    place = engine.blobs if engine.uploads is None else engine.uploads.outbox
    digest = place.put_bytes(data)
    return Stored(digest, digest, is_sent=engine.uploads is None)


def named(engine: Engine, artifact: PutArtifact, stored: Stored) -> PutArtifact:
    """The artifact as it is to be recorded now. The record names bytes when they are sent; until then, who has them."""
    if stored.is_sent or engine.uploads is None:
        return replace(artifact, blob=stored.digest)
    said = replace(artifact, properties={**artifact.properties, SENT_FROM: engine.journal.owner.host})
    try:
        engine.uploads.post(replace(said, blob=stored.digest))
    except OSError as error:
        _log.warning("flowtrail could not store %s, and records its checksum only: %s", artifact.name, error)
        return artifact
    return said


def artifact_type_of(media_type: str | None, name: str) -> str:
    """The artifact type that lineage queries look for, from the media type and the file's suffix."""
    path = PurePath(name.lower())
    lowered = path.stem if path.suffix in _COMPRESSED else path.name
    if lowered.endswith(_MODEL_SUFFIXES):
        return "Model"
    if (media_type or "").startswith("image/"):
        return "Image"
    if lowered.endswith(_DATA_SUFFIXES):
        return "DataSet"
    return "Document"


def progress_bar(what: str, size: int, *, doing: str = "storing") -> AbstractContextManager[Progress | None]:
    """A bar on a terminal for so many bytes, if they take long; elsewhere nothing is drawn."""
    if size < _LONG_BYTES or not sys.stderr.isatty():
        return nullcontext()
    return _RichBar(f"{doing} {what}")


class _RichBar:
    """A progress bar on the terminal, gone when the copy is done."""

    def __init__(self, title: str) -> None:
        from rich.console import Console
        from rich.progress import Progress as RichProgress

        self._rich = RichProgress(console=Console(stderr=True), transient=True)
        self._task = self._rich.add_task(title, total=None)

    def __enter__(self) -> Progress:
        self._rich.start()
        return self._update

    def __exit__(self, *_exc: object) -> None:
        self._rich.stop()

    def _update(self, done_bytes: int, total_bytes: int | None, /) -> None:
        self._rich.update(self._task, completed=done_bytes, total=total_bytes)
