"""Listings in pages: every filter and order of each kind, and pages that join without gap or repeat."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from plugin_core.errors import InvalidValueError
from plugin_core.model import arns
from plugin_core.model.changes import Change, PutAction, PutContext
from plugin_core.model.components import Kind
from plugin_core.model.edits import AddToTrial
from plugin_core.model.lineage import NodeKind, NodeRef
from plugin_core.model.queries import (
    ActionQuery,
    ArtifactQuery,
    AssociationQuery,
    AssociationSortBy,
    ComponentQuery,
    ContextQuery,
    ExperimentQuery,
    Listing,
    SortBy,
    TrialQuery,
)
from plugin_core.stores.protocol import TrackingStore
from plugin_core.testing.contract.making import (
    artifact,
    component,
    edge,
    experiment,
    of_artifact,
    of_component,
    trial,
    when,
)

TRAIN, ACT, CON = of_component("Train"), NodeRef(NodeKind.ACTION, "act"), NodeRef(NodeKind.CONTEXT, "con")
RAW, MODEL = of_artifact("s3://raw"), of_artifact(f"sha256:{'a' * 64}")


def record() -> list[Change]:
    """A bit of everything: times tie, names differ from arrival and in case."""
    return [
        experiment("Beta", at=10), experiment("alpha", at=10), experiment("gamma", at=5), experiment("delta", at=20),
        trial("t2", of="Beta", at=1), trial("T1", of="Beta", at=2), trial("t3", of="alpha", at=3),
        component("Train", of="Beta", trial="t2", at=4, source_arn="arn:aws:sagemaker:r:1:training-job/Train"),
        component("eval", of="Beta", trial="T1", at=4, kind=Kind.TASK), component("other", of="alpha", at=9),
        artifact("s3://raw", at=1, name="raw"), artifact("s3://b", at=7), artifact("s3://c", at=7),
        artifact(f"sha256:{'a' * 64}", at=3, type="Model", name="model"),
        PutAction(at=1, name="act", type="Approval", source_uri="s3://m"),
        PutAction(at=2, name="Bet", type="Deployment", source_uri="s3://m"),
        PutAction(at=3, name="cut", type="Approval", source_uri="s3://n"),
        PutContext(at=1, name="con", type="Endpoint", source_uri="arn:e"),
        PutContext(at=1, name="don", type="ModelGroup", source_uri="arn:g"),
        edge(RAW, TRAIN, at=1), edge(TRAIN, MODEL, at=2, type="Produced"), edge(MODEL, ACT, at=3),
        edge(MODEL, CON, at=3, type="AssociatedWith"), edge(ACT, CON, at=0, type="AssociatedWith"),
        edge(RAW, of_component("eval"), at=1),
    ]  # fmt: skip


def called(item: Any) -> str:
    """A thing by its name, an artifact by its URI, an edge by its ends."""
    if hasattr(item, "destination"):
        return f"{item.source_name}>{item.destination_name}"
    return item.source_uri if hasattr(item, "media_type") else str(item.name)


def listed(store: TrackingStore, query: Listing[Any]) -> list[str]:
    return [called(item) for item in store.page(query).items]


LISTINGS: list[tuple[Listing[Any], list[str]]] = [
    (ExperimentQuery(), ["delta", "alpha", "Beta", "gamma"]),
    (ExperimentQuery(sort_by=SortBy.NAME, descending=False), ["alpha", "Beta", "delta", "gamma"]),
    (ExperimentQuery(created_after=when(5), created_before=when(20)), ["alpha", "Beta"]),
    (TrialQuery(), ["t3", "T1", "t2"]),
    (TrialQuery(experiment="BETA", sort_by=SortBy.NAME, descending=False), ["T1", "t2"]),
    (TrialQuery(component="TRAIN"), ["t3", "t2"]),
    (TrialQuery(component="train", experiment="alpha"), ["t3"]),
    (TrialQuery(experiment="absent"), []),
    (ComponentQuery(), ["other", "eval", "Train"]),
    (ComponentQuery(experiment="beta", sort_by=SortBy.NAME), ["Train", "eval"]),
    (ComponentQuery(experiment="alpha"), ["other", "Train"]),
    (ComponentQuery(trial="t3"), ["Train"]),
    (ComponentQuery(source_arn="ARN:aws:sagemaker:r:1:training-job/train"), ["Train"]),
    (ComponentQuery(kinds=(Kind.TASK,)), ["eval"]),
    (ArtifactQuery(), ["s3://c", "s3://b", f"sha256:{'a' * 64}", "s3://raw"]),
    (ArtifactQuery(type="DataSet", descending=False), ["s3://raw", "s3://b", "s3://c"]),
    (ArtifactQuery(source_uri="s3://b"), ["s3://b"]),
    (ArtifactQuery(source_uri="s3://absent"), []),
    (ArtifactQuery(created_after=when(1), created_before=when(7)), [f"sha256:{'a' * 64}"]),
    (ActionQuery(), ["cut", "Bet", "act"]),
    (ActionQuery(sort_by=SortBy.NAME, descending=False), ["act", "Bet", "cut"]),
    (ActionQuery(type="Approval"), ["cut", "act"]),
    (ActionQuery(source_uri="s3://m"), ["Bet", "act"]),
    (ActionQuery(created_after=when(1)), ["cut", "Bet"]),
    (ContextQuery(descending=False), ["con", "don"]),
    (ContextQuery(type="Endpoint", source_uri="arn:e"), ["con"]),
    (ContextQuery(sort_by=SortBy.NAME), ["don", "con"]),
    (AssociationQuery(source=RAW), ["raw>eval", "raw>Train"]),
    (AssociationQuery(destination=CON, descending=False), ["act>con", "model>con"]),
    (AssociationQuery(source=TRAIN, destination=MODEL), ["Train>model"]),
    (AssociationQuery(source=of_artifact("s3://absent")), []),
    (AssociationQuery(source_type="Model"), ["model>con", "model>act"]),
    (AssociationQuery(source_type="TrainingJob"), ["Train>model"]),
    (AssociationQuery(destination_type="Endpoint", type="AssociatedWith", source_type="Approval"), ["act>con"]),
    (AssociationQuery(type="Produced"), ["Train>model"]),
    (AssociationQuery(created_after=when(1), created_before=when(3)), ["Train>model"]),
    (
        AssociationQuery(sort_by=AssociationSortBy.SOURCE_TYPE, descending=False),
        ["act>con", "raw>Train", "raw>eval", "model>act", "model>con", "Train>model"],
    ),
]


@pytest.mark.parametrize(("query", "expected"), LISTINGS)
def test_a_page_lists_what_was_asked_for_in_order(
    store: TrackingStore, query: Listing[Any], expected: list[str]
) -> None:
    store.write(record())
    store.write([AddToTrial(at=1, component="train", trial="t3")])

    assert listed(store, query) == expected


EVERY_ORDER: list[Listing[Any]] = [
    *(
        kind(sort_by=sort_by, descending=descending)
        for kind in (ExperimentQuery, TrialQuery, ComponentQuery, ActionQuery, ContextQuery)
        for sort_by in SortBy
        for descending in (True, False)
    ),
    *(
        AssociationQuery(sort_by=sort_by, descending=descending)
        for sort_by in AssociationSortBy
        for descending in (True, False)
    ),
    ArtifactQuery(),
    ArtifactQuery(descending=False),
    ComponentQuery(experiment="alpha"),
]


@pytest.mark.parametrize("size", [1, 2, 3])
def test_pages_of_any_listing_join_without_gap_or_repeat(store: TrackingStore, size: int) -> None:
    store.write(record())
    store.write([AddToTrial(at=1, component="train", trial="t3")])
    for whole in EVERY_ORDER:
        paged: list[str] = []
        page = store.page(replace(whole, limit=size))
        while True:
            assert len(page.items) <= size
            paged += map(called, page.items)
            if page.next is None:
                break
            page = store.page(replace(whole, limit=size, after=page.next))

        assert paged == listed(store, whole)
        assert len(set(paged)) == len(paged) > 1


def test_what_is_written_meanwhile_shifts_no_page(store: TrackingStore) -> None:
    store.write([component(f"c{i}", at=i) for i in range(4)])
    first = store.page(ComponentQuery(limit=2))
    store.write([component("newer", at=9)])
    store.delete(of_component("c2"))

    assert [found.name for found in first.items] == ["c3", "c2"]
    assert listed(store, ComponentQuery(limit=2, after=first.next)) == ["c1", "c0"]


@pytest.mark.parametrize(
    "query", [ComponentQuery(after=()), TrialQuery(after=(1,)), ExperimentQuery(after=("a", 1) * 3)]
)
def test_a_place_that_is_none_of_the_listing_is_refused(store: TrackingStore, query: Listing[Any]) -> None:
    store.write(record())

    with pytest.raises(InvalidValueError, match="no place"):
        store.page(query)


def test_a_page_without_a_limit_is_all_there_is(store: TrackingStore) -> None:
    assert store.page(TrialQuery()).items == ()
    store.write(record())

    assert (len(store.page(TrialQuery()).items), store.page(TrialQuery()).next) == (3, None)


def test_edges_are_sorted_by_the_arns_of_their_ends(store: TrackingStore) -> None:
    store.write(record())
    for sort_by, end in (
        (AssociationSortBy.SOURCE_ARN, "source"),
        (AssociationSortBy.DESTINATION_ARN, "destination"),
    ):
        found = store.page(AssociationQuery(sort_by=sort_by, descending=False)).items
        ends = [arns.to_arn(getattr(item, end)) for item in found]
        assert ends == sorted(ends)


def test_things_in_a_page_come_with_their_tags_and_properties(store: TrackingStore) -> None:
    store.write([
        experiment(tags={"a": "1"}), trial("t", tags={"a": "2"}), artifact("s3://a", properties={"p": "1"}),
        PutAction(at=1, name="act", type="A", source_uri="", status="Failed", tags={"a": "3"}, properties={"p": "2"}),
        PutContext(at=1, name="con", type="C", source_uri="", description="d", properties={"p": "3"}),
    ])  # fmt: skip

    assert store.page(ExperimentQuery()).items == tuple(store.experiments())
    assert store.page(TrialQuery()).items == tuple(store.trials())
    assert store.page(ArtifactQuery()).items == tuple(store.artifacts())
    assert store.page(ActionQuery()).items == (store.action("act"),)
    assert store.page(ContextQuery()).items == (store.context("con"),)
