"""`flowtrail get ARTIFACT`: an artifact's bytes as a file, verified before it appears under its name."""

from __future__ import annotations

import mimetypes
import re
import shutil
import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from plugin_core.cli.find import find
from plugin_core.cli.progress import copying
from plugin_core.cli.session import JsonOption, ProfileOption, Session, StoreOption
from plugin_core.cli.terminal import clean, size
from plugin_core.errors import ConflictError, NotFoundError
from plugin_core.model.lineage import Artifact, NodeKind
from plugin_core.stores.protocol import BlobStore
from plugin_core.tracking.files import SENT_FROM
from plugin_core.tracking.settings import redacted_url

_UNSAFE: Final = re.compile(r"[^\w.+-]+")
_SUFFIXES: Final = {
    "application/vnd.apache.parquet": ".parquet",
    "application/x-npy": ".npy",
    "application/octet-stream": "",
    "text/plain": ".txt",
    "image/svg+xml": ".svg",
}

_HOW_TO_MAKE: Final = "`flowtrail lineage ARTIFACT --up` shows what made it."


class NotStoredError(NotFoundError):
    """An artifact is known, and its bytes are not here."""

    def __init__(self, name: str, cause: str, hint: str) -> None:
        super().__init__("stored copy of artifact", name, hint=hint)
        self.cause = cause


def get(
    identifier: Annotated[str, typer.Argument(metavar="ARTIFACT", help="The artifact's URI, hash, or name.")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="PATH", help="File or folder to write to; - prints the bytes."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", "-f", help="Replace a file that is there.")] = False,
    as_json: JsonOption = False,
    store: StoreOption = None,
    profile: ProfileOption = None,
) -> None:
    """Copy an artifact's bytes to a file and verify its checksum."""
    session = Session(store=store, profile=profile, as_json=as_json)
    session.require_record("artifact", identifier)
    opened = session.reading_store()
    artifact = opened.artifact(find(opened, identifier, kinds=(NodeKind.ARTIFACT,)).key)
    blobs, digest = _stored(session, artifact)
    if blobs.size(digest) is None:
        raise NotStoredError(artifact.name, f"its bytes are gone from {redacted_url(blobs.url)}", _HOW_TO_MAKE)
    if output is not None and str(output) == "-":
        _to_stdout(blobs, digest)
        return
    target = _target(artifact, output, force=force)
    with copying(session.terminal, target.name) as progress:
        blobs.fetch(digest, target, progress=progress)
    if as_json:
        session.print_json(
            {"uri": artifact.source_uri, "path": target, "size_bytes": target.stat().st_size, "digest": digest}
        )
    else:
        _tell(artifact, target)


def _stored(session: Session, artifact: Artifact) -> tuple[BlobStore, str]:
    host = artifact.properties.get(SENT_FROM)
    if artifact.blob is None and host is not None:
        cause = f"its bytes are on their way to the blob store, from the spool of {clean(host)}"
        raise NotStoredError(artifact.name, cause, "Try again later, or run `flowtrail recover` there.")
    if artifact.blob is None:
        place = artifact.properties.get("location")
        hint = f"It was at {place} when it was recorded." if place else _HOW_TO_MAKE
        raise NotStoredError(artifact.name, "only its description was recorded", hint)
    return session.blobs(), artifact.blob


def _target(artifact: Artifact, output: Path | None, *, force: bool) -> Path:
    """Where to write: the path given, or a file named after the artifact in it, or in the working directory."""
    folder = output if output is not None and output.is_dir() else Path()
    target = folder / file_name(artifact) if output is None or output.is_dir() else output
    if target.exists() and not force:
        raise ConflictError(f"{target} exists already.", hint="Give another path with -o, or --force to replace it.")
    return target


def file_name(artifact: Artifact) -> str:
    """A harmless file name made of the artifact's name and the usual suffix of its media type."""
    stem = _UNSAFE.sub("-", artifact.name).strip(".-") or "artifact"
    media_type = (artifact.media_type or "").partition(";")[0]
    suffix = _SUFFIXES.get(media_type, mimetypes.guess_extension(media_type) or "")
    return stem if stem.endswith(suffix) else stem + suffix


def _to_stdout(blobs: BlobStore, digest: str) -> None:
    with blobs.open(digest) as source:
        shutil.copyfileobj(source, sys.stdout.buffer)
    sys.stdout.buffer.flush()


def _tell(artifact: Artifact, target: Path) -> None:
    print(f"{target}  {size(target.stat().st_size)}, checksum verified", file=sys.stderr)
    untrusted = artifact.properties.get("untrusted")
    if untrusted:
        print(
            f"This is a {clean(untrusted)}: opening it runs code. Do so only if you trust who made it.", file=sys.stderr
        )
