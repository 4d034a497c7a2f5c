"""Point frames to columns, at the speed of C: the drain runs in the user's process and must not hold its GIL."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Mapping
from typing import TypeVar

from plugin_core.journal.frames import POINT_BYTES
from plugin_core.model.changes import AppendPoints
from plugin_core.model.metrics import Json

Column = TypeVar("Column", "array[int]", "array[float]")
_WORDS = POINT_BYTES // 8
_STEP, _TIME, _VALUE = 2, 3, 4  # places in a frame, in words of eight bytes


def columns(component: str, metric: str, frames: bytes | bytearray, data: Mapping[int, Json]) -> AppendPoints:
    """Turn joined point frames of one series into columns; ``data`` maps positions to what is not a number."""
    words = memoryview(frames).cast("q")
    return AppendPoints(
        component=component,
        metric=metric,
        steps=_filled(array("q"), words[_STEP::_WORDS]),
        times=_filled(array("q"), words[_TIME::_WORDS]),
        values=_filled(array("d"), words[_VALUE::_WORDS]),
        data=data,
    )


def _filled(column: Column, words: memoryview) -> Column:
    column.frombytes(words.tobytes())
    if sys.byteorder == "big":
        column.byteswap()
    return column
