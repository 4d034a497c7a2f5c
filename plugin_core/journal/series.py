"""One metric of one component, to log points to. ``Series.log`` is the product's hottest line: it costs about 2 us."""

# Series and Journal are one piece of machinery in two files, which use each other's private names.
# ruff: noqa: SLF001
# pyright: reportPrivateUsage=false

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final
from zlib import crc32

from plugin_core.errors import InvalidValueError
from plugin_core.journal.frames import POINT_BODY, POINT_BYTES, POINT_HEAD_WORD, pack_crc
from plugin_core.model.metrics import Json

if TYPE_CHECKING:
    from plugin_core.journal.thinning import Thinned
    from plugin_core.journal.writer import Journal

# What the journal is in the middle of. A signal handler or a finalizer may log then, in the same thread.
FAST: Final = 1  # a point is being written: another frame may be put before or behind it, no more
SLOW: Final = 2  # anything else

_pack = POINT_BODY.pack
_NOT_A_NUMBER: Final = float("nan")
_NOTHING: Final = bytearray()  # shared by all series with nothing pending; never added to


class Series:
    """Points of one metric go in here, from any thread."""

    __slots__ = (
        "_good_until",
        "_in_segment",
        "_journal",
        "_limit",
        "_number",
        "_pending",
        "_pending_data",
        "_thinned",
        "component",
        "metric",
        "next_step",
    )

    def __init__(self, journal: Journal, component: str, metric: str) -> None:
        self._journal = journal
        self.component = component
        self.metric = metric
        self.next_step = 0
        self._pending = _NOTHING  # frames that are written, and not yet taken by the drain
        self._pending_data: dict[int, Json] = {}
        self._thinned: Thinned | None = None
        self.undefine()

    def log(self, value: float, step: int | None = None, time_us: int | None = None) -> None:
        """Append one point: ``step`` is one past the last one's by default, ``time_us`` (microseconds) is now.

        When it returns, the point survives this process. A step or time past 64 bits is an InvalidValueError.
        """
        journal = self._journal
        with journal._lock:
            if step is None:
                step = self.next_step
            if time_us is None:
                time_us = journal._now_ns() // 1000
            end = journal._end
            if end < self._limit and not journal._busy:
                journal._busy = FAST  # from here on, a signal handler that logs must not move what we stand on
                sequence = journal._seq
                try:
                    body = _pack(POINT_HEAD_WORD, sequence, step, time_us, value, self._number)
                    frame = body + pack_crc(crc32(body, journal._salt))
                    journal._seq = sequence + 1
                    self.next_step = step + 1
                    if journal._write(journal._fd, frame) == POINT_BYTES:
                        journal._end += POINT_BYTES
                        if self._pending:
                            self._pending += frame
                        else:
                            self._first_pending(frame)
                        return
                except OSError:
                    pass  # tried again below
                except struct.error as e:
                    raise InvalidValueError(f"Step {step} or time {time_us} does not fit 64 bits.") from e
                except BaseException:
                    journal._doubt(sequence, end)
                    raise
                finally:
                    journal._busy = 0
                journal._mend(sequence)
            journal._log_slowly(self, step, time_us, value)
            self.next_step = step + 1

    def log_data(self, data: Json, step: int | None = None, time_us: int | None = None) -> None:
        """Append one point that is not a number: a string, a bool, a table's row."""
        journal = self._journal
        with journal._lock:
            at = journal._now_ns() // 1000 if time_us is None else time_us
            chosen = self.next_step if step is None else step
            journal._log_slowly(self, chosen, at, _NOT_A_NUMBER, data)
            self.next_step = chosen + 1

    def undefine(self) -> None:
        """Forget what the file says of this series: the journal goes on in another one."""
        self._number = self._in_segment = -1
        self._good_until = -1  # the position from which the file must say again what the number means
        self._limit = -1  # the position up to which the fast way is open, for a point that begins before it

    def keep(self, frame: bytes, data: Json = None) -> None:
        """Mirror what was written, for the drain."""
        if data is not None:
            self._pending_data[len(self._pending) // POINT_BYTES] = data
        if self._pending:
            self._pending += frame
        else:
            self._first_pending(frame)

    def _first_pending(self, frame: bytes) -> None:
        self._pending = bytearray(frame)
        self._journal._mirror.has_points(self)

    def take(self) -> tuple[bytearray, dict[int, Json]]:
        """Hand over the mirror."""
        taken = self._pending, self._pending_data
        self._pending = _NOTHING
        if self._pending_data:
            self._pending_data = {}
        return taken
