"""numpy arrays: hashed in C order and little-endian whatever their layout, stored as ``.npy`` without pickle."""

from __future__ import annotations

import functools
import io
import json
from typing import Any

import numpy as np

from plugin_core.capture.values.budget import Budget, Digest, sample_positions
from plugin_core.capture.values.columns import identify, masks, update_cells, withheld
from plugin_core.capture.values.context import Context
from plugin_core.capture.values.description import DescribedArtifact, Description, Payload
from plugin_core.capture.values.preview import brief
from plugin_core.model.lineage import ArtifactType

_SHOWN = 8
_BLOCK = 2_000_000
_STRIDED = 4


def describe_array(name: str, value: Any, context: Context) -> Description:
    """An array as a DataSet; a zero-dimensional one too."""
    return describe_as_array(name, value, np.asarray(value), context)


def describe_as_array(name: str, value: Any, array: Any, context: Context) -> Description:
    """A value as a DataSet, of which ``array`` is the content."""
    secret = masks([name.rpartition(".")[2], name], context, lambda _: array.dtype.kind in "biufcmM")
    return Description(
        artifacts=(
            DescribedArtifact(
                name=name,
                type=ArtifactType.DATA_SET,
                media_type="application/x-npy",
                identity=identity_of(array, context),
                size_bytes=array.nbytes,
                properties={
                    **context.type_of(value),
                    "shape": " x ".join(map(str, array.shape)),
                    "dtype": str(array.dtype)[:256],
                    **({} if secret else {"preview": _preview(name, array, context)}),
                    **withheld(secret),
                },
                payload=None if secret else _payload(array, context),
            ),
        )
    )


def identity_of(array: Any, context: Context) -> str | None:
    """The identity of an array's content; None if it holds objects that cannot be read."""
    if array.dtype.hasobject and array.dtype.kind != "O":
        return None
    return identify(
        context,
        array.nbytes if array.dtype.kind != "O" else array.size * 64,
        lambda digest, budget: update_array(digest, array, budget),
        lambda digest, budget: sample_array(digest, array, budget),
    )


def update_array(digest: Digest, array: Any, budget: Budget) -> None:
    """Hash an array's type, shape and elements. Raises BudgetSpentError, UnknownCellError."""
    digest.text(_header(array))
    if array.dtype.kind == "O":
        update_cells(digest, array.flat, budget)
        return
    if array.size == 0:
        return
    if array.flags.c_contiguous:
        digest.update(_little(array))
        return
    # Copied piece by piece, so that the clock is looked at in between.
    rows = max(1, _BLOCK // max(1, array.nbytes // max(1, len(array))))
    for start in range(0, len(array), rows):
        budget.check()
        digest.update(_little(np.ascontiguousarray(array[start : start + rows])))


def array_bytes(array: Any) -> bytes:
    """What ``update_array`` hashes, of a small array without objects."""
    return _header(array).encode() + bytes(_little(array))


def sample_array(digest: Digest, array: Any, budget: Budget) -> None:
    """Hash an array's type, shape and some of its elements, chosen by its size alone."""
    budget.check()
    digest.text(_header(array))
    chosen = array[np.unravel_index(sample_positions(array.size), array.shape)]
    if array.dtype.kind == "O":
        update_cells(digest, chosen, budget, most=4_096)
    else:
        digest.update(_little(chosen))


def _header(array: Any) -> str:
    return f"ndarray {_canonical(array.dtype)[1]} {array.shape}"


@functools.lru_cache(maxsize=256)
def _canonical(dtype: Any) -> tuple[Any, str]:
    """The type that elements are hashed as, and its name: little-endian, nothing between a record's fields."""
    if dtype.names is None:
        little = dtype.newbyteorder("<")
        return little, little.str
    fields = [(name, _canonical(dtype.fields[name][0])[0]) for name in dtype.names]
    return np.dtype(fields), str(fields)


def _little(array: Any) -> bytes | memoryview:
    """The elements' bytes, without a copy where none is needed."""
    plain = array.astype(_canonical(array.dtype)[0], copy=False)
    if plain.dtype.kind in "biufc" and plain.size:
        return memoryview(plain.reshape(-1).view(np.uint8))
    return bytes(plain.tobytes())


def _preview(name: str, array: Any, context: Context) -> str:
    shown = [brief(name, array.flat[at], context) for at in range(min(_SHOWN, array.size))]
    return context.text(json.dumps([*shown, "…"] if array.size > _SHOWN else shown, ensure_ascii=False))


def _payload(array: Any, context: Context) -> Payload | None:
    if array.dtype.hasobject or not context.stores(array.nbytes, cost=1 if array.flags.forc else _STRIDED):
        return None
    snapshot = array.copy()

    def write() -> bytes | None:
        if snapshot.dtype.kind in "SUV" and not _texts_clean(snapshot, context):
            return None
        out = io.BytesIO()
        np.save(out, snapshot, allow_pickle=False)
        return out.getvalue()

    return Payload("application/x-npy", ".npy", write)


def _texts_clean(array: Any, context: Context) -> bool:
    if array.dtype.kind == "V":
        return context.is_clean(array.tobytes().decode("latin-1"))
    texts = array.ravel().tolist()
    return context.is_clean("\n".join(t if isinstance(t, str) else t.decode("latin-1") for t in texts))
