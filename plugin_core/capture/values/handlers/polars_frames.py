"""polars frames and series: columns hashed by content with polars' own means. A LazyFrame is never collected."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any

import polars as pl

from plugin_core.capture.values.budget import Budget, Digest, sample_positions
from plugin_core.capture.values.columns import (
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
from plugin_core.model.lineage import ArtifactType


def describe_frame(name: str, value: Any, context: Context) -> Description:
    """A DataFrame as a DataSet."""
    return _described(name, value, value, context)


def describe_series(name: str, value: Any, context: Context) -> Description:
    """A Series as a DataSet of one column."""
    return _described(name, value, value.to_frame(), context)


def _described(name: str, value: Any, frame: pl.DataFrame, context: Context) -> Description:
    columns = frame.columns[: context.limits.items]
    types = [str(kind) for kind in frame.dtypes[: len(columns)]]
    size = int(frame.estimated_size())
    secret = context.redactor.is_secret_name(name) or masks(
        frame.columns, context, lambda at: _is_number(frame.dtypes[at])
    )
    payload = None if secret else _payload(frame, size, context)
    artifact = DescribedArtifact(
        name=name,
        type=ArtifactType.DATA_SET,
        media_type=None if payload is None else payload.media_type,
        identity=_identity(frame, size, context),
        size_bytes=size,
        properties={
            **context.type_of(value),
            "rows": str(frame.height),
            "columns": str(frame.width),
            "schema": schema_text(columns, types, context),
            "nulls": str(sum(frame.to_series(at).null_count() for at in range(len(columns)))),
            "preview": table_preview(columns, frame.height, lambda row, at: _cell(frame, row, at), context, name),
            **withheld(secret),
        },
        payload=payload,
    )
    return Description(artifacts=(artifact,))


def _identity(frame: pl.DataFrame, size: int, context: Context) -> str | None:
    header = f"polars {frame.shape}"

    def whole(digest: Digest, budget: Budget) -> None:
        digest.text(header)
        for column in frame.iter_columns():
            digest.text(column.name)
            _update(digest, column, budget)

    def sample(digest: Digest, budget: Budget) -> None:
        digest.text(header)
        rows = sample_positions(frame.height)
        for at in chosen_columns(frame.width):
            column = frame.to_series(at)
            digest.text(column.name)
            budget.check()
            _update(digest, column.gather(rows), budget)

    return identify(context, size, whole, sample, frame.width)


def _update(digest: Digest, column: pl.Series, budget: Budget) -> None:
    """Hash a column's type, nulls and values."""
    budget.check()
    kind = column.dtype
    digest.text(f"{kind} {len(column)}")
    digest.update(column.is_null().cast(pl.UInt8).to_numpy().tobytes())
    if kind.is_nested():
        _update_nested(digest, column, budget)
    elif isinstance(kind, pl.String | pl.Categorical | pl.Enum | pl.Decimal):
        _update_text(digest, column.cast(pl.String))
    elif isinstance(kind, pl.Boolean):
        digest.update(column.fill_null(False).cast(pl.UInt8).to_numpy().tobytes())
    elif kind.is_numeric() or kind.is_temporal():
        digest.update(column.to_physical().fill_null(0).to_numpy().tobytes())
    else:
        update_cells(digest, column.to_list(), budget)


def _update_nested(digest: Digest, column: pl.Series, budget: Budget) -> None:
    if isinstance(column.dtype, pl.Struct):
        for field in column.struct.fields:
            digest.text(field)
            _update(digest, column.struct.field(field), budget)
        return
    lists = column.arr.to_list() if isinstance(column.dtype, pl.Array) else column
    digest.update(lists.list.len().fill_null(0).to_numpy().tobytes())
    _update(digest, lists.filter(lists.list.len() > 0).explode(), budget)


def _update_text(digest: Digest, column: pl.Series) -> None:
    filled = column.fill_null("")
    digest.update(filled.str.len_bytes().to_numpy().tobytes())
    joined = filled.str.join("")
    digest.update((joined[0] or "").encode() if len(joined) else b"")


def _cell(frame: pl.DataFrame, row: int, at: int) -> Any:
    cell = frame.to_series(at)[row]
    return cell.to_list() if isinstance(cell, pl.Series) else cell


def _is_number(kind: Any) -> bool:
    return bool(kind.is_numeric() or kind.is_temporal())


def _payload(frame: pl.DataFrame, size: int, context: Context) -> Payload | None:
    if not context.stores(size) or any(isinstance(kind, pl.Object) for kind in frame.dtypes):
        return None
    # Its buffers may be shared with a numpy array that its owner goes on to change.
    out = io.BytesIO()
    frame.write_ipc(out, compression="uncompressed")
    copied = out.getvalue()

    def write() -> bytes:
        stored = io.BytesIO()
        pl.read_ipc(io.BytesIO(copied)).write_parquet(stored)
        return stored.getvalue()

    return table_payload(PARQUET, write, lambda: _texts(pl.read_ipc(io.BytesIO(copied))), context)


def _texts(frame: pl.DataFrame) -> Iterable[str]:
    for column in frame.iter_columns():
        if not _is_number(column.dtype) and column.dtype != pl.Boolean:
            yield "\n".join(map(str, column.unique().to_list()))
