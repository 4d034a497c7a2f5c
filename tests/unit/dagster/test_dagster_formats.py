"""Formats give back what they took, as it was, or refuse it."""

import math
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from dagster_integration.formats import decode, encode
from plugin_core import InvalidValueError

EXACT = [
    ("json", {"a": [1, 2.5, None, "é", True], "nested": {"deep": [[]]}}),
    ("json", 2**70),
    ("json", -math.inf),
    ("bytes", b"\x00\xff"),
    ("pandas.parquet", pd.DataFrame({"x": [1, 2], "y": ["a", None]}, index=pd.Index([5, 6], name="key"))),
    ("pandas.parquet", pd.DataFrame({"when": pd.to_datetime(["2026-01-01"], utc=True), "c": pd.Categorical(["a"])})),
    ("polars.parquet", pl.DataFrame({"x": [1, 2], "y": [[1.0], []]})),
    ("arrow.parquet", pa.table({"x": [1, 2]})),
    ("npy", np.arange(6.0).reshape(2, 3)),
    ("npy", np.array(["a", "bc"])),
]


def same(left, right) -> bool:
    if isinstance(left, np.ndarray):
        return bool(np.array_equal(left, right)) and left.dtype == right.dtype
    return bool(left.equals(right)) if hasattr(left, "equals") else left == right


@pytest.mark.parametrize(("name", "value"), EXACT, ids=[f"{name} {type(value).__name__}" for name, value in EXACT])
def test_a_value_comes_back_as_it_was(name, value):
    form, data = encode(value, allow_pickle=False)
    found = decode(form.name, data, allow_pickle=False)
    assert (form.name, type(found)) == (name, type(value))
    assert same(value, found)


class Titled(str):
    __slots__ = ()


REFUSED = [
    (1, 2),
    {1: "a"},
    {"a": (1,)},
    [datetime(2026, 1, 1, tzinfo=UTC)],
    Titled("a"),
    np.array([object()]),
    pd.DataFrame({"x": [object()]}),
    {"frame": pd.DataFrame()},
]


@pytest.mark.parametrize("value", REFUSED, ids=lambda value: type(value).__name__)
def test_what_no_safe_format_holds_exactly_is_refused(value):
    with pytest.raises(InvalidValueError, match="no safe format"):
        encode(value, allow_pickle=False)


def test_a_pickle_is_written_and_read_only_where_that_is_allowed():
    form, data = encode((1, 2), allow_pickle=True)
    assert (form.name, decode("pickle", data, allow_pickle=True)) == ("pickle", (1, 2))
    with pytest.raises(InvalidValueError, match="runs code when it is read"):
        decode("pickle", data, allow_pickle=False)


def test_a_safe_format_is_preferred_where_pickles_are_allowed():
    assert encode([1], allow_pickle=True)[0].name == "json"


def test_a_format_that_is_not_known_is_named():
    with pytest.raises(InvalidValueError, match="'lance'"):
        decode("lance", b"", allow_pickle=True)
