"""A planted secret is in no part of a description and in no stored byte, wherever it was planted."""

import dataclasses
import io
import os
import types
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pydantic
import pytest
from prefect.blocks.system import Secret
from prefect.types import SecretDict

CANARY = "canary-5ecret-Zq9"
URL = f"postgres://bob:{CANARY}@db:5432/app"


@dataclasses.dataclass
class Config:
    rate: float
    api_key: str


@dataclasses.dataclass(slots=True)
class Slotted:
    password: str


class Login(NamedTuple):
    user: str
    password: str


class Model(pydantic.BaseModel):
    user: str = "bob"
    key: pydantic.SecretStr
    extra: dict[str, Any] = {}


def rows(**more) -> list[dict[str, Any]]:
    return [{"id": i, "name": "x" * 20, **more} for i in range(50)]


PLACES = {
    "mapping": lambda: {"a": {"b": {"password": CANARY}}, "n": 1},
    "upper case": lambda: {"env": {"DB_PASSWORD": CANARY, "PATH": "/bin"}},
    "bytes value": lambda: {"secret": CANARY.encode()},
    "number list": lambda: {"token": [CANARY, CANARY]},
    "dataclass": lambda: Config(0.1, CANARY),
    "slots": lambda: Slotted(CANARY),
    "named tuple": lambda: Login("bob", CANARY),
    "namespace": lambda: types.SimpleNamespace(password=CANARY),
    "pydantic": lambda: Model(key=CANARY),
    "pydantic nested": lambda: [Model(key=CANARY, extra={"password": CANARY})] * 40,
    "secret str": lambda: pydantic.SecretStr(CANARY),
    "secret bytes": lambda: pydantic.SecretBytes(CANARY.encode()),
    "secret block": lambda: {"block": Secret(value=CANARY)},
    "secret dict": lambda: [SecretDict({"a": CANARY})],
    "url": lambda: URL,
    "url in list": lambda: ["x", URL, b"y"],
    "url in rows": lambda: rows(link=URL),
    "query": lambda: f"https://host/x?token={CANARY}&a=1",
    "flag": lambda: ["run", "--password", CANARY],
    "flag in a long list": lambda: ["run", "--password", CANARY, *["x"] * 300],
    "assignment": lambda: f"connect(password={CANARY})",
    "assignment in bytes": lambda: b"DB_PASSWORD=" + CANARY.encode(),
    "pair": lambda: [("user", "bob"), ("password", CANARY)],
    "named value": lambda: {"env": [{"name": "DB_PASSWORD", "value": CANARY}]},
    "named value in rows": lambda: [{"name": "DB_PASSWORD", "value": CANARY}] * 50,
    "rows": lambda: rows(password=CANARY),
    "wide mapping": lambda: {**{f"k{i}": i for i in range(400)}, "password": CANARY},
    "long text": lambda: "x " * 5_000 + f"password={CANARY} " + "y " * 50_000,
    "long text end": lambda: "x " * 5_000 + URL,
    "frame": lambda: pd.DataFrame({"id": range(5), "password": [CANARY] * 5}),
    "frame past the first columns": lambda: pd.DataFrame({**{f"c{i}": [1] for i in range(150)}, "password": [CANARY]}),
    "frame cell": lambda: pd.DataFrame({"id": range(50), "link": ["x"] * 49 + [URL]}),
    "frame index": lambda: pd.DataFrame({"id": [1]}, index=pd.Index([URL])),
    "frame of objects": lambda: pd.DataFrame({"a": pd.Series([{"password": CANARY}, 1], dtype=object)}),
    "series": lambda: pd.Series([CANARY], name="password"),
    "polars": lambda: pl.DataFrame({"id": [1], "password": [CANARY]}),
    "polars cell": lambda: pl.DataFrame({"link": ["x"] * 50 + [URL]}),
    "arrow": lambda: pa.table({"id": [1], "password": [CANARY]}),
    "arrow cell": lambda: pa.table({"link": ["x"] * 50 + [URL]}),
    "array": lambda: np.array(["x"] * 50 + [URL]),
    "object array": lambda: np.array([URL, None], dtype=object),
    "set": lambda: {URL, "x"},
    "key": lambda: {URL: 1},
    "exception": lambda: ValueError(f"bad password={CANARY}"),
    "deep": lambda: {"a": {"b": {"c": {"d": {"e": {"f": {"g": {"password": CANARY}}}}}}}},
    "environment": lambda: os._Environ(
        {b"PASSWORD": CANARY.encode()}, str.encode, bytes.decode, str.encode, bytes.decode
    ),
}


def stored(artifact: Any) -> bytes:
    data = artifact.payload.write() if artifact.payload is not None else None
    if data is None or artifact.payload.suffix != ".parquet":
        return data or b""
    return data + str(pq.read_table(io.BytesIO(data)).to_pylist()).encode()


@pytest.mark.parametrize("place", PLACES)
def test_the_secret_is_nowhere(described, place: str) -> None:
    found = described(PLACES[place]())

    assert CANARY not in str(found)
    for artifact in found.artifacts:
        assert CANARY.encode() not in stored(artifact)


@pytest.mark.parametrize("name", ["password", "api_key", "config.secret", "DB_DSN"])
@pytest.mark.parametrize(
    "value",
    [CANARY, CANARY.encode(), [CANARY], {"a": CANARY}, np.array([CANARY]), pd.DataFrame({"a": [CANARY]}), "x" * 5_000],
)
def test_under_a_secret_name_nothing_is_recorded_but_that_it_was_there(described, name: str, value: Any) -> None:
    found = described(value, name)

    assert found.parameters == {name: "[redacted]"}
    assert found.artifacts == ()


@pytest.mark.parametrize("place", ["mapping", "pydantic", "secret str", "secret block", "url", "slots", "bytes value"])
def test_a_secret_met_in_a_value_is_scrubbed_from_later_errors(described, redactor, place: str) -> None:
    described(PLACES[place]())

    assert CANARY not in redactor.text(f"it went wrong with {CANARY}")


@pytest.mark.parametrize("place", ["rows", "named value in rows", "long text end", "url in rows", "pydantic nested"])
def test_a_value_that_holds_a_secret_has_no_hash_and_is_withheld(described, place: str) -> None:
    found = described(PLACES[place]())

    assert [(a.identity, a.payload, a.properties["payload"]) for a in found.artifacts] == [(None, None, "withheld")]


def test_a_table_with_a_secret_column_is_known_by_its_content_and_not_stored(artifact) -> None:
    found = artifact(PLACES["frame"]())

    assert found.identity.startswith("sha256:")
    assert (found.payload, found.properties["payload"]) == (None, "withheld")
    assert found.properties["preview"].startswith("id,password\n0,[redacted]\n")


def test_numbers_under_a_mildly_secret_name_are_no_secret(artifact) -> None:
    found = artifact(pd.DataFrame({"session": [1, 2], "tokens": [3, 4]}))

    assert found.payload is not None
    assert found.properties["preview"] == "session,tokens\n1,3\n2,4\n"
