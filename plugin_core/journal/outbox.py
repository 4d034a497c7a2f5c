"""Bytes that wait in the spool until a blob store on the network has them.

What goes to one blob store lies in one folder: the bytes under their sha256, as in any folder of blobs, and in
``notes`` what the record is to say once they are sent. A note appears when the bytes are on the disk, and goes when
the record says so; what has no note was not acknowledged.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import shutil
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from plugin_core.errors import ArtifactCorruptError, FlowtrailError, InvalidValueError, StoreUnavailableError
from plugin_core.journal import codec, owners
from plugin_core.journal.destination import is_for, public_url
from plugin_core.model.changes import PutArtifact
from plugin_core.model.components import Owner
from plugin_core.stores.blobs.digests import hex_of, place_of
from plugin_core.stores.blobs.folder import FolderBlobs

if TYPE_CHECKING:
    from plugin_core.stores.protocol import BlobStore, Progress, TrackingStore

FOLDER: Final = "uploads"
_NOTES: Final = "notes"
_STALE_S: Final = 3_600.0
_SHARE_OF_FREE: Final = 0.5  # of the disk's room, that one file may take: what is logged needs some, too


class Outbox:
    """Takes bytes for one blob store. Safe to share between threads and processes, and across a fork."""

    def __init__(self, spool: Path, *, blobs_url: str, store_url: str) -> None:
        self._all = spool / FOLDER
        self._folder = self._all / hashlib.sha256(blobs_url.encode()).hexdigest()[:16]
        self._blobs = FolderBlobs(self._folder)
        self._header = {"blobs": blobs_url, "store": public_url(store_url)}

    def put_file(self, path: Path, *, progress: Progress | None = None) -> str:
        """Keep a copy of a file and return its digest. InvalidValueError, StoreError."""
        self._make_room(path.stat().st_size)
        return self._blobs.put_file(path, progress=progress)

    def put_bytes(self, data: bytes) -> str:
        """Keep bytes and return their digest. StoreError."""
        self._make_room(len(data))
        return self._blobs.put_bytes(data)

    def post(self, artifact: PutArtifact) -> Path:
        """Have bytes that were put here sent, and the record say ``artifact``, which names them, then.

        Returns the note, which is gone when that is done. OSError.
        """
        assert artifact.blob is not None
        note = self._folder / _NOTES / f"{time.time_ns():016x}-{hex_of(artifact.blob)}-{secrets.token_hex(4)}.json"
        note.parent.mkdir(mode=0o700, exist_ok=True)
        aside = note.with_suffix(".new")
        said = {"owner": asdict(owners.this_owner("")), "artifact": codec.encode(artifact).decode("ascii")}
        text = json.dumps(self._header | said)
        with aside.open("x", encoding="ascii") as written:
            written.write(text)
            written.flush()
            os.fsync(written.fileno())
        return aside.rename(note)

    def _make_room(self, size: int) -> None:
        try:
            self._all.mkdir(mode=0o700, parents=True, exist_ok=True)
            free = shutil.disk_usage(self._all).free
        except OSError as error:
            raise StoreUnavailableError(f"{self._all} cannot be written: {error}.") from error
        if size > free * _SHARE_OF_FREE:
            raise StoreUnavailableError(
                f"{self._all} has no room for {size} bytes.", hint="Make room, or have FLOWTRAIL_SPOOL_DIR elsewhere."
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class Parcel:
    """Bytes that wait. ``artifact`` is what the record says of them when they are sent."""

    note: Path
    blobs: str
    store: str
    owner: Owner
    artifact: PutArtifact

    @property
    def is_left(self) -> bool:
        """Whether the process is gone that would send it; of one on another machine, whether it had an hour for it."""
        is_there = owners.in_process_table(self.owner)
        return _is_older(self.note, _STALE_S, time.time()) if is_there is None else not is_there

    @property
    def digest(self) -> str:
        """What the bytes are."""
        return self.artifact.blob or ""

    @property
    def path(self) -> Path:
        """Where the bytes lie."""
        return self.note.parent.parent / place_of(hex_of(self.digest))

    @property
    def size_bytes(self) -> int:
        """How many bytes; 0 if they are gone."""
        try:
            return self.path.lstat().st_size
        except OSError:
            return 0


def waiting(spool: Path) -> list[Parcel]:
    """What waits in a spool, oldest first. What this version cannot read stays where it is."""
    notes = sorted((spool / FOLDER).glob(f"*/{_NOTES}/*.json"), key=lambda note: note.name)
    return [parcel for note in notes if (parcel := _parcel(note)) is not None]


def _parcel(note: Path) -> Parcel | None:
    try:
        said: Any = json.loads(note.read_bytes())
        artifact = codec.decode(said["artifact"].encode("ascii"))
        if not isinstance(artifact, PutArtifact) or artifact.blob is None:
            return None
        hex_of(artifact.blob)
        blobs, store, owner = str(said["blobs"]), str(said["store"]), Owner(**said["owner"])
        return Parcel(note=note, blobs=blobs, store=store, owner=owner, artifact=artifact)
    except (OSError, ValueError, TypeError, LookupError, AttributeError):
        return None


def deliver(
    parcel: Parcel, blobs: BlobStore, record: Callable[[PutArtifact], None], *, progress: Progress | None = None
) -> bool:
    """Send a parcel, have ``record`` say so, and clear it away; False if someone else is at it, or was.

    Raises the blob store's errors, and ArtifactCorruptError for bytes that are not what they were: they stay.
    """
    with _held(parcel.note) as is_ours:
        if not is_ours:
            return False
        _send(parcel, blobs, progress)
        record(parcel.artifact)
        _clear(parcel)
    return True


@contextmanager
def _held(note: Path) -> Generator[bool]:
    try:
        fd = os.open(note, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        yield False
        return
    try:
        yield owners.lock(fd) and note.exists()
    finally:
        os.close(fd)


def _send(parcel: Parcel, blobs: BlobStore, progress: Progress | None) -> None:
    try:
        found = blobs.put_file(parcel.path, progress=progress)
    except InvalidValueError:
        # Another parcel of the same bytes was sent meanwhile, and took them along.
        found = parcel.digest if blobs.size(parcel.digest) is not None else "nothing"
    if found != parcel.digest:
        raise ArtifactCorruptError(
            f"{parcel.path} waits to be sent as {parcel.digest} and is {found}.",
            hint=f"Delete {parcel.note} once you have seen to what it names.",
        )


def _clear(parcel: Parcel) -> None:
    with contextlib.suppress(OSError):
        parcel.note.unlink()
    if not any(parcel.note.parent.glob(f"*-{hex_of(parcel.digest)}-*.json")):
        with contextlib.suppress(OSError):
            parcel.path.unlink()


@dataclass(kw_only=True)
class UploadReport:
    """What became of the bytes that waited."""

    sent: int = 0
    sent_bytes: int = 0
    waiting: int = 0  # that could not be sent, or that someone else is sending
    other_stores: int = 0  # of other records
    problems: list[str] = field(default_factory=list[str])


def send_waiting(
    spool: Path, store: TrackingStore, open_blobs: Callable[[str], BlobStore], *, progress: Progress | None = None
) -> UploadReport:
    """Send what waits in a spool for this record, each to where it was meant to go. What fails is in the report."""
    report = UploadReport()
    ours: dict[str, list[Parcel]] = {}
    for parcel in waiting(spool):
        if is_for(parcel.store, store.url):
            ours.setdefault(parcel.blobs, []).append(parcel)
        else:
            report.other_stores += 1
    total = sum(parcel.size_bytes for parcels in ours.values() for parcel in parcels)
    for url, parcels in ours.items():
        try:
            _send_all(parcels, open_blobs(url), store, report, progress, total)
        except (FlowtrailError, OSError) as problem:
            report.problems.append(f"{url}: {problem}")
    report.waiting = sum(len(parcels) for parcels in ours.values()) - report.sent
    sweep(spool, time.time())
    return report


def _send_all(
    parcels: list[Parcel],
    blobs: BlobStore,
    store: TrackingStore,
    report: UploadReport,
    progress: Progress | None,
    total: int,
) -> None:
    for parcel in parcels:
        size, before = parcel.size_bytes, report.sent_bytes

        def told(done: int, _of: int | None, /, before: int = before) -> None:
            if progress is not None:
                progress(before + done, total)

        try:
            is_sent = deliver(parcel, blobs, lambda artifact: store.write([artifact]), progress=told)
        except ArtifactCorruptError as problem:
            report.problems.append(str(problem))
            continue
        report.sent += is_sent
        report.sent_bytes += size if is_sent else 0


def sweep(spool: Path, now: float) -> None:
    """Delete what processes were killed over before it had a note."""
    for box in (spool / FOLDER).glob("*"):
        noted = {note.name.split("-")[1] for note in (box / _NOTES).glob("*-*-*.json")}
        for path in (*box.glob("tmp/*"), *box.glob(f"{_NOTES}/*.new"), *box.glob("blobs/*/*/*")):
            if path.name not in noted and _is_older(path, _STALE_S, now):
                with contextlib.suppress(OSError):
                    path.unlink()


def _is_older(path: Path, age_s: float, now: float) -> bool:
    try:
        return now - path.lstat().st_mtime > age_s
    except OSError:
        return False
