"""pyarrow tables and arrays: columns hashed by content, whatever their chunks, offsets and unused bytes."""

from __future__ import annotations

from typing import Any, Final

import pyarrow as pa
import pyarrow.compute

from plugin_core.capture.values.budget import Budget, Digest

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
