"""Paths and URIs: data known by where it is. A small file is also read, and then its content is its identity."""

from __future__ import annotations

import datetime as dt
import os
import pathlib
import re
import stat
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from plugin_core.capture.values.budget import Budget, BudgetSpentError, whole_limit
from plugin_core.capture.values.context import Context, printable
from plugin_core.capture.values.description import DescribedArtifact, Description
from plugin_core.capture.values.inspection import is_a
from plugin_core.model.lineage import ArtifactType
from plugin_core.redaction import REDACTED

_URI: Final = re.compile(
    r"(?:s3[an]?|gs|gcs|azure|az|abfss?|wasbs?|adl|hdfs|dbfs|r2|oss|https?|ftps?|sftp|file)://\S{1,2040}", re.IGNORECASE
)
_USER: Final = re.compile(r"(?<=://)[^/?#\s]*@")
_HIDDEN: Final = re.compile(r"(?:(?<=\?)|&)[\w.%~-]+=" + re.escape(REDACTED))
_READ: Final = 1 << 18
_READ_SHARE: Final = 0.5
_KINDS: Final = (
    (ArtifactType.MODEL, "pkl pickle joblib pt pth onnx safetensors h5 keras ckpt bst model"),
    (ArtifactType.IMAGE, "png jpg jpeg gif svg webp bmp tiff"),
    (ArtifactType.DOCUMENT, "txt md html htm pdf docx rst log"),
    (ArtifactType.CODE, "py ipynb r sql sh"),
)
_TYPES: Final = {f".{suffix}": kind for kind, suffixes in _KINDS for suffix in suffixes.split()}


def is_uri(text: str) -> bool:
    """Whether a text is plainly the URI of data, and nothing else."""
    return "://" in text[:12] and _URI.fullmatch(text) is not None


def is_path(cls: type) -> bool:
    """Whether a class is a path. Other classes with ``__fspath__`` are not: it would have to be called."""
    return is_a(cls, pathlib.PurePath, os.DirEntry)


def describe_uri(name: str, uri: str, context: Context) -> Description:
    """A reference by its URI, without the secrets in it; a ``file://`` URI is looked at as a path."""
    # Who reads it, and with what permission, is not part of which data it is.
    clean = _USER.sub("", context.redactor.text(printable(uri)))
    clean = _HIDDEN.sub("", clean).replace("?&", "?").removesuffix("?")
    parts = urlsplit(clean)
    if parts.scheme.lower() == "file" and parts.netloc in {"", "localhost"}:
        return _one(_of_path(name, unquote(parts.path), {"type": "str"}, context))
    return _one(
        DescribedArtifact(
            name=name, type=_type_of(parts.path), identity=clean, location=clean, properties={"type": "str"}
        )
    )


def describe_path(name: str, value: Any, context: Context) -> Description:
    """A path, and what lies there now. A path object that is itself a URI (UPath) is a reference by URI."""
    text = value.path if is_a(type(value), os.DirEntry) else str(value)
    if type(text) is not str:
        text = os.fsdecode(text)
    if is_uri(text):
        return describe_uri(name, text, context)
    return _one(_of_path(name, text, context.type_of(value), context))


def _of_path(name: str, path: str, properties: dict[str, str], context: Context) -> DescribedArtifact:
    # Without resolving links: the name under which it was used, not where it leads.
    absolute = os.path.abspath(path)  # noqa: PTH100
    uri = context.redactor.text(printable(pathlib.Path(absolute).as_uri()))
    properties = {**properties, "path": context.text(path, context.limits.text)}
    try:
        found = os.stat(absolute)  # noqa: PTH116
    except (OSError, ValueError):
        return DescribedArtifact(
            name=name, type=_type_of(path), identity=uri, location=uri, properties={**properties, "exists": "false"}
        )
    is_file = stat.S_ISREG(found.st_mode)
    identity = _content(absolute, found, context) if is_file else None
    return DescribedArtifact(
        name=name,
        type=_type_of(path),
        identity=identity or uri,
        location=uri,
        size_bytes=found.st_size if is_file else None,
        properties={**properties, **_facts(found, is_file=is_file)},
    )


def _facts(found: os.stat_result, *, is_file: bool) -> dict[str, str]:
    is_folder = stat.S_ISDIR(found.st_mode)
    modified = dt.datetime.fromtimestamp(found.st_mtime, dt.UTC).isoformat()
    return {"kind": "file" if is_file else "folder" if is_folder else "special", "modified": modified}


def _content(path: str, before: os.stat_result, context: Context) -> str | None:
    """The sha256 of a file that is small enough; None if it is not, cannot be read or changed meanwhile."""
    if before.st_size > whole_limit() // 2:
        return None
    try:
        identity = _hashed(path, context, Budget(context.limits.io_clock, context.limits.budget_s * _READ_SHARE))
        after = os.stat(path)  # noqa: PTH116
    except (OSError, BudgetSpentError):
        return None
    return identity if (after.st_size, after.st_mtime_ns) == (before.st_size, before.st_mtime_ns) else None


def _hashed(path: str, context: Context, budget: Budget) -> str:
    digest = context.digest("", budget)
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - unbuffered, by the path as text
        while chunk := file.read(_READ):
            digest.update(chunk)
    return digest.identity()


def _type_of(path: str) -> ArtifactType:
    return _TYPES.get(os.path.splitext(path)[1].lower(), ArtifactType.DATA_SET)  # noqa: PTH122


def _one(artifact: DescribedArtifact) -> Description:
    return Description(artifacts=(artifact,))
