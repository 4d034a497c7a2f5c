"""Values kept by name: bytes in the blob store, and in the record which bytes a name stands for now.

Unlike what is logged, this is storage: what is kept is in the store when the call returns, what is read
was verified, and failures are raised.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from plugin_core.errors import ArtifactCorruptError, NotFoundError
from plugin_core.model.changes import PutArtifact, PutAssociation, SetTags
from plugin_core.model.lineage import AssociationType, NodeKind, NodeRef
from plugin_core.tracking.current import current_run
from plugin_core.tracking.engine import engine, now_us

_BLOB = "blob"


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """What a name stands for now: the bytes' digest, and the notes that were left with it."""

    uri: str
    digest: str
    notes: Mapping[str, str | None]


def keep(uri: str, data: bytes, *, title: str, type: str, media_type: str, notes: Mapping[str, str]) -> str:
    """Keep bytes under a name, in place of what it stood for; return their digest. StoreError.

    The current run is recorded as having made them.
    """
    digest = engine().blobs.put_bytes(data)
    at, run = now_us(), current_run()
    stored = PutArtifact(
        at=at, source_uri=digest, type=type, name=title, media_type=media_type, size_bytes=len(data), blob=digest
    )
    named = PutArtifact(at=at, source_uri=uri, type=type, name=title, media_type=media_type)
    tags = SetTags(at=at, node=NodeRef(NodeKind.ARTIFACT, uri), tags={**notes, _BLOB: digest})
    made = [] if run is None else [_edge(_component(run.component_name), _artifact(digest), made=True, at=at)]
    engine().store.write([stored, named, tags, *made])
    return digest


def find(uri: str) -> Kept:
    """What a name stands for. NotFoundError if nothing was kept under it."""
    artifact = engine().store.artifact(uri)
    digest = artifact.tags.get(_BLOB)
    if digest is None:
        raise NotFoundError("The value", uri)
    return Kept(uri=uri, digest=digest, notes=artifact.tags)


def read(kept: Kept, *, what: str) -> bytes:
    """The bytes, verified. NotFoundError if they are gone; ArtifactCorruptError says what was found instead.

    ``what`` is what people call the value.
    """
    blobs, data = engine().blobs, b""
    try:
        with blobs.open(kept.digest) as source:
            data = source.read(blobs.size(kept.digest) or 0)
            source.read(1)  # at the end the bytes are compared with their digest
    except ArtifactCorruptError as error:
        found = f"sha256:{hashlib.sha256(data).hexdigest()}"
        raise ArtifactCorruptError(
            f"The stored value of {what} is damaged: its checksum should be {kept.digest} and is {found}.",
            hint=error.hint,
        ) from error
    return data


def note_use(kept: Kept) -> None:
    """Record that the bytes went into the current run, if there is one."""
    run = current_run()
    if run is not None:
        at = now_us()
        engine().record(_edge(_artifact(kept.digest), _component(run.component_name), made=False, at=at))


def _edge(source: NodeRef, destination: NodeRef, *, made: bool, at: int) -> PutAssociation:
    kind = AssociationType.PRODUCED if made else AssociationType.CONTRIBUTED_TO
    return PutAssociation(at=at, source=source, destination=destination, type=kind)


def _component(name: str) -> NodeRef:
    return NodeRef(NodeKind.COMPONENT, name)


def _artifact(uri: str) -> NodeRef:
    return NodeRef(NodeKind.ARTIFACT, uri)
