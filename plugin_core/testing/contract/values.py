"""Parameters, artifact entries and properties: kept with their types; per name the one logged last wins."""

from __future__ import annotations

import math

import pytest

from plugin_core.model.changes import SetArtifactValues, SetProperties
from plugin_core.model.components import ArtifactValue
from plugin_core.model.lineage import NodeKind, NodeRef
from plugin_core.model.metrics import Json
from plugin_core.stores.protocol import TrackingStore
from plugin_core.testing.contract.making import artifact, batch, component, of_artifact, of_component, parameters, when

VALUES: list[Json] = [
    0, -1, 2**63, 10**400, 0.1, -0.0, 1e308, math.inf, -math.inf, True, False, None, "", "text", "1", "💥",
    "lone \ud800", [], [1, [2, {"a": None}]], {}, {"a": {"b": [1.5, "x"]}}, {"$float": "nan"},
]  # fmt: skip


def read(store: TrackingStore, name: str) -> dict[str, Json]:
    node = store.component(name).id
    return store.parameters([node])[node]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: repr(value)[:20].encode("ascii", "replace").decode())
def test_a_parameter_comes_back_as_it_was_logged(store: TrackingStore, value: Json) -> None:
    store.write([parameters("c", {"p": value})])
    found = read(store, "c")["p"]

    assert (found, type(found)) == (value, type(value))


def test_nan_comes_back_as_nan(store: TrackingStore) -> None:
    store.write([parameters("c", {"p": math.nan})])
    found = read(store, "c")["p"]

    assert isinstance(found, float)
    assert math.isnan(found)


def test_parameters_are_listed_by_name(store: TrackingStore) -> None:
    store.write([parameters("c", {"b": 1, "a": 2}), parameters("c", {"c": 3})])

    assert list(read(store, "c").items()) == [("a", 2), ("b", 1), ("c", 3)]


@pytest.mark.parametrize("newer_first", [True, False])
def test_the_parameter_logged_last_wins_whichever_arrives_last(store: TrackingStore, newer_first: bool) -> None:
    older = batch(parameters("c", {"rate": 1, "only older": 1}, at=3), journal="older")
    newer = batch(parameters("c", {"rate": 2, "only newer": 2}, at=5), journal="newer")
    for arriving in (newer, older) if newer_first else (older, newer):
        store.apply(arriving)

    assert read(store, "c") == {"rate": 2, "only older": 1, "only newer": 2}
    assert store.component("c").modified_at == when(5)


def test_of_two_values_at_one_time_the_second_wins(store: TrackingStore) -> None:
    store.write([parameters("c", {"rate": 1}, at=3), parameters("c", {"rate": 2}, at=3)])

    assert read(store, "c") == {"rate": 2}


def test_there_may_be_thousands_of_parameters(store: TrackingStore) -> None:
    many: dict[str, Json] = {f"p{i}": i for i in range(5_000)}
    store.write([parameters("c", many)])

    assert read(store, "c") == many


def test_inputs_and_outputs_are_apart(store: TrackingStore) -> None:
    data, model = ArtifactValue(value="s3://data", media_type="text/csv"), ArtifactValue(value="s3://model")
    store.write([
        component("c"),
        SetArtifactValues(at=1, component="c", is_output=False, values={"x": data}),
        SetArtifactValues(at=1, component="c", is_output=True, values={"x": model, "y": model}),
    ])  # fmt: skip
    node = store.component("c").id

    assert store.artifact_values([node], is_output=False) == {node: {"x": data}}
    assert store.artifact_values([node], is_output=True) == {node: {"x": model, "y": model}}


def test_an_older_artifact_entry_does_not_replace_a_newer_one(store: TrackingStore) -> None:
    for at in (5, 3):
        values = {"x": ArtifactValue(value=f"s3://{at}", media_type=f"text/{at}")}
        store.write([SetArtifactValues(at=at, component="c", is_output=True, values=values)])
    node = store.component("c").id

    entry = ArtifactValue(value="s3://5", media_type="text/5")
    assert store.artifact_values([node], is_output=True)[node] == {"x": entry}


def test_a_property_keeps_its_first_value(store: TrackingStore) -> None:
    store.write([component("c", properties={"git": "abc"})])
    store.write([SetProperties(at=9, node=of_component("c"), properties={"git": "def", "dirty": "no"})])
    store.write([artifact("s3://x"), SetProperties(at=9, node=of_artifact("s3://x"), properties={"rows": "5"})])

    assert store.component("c").properties == {"git": "abc", "dirty": "no"}
    assert store.artifact("s3://x").properties == {"rows": "5"}


def test_a_property_may_be_the_first_to_name_its_node(store: TrackingStore) -> None:
    for kind in (NodeKind.ACTION, NodeKind.CONTEXT):
        store.write([SetProperties(at=1, node=NodeRef(kind, "first"), properties={"a": "b"})])

    assert store.action("first").properties == store.context("First").properties == {"a": "b"}
