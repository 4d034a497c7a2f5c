"""Which handler describes a type: by the name of its module, so that nothing is imported for those who have it not."""

from __future__ import annotations

import importlib
from typing import Any, Final, cast

from plugin_core.capture.values.context import Handler
from plugin_core.capture.values.inspection import class_name, module_name, mro_of, public, short_name

_HANDLERS: Final = "plugin_core.capture.values.handlers."
ENTRY_POINT_GROUP: Final = "flowtrail.values"

# (package, class) -> (where the class is public, module of ours, function). A class is only believed to be what it
# says it is if the package's own public name is that very class.
_TABLE: Final[dict[tuple[str, str], tuple[str, str, str]]] = {
    ("numpy", "ndarray"): ("numpy.ndarray", "arrays", "describe_array"),
    ("pandas", "DataFrame"): ("pandas.DataFrame", "pandas_frames", "describe_frame"),
    ("pandas", "Series"): ("pandas.Series", "pandas_frames", "describe_series"),
    ("pandas", "Index"): ("pandas.Index", "pandas_frames", "describe_index"),
    ("polars", "DataFrame"): ("polars.DataFrame", "polars_frames", "describe_frame"),
    ("polars", "Series"): ("polars.Series", "polars_frames", "describe_series"),
    ("pyarrow", "Table"): ("pyarrow.Table", "arrow_tables", "describe_table"),
    ("pyarrow", "RecordBatch"): ("pyarrow.RecordBatch", "arrow_tables", "describe_table"),
    ("pyarrow", "Array"): ("pyarrow.Array", "arrow_tables", "describe_column"),
    ("pyarrow", "ChunkedArray"): ("pyarrow.ChunkedArray", "arrow_tables", "describe_column"),
    ("sklearn", "BaseEstimator"): ("sklearn.base.BaseEstimator", "estimators", "describe_estimator"),
    ("torch", "Tensor"): ("torch.Tensor", "torch_values", "describe_tensor"),
    ("torch", "Module"): ("torch.nn.Module", "torch_values", "describe_module"),
    ("matplotlib", "Figure"): ("matplotlib.figure.Figure", "matplotlib_figures", "describe_figure"),
    ("plotly", "BaseFigure"): ("plotly.basedatatypes.BaseFigure", "images", "describe_plotly"),
    ("PIL", "Image"): ("PIL.Image.Image", "images", "describe_image"),
}
_CACHED: Final = 4_096
_known: dict[int, tuple[type, Handler | None]] = {}
_registered: dict[str, Any] | None = None


def handler_of(cls: type) -> Handler | None:
    """The handler for values of a class; None if nobody knows it."""
    known = _known.get(id(cls))
    if known is not None and known[0] is cls:
        return known[1]
    found = _builtin(cls)
    if found is None and _is_foreign(cls):
        found = _from_entry_point(cls)
    if len(_known) >= _CACHED:
        _known.clear()
    _known[id(cls)] = (cls, found)
    return found


def _builtin(cls: type) -> Handler | None:
    for base in mro_of(cls):
        entry = _TABLE.get((module_name(base).partition(".")[0], short_name(base)))
        if entry is not None and public(entry[0]) is base:
            return cast("Handler", getattr(importlib.import_module(_HANDLERS + entry[1]), entry[2]))
    return None


def _is_foreign(cls: type) -> bool:
    return module_name(cls).partition(".")[0] not in {"builtins", "", "__main__", "collections", "types", "_thread"}


def _from_entry_point(cls: type) -> Handler | None:
    """A handler that an installed package offers for a class or its package. One that does not load is not there."""
    for name, entry in _entry_points().items():
        if any(_covers(name, base) for base in mro_of(cls)):
            try:
                return cast("Handler", entry.load())
            except Exception:  # noqa: BLE001 - a broken plugin costs its descriptions, nothing else
                return None
    return None


def _covers(name: str, cls: type) -> bool:
    return class_name(cls) == name or (module_name(cls) + ".").startswith(name + ".")


def _entry_points() -> dict[str, Any]:
    global _registered  # noqa: PLW0603 - read once per process, at the first unknown type
    if _registered is None:
        from importlib.metadata import entry_points

        _registered = {entry.name: entry for entry in entry_points(group=ENTRY_POINT_GROUP)}
    return _registered
