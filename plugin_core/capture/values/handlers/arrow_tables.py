"""pyarrow tables and arrays: columns hashed by content, whatever their chunks, offsets and unused bytes."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute

from plugin_core.capture.values.budget import Budget, Digest, sample_ranges
from plugin_core.capture.values.columns import (
    PARQUET,
    chosen_columns,
    identify,
    masks,
    schema_text,
    table_payload,
    table_preview,
    withheld,
)
from plugin_core.capture.values.context import Context
from plugin_core.capture.values.description import DescribedArtifact, Description, Payload
from plugin_core.model.lineage import ArtifactType

pc: Any = pyarrow.compute  # its functions are made at import, unseen by type checkers
_FIXED: Final = (
    pa.types.is_integer,
    pa.types.is_floating,
    pa.types.is_temporal,
    pa.types.is_decimal,
    pa.types.is_fixed_size_binary,
)


def update_chunked(digest: Digest, column: Any, budget: Budget) -> None:
    """Hash a column: its type, its nulls, its values. Raises BudgetSpentError."""
    budget.check()
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if isinstance(array, pa.ChunkedArray):  # 32-bit offsets do not hold it as one
        array = pa.concat_arrays([pc.cast(chunk, _large(chunk.type)) for chunk in array.chunks])
    _update(digest, array, budget)


def _update(digest: Digest, array: Any, budget: Budget) -> None:
    budget.check()
    kind = array.type
    if isinstance(array, pa.ExtensionArray):
        array, kind = array.storage, array.storage.type
    if pa.types.is_dictionary(kind):
        _update(digest, array.dictionary_decode(), budget)
        return
    digest.text(f"{_canonical(kind)} {len(array)}")
    digest.update(_bits(array.is_null()))
    if any(test(kind) for test in _FIXED):
        _update_fixed(digest, array)
    elif pa.types.is_boolean(kind):
        digest.update(_bits(pc.fill_null(array, False)))
    elif _is_text(kind):
        _update_text(digest, array)
    elif pa.types.is_struct(kind):
        for field in array.flatten():
            _update(digest, field, budget)
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind):
        digest.update(_fixed_bytes(pc.fill_null(pc.cast(pc.list_value_length(array), pa.int64()), 0)))
        _update(digest, array.flatten(), budget)
    elif not pa.types.is_null(kind):
        digest.update(str(array.to_pylist()).encode("utf-8", "surrogatepass"))


def _is_text(kind: Any) -> bool:
    return bool(
        pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_string_view(kind)
        or pa.types.is_binary_view(kind)
    )


def _canonical(kind: Any) -> str:
    """The type's name; texts with short, long and no offsets are the same."""
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return "string"
    return "binary" if _is_text(kind) else str(kind)


def _large(kind: Any) -> Any:
    return {"string": pa.large_string(), "binary": pa.large_binary()}.get(_canonical(kind), kind)


def _update_fixed(digest: Digest, array: Any) -> None:
    digest.update(_fixed_bytes(array if array.null_count == 0 else _zero_filled(array)))


def _zero_filled(array: Any) -> Any:
    """Nulls may stand over any bytes: they count as zeros."""
    width = array.type.bit_width // 8
    raw = pa.Array.from_buffers(pa.binary(width), len(array), array.buffers(), offset=array.offset)
    return pc.fill_null(raw, bytes(width))


def _fixed_bytes(array: Any) -> memoryview:
    width = array.type.bit_width // 8
    data = array.buffers()[1]
    if data is None:
        return memoryview(b"")
    return memoryview(data)[array.offset * width : (array.offset + len(array)) * width]


def _bits(array: Any) -> bytes:
    """A boolean array, a byte for each value."""
    return bytes(_fixed_bytes(pc.cast(array, pa.uint8())))


def _update_text(digest: Digest, array: Any) -> None:
    filled = array if array.null_count == 0 else pc.fill_null(array, "" if _canonical(array.type) == "string" else b"")
    large = pc.cast(filled, _large(array.type))
    digest.update(_fixed_bytes(pc.cast(pc.binary_length(large), pa.int64())))
    offsets = memoryview(large.buffers()[1]).cast("q") if len(large) else memoryview(b"")
    if len(large) and large.buffers()[2] is not None:
        data = memoryview(large.buffers()[2])
        digest.update(data[offsets[large.offset] : offsets[large.offset + len(large)]])


# --- Tables --------------------------------------------------------------------------------------------------


def describe_table(name: str, value: Any, context: Context) -> Description:
    """A Table or RecordBatch as a DataSet."""
    table = pa.Table.from_batches([value]) if isinstance(value, pa.RecordBatch) else value
    return _described(name, value, table, context)


def describe_column(name: str, value: Any, context: Context) -> Description:
    """An Array or ChunkedArray as a DataSet of one column."""
    return _described(name, value, pa.table({"value": value}), context)


def _described(name: str, value: Any, table: Any, context: Context) -> Description:
    columns = table.column_names[: context.limits.items]
    types = [str(field.type) for field in list(table.schema)[: len(columns)]]
    secret = context.redactor.is_secret_name(name) or masks(
        table.column_names, context, lambda at: _is_number(table.schema.field(at).type)
    )
    payload = None if secret else _payload(table, context)
    artifact = DescribedArtifact(
        name=name,
        type=ArtifactType.DATA_SET,
        media_type=None if payload is None else payload.media_type,
        identity=identity_of(table, context),
        size_bytes=table.nbytes,
        properties={
            **context.type_of(value),
            "rows": str(table.num_rows),
            "columns": str(table.num_columns),
            "schema": schema_text(columns, types, context),
            "nulls": str(sum(table.column(at).null_count for at in range(len(columns)))),
            "preview": table_preview(
                columns, table.num_rows, lambda row, at: table.column(at)[row].as_py(), context, name
            ),
            **withheld(secret),
        },
        payload=payload,
    )
    return Description(artifacts=(artifact,))


def identity_of(table: Any, context: Context) -> str | None:
    """The identity of a table's content; metadata of its schema does not count."""

    def whole(digest: Digest, budget: Budget) -> None:
        digest.text(_header(table, table.column_names))
        for column in table.columns:
            update_chunked(digest, column, budget)

    def sample(digest: Digest, budget: Budget) -> None:
        names = [table.column_names[at] for at in chosen_columns(table.num_columns)]
        digest.text(_header(table, names))
        for at in chosen_columns(table.num_columns):
            update_chunked(digest, _sampled(table.column(at)), budget)

    return identify(context, table.nbytes, whole, sample, table.num_columns)


def _header(table: Any, names: list[str]) -> str:
    return f"arrow {table.num_rows} {table.num_columns} {names}"


def _sampled(column: Any) -> Any:
    blocks = [column.slice(block[0], len(block)) for block in sample_ranges(len(column)) if len(block)]
    return pa.chunked_array([chunk for block in blocks for chunk in block.chunks], type=column.type)


def _is_number(kind: Any) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_temporal(kind))


def _payload(table: Any, context: Context) -> Payload | None:
    """Arrow may share memory with a numpy array that its owner goes on to change: copied as an IPC stream."""
    if not context.stores(table.nbytes):
        return None
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    copied = sink.getvalue()

    def write() -> bytes:
        import pyarrow.parquet as pq

        out = io.BytesIO()
        pq.write_table(pa.ipc.open_stream(copied).read_all(), out)
        return out.getvalue()

    return table_payload(PARQUET, write, lambda: _texts(pa.ipc.open_stream(copied).read_all()), context)


def _texts(table: Any) -> Iterable[str]:
    for column in table.columns:
        if not _is_number(column.type) and not pa.types.is_boolean(column.type):
            yield "\n".join(map(str, column.to_pylist()))
