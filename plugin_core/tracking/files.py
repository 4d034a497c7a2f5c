"""Bytes that users log: into the blob store, or by reference where it cannot take them."""

from __future__ import annotations

import hashlib
import logging
import sys
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Final

from plugin_core.errors import StoreError

if TYPE_CHECKING:
    from plugin_core.stores.protocol import Progress
    from plugin_core.tracking.engine import Engine

_log = logging.getLogger("flowtrail")
_LONG_BYTES: Final = 256 * 1024 * 1024  # about where a copy takes long enough to want a progress bar


_MODEL_SUFFIXES: Final = (".pkl", ".pickle", ".joblib", ".onnx", ".pt", ".pth", ".safetensors", ".h5", ".keras")
_DATA_SUFFIXES: Final = (".csv", ".tsv", ".parquet", ".npy", ".npz", ".json", ".jsonl", ".feather", ".arrow", ".db")
_COMPRESSED: Final = frozenset({".gz", ".bz2", ".xz", ".zst"})


def store_file(engine: Engine, path: Path) -> tuple[str, str | None]:
    """Store a file; return its artifact identity and blob digest, or its file URI and None if it was not stored."""
    try:
        with _progress_bar(path) as progress:
            digest = engine.blobs.put_file(path, progress=progress)
    except (StoreError, OSError) as error:
        if engine.settings.strict:
            raise
        _log.warning("flowtrail could not store %s, and records where it is instead: %s", path, error)
        return path.absolute().as_uri(), None
    return digest, digest


def store_bytes(engine: Engine, data: bytes) -> tuple[str, str | None]:
    """Store bytes; return their artifact identity and blob digest, None if they were not stored."""
    try:
        digest = engine.blobs.put_bytes(data)
    except (StoreError, OSError) as error:
        if engine.settings.strict:
            raise
        _log.warning("flowtrail could not store %d bytes, and records their checksum only: %s", len(data), error)
        return f"sha256:{hashlib.sha256(data).hexdigest()}", None
    return digest, digest


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


def _progress_bar(path: Path) -> AbstractContextManager[Progress | None]:
    if path.stat().st_size < _LONG_BYTES or not sys.stderr.isatty():
        return nullcontext()
    return _RichBar(path.name)


class _RichBar:
    """A progress bar on the terminal, gone when the copy is done."""

    def __init__(self, name: str) -> None:
        from rich.console import Console
        from rich.progress import Progress as RichProgress

        self._rich = RichProgress(console=Console(stderr=True), transient=True)
        self._task = self._rich.add_task(f"storing {name}", total=None)

    def __enter__(self) -> Progress:
        self._rich.start()
        return self._update

    def __exit__(self, *_exc: object) -> None:
        self._rich.stop()

    def _update(self, done_bytes: int, total_bytes: int | None, /) -> None:
        self._rich.update(self._task, completed=done_bytes, total=total_bytes)
