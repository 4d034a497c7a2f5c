"""pandas: schema and content make the identity; Parquet or CSV is stored."""

import io
import itertools
import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest


def frame(**more) -> pd.DataFrame:
    return pd.DataFrame({"age": [30, 41, 29], "name": ["ann", None, "cy"], "score": [0.5, np.nan, 1.0], **more})


def rich() -> pd.DataFrame:
    return frame(
        kind=pd.Categorical(["a", "b", "b"]),
        count=pd.array([1, None, 3], dtype="Int64"),
        flag=pd.array([True, None, False], dtype="boolean"),
        day=pd.to_datetime(["2026-01-01", None, "2026-01-03"]),
        local=pd.to_datetime(["2026-01-01", None, "2026-01-03"]).tz_localize("Europe/Madrid"),
        span=pd.to_timedelta(["1h", None, "2h"]),
        bins=pd.arrays.IntervalArray.from_breaks([0, 1, 2, 3]),
        sparse=pd.arrays.SparseArray([0.0, 0.0, 1.0]),
        month=pd.period_range("2026-01", periods=3, freq="M"),
        mixed=pd.Series(["x", 1, None], dtype=object),
        arrow=pd.array([1.5, None, 2.5], dtype="double[pyarrow]"),
    )


def test_a_frame_is_described(artifact) -> None:
    found = artifact(frame())

    assert (found.type, found.media_type) == ("DataSet", "application/vnd.apache.parquet")
    assert found.properties["rows"] == "3"
    assert found.properties["columns"] == "3"
    assert found.properties["nulls"] == "2"
    assert json.loads(found.properties["schema"]) == {"age": "int64", "name": "str", "score": "float64"}
    assert found.properties["preview"] == "age,name,score\n30,ann,0.5\n41,nan,nan\n29,cy,1.0\n"
    pd.testing.assert_frame_equal(pd.read_parquet(io.BytesIO(found.payload.write())), frame())


def test_equal_frames_are_one_whatever_their_blocks(artifact) -> None:
    built = pd.DataFrame(index=range(3))
    for column in rich():
        built[column] = rich()[column]

    assert artifact(rich()).identity.startswith("sha256:")
    assert artifact(built).identity == artifact(rich()).identity
    assert artifact(pd.concat([rich(), rich()]).iloc[:3].reset_index(drop=True)).identity == artifact(rich()).identity


@pytest.mark.parametrize("column", list(rich().columns))
def test_a_change_in_any_column_is_another_frame(artifact, column: str) -> None:
    changed = rich()
    changed[column] = changed[column].array[::-1]

    assert artifact(changed).identity != artifact(rich()).identity


@pytest.mark.parametrize(
    "other",
    [
        frame().rename(columns={"age": "years"}),
        frame()[["name", "age", "score"]],
        frame().astype({"age": "int32"}),
        frame().set_index("age"),
        frame().iloc[::-1],
        frame().head(2),
    ],
)
def test_another_schema_index_or_order_is_another_frame(artifact, other) -> None:
    assert artifact(other).identity != artifact(frame()).identity


def test_series_and_indexes_are_tables_of_one_column(artifact) -> None:
    assert artifact(frame()["age"]).properties["preview"] == "age\n30\n41\n29\n"
    assert artifact(pd.Index(["a", "b"])).properties["rows"] == "2"
    assert artifact(pd.MultiIndex.from_product([["a"], [1, 2]])).properties["columns"] == "2"
    assert artifact(pd.Series([1, 2])).type == "DataSet"


def test_what_parquet_cannot_hold_is_stored_as_csv(artifact) -> None:
    found = artifact(pd.DataFrame({"mixed": pd.Series(["x", 1], dtype=object)}))

    assert (found.media_type, found.payload.suffix) == ("text/csv", ".csv")
    assert found.payload.write() == b"mixed\nx\n1\n"


def test_cells_of_unknown_types_are_not_touched(artifact) -> None:
    class Hostile:
        def __repr__(self):
            raise SystemExit

        __hash__ = __str__ = __len__ = __bool__ = __eq__ = __repr__

    found = artifact(pd.DataFrame({"a": [1, 2], "b": pd.Series([Hostile(), "x"], dtype=object)}))
    assert (found.identity, found.payload) == (None, None)
    assert "Hostile" in found.properties["preview"]


def test_the_snapshot_is_taken_at_once(artifact) -> None:
    mine = frame()
    found = artifact(mine)

    mine.loc[0, "age"] = 99
    pd.testing.assert_frame_equal(pd.read_parquet(io.BytesIO(found.payload.write())), frame())


def test_a_large_frame_is_sampled(artifact) -> None:
    large = pd.DataFrame({"a": np.arange(700_000), "b": np.arange(700_000) / 2, "c": ["x", "y"] * 350_000})

    found = artifact(large)
    assert found.identity.startswith("sample-sha256:")
    assert found.identity == artifact(large.copy()).identity
    assert found.identity != artifact(large.assign(b=0.0)).identity


def test_a_very_wide_frame_keeps_within_its_time(artifact) -> None:
    wide = pd.DataFrame({f"c{i}": [i, "text"][i % 2 :][:1] for i in range(3_000)})

    ticks = itertools.count()
    found = artifact(wide, clock=lambda: next(ticks) * 2e-5, budget_s=0.05)
    assert found.identity.startswith("sample-sha256:")
    assert found.properties["columns"] == "3000"


def test_identity_is_the_same_in_another_process(artifact) -> None:
    code = (
        "import pandas as pd\n"
        "from plugin_core.capture.values import describe, Limits\n"
        "from plugin_core.redaction import Redactor\n"
        "value = pd.DataFrame({'a': [1, 2], 'b': ['x', None]})\n"
        "print(describe('x', value, limits=Limits(budget_s=5), redactor=Redactor()).artifacts[0].identity)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert out.stdout.strip() == artifact(pd.DataFrame({"a": [1, 2], "b": ["x", None]})).identity
