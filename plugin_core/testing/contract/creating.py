"""What is said to be new: made once, by one of all who ask, and only where it belongs to something."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from plugin_core.errors import ConflictError, NotFoundError
from plugin_core.model.changes import Change, PutAction, PutArtifact, PutAssociation, PutContext
from plugin_core.model.lineage import NodeKind, NodeRef
from plugin_core.model.provenance import Provenance
from plugin_core.stores.protocol import TrackingStore
from plugin_core.testing.contract.making import (
    Reopen,
    artifact,
    batch,
    component,
    edge,
    experiment,
    of_artifact,
    of_component,
    trial,
)


def action(name: str = "approve") -> PutAction:
    """An action that is to be new."""
    return PutAction(at=1, name=name, type="Approval", source_uri="s3://m", new=True)


def context(name: str = "endpoint") -> PutContext:
    """A context that is to be new."""
    return PutContext(at=1, name=name, type="Endpoint", source_uri="arn:e", new=True)


MAKERS: list[Callable[[], Change]] = [
    lambda: experiment("Thing", new=True),
    lambda: trial("Thing", new=True),
    lambda: component("Thing", of=None, new=True),
    lambda: artifact("s3://Thing", new=True),
    lambda: action("Thing"),
    lambda: context("Thing"),
]


@pytest.mark.parametrize("make", MAKERS)
def test_what_is_new_is_made_once(store: TrackingStore, make: Callable[[], Change]) -> None:
    store.write([experiment()])
    store.write([make()])
    before = store.counts()

    with pytest.raises(ConflictError) as refused:
        store.write([experiment("goes-with-it"), make()])
    assert refused.value.name == ("s3://Thing" if isinstance(make(), PutArtifact) else "Thing")
    assert store.counts() == before


def test_what_is_new_is_matched_without_case(store: TrackingStore) -> None:
    store.write([experiment("Search", new=True)])

    with pytest.raises(ConflictError) as refused:
        store.write([experiment("SEARCH", new=True)])
    assert (refused.value.kind, refused.value.name) == (NodeKind.EXPERIMENT, "SEARCH")


def test_a_new_thing_is_not_made_twice_in_one_write(store: TrackingStore) -> None:
    with pytest.raises(ConflictError):
        store.write([experiment("a", new=True), experiment("A", new=True)])
    assert store.experiments() == []


def test_what_was_only_mentioned_may_still_be_made(store: TrackingStore) -> None:
    store.write([component("c", of="mentioned"), edge(of_artifact("s3://m"), of_component("c"))])
    store.write([experiment("mentioned", description="made", new=True), artifact("s3://m", name="m", new=True)])

    assert (store.experiment("mentioned").description, store.artifact("s3://m").name) == ("made", "m")


def test_a_new_thing_belongs_to_what_exists(store: TrackingStore) -> None:
    with pytest.raises(NotFoundError, match="absent"):
        store.write([trial("t", of="absent", new=True)])
    with pytest.raises(NotFoundError, match="absent"):
        store.write([experiment(), component("c", trial="absent", new=True)])
    assert set(store.counts().values()) == {0}

    store.write([experiment(new=True), trial("t", new=True), component("c", trial="t", new=True)])
    assert store.component("c").trial == "t"


def test_a_new_edge_joins_what_exists_once(store: TrackingStore) -> None:
    raw, cleaning = of_artifact("s3://raw"), of_component("cleaning")
    store.write([artifact("s3://raw"), component("cleaning")])
    new = PutAssociation(at=1, source=raw, destination=cleaning, type="ContributedTo", new=True)
    store.write([new])

    with pytest.raises(ConflictError):
        store.write([new])
    for end in (of_artifact("s3://absent"), NodeRef(NodeKind.ACTION, "absent")):
        with pytest.raises(NotFoundError):
            store.write([PutAssociation(at=1, source=end, destination=cleaning, type="ContributedTo", new=True)])
    assert len(store.associations()) == 1
    assert store.counts()["artifacts"] == 1


def test_a_journal_is_not_refused(store: TrackingStore) -> None:
    store.write([experiment(at=1, description="first")])

    assert store.apply(batch(experiment(at=2, description="second", new=True)))
    assert store.experiment("search").description == "second"


def test_of_many_who_make_the_same_thing_one_does(store: TrackingStore, reopen: Reopen) -> None:
    stores = [store, *(reopen() for _ in range(3))]

    def make(i: int) -> bool:
        try:
            stores[i % 4].write([experiment("wanted", at=i, display_name=str(i), new=True)])
        except ConflictError:
            return False
        return True

    with ThreadPoolExecutor(4) as threads:
        made = list(threads.map(make, range(16)))

    assert made.count(True) == 1
    assert store.experiment("wanted").display_name == str(made.index(True))


def test_a_thing_keeps_what_its_maker_says_of_its_origin(store: TrackingStore) -> None:
    origin = Provenance(commit_id="abc", repository="git://x", generated_by="me", project_id="p", created_by="key-1")
    store.write([
        experiment(provenance=origin), trial("t", provenance=origin), component("c", provenance=origin),
        artifact("s3://a", provenance=origin),
        PutAction(at=1, name="act", type="A", source_uri="", provenance=origin),
        PutContext(at=1, name="con", type="C", source_uri="", provenance=Provenance(created_by="key-2")),
    ])  # fmt: skip
    made = (
        store.experiment("search"), store.trial("t"), store.component("c"), store.artifact("s3://a"),
        store.action("act"),
    )  # fmt: skip

    assert [thing.provenance for thing in made] == [origin] * 5
    assert store.context("con").provenance == Provenance(created_by="key-2")


@pytest.mark.parametrize("name", ["short", "Search-" + "x" * 112, "under_score", "ü", "a" * 63, "a" * 64])
def test_a_component_is_found_by_what_it_is_called_as_a_job(store: TrackingStore, name: str) -> None:
    from plugin_core.model.names import job_slug

    store.write([component(name), component(name[:-1] + "z"), edge(of_component("mentioned-" * 10), of_artifact("a"))])

    assert store.component_of_job(job_slug(name)).name == name
    assert store.component_of_job(job_slug(name).upper()).name == name
    assert store.component_of_job(job_slug("mentioned-" * 10)).name == "mentioned-" * 10
    with pytest.raises(NotFoundError):
        store.component_of_job("absent")
