"""Formats that values are stored in and come back from as they were. All but pickle are safe to read."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from plugin_core.errors import InvalidValueError

_SCALARS: Final = (str, int, float, bool, type(None))


@dataclass(frozen=True, slots=True)
class Format:
    """A way to turn values of some types into bytes and back."""

    name: str
    media_type: str
    takes: Callable[[Any], bool]
    dump: Callable[[Any], bytes]
    load: Callable[[bytes], Any]


def encode(value: Any, *, allow_pickle: bool) -> tuple[Format, bytes]:
    """The first format that takes the value, and its bytes. InvalidValueError if there is none."""
    cause: Exception | None = None
    for form in FORMATS:
        if form.takes(value):
            try:
                return form, form.dump(value)
            except (ValueError, TypeError, NotImplementedError, ImportError) as error:
                cause = error  # a table whose cells its format does not hold
    if not allow_pickle:
        raise InvalidValueError(
            f"FlowtrailIOManager has no safe format for this {type(value).__module__}.{type(value).__qualname__}"
            + ("." if cause is None else f": {type(cause).__name__}."),
            hint="Return tables of pandas, polars or pyarrow, numpy arrays, bytes, or what JSON holds exactly; or set "
            "allow_pickle=True, if all who can write to the store are trusted.",
        ) from cause
    return PICKLE, PICKLE.dump(value)


def decode(name: str, data: bytes, *, allow_pickle: bool) -> Any:
    """A value from its bytes. InvalidValueError for pickles that are not allowed, and for unknown formats."""
    if name == PICKLE.name and not allow_pickle:
        raise InvalidValueError(
            "The value is stored as a pickle, which runs code when it is read.",
            hint="Set FlowtrailIOManager(allow_pickle=True), if all who can write to the store are trusted.",
        )
    form = next((form for form in (*FORMATS, PICKLE) if form.name == name), None)
    if form is None:
        raise InvalidValueError(f"The value is stored in the format {name!r}, which this flowtrail does not know.")
    return form.load(data)


def _is(module: str, name: str) -> Callable[[Any], bool]:
    """Whether a value is exactly of a type, which is not imported for those who have none of it."""
    return lambda value: type(value) is getattr(sys.modules.get(module), name, ())


def _dump_pandas(value: Any) -> bytes:
    out = io.BytesIO()
    value.to_parquet(out, engine="pyarrow")
    return out.getvalue()


def _load_pandas(data: bytes) -> Any:
    import pandas as pd

    return pd.read_parquet(io.BytesIO(data), engine="pyarrow")


def _dump_polars(value: Any) -> bytes:
    out = io.BytesIO()
    value.write_parquet(out)
    return out.getvalue()


def _load_polars(data: bytes) -> Any:
    import polars as pl

    return pl.read_parquet(io.BytesIO(data))


def _dump_arrow(value: Any) -> bytes:
    import pyarrow.parquet as pq

    out = io.BytesIO()
    pq.write_table(value, out)
    return out.getvalue()


def _load_arrow(data: bytes) -> Any:
    import pyarrow.parquet as pq

    return pq.read_table(io.BytesIO(data))


def _dump_array(value: Any) -> bytes:
    import numpy as np

    out = io.BytesIO()
    np.save(out, value, allow_pickle=False)
    return out.getvalue()


def _load_array(data: bytes) -> Any:
    import numpy as np

    return np.load(io.BytesIO(data), allow_pickle=False)


def _is_exact_json(value: Any) -> bool:
    """Whether a value comes back from JSON as it was: no tuples, no keys but texts, no types of their own."""
    if type(value) in _SCALARS:
        return True
    if type(value) is list:
        return all(map(_is_exact_json, value))
    return type(value) is dict and all(type(key) is str and _is_exact_json(item) for key, item in value.items())


def _dump_pickle(value: Any) -> bytes:
    import pickle

    return pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL)


def _load_pickle(data: bytes) -> Any:
    import pickle

    return pickle.loads(data)  # noqa: S301 - only where the user said so, of bytes whose checksum was verified


_PARQUET: Final = "application/vnd.apache.parquet"
FORMATS: Final = (
    Format("json", "application/json", _is_exact_json, lambda value: json.dumps(value).encode(), json.loads),
    Format("bytes", "application/octet-stream", lambda value: type(value) is bytes, bytes, bytes),
    Format("pandas.parquet", _PARQUET, _is("pandas", "DataFrame"), _dump_pandas, _load_pandas),
    Format("polars.parquet", _PARQUET, _is("polars", "DataFrame"), _dump_polars, _load_polars),
    Format("arrow.parquet", _PARQUET, _is("pyarrow", "Table"), _dump_arrow, _load_arrow),
    Format("npy", "application/x-npy", _is("numpy", "ndarray"), _dump_array, _load_array),
)
PICKLE: Final = Format("pickle", "application/x-pickle", lambda _: True, _dump_pickle, _load_pickle)
