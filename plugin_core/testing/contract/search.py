"""Finding nodes by what people have in hand, and counting."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from plugin_core.errors import InvalidValueError
from plugin_core.model.components import OrchestratorRef
from plugin_core.model.lineage import NodeKind, NodeRef
from plugin_core.model.queries import ActionQuery, ComponentQuery
from plugin_core.stores.protocol import TrackingStore
from plugin_core.testing.contract.making import (
    artifact,
    component,
    edge,
    experiment,
    of_artifact,
    of_component,
    points,
    trial,
)

HASH = "0123456789abcdef" * 4
HALF = "\ud800"  # of a surrogate pair
FLOW = OrchestratorRef(system="prefect", execution_id="6f0a11aa-0000-4000-8000-000000000001")
TASK = OrchestratorRef(system="prefect", execution_id=FLOW.execution_id, step_id="77bb22cc-1111-4000-8000-000000000002")


def fill(store: TrackingStore) -> None:
    store.write([
        experiment("cancer"),
        trial("cancer-monday", of="cancer"),
        component("cancer-flow", of="cancer", run_name="flow", orchestrator=FLOW),
        component("cancer-Train", of="cancer", run_name="train-1", orchestrator=TASK),
        artifact("s3://bucket/Data.csv"),
        artifact(f"sha256:{HASH}"),
        artifact("file:///kept", blob=f"sha256:{'f' * 64}"),
    ])  # fmt: skip


@pytest.mark.parametrize(
    "look",
    [
        lambda store: store.associations(type=HALF),
        lambda store: store.artifacts(type=HALF),
        lambda store: store.components(ComponentQuery(execution_id=HALF)),
        lambda store: store.page(ActionQuery(type=HALF)).items,
        lambda store: store.find_nodes(HALF),
    ],
)
def test_half_of_a_surrogate_pair_is_found_nowhere_or_refused(
    store: TrackingStore, look: Callable[[TrackingStore], Sequence[object]]
) -> None:
    fill(store)
    try:
        found = look(store)
    except InvalidValueError:
        return
    assert len(found) == 0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CANCER-train", [of_component("cancer-Train")]),
        ("s3://bucket/Data.csv", [of_artifact("s3://bucket/Data.csv")]),
        ("s3://buck", [of_artifact("s3://bucket/Data.csv")]),
        (HASH[:12], [of_artifact(f"sha256:{HASH}")]),
        (HASH.upper(), [of_artifact(f"sha256:{HASH}")]),
        (f"sha256:{HASH[:20]}", [of_artifact(f"sha256:{HASH}")]),
        ("ffffffff", [of_artifact("file:///kept")]),
        ("77bb22cc", [of_component("cancer-Train")]),
        ("train-1", [of_component("cancer-Train")]),
        ("absent", []),
        ("%", []),
        ("can_er", []),
    ],
)
def test_a_node_is_found_by_what_it_is_called(store: TrackingStore, text: str, expected: list[NodeRef]) -> None:
    fill(store)

    assert store.find_nodes(text) == expected


def test_exact_matches_come_first(store: TrackingStore) -> None:
    fill(store)
    found = store.find_nodes("cancer")

    assert found[0] == NodeRef(NodeKind.EXPERIMENT, "cancer")
    assert {ref.key for ref in found[1:]} == {"cancer-monday", "cancer-flow", "cancer-Train"}


def test_an_executions_id_finds_all_of_its_components(store: TrackingStore) -> None:
    fill(store)

    assert {ref.key for ref in store.find_nodes(FLOW.execution_id or "")} == {"cancer-flow", "cancer-Train"}


def test_a_search_keeps_to_kinds_and_limit(store: TrackingStore) -> None:
    fill(store)

    assert store.find_nodes("cancer", kinds=[NodeKind.TRIAL]) == [NodeRef(NodeKind.TRIAL, "cancer-monday")]
    assert len(store.find_nodes("cancer", limit=2)) == 2
    assert store.find_nodes("cancer", limit=1) == [NodeRef(NodeKind.EXPERIMENT, "cancer")]


def test_everything_is_counted(store: TrackingStore) -> None:
    fill(store)
    store.write([points("cancer-flow", [1.0, 2.0]), points("cancer-flow", [3.0], metric="auc")])
    store.write([edge(of_artifact("s3://bucket/Data.csv"), of_component("cancer-flow"))])

    assert store.counts() == {
        "experiments": 1, "trials": 1, "components": 2, "artifacts": 3, "associations": 1, "series": 2, "points": 3,
    }  # fmt: skip


def test_a_store_says_what_it_is_kept_in(store: TrackingStore) -> None:
    assert store.about()
