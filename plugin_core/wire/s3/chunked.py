"""Bodies in AWS's own chunks: ``size;chunk-signature=...``, the data, and trailers after an empty chunk.

The signatures of chunks are read over: who signs a body chunk by chunk is refused before, where keys are asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from plugin_core.wire.s3.faults import S3Error

_SIZE: Final = re.compile(rb"([0-9a-fA-F]{1,16})(?:;[^\r\n]*)?")
_LONGEST_LINE: Final = 16 << 10
_MOST_TRAILERS: Final = 32


class Chunked:
    """The data of a chunked body; ``trailers`` are there when all of it was read. S3Error for what is malformed."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self.trailers: dict[str, str] = {}
        self._pieces = pieces
        self._held = b""

    def __iter__(self) -> Iterator[bytes]:
        while size := self._size():
            yield from self._data(size)
            if self._line():
                raise _malformed()
        self._read_trailers()

    def _size(self) -> int:
        found = _SIZE.fullmatch(self._line())
        if found is None:
            raise _malformed()
        return int(found[1], 16)

    def _data(self, size: int) -> Iterator[bytes]:
        while size:
            if not self._held:
                self._held = self._more()
            piece, self._held = self._held[:size], self._held[size:]
            size -= len(piece)
            yield piece

    def _read_trailers(self) -> None:
        for _ in range(_MOST_TRAILERS):
            line = self._line(may_end=True)
            if not line:
                return
            name, colon, value = line.decode("latin-1").partition(":")
            if not colon:
                raise _malformed()
            self.trailers[name.strip().lower()] = value.strip()
        raise _malformed()

    def _line(self, *, may_end: bool = False) -> bytes:
        while b"\r\n" not in self._held:
            if len(self._held) > _LONGEST_LINE:
                raise _malformed()
            more = next(self._pieces, b"")
            if not more and may_end:  # a client may leave out the empty line at the end
                line, self._held = self._held, b""
                return line
            self._held += more or self._more()
        line, _, self._held = self._held.partition(b"\r\n")
        return line

    def _more(self) -> bytes:
        piece = next((piece for piece in self._pieces if piece), None)
        if piece is None:
            raise S3Error("IncompleteBody", "The body ended before its last chunk.")
        return piece


def _malformed() -> S3Error:
    return S3Error("InvalidRequest", "The body is not in AWS's chunks as its headers say.")
