"""Cells and columns of any table: hashed by exact type, shown by type, searched for secrets."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Any, Final

from plugin_core.capture.values.budget import Budget, BudgetSpentError, Digest
from plugin_core.capture.values.context import PAYLOAD_WITHHELD, Context
from plugin_core.capture.values.description import Payload
from plugin_core.capture.values.preview import brief
from plugin_core.redaction import REDACTED

_SHOWN_COLUMNS: Final = 20
_SHOWN_ROWS: Final = 5
_LISTED: Final = 100
_SAMPLED_COLUMNS: Final = 128
_CHECK_EVERY: Final = 1_024
_WHOLE_SHARE: Final = 0.8
_WIDE_SHARE: Final = 0.5  # a sample of many columns takes its time too
_SMALL: Final = 1 << 18  # bytes
_STR: Final = id(str)  # by id: a metaclass's own hash is never called
_FEW: Final = 128
_PATIENCE: Final = 5
_SAMPLE_SHARE: Final = 0.8

PARQUET: Final = ("application/vnd.apache.parquet", ".parquet")
CSV: Final = ("text/csv", ".csv")


class UnknownCellError(Exception):
    """A cell holds an object whose content cannot be read without running its code."""


def update_cells(digest: Digest, cells: Iterable[Any], budget: Budget, *, most: int | None = None) -> bool:
    """Hash Python objects by exact type; return whether all of them are texts or missing.

    ``most`` bounds the bytes taken of each cell. Raises UnknownCellError and BudgetSpentError.
    """
    only_text = True
    stream = iter(cells)
    while chunk := list(islice(stream, _CHECK_EVERY)):
        budget.check()
        if most is None and set(map(id, map(type, chunk))) == {_STR}:
            _update_texts(digest, chunk)
        else:
            only_text = _update_each(digest, chunk, most) and only_text
    return only_text


def _update_texts(digest: Digest, chunk: list[str]) -> None:
    digest.text(",".join(map(str, map(len, chunk))))
    digest.text("".join(chunk))


def _update_each(digest: Digest, chunk: list[Any], most: int | None) -> bool:
    cells = [_cell(cell) for cell in chunk]
    digest.update(b"".join(part for data, _ in cells for part in (b"%d;" % len(data), data[:most])))
    return all(is_text for _, is_text in cells)


def _cell(cell: Any) -> tuple[bytes, bool]:
    kind = type(cell)
    if kind is str:
        return b"s" + cell.encode("utf-8", "surrogatepass"), True
    if cell is None or (kind is float and cell != cell):  # noqa: PLR0124 - NaN, which tables use for "missing"
        return b"n", True
    if kind is bool or kind is int or kind is float:
        return b"v" + (hex(cell) if kind is int else repr(cell)).encode(), False
    if kind is bytes:
        return b"b" + cell, False
    return _other_cell(cell), False


def cell_bytes(cell: Any) -> bytes:
    """One object's content. Raises UnknownCellError."""
    return _cell(cell)[0]


def _other_cell(cell: Any) -> bytes:
    from plugin_core.capture.values.scalars import converter

    convert = converter(type(cell))
    if convert is None:
        raise UnknownCellError
    return b"o" + json.dumps(convert(cell)).encode()


def identify(
    context: Context,
    size: int,
    whole: Callable[[Digest, Budget], None],
    sample: Callable[[Digest, Budget], None],
    parts: int = 1,
) -> str | None:
    """The identity of content of ``size`` bytes in ``parts`` columns: of all of it, else of a sample, else None.

    Small content takes a millisecond, but for a library's first use in the process: it is read as a whole all the
    same, so that its identity is the same every time.
    """
    if context.reads_whole(size):
        try:
            budget = context.budget.stage(_share(size, parts))
            digest = context.digest("whole", budget)
            whole(digest, budget)
            return digest.identity()
        except BudgetSpentError:
            pass
        except UnknownCellError:
            return None
    try:
        budget = context.budget.stage(_SAMPLE_SHARE)
        digest = context.digest("sample", budget)
        sample(digest, budget)
        return digest.identity(whole=False)
    except (BudgetSpentError, UnknownCellError):
        return None


def _share(size: int, parts: int) -> float:
    if parts > _FEW:
        return _WIDE_SHARE
    return _PATIENCE if size <= _SMALL else _WHOLE_SHARE


def chosen_columns(columns: int) -> list[int]:
    """All columns, or of very many a fixed choice."""
    if columns <= _SAMPLED_COLUMNS:
        return list(range(columns))
    return [(columns - 1) * i // (_SAMPLED_COLUMNS - 1) for i in range(_SAMPLED_COLUMNS)]


def schema_text(names: Sequence[object], types: Sequence[str], context: Context) -> str:
    """Columns and their types as JSON text, at most 100 of them."""
    from plugin_core.capture.values.preview import key_text

    listed = {
        key_text(name, position, context): kind
        for position, (name, kind) in enumerate(zip(names[:_LISTED], types[:_LISTED], strict=False))
    }
    return json.dumps(listed, ensure_ascii=False)[: context.limits.text]


def table_preview(
    names: Sequence[object], rows: int, cell: Callable[[int, int], Any], context: Context, prefix: str = ""
) -> str:
    """The first rows of the first columns as CSV text; columns with secret names are masked."""
    from plugin_core.capture.values.preview import key_text

    shown = [key_text(name, position, context) for position, name in enumerate(names[:_SHOWN_COLUMNS])]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*shown, "…"] if len(names) > _SHOWN_COLUMNS else shown)
    for row in range(min(rows, _SHOWN_ROWS)):
        writer.writerow([_shown(f"{prefix}.{name}", cell(row, at), context) for at, name in enumerate(shown)])
    return context.text(out.getvalue())


def _shown(name: str, cell: Any, context: Context) -> Any:
    value = brief(name, cell, context)
    if value is None or type(value) in {str, bool, int, float}:
        return value
    return REDACTED if value == REDACTED else json.dumps(value, ensure_ascii=False)


def masks(names: Sequence[object], context: Context, is_number: Callable[[int], bool]) -> bool:
    """Whether a table has a column whose content is secret by its name; if so nothing of it is stored."""
    texts = [name if type(name) is str else "" for name in names]
    if not context.redactor.may_name_secret("\n".join(texts)):
        return False
    return any(
        context.redactor.hides(name, 0 if is_number(position) else "text") for position, name in enumerate(texts)
    )


def withheld(secret: bool) -> dict[str, str]:
    """The property of a value of which no bytes are stored because of a secret."""
    return dict(PAYLOAD_WITHHELD) if secret else {}


def table_payload(
    kind: tuple[str, str], write: Callable[[], bytes], texts: Callable[[], Iterable[str]], context: Context
) -> Payload:
    """A table to be written later, unless one of its texts holds a secret."""

    def checked() -> bytes | None:
        return write() if all(context.is_clean(text) for text in texts()) else None

    return Payload(kind[0], kind[1], checked)
