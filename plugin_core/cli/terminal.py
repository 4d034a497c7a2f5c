"""How things look on a terminal: states, tables, times, sizes. Knows widths, colours and encodings; reads nothing.

A table that is piped is neither wrapped, cut nor coloured. Text from the record is made harmless first:
control characters would let a run's name command the terminal.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, TextIO

from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from plugin_core.model.components import Status

_UNLIMITED: Final = 100_000  # the width of what is piped
_LEAST: Final = 10  # a column that may be cut keeps so much
_GAP: Final = 2
_LONG_AGO: Final = timedelta(days=30)  # from then on a day is told rather than their number
# C0, DEL, C1, and the characters that turn the direction of text.
_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")

# Okabe and Ito's colours, which stay apart for colour-blind readers and show on light and dark grounds.
GREEN: Final = "#009E73"
VERMILLION: Final = "#D55E00"
SKY: Final = "#3A9BD9"
ORANGE: Final = "#C98500"
PURPLE: Final = "#CC79A7"

_STATES: Final[dict[Status, tuple[str, str, str]]] = {  # icon, plain icon, style; the word is the state's own
    Status.CREATED: ("○", "o", "dim"),
    Status.QUEUED: ("○", "o", "dim"),
    Status.PREPARING: ("◌", "o", SKY),
    Status.RUNNING: ("●", "*", SKY),
    Status.NOT_RESPONDING: ("◍", "?", ORANGE),
    Status.PAUSED: ("‖", "=", ORANGE),
    Status.FINALIZING: ("●", "*", SKY),
    Status.COMPLETED: ("✓", "+", GREEN),
    Status.CACHED: ("↯", "~", PURPLE),
    Status.FAILED: ("✕", "x", VERMILLION),
    Status.CANCELLING: ("-", "-", "dim"),
    Status.CANCELLED: ("-", "-", "dim"),
}


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table. On a narrow terminal those with the highest ``drop`` go first, once others are cut.

    ``keep`` columns are never cut: what stands in them can be copied.
    """

    title: str
    right: bool = False
    keep: bool = False
    drop: int = 0


class Terminal:
    """Where a command prints, and what that place can show."""

    def __init__(self, stream: TextIO, *, width: int | None, now: datetime, environ: dict[str, str]) -> None:
        """``width`` is None for what is not a terminal."""
        self.interactive = width is not None
        self.width = _UNLIMITED if width is None else width
        self.now = now
        self.unicode = (getattr(stream, "encoding", None) or "ascii").lower().replace("-", "") in {"utf8", "utf8sig"}
        self.stream = stream
        self._console = Console(
            file=stream,
            width=self.width,
            force_terminal=True if self.interactive else None,
            no_color=True if environ.get("NO_COLOR") else None,
            _environ=environ,
            markup=False,
            emoji=False,
            highlight=False,
        )

    @classmethod
    def of_process(cls, stream: TextIO | None = None) -> Terminal:
        """The terminal behind a stream (standard output if none is given) of this process."""
        target = sys.stdout if stream is None else stream
        width = shutil.get_terminal_size((80, 24)).columns if target.isatty() else None
        return cls(target, width=width, now=datetime.now(UTC), environ=dict(os.environ))

    def print(self, *parts: RenderableType) -> None:
        """Print renderables or plain text, each on lines of its own."""
        for part in parts:
            shown = Text(part) if isinstance(part, str) else part
            if self.interactive:
                self._console.print(shown, soft_wrap=isinstance(shown, Text))
            else:
                self.stream.write(self._plain(shown))

    def _plain(self, part: RenderableType) -> str:
        """What is piped: no spaces at the ends of lines."""
        with self._console.capture() as capture:
            self._console.print(part, soft_wrap=isinstance(part, Text))
        return "\n".join(line.rstrip() for line in capture.get().split("\n"))

    # Words

    def status(self, status: Status, *, inferred: bool = False) -> Text:
        """A state as icon, word and colour; ``inferred`` states are a conclusion, not a report."""
        icon, plain, style = _STATES[status]
        word = status.value.replace("_", " ") + (" (inferred)" if inferred else "")
        return Text(f"{icon if self.unicode else plain} {word}", style=style)

    def dash(self) -> str:
        """Stands where there is nothing."""
        return "-"

    def dot(self) -> str:
        """Divides facts in a line."""
        return "·" if self.unicode else "|"

    def when(self, moment: datetime | None) -> str:
        """How long ago on a terminal, of long ago the day; the time itself where it is piped."""
        if moment is None:
            return self.dash()
        if not self.interactive:
            return stamp(moment)
        span = self.now - moment
        return ago(span) if span < _LONG_AGO else moment.astimezone(UTC).strftime("%Y-%m-%d")

    def clip(self, text: str, width: int) -> str:
        """Clean one line of text, cut at ``width`` on a terminal; whole where it is piped."""
        line = clean(text)
        if not self.interactive or len(line) <= width:
            return line
        tail = "…" if self.unicode else "..."
        return line[: max(width - len(tail), 0)] + tail

    # Shapes

    def table(self, columns: Sequence[Column], rows: Iterable[Sequence[str | Text]]) -> Text:
        """A table without lines, one row a line, as wide as the terminal at most where it can be."""
        cells = [[cell if isinstance(cell, Text) else Text(clean(cell)) for cell in row] for row in rows]
        widths = [
            max([cell_len(column.title), *(row[i].cell_len for row in cells)]) for i, column in enumerate(columns)
        ]
        shown = fit(columns, widths, self.width)
        header: list[Text] = [Text(column.title, "bold") for column in columns]
        lines = [self._line(columns, row, shown) for row in (header, *cells)]
        return Text("\n").join(lines)

    def _line(self, columns: Sequence[Column], row: Sequence[Text], shown: Mapping[int, int]) -> Text:
        parts: list[Text] = []
        for index, width in shown.items():
            cell = row[index].copy()
            if cell.cell_len > width:
                cell.truncate(width, overflow="ellipsis" if self.unicode else "crop")
            pad = " " * (width - cell.cell_len)
            parts.append(Text(pad) + cell if columns[index].right else cell + pad)
        line = Text("  ").join(parts)
        line.rstrip()
        return line

    def facts(self, pairs: Iterable[tuple[str, str | Text | None]]) -> Table:
        """Names and what they are, without those that are None; long values wrap on a terminal."""
        table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
        table.add_column(style="dim", no_wrap=True)
        table.add_column(overflow="fold")
        for name, value in pairs:
            if value is not None:
                table.add_row(name, value if isinstance(value, Text) else Text(clean(value.strip(), lines=True)))
        return table

    def heading(self, text: str) -> Text:
        """The title of a part."""
        return Text(text, style="bold")

    def error_block(self, what: str, facts: Iterable[tuple[str, str]]) -> str:
        """An error for people: what happened, then one fact a line."""
        mark = "✕" if _encodes(sys.stderr, "✕") else "x"
        lines = [f"{mark} {clean(what, lines=True)}"]
        lines += [f"  {name + ':':7}{clean(text, lines=True)}" for name, text in facts]
        return "\n".join(lines)


def fit(columns: Sequence[Column], widths: Sequence[int], room: int) -> dict[int, int]:
    """Which columns are shown, and how wide: cut the widest that may be, then drop, until they fit into ``room``."""
    shown = dict(enumerate(widths))
    while sum(shown.values()) + _GAP * (len(shown) - 1) > room:
        over = sum(shown.values()) + _GAP * (len(shown) - 1) - room
        flexible = [i for i in shown if not columns[i].keep and shown[i] > _LEAST]
        droppable = [i for i in shown if columns[i].drop]
        if flexible:
            widest = max(flexible, key=lambda i: shown[i])
            shown[widest] = max(_LEAST, shown[widest] - max(1, min(over, shown[widest] // 4)))
        elif droppable:
            del shown[max(droppable, key=lambda i: columns[i].drop)]
            shown |= {i: widths[i] for i in shown}
        else:
            break
    return shown


def _encodes(stream: TextIO, text: str) -> bool:
    try:
        text.encode(getattr(stream, "encoding", None) or "ascii")
    except UnicodeEncodeError:
        return False
    return True


def clean(text: str, *, lines: bool = False) -> str:
    """Text with its control characters made visible; ``lines`` keeps line ends and tabs."""

    def shown(match: re.Match[str]) -> str:
        character = match.group()
        if character in "\n\t":
            return character if lines else " "
        return character.encode("unicode_escape").decode("ascii")

    return _CONTROL.sub(shown, text)


def duration(seconds: float | None) -> str:
    """A duration with two units at most: ``340 ms``, ``12.3 s``, ``2 min 05 s``, ``3 h 07 min``, ``2 d 04 h``."""
    if seconds is None:
        return ""
    if seconds < 1:
        return f"{max(seconds, 0) * 1000:.0f} ms"
    if seconds < 59.95:  # noqa: PLR2004 - what rounds to a minute is one
        return f"{seconds:.1f} s"
    whole = round(seconds)
    for unit, size, lower, lower_size in (("d", 86_400, "h", 3_600), ("h", 3_600, "min", 60)):
        if whole >= size:
            return f"{whole // size} {unit} {whole % size // lower_size:02d} {lower}"
    return f"{whole // 60} min {whole % 60:02d} s"


def ago(span: timedelta) -> str:
    """How long ago, in one unit."""
    seconds = span.total_seconds()
    if seconds < 5:  # noqa: PLR2004
        return "just now" if seconds > -60 else "in the future"  # noqa: PLR2004
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)):
        if seconds >= size:
            return f"{int(seconds // size)} {unit} ago"
    return "just now"


def stamp(moment: datetime) -> str:
    """A time for people: to the second, in UTC."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def counted(count: int, things: str) -> str:
    """So many of something, by its plural: ``1 event``, ``2 events``; ``series`` is one or many."""
    return f"{count} {things.removesuffix('s') if count == 1 and things != 'series' else things}"


def size(count: int | None) -> str:
    """Bytes in decimal units: ``512 B``, ``1.2 kB``, ``3.4 MB``."""
    if count is None:
        return ""
    amount = float(count)
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if amount < 999.5 or unit == "TB":  # noqa: PLR2004 - what rounds to 1000 has the next unit
            return f"{amount:.0f} {unit}" if unit == "B" or amount >= 100 else f"{amount:.1f} {unit}"  # noqa: PLR2004
        amount /= 1000
    raise AssertionError


def number(value: float | None) -> str:
    """A number to six digits; NaN and infinities by name; nothing for None."""
    if value is None:
        return ""
    return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}.get(f"{value:.6g}", f"{value:.6g}")
