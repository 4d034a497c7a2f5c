"""pandas frames, series and indexes: schema and columns hashed by content, stored as Parquet or CSV."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable
from typing import Any, Final

import numpy as np
import pandas as pd

from plugin_core.capture.values.budget import Budget, Digest, sample_positions
from plugin_core.capture.values.columns import (
    CSV,
    PARQUET,
    chosen_columns,
    identify,
    masks,
    schema_text,
    table_payload,
    table_preview,
    update_cells,
    withheld,
)
from plugin_core.capture.values.context import Context
from plugin_core.capture.values.description import DescribedArtifact, Description, Payload
from plugin_core.capture.values.handlers.arrays import sample_array, update_array
from plugin_core.model.lineage import ArtifactType

_OBJECT_SIZE: Final = 64  # bytes that a Python object in a column counts for
_WIDE: Final = 256  # columns; asking for more of them one by one takes too long
_NUMBERS: Final = "biufcmM"
_RESERVED: Final = 0.25  # of the time, for the copy that is stored


def describe_frame(name: str, value: Any, context: Context) -> Description:
    """A DataFrame as a DataSet."""
    return _described(name, value, _Frame(value, context), context)


def describe_series(name: str, value: Any, context: Context) -> Description:
    """A Series as a DataSet of one column."""
    label = "value" if value.name is None else value.name
    return _described(name, value, _Frame(pd.DataFrame({label: value}), context), context)


def describe_index(name: str, value: Any, context: Context) -> Description:
    """An Index as a DataSet of its levels."""
    return _described(name, value, _Frame(value.to_frame(index=False), context), context)


def _described(name: str, value: Any, table: _Frame, context: Context) -> Description:
    frame = table.frame
    columns = table.names[: context.limits.items]
    secret = context.redactor.is_secret_name(name) or masks(table.names, context, table.is_number)
    identity = table.identity()
    nulls = table.nulls(len(columns)) if context.reads_whole(table.size) else None
    payload = None if secret or identity is None else _payload(table, identity, context)
    artifact = DescribedArtifact(
        name=name,
        type=ArtifactType.DATA_SET,
        media_type=None if payload is None else payload.media_type,
        identity=identity,
        size_bytes=table.size,
        properties={
            **context.type_of(value),
            "rows": str(len(frame)),
            "columns": str(len(table.names)),
            "schema": schema_text(columns, [str(table.array(at).dtype) for at in range(len(columns))], context),
            **({} if nulls is None else {"nulls": str(nulls)}),
            "preview": table_preview(columns, len(frame), lambda row, at: table.array(at)[row], context, name),
            **withheld(secret),
        },
        payload=payload,
    )
    return Description(artifacts=(artifact,))


class _Frame:
    """A frame as it is read: columns by position, each asked for once."""

    def __init__(self, frame: Any, context: Context) -> None:
        self.frame = frame
        self.names: list[Any] = list(frame.columns)
        self._context = context
        self._arrays: dict[int, Any] = {}
        self._mixed = False
        self.size = self._size()

    def array(self, at: int) -> Any:
        """The array of a column."""
        found = self._arrays.get(at)
        if found is None:
            found = self._arrays[at] = self.frame.iloc[:, at].array
        return found

    def is_number(self, at: int) -> bool:
        """Whether a column holds numbers, dates or flags."""
        return self.array(at).dtype.kind in _NUMBERS

    @property
    def is_plain(self) -> bool:
        """Whether, after ``identity``, its columns have types that Parquet knows and names that it takes."""
        texts = all(type(name) is str for name in self.names)
        return texts and len(set(self.names)) == len(self.names) and not self._mixed

    def _size(self) -> int:
        """Bytes; Python objects count by number, so that none is touched. Very wide frames are estimated."""
        columns = len(self.names)
        chosen = chosen_columns(columns)
        measured = sum(_array_size(self.array(at)) for at in chosen)
        index = self.frame.index
        own_index = 0 if isinstance(index, pd.RangeIndex | pd.MultiIndex) else _array_size(index.array)
        return int(measured * columns // max(1, len(chosen)) + own_index)

    def nulls(self, columns: int) -> int | None:
        """Missing values in the first columns; None if the time does not do."""
        total = 0
        for at in range(columns):
            if self._context.budget.left_s <= self._context.limits.budget_s * _RESERVED:
                return None
            total += int(self.array(at).isna().sum())
        return total

    def identity(self) -> str | None:
        """The hash of schema, index and columns."""
        return identify(self._context, self.size, self._whole, self._sampled, len(self.names))

    def _whole(self, digest: Digest, budget: Budget) -> None:
        columns = range(len(self.names))
        self._header(digest, columns, budget)
        _index(digest, self.frame.index, budget)
        kinds = set(self.frame.dtypes) if len(columns) > _WIDE else set[Any]()
        if len(kinds) == 1 and isinstance(kind := kinds.pop(), np.dtype) and kind.kind in _NUMBERS:
            digest.text(str(kind))
            update_array(digest, self.frame.to_numpy(), budget)
            return
        for at in columns:
            budget.check()
            digest.text(str(self.array(at).dtype))
            self._mixed = not _update(digest, self.array(at), budget) or self._mixed

    def _sampled(self, digest: Digest, budget: Budget) -> None:
        columns = chosen_columns(len(self.names))
        self._header(digest, columns, budget)
        _index(digest, self.frame.index, budget, sampled=True)
        rows = sample_positions(len(self.frame))
        for at in columns:
            budget.check()
            digest.text(str(self.array(at).dtype))
            _sample(digest, self.array(at), rows, budget)

    def _header(self, digest: Digest, columns: Iterable[int], budget: Budget) -> None:
        digest.text(f"pandas {self.frame.shape} {type(self.frame.index).__name__}")
        update_cells(digest, [_label(self.names[at]) for at in columns], budget)


def _is_objects(array: Any) -> bool:
    return isinstance(array, pd.arrays.NumpyExtensionArray) and array.dtype.kind == "O"


def _array_size(array: Any) -> int:
    if _is_objects(array):
        return len(array) * _OBJECT_SIZE
    return int(array.nbytes)


def _index(digest: Digest, index: Any, budget: Budget, *, sampled: bool = False) -> None:
    if isinstance(index, pd.RangeIndex):
        digest.text(f"{index.start} {index.stop} {index.step}")
        return
    rows = sample_positions(len(index))
    for level in range(index.nlevels):
        if sampled and index.nlevels == 1:
            _sample(digest, index.array, rows, budget)
        else:
            seen = index.take(rows) if sampled else index
            _update(digest, seen.get_level_values(level).array, budget)


def _label(label: Any) -> Any:
    plain = type(label) is tuple and all(type(part) is str or type(part) is int for part in label)
    return repr(label) if plain else label


def _update(digest: Digest, array: Any, budget: Budget) -> bool:
    """Hash a column's content, whatever holds it; return whether all of it has one type."""
    if isinstance(array, pd.Categorical):
        update_array(digest, np.ascontiguousarray(array.codes), budget)
        return _update(digest, array.categories.array, budget)
    if isinstance(array, pd.arrays.NumpyExtensionArray):
        content = array.to_numpy()
        if content.dtype.kind == "O":
            return update_cells(digest, content, budget)
        update_array(digest, content, budget)
    elif isinstance(array, pd.arrays.IntegerArray | pd.arrays.FloatingArray | pd.arrays.BooleanArray):
        kind = array.dtype.numpy_dtype
        update_array(digest, array.isna(), budget)
        update_array(digest, array.to_numpy(kind, na_value=kind.type(0)), budget)
    elif hasattr(array, "asi8"):  # dates, spans and periods; zone and frequency stand in the type
        update_array(digest, array.asi8, budget)
    elif isinstance(array, pd.arrays.IntervalArray):
        return _update(digest, array.left.array, budget) and _update(digest, array.right.array, budget)
    elif isinstance(array, pd.arrays.SparseArray):
        update_array(digest, np.asarray(array), budget)
    elif hasattr(array, "_pa_array"):
        _update_arrow(digest, array, budget)
    else:
        return update_cells(digest, array, budget)
    return True


def _update_arrow(digest: Digest, array: Any, budget: Budget) -> None:
    from plugin_core.capture.values.handlers.arrow_tables import update_chunked

    update_chunked(digest, array.__arrow_array__(), budget)


def _sample(digest: Digest, array: Any, rows: list[int], budget: Budget) -> None:
    if isinstance(array, pd.arrays.NumpyExtensionArray) and array.dtype.kind != "O":
        sample_array(digest, array.to_numpy(), budget)
        return
    taken = array.take(np.asarray(rows, dtype=np.intp))
    if _is_objects(array):
        update_cells(digest, taken, budget, most=4_096)
    else:
        _update(digest, taken, budget)


def _payload(table: _Frame, identity: str, context: Context) -> Payload | None:
    """Only of what was wholly read: every cell is of a known type then, and immutable."""
    if not identity.startswith("sha256:") or not context.stores(table.size, parts=len(table.names)):
        return None
    snapshot = table.frame.copy(deep=True)
    as_parquet = table.is_plain and "pyarrow" in sys.modules

    def write() -> bytes:
        if as_parquet:
            out = io.BytesIO()
            snapshot.to_parquet(out, engine="pyarrow")
            return out.getvalue()
        text: str = snapshot.to_csv(index=not isinstance(snapshot.index, pd.RangeIndex))
        return text.encode("utf-8", "backslashreplace")

    return table_payload(PARQUET if as_parquet else CSV, write, lambda: _texts(snapshot), context)


def _texts(frame: Any) -> Iterable[str]:
    for column in (frame.iloc[:, at] for at in range(frame.shape[1])):
        if column.dtype.kind not in _NUMBERS:
            yield "\n".join(str(cell) for cell in column.unique())
    if frame.index.dtype.kind not in _NUMBERS:
        yield "\n".join(map(str, frame.index.unique()))
