"""Containers: scalars in them become dotted parameters, data in them artifacts."""

import argparse
import collections
import dataclasses
import types
from typing import Any, NamedTuple

import numpy as np
import pydantic


@dataclasses.dataclass
class Config:
    rate: float
    layers: list[int]
    inner: Any = None

    @property
    def surprise(self) -> int:
        raise SystemExit


@dataclasses.dataclass(slots=True)
class Slotted:
    rate: float


class Point(NamedTuple):
    x: int
    y: int


class Model(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="allow")
    depth: int
    name: str


def test_a_mapping_becomes_dotted_parameters(described) -> None:
    found = described({"a": 1, "b": {"c": "x", "d": {"e": None}}, 3: True})

    assert found.parameters == {"x.a": 1, "x.b.c": "x", "x.b.d.e": None, "x.3": True}
    assert found.artifacts == ()


def test_objects_with_fields_are_read_without_their_properties(described) -> None:
    assert described(Config(0.1, [1, 2], Slotted(0.5))).parameters == {
        "x.rate": 0.1,
        "x.layers": [1, 2],
        "x.inner.rate": 0.5,
    }
    assert described(Point(1, 2)).parameters == {"x.x": 1, "x.y": 2}
    assert described(Model(depth=3, name="m", more=1)).parameters == {"x.depth": 3, "x.name": "m", "x.more": 1}
    assert described(argparse.Namespace(a=1)).parameters == {"x.a": 1}
    assert described(types.SimpleNamespace(a=1)).parameters == {"x.a": 1}
    assert described(collections.OrderedDict(a=1)).parameters == {"x.a": 1}


def test_a_container_of_scalars_and_data_becomes_both(described) -> None:
    found = described({"n": 3, "data": np.arange(4), "pair": (np.arange(2), "x")})

    assert found.parameters == {"x.n": 3, "x.pair.1": "x"}
    assert [a.name for a in found.artifacts] == ["x.data", "x.pair.0"]


def test_short_lists_are_one_parameter(described) -> None:
    assert described([1, 2.5, "a", None]).parameters == {"x": [1, 2.5, "a", None]}
    assert described({3, 1, 2}).parameters == {"x": [1, 2, 3]}
    assert described([[1, 2], {"a": 1}]).parameters == {"x": [[1, 2], {"a": 1}]}
    assert described([]).parameters == {"x": []}
    assert described({}).parameters == {"x": {}}


def test_long_json_is_one_artifact_that_is_stored_as_json(artifact) -> None:
    found = artifact([{"id": i, "name": "x" * 10} for i in range(100)])

    assert (found.type, found.media_type, found.properties["items"]) == ("Value", "application/json", "100")
    assert found.payload.write().startswith(b'[{"id":0,"name":"xxxxxxxxxx"},')
    assert found.identity.startswith("sha256:")


def test_a_mapping_too_wide_for_parameters_is_one_artifact(described) -> None:
    found = described({f"k{i}": i for i in range(500)})

    assert found.parameters == {}
    assert found.artifacts[0].payload.write().startswith(b'{"k0":0,"k1":1,')


def test_what_is_left_out_is_said(described) -> None:
    found = described([np.arange(2) for _ in range(150)])

    assert len(found.artifacts) == 101
    assert found.artifacts[-1].properties == {"type": "list", "items": "150", "truncated": "true"}


def test_json_with_nan_is_stored_with_it_marked(artifact) -> None:
    found = artifact([float("nan")] * 200)

    assert found.payload.write().startswith(b'[{"$float":"nan"},')


def test_the_snapshot_does_not_change_with_the_value(artifact) -> None:
    rows = [{"n": i, "tags": ["a", "b"]} for i in range(50)]
    found = artifact(rows)
    before = found.payload.write()

    rows[0]["tags"].append("c")
    rows[1]["n"] = -1
    rows.clear()
    assert found.payload.write() == before
