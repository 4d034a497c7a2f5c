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
    UnknownCellError,
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
_COUNTED_NULLS: Final = 100


def describe_frame(name: str, value: Any, context: Context) -> Description:
    """A DataFrame as a DataSet."""
    return _described(name, value, value, context)


def describe_series(name: str, value: Any, context: Context) -> Description:
    """A Series as a DataSet of one column."""
    label = "value" if value.name is None else value.name
    return _described(name, value, pd.DataFrame({label: value}), context)


def describe_index(name: str, value: Any, context: Context) -> Description:
    """An Index as a DataSet of its levels."""
    return _described(name, value, value.to_frame(index=False), context)


def _described(name: str, value: Any, frame: Any, context: Context) -> Description:
    columns = list(frame.columns[: context.limits.items])
    secret = masks(columns, context, lambda at: frame.dtypes.iloc[at].kind in "biufcmM")
    secret = secret or context.redactor.is_secret_name(name)
    size = _size(frame)
    identity = _identity(frame, size, context)
    nulls = _nulls(frame, context) if context.reads_whole(size) else None
    payload = None if secret else _payload(frame, size, context)
    artifact = DescribedArtifact(
        name=name,
        type=ArtifactType.DATA_SET,
        media_type=None if payload is None else payload.media_type,
        identity=identity,
        size_bytes=size,
        properties={
            **context.type_of(value),
            "rows": str(len(frame)),
            "columns": str(frame.shape[1]),
            "schema": schema_text(columns, [str(dtype) for dtype in frame.dtypes.iloc[: len(columns)]], context),
            **({} if nulls is None else {"nulls": str(nulls)}),
            "preview": table_preview(columns, len(frame), lambda row, at: frame.iloc[row, at], context, name),
            **withheld(secret),
        },
        payload=payload,
    )
    return Description(artifacts=(artifact,))


def _size(frame: Any) -> int:
    """Bytes of the frame; Python objects count by number, so that none is touched. Very wide ones are estimated."""
    columns = frame.shape[1]
    chosen = chosen_columns(columns)
    measured = sum(_array_size(frame.iloc[:, at].array) for at in chosen)
    index = frame.index
    own_index = 0 if isinstance(index, pd.RangeIndex | pd.MultiIndex) else _array_size(index.array)
    return int(measured * columns // max(1, len(chosen)) + own_index)


def _array_size(array: Any) -> int:
    if array.dtype.kind == "O" and not hasattr(array, "_pa_array"):
        return len(array) * _OBJECT_SIZE
    return int(array.nbytes)


def _identity(frame: Any, size: int, context: Context) -> str | None:
    def whole(digest: Digest, budget: Budget) -> None:
        _header(digest, frame, budget)
        for at in range(frame.shape[1]):
            budget.check()
            _update(digest, frame.iloc[:, at].array, budget)

    def sample(digest: Digest, budget: Budget) -> None:
        _header(digest, frame, budget, sampled=True)
        rows = sample_positions(len(frame))
        for at in chosen_columns(frame.shape[1]):
            budget.check()
            _sample(digest, frame.iloc[:, at].array, rows, budget)

    return identify(context, size, whole, sample)


def _header(digest: Digest, frame: Any, budget: Budget, *, sampled: bool = False) -> None:
    digest.text(f"pandas {frame.shape} {type(frame.index).__name__}")
    columns = chosen_columns(frame.shape[1]) if sampled else range(frame.shape[1])
    update_cells(digest, (_label(frame.columns[at]) for at in columns), budget)
    update_cells(digest, (str(frame.dtypes.iloc[at]) for at in columns), budget)
    index = frame.index
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
    return repr(tuple(label)) if type(label) is tuple and all(type(part) in {str, int} for part in label) else label


def _update(digest: Digest, array: Any, budget: Budget) -> None:
    """Hash a column's content, whatever holds it."""
    if isinstance(array, pd.Categorical):
        update_array(digest, np.ascontiguousarray(array.codes), budget)
        _update(digest, array.categories.array, budget)
    elif isinstance(array, pd.arrays.NumpyExtensionArray):
        update_array(digest, array.to_numpy(), budget)
    elif isinstance(array, pd.arrays.IntegerArray | pd.arrays.FloatingArray | pd.arrays.BooleanArray):
        update_array(digest, array.isna(), budget)
        update_array(digest, array.to_numpy(array.dtype.numpy_dtype, na_value=array.dtype.numpy_dtype.type(0)), budget)
    elif array.dtype.kind in "mM" and hasattr(array, "asi8"):
        update_array(digest, array.asi8, budget)
    elif hasattr(array, "_pa_array"):
        _update_arrow(digest, array, budget)
    else:
        update_cells(digest, array, budget)


def _update_arrow(digest: Digest, array: Any, budget: Budget) -> None:
    from plugin_core.capture.values.handlers.arrow_tables import update_chunked

    update_chunked(digest, array.__arrow_array__(), budget)


def _sample(digest: Digest, array: Any, rows: list[int], budget: Budget) -> None:
    if isinstance(array, pd.arrays.NumpyExtensionArray) and array.dtype.kind != "O":
        sample_array(digest, array.to_numpy(), budget)
        return
    taken = array.take(np.asarray(rows, dtype=np.intp))
    if array.dtype.kind == "O" and not hasattr(array, "_pa_array"):
        update_cells(digest, taken, budget, most=4_096)
    else:
        _update(digest, taken, budget)


def _nulls(frame: Any, context: Context) -> int | None:
    total = 0
    for at in range(min(frame.shape[1], _COUNTED_NULLS)):
        if context.budget.left_s <= context.limits.budget_s / 4:
            return None
        total += int(frame.iloc[:, at].isna().sum())
    return total


def _payload(frame: Any, size: int, context: Context) -> Payload | None:
    if not context.stores(size):
        return None
    objects = [at for at in range(frame.shape[1]) if _is_objects(frame.iloc[:, at].array)]
    try:
        only_text = [update_cells(context.digest(""), frame.iloc[:, at].array, context.budget) for at in objects]
    except UnknownCellError:
        return None
    snapshot = frame.copy(deep=True)
    as_parquet = all(only_text) and "pyarrow" in sys.modules and _has_plain_names(snapshot)

    def write() -> bytes:
        if as_parquet:
            out = io.BytesIO()
            snapshot.to_parquet(out, engine="pyarrow")
            return out.getvalue()
        text: str = snapshot.to_csv(index=not isinstance(snapshot.index, pd.RangeIndex))
        return text.encode("utf-8", "backslashreplace")

    return table_payload(PARQUET if as_parquet else CSV, write, lambda: _texts(snapshot), context)


def _is_objects(array: Any) -> bool:
    return array.dtype.kind == "O" and isinstance(array, pd.arrays.NumpyExtensionArray)


def _has_plain_names(frame: Any) -> bool:
    names = list(frame.columns)
    return all(type(name) is str for name in names) and len(set(names)) == len(names)


def _texts(frame: Any) -> Iterable[str]:
    for column in (frame.iloc[:, at] for at in range(frame.shape[1])):
        if column.dtype.kind not in "biufcmM":
            yield "\n".join(str(cell) for cell in column.unique())
    if frame.index.dtype.kind not in "biufcmM":
        yield "\n".join(map(str, frame.index.unique()))


__all__ = ["describe_frame", "describe_index", "describe_series"]
