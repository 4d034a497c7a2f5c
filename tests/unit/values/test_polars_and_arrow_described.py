"""polars and pyarrow tables: content is what counts, not chunks, offsets or unused bytes."""

import datetime as dt
import decimal
import io

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

COLUMNS = {
    "n": [1, None, 3],
    "f": [0.5, None, 1.0],
    "s": ["a", None, "ccc"],
    "b": [True, None, False],
    "d": [dt.date(2026, 1, 1), None, dt.date(2026, 1, 3)],
    "t": [dt.datetime(2026, 1, 1, tzinfo=dt.UTC), None, dt.datetime(2026, 1, 3, tzinfo=dt.UTC)],
    "e": [decimal.Decimal("1.5"), None, decimal.Decimal("2.5")],
    "l": [[1], None, [2, 3]],
    "r": [{"u": 1}, {"u": None}, {"u": 3}],
    "y": [b"x", None, b"zz"],
}


def test_a_polars_frame_is_described_and_stored(artifact) -> None:
    found = artifact(pl.DataFrame({"n": [1, 2], "s": ["a", None]}))

    assert found.type == "DataSet"
    assert found.properties["schema"] == '{"n": "Int64", "s": "String"}'
    assert found.properties["nulls"] == "1"
    assert found.properties["preview"] == "n,s\n1,a\n2,\n"
    assert pl.read_parquet(io.BytesIO(found.payload.write())).equals(pl.DataFrame({"n": [1, 2], "s": ["a", None]}))


def test_an_arrow_table_is_described_and_stored(artifact) -> None:
    table = pa.table({"n": [1, 2], "s": ["a", None]})

    found = artifact(table)
    assert found.properties["schema"] == '{"n": "int64", "s": "string"}'
    assert found.properties["preview"] == "n,s\n1,a\n2,\n"
    assert pq.read_table(io.BytesIO(found.payload.write())).equals(table)


@pytest.mark.parametrize("make", [pl.DataFrame, pa.table])
def test_equal_tables_are_one_and_others_are_not(artifact, make) -> None:
    identity = artifact(make(COLUMNS)).identity

    assert identity.startswith("sha256:")
    assert artifact(make(COLUMNS)).identity == identity
    for name, values in COLUMNS.items():
        assert artifact(make({**COLUMNS, name: values[::-1]})).identity != identity, name


def test_chunks_and_offsets_of_polars_do_not_count(artifact) -> None:
    one = pl.DataFrame(COLUMNS)
    pieces = pl.concat([pl.concat([one, one]).slice(3, 1), one.slice(1, 2)], rechunk=False)

    assert artifact(pieces).identity == artifact(one).identity


def test_chunks_offsets_and_what_nulls_stand_over_do_not_count_in_arrow(artifact) -> None:
    one = pa.table(COLUMNS)
    pieces = pa.concat_tables([pa.concat_tables([one, one]).slice(3, 1), one.slice(1, 2)])
    assert artifact(pieces).identity == artifact(one).identity

    masked = pa.array(np.array([1, 99, 3]), mask=np.array([False, True, False]))
    assert artifact(masked).identity == artifact(pa.array([1, None, 3])).identity


def test_the_width_of_arrow_texts_and_dictionaries_do_not_count(artifact) -> None:
    words = ["a", None, "ccc"]

    assert artifact(pa.array(words, pa.large_string())).identity == artifact(pa.array(words)).identity
    assert artifact(pa.array(words).dictionary_encode()).identity == artifact(pa.array(words)).identity


def test_the_snapshot_of_shared_memory_is_taken_at_once(artifact) -> None:
    mine = np.zeros(4)
    arrow, polars = artifact(pa.array(mine)), artifact(pl.Series(mine))

    mine[:] = 7
    assert pq.read_table(io.BytesIO(arrow.payload.write())).column(0).to_pylist() == [0.0] * 4
    assert pl.read_parquet(io.BytesIO(polars.payload.write())).to_series().sum() == 0


def test_large_tables_are_sampled(artifact) -> None:
    numbers = np.arange(1_500_000)
    for large, other in (
        (pl.DataFrame({"n": numbers}), pl.DataFrame({"n": numbers + 1})),
        (pa.table({"n": numbers}), pa.table({"n": numbers + 1})),
    ):
        assert artifact(large).identity.startswith("sample-sha256:")
        assert artifact(large).identity == artifact(large).identity != artifact(other).identity
        assert artifact(large).payload is None


def test_record_batches_and_series_are_tables(artifact) -> None:
    batch = pa.RecordBatch.from_pydict({"n": [1, 2]})

    assert artifact(batch).identity == artifact(pa.table({"n": [1, 2]})).identity
    assert artifact(pl.Series("n", [1, 2])).identity.startswith("sha256:")
    assert artifact(pl.Series("c", ["a", "b"], dtype=pl.Categorical)).identity.startswith("sha256:")


def test_a_lazy_frame_is_not_collected(artifact) -> None:
    def fail(_: pl.DataFrame) -> pl.DataFrame:
        raise RuntimeError

    found = artifact(pl.DataFrame({"n": [1]}).lazy().map_batches(fail))
    assert (found.type, found.identity) == ("Value", None)
