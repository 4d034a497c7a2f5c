"""The bytes of a journal: frames, each with its length, sequence number and checksum.

A frame is ``sync(2) type(1) flags(1) length(4) sequence(8) payload crc32(4)``, little-endian; length is the whole
frame's. The checksum starts from a salt made of the journal's id, so that a block of another file that a crash left
in this one is not taken for part of it. Nothing here touches a file.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final
from zlib import crc32

from plugin_core.model.components import Owner

FORMAT_VERSION: Final = 1
SYNC: Final = b"\xf7\x1e"
MAX_FRAME_BYTES: Final = 64 * 1024 * 1024

HEADER: Final = 1  # whose journal this is, and where in it the segment begins
CHANGE: Final = 2  # one Change: its kind, a space, JSON
SERIES: Final = 3  # gives a component's metric a number, which its points then carry
POINT: Final = 4  # a fixed 48 bytes
POINT_DATA: Final = 5  # a point that is not a number
SEALED: Final = 6  # the journal goes on in another segment
CLOSED: Final = 7  # the journal ends here

_HEAD: Final = struct.Struct("<2sBBIQ")
HEAD_BYTES: Final = _HEAD.size
_CRC: Final = struct.Struct("<I")
MIN_FRAME_BYTES: Final = HEAD_BYTES + _CRC.size

POINT_BYTES: Final = 48
POINT_HEAD: Final = SYNC + bytes((POINT, 0)) + POINT_BYTES.to_bytes(4, "little")
POINT_HEAD_WORD: Final = int.from_bytes(POINT_HEAD, "little")
POINT_BODY_BYTES: Final = POINT_BYTES - _CRC.size
# head, sequence, step, time (microseconds), value, series; the checksum follows
POINT_BODY: Final = struct.Struct("<QQqqdI")
POINT_FRAME: Final = struct.Struct("<QQqqdII")
pack_crc: Final = _CRC.pack


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame whose checksum holds. ``length`` is that of the whole frame in bytes.

    Flags are for later versions. They are part of ``type`` here, so that a frame with any is of an unknown type.
    """

    type: int
    sequence: int
    length: int
    payload: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Header:
    """The first frame of a segment. ``start`` is the segment's position in its journal."""

    journal: str
    start: int
    owner: Owner
    store_url: str
    spool: str
    namespace: str = ""  # of process ids, so that equal ids in two containers are told apart
    format: int = FORMAT_VERSION


def salt_of(journal: str) -> int:
    """What the checksums of a journal's frames start from."""
    return crc32(journal.encode("ascii", "replace"))


def pack(type: int, sequence: int, payload: bytes, salt: int) -> bytes:
    """Make a frame."""
    body = _HEAD.pack(SYNC, type, 0, MIN_FRAME_BYTES + len(payload), sequence) + payload
    return body + _CRC.pack(crc32(body, salt))


def pack_all(type: int, sequence: int, payloads: Sequence[bytes], salt: int) -> bytes:
    """Make frames that follow one another."""
    parts: list[bytes] = []
    for payload in payloads:
        body = _HEAD.pack(SYNC, type, 0, MIN_FRAME_BYTES + len(payload), sequence) + payload
        parts += body, _CRC.pack(crc32(body, salt))
        sequence += 1
    return b"".join(parts)


def pack_point(sequence: int, step: int, time_us: int, value: float, series: int, salt: int) -> bytes:
    """Make a point's frame."""
    body = POINT_BODY.pack(POINT_HEAD_WORD, sequence, step, time_us, value, series)
    return body + _CRC.pack(crc32(body, salt))


def claimed_length(data: bytes, offset: int) -> int | None:
    """The length of the frame that seems to begin at ``offset``; None if none begins there.

    Fewer than a head's bytes that could be the beginning of a frame claim the least that a frame can have.
    """
    head = data[offset : offset + HEAD_BYTES]
    if not SYNC.startswith(head[:2]):
        return None
    if len(head) < HEAD_BYTES:
        return MIN_FRAME_BYTES
    length: int = _HEAD.unpack(head)[3]
    return length if MIN_FRAME_BYTES <= length <= MAX_FRAME_BYTES else None


def unpack(data: bytes, offset: int, length: int, salt: int) -> Frame | None:
    """The frame of ``length`` bytes at ``offset``; None if its checksum does not hold.

    A header's is not salted: it says whose journal it is, and is read before that is known.
    """
    end = offset + length - _CRC.size
    _, type_, flags, _, sequence = _HEAD.unpack_from(data, offset)
    start = 0 if type_ == HEADER else salt
    if crc32(memoryview(data)[offset:end], start) != _CRC.unpack_from(data, end)[0]:
        return None
    return Frame(type_ | flags << 8, sequence, length, data[offset + HEAD_BYTES : end])


def pack_header(header: Header, sequence: int) -> bytes:
    """Make a segment's first frame."""
    return pack(HEADER, sequence, _dumps(asdict(header)), 0)


def read_header(frame: Frame) -> Header | None:
    """What a header frame says; None for one of a form that this version cannot read at all."""
    try:
        content: dict[str, Any] = json.loads(frame.payload)
        owner = Owner(**content.pop("owner"))
        known = {key: content[key] for key in Header.__dataclass_fields__ if key in content}
        return Header(owner=owner, **known)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def pack_series(sequence: int, number: int, component: str, metric: str, salt: int) -> bytes:
    """Make the frame that gives a series its number."""
    return pack(SERIES, sequence, _dumps([number, component, metric]), salt)


def read_series(frame: Frame) -> tuple[int, str, str] | None:
    """Number, component and metric of a series frame; None if it says something else."""
    try:
        number, component, metric = json.loads(frame.payload)
    except (ValueError, TypeError):
        return None
    return (number, component, metric) if isinstance(number, int) else None


def _dumps(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=True, separators=(",", ":")).encode("ascii")
