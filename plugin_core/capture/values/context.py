"""What every handler is given: limits, redaction, the time left, and the few things they all do."""

from __future__ import annotations

from typing import Any, Final, Protocol

from plugin_core.capture.values.budget import Budget, Digest, whole_limit
from plugin_core.capture.values.description import Description, Limits
from plugin_core.capture.values.inspection import type_name
from plugin_core.redaction import MAX_REMEMBERED, Redactor

_SCAN_CHUNK: Final = 1 << 15
_COPIED_PER_S: Final = 1e9  # bytes, into memory that is fresh
_PART_S: Final = 5e-6
PAYLOAD_WITHHELD: Final = {"payload": "withheld"}


class Handler(Protocol):
    """Describes values of one family of types.

    It is called with the value's dotted name, the value, and a context. It must not change the value, consume it or
    keep it; a payload holds a snapshot. What it raises is contained, and the value is then described by its type.

    Packages register handlers under the entry point group ``flowtrail.values``; the entry point's name is the package
    or class it is for (``xarray`` or ``xarray.core.dataset.Dataset``), its value the handler (``mypkg.ft:describe``).
    """

    def __call__(self, name: str, value: Any, context: Context, /) -> Description:
        """Describe the value."""
        ...


class Context:
    """One value's limits, redactor and remaining time."""

    def __init__(self, limits: Limits, redactor: Redactor) -> None:
        self.limits = limits
        self.redactor = redactor
        self.budget = Budget(limits.clock, limits.budget_s)

    def text(self, text: str, limit: int | None = None) -> str:
        """A text as it may be recorded: without secrets, encodable, at most ``limit`` characters (default: preview)."""
        most = self.limits.preview if limit is None else limit
        window = text[: most + MAX_REMEMBERED]
        clean = self.redactor.text(printable(window))
        if len(text) <= most:
            return clean
        # A secret cut in two by the window's end would not be seen: its part is cut off too.
        return clean[: min(most, max(0, len(clean) - MAX_REMEMBERED))] + "…"

    def type_of(self, value: object) -> dict[str, str]:
        """The property that every artifact has."""
        return {"type": type_name(value)}

    def digest(self, header: str, budget: Budget | None = None) -> Digest:
        """A new sha256 over content; ``header`` tells kinds of content apart."""
        return Digest(budget or self.budget, header)

    def reads_whole(self, size: int) -> bool:
        """Whether content of this many bytes is read as a whole; else it is sampled."""
        return size <= whole_limit()

    def stores(self, size: int, *, cost: float = 1.0, parts: int = 1) -> bool:
        """Whether a snapshot of this many bytes may be taken: by level, size, and the time that copying takes.

        ``cost`` is how much slower the copy is than one of bytes that lie in a row, in one of ``parts``.
        """
        return (
            self.limits.level == "full"
            and size <= self.limits.max_bytes
            and self.budget.left_s > size * cost / _COPIED_PER_S + parts * _PART_S
        )

    def is_clean(self, text: str) -> bool:
        """Whether nothing in a text of any length looks like a secret. Takes some 60 ms a megabyte, in short steps."""
        step = _SCAN_CHUNK - MAX_REMEMBERED
        return all(
            self.redactor.text(chunk) == chunk
            for chunk in (text[start : start + _SCAN_CHUNK] for start in range(0, max(len(text), 1), step))
        )


def printable(text: str) -> str:
    """A text that UTF-8 can hold, without NUL: what cannot stay is written as its escape."""
    if text.isascii() and "\0" not in text:
        return text
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")
