"""F8: a record's server that refuses, hangs, drips, fails, throttles, hangs up or loses its answers.

What is logged meanwhile waits in the journal, holds nobody up, and is in the record once when the fault is over.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from kit.faulty import Fault, Faulty
from kit.wire import authorised, serving

from plugin_core.errors import (
    ConflictError,
    StoreReadOnlyError,
    StoreUnavailableError,
    StoreVersionError,
)
from plugin_core.journal import Drainer, recover
from plugin_core.model.changes import PutExperiment, SetParameters
from plugin_core.model.lineage import NodeKind, NodeRef
from plugin_core.stores import open_store
from plugin_core.stores.patience import Patience, Persistence
from plugin_core.stores.remote import RemoteStore
from plugin_core.testing.contract.making import batch, component, points
from plugin_core.wire.record import record_api

HASTY = Patience(connect_s=2.0, answer_s=0.5, deadline_s=3.0, first_pause_s=0.01, rest_s=0.05)
ALL = [
    Fault("POST", "hang"),
    Fault("POST", "refuse", status=500, code="InternalFailure"),
    Fault("POST", "refuse", status=502),
    Fault("POST", "refuse", status=429, headers={"Retry-After": "1"}),
    Fault("POST", "refuse", status=200),  # something else than flowtrail
    Fault("POST", "refuse", status=301, headers={"Location": "http://127.0.0.1:1/"}),
    Fault("POST", "reset"),
    Fault("POST", "cut"),
    Fault("POST", "drip"),
    Fault("POST", "garble"),
    Fault("POST", "lose"),
]
by_fault = pytest.mark.parametrize("fault", ALL, ids=lambda fault: f"{fault.what}{fault.status or ''}")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Faulty, str]]:
    faulty = Faulty(None)
    with serving(faulty) as url:
        yield faulty, f"flowtrail+{url}"


@pytest.fixture
def kept(served, tmp_path: Path):
    """The record that the server keeps."""
    store = open_store(f"sqlite:///{tmp_path / 'record.db'}")
    served[0].app = authorised(record_api(store))
    served[0].faults, served[0].seen = [], []
    yield store
    store.close()


@pytest.fixture
def faulty(served, kept) -> Faulty:
    return served[0]


@pytest.fixture
def store(served, kept) -> Iterator[RemoteStore]:
    opened = RemoteStore(served[1], persistence=Persistence(HASTY))
    yield opened
    opened.close()


@pytest.fixture
def drainer(place, store: RemoteStore) -> Iterator[Drainer]:
    journal = place.journal(store_url=store.url)
    made = Drainer(journal, lambda: store, interval_s=0.01, jitter=lambda _: 0.01)
    made.log = lambda i: (
        journal.append(SetParameters(at=i, component="c", parameters={f"p{i}": i}))
        or journal.series("c", "m").log(i, i)
    )
    yield made
    made.close(5)


def drained(drainer: Drainer) -> bool:
    for _ in range(600):
        if drainer.flush(5):
            return True
        time.sleep(0.05)  # the store is left alone for a while after failures
    return False


@by_fault
def test_what_is_logged_during_a_fault_arrives_once_when_it_is_over(fault, faulty, kept, drainer, place) -> None:
    drainer.log(0)
    assert drained(drainer)
    faulty.faults = [replace(fault)]
    for i in range(1, 4):
        drainer.log(i)
        drainer.flush(0.2)
    assert not drainer.flush(0.2)

    faulty.faults = []
    assert drained(drainer)
    node = kept.component("c").id
    assert [(p.step, p.value) for p in kept.points(node, "m")] == [(i, float(i)) for i in range(4)]
    assert kept.parameters([node])[node] == {f"p{i}": i for i in range(4)}
    drainer.close(5)
    assert recover(place.spool, kept, fallback=place.fallback).events == 0


@by_fault
def test_a_fault_that_passes_within_a_call_is_not_seen(fault, faulty, kept, store) -> None:
    odd = fault.status in {200, 301} or fault.what == "garble"
    kept.write([component("a")])
    faulty.faults = [replace(fault, times=1, headers={})]

    if odd:  # nothing says that it would pass
        with pytest.raises(StoreUnavailableError):
            store.component("a")
    assert store.component("a").name == "a"


def test_a_batch_whose_answer_was_lost_after_the_commit_is_applied_once(faulty, kept, store) -> None:
    faulty.faults = [Fault("POST", "lose", "apply", times=1)]

    assert not store.apply(batch(component("a"), points("a", [1.0, 2.0])))
    assert faulty.seen == ["POST /record? apply"] * 2
    assert store.watermark("journal-1") == 100
    assert kept.summaries([kept.component("a").id])[kept.component("a").id]["loss"].count == 2


@pytest.mark.parametrize("what", ["lose", "hang", "reset", "cut"])
def test_what_cannot_be_asked_twice_is_asked_once(what, faulty, kept, store) -> None:
    faulty.faults = [Fault("POST", what, times=1)]

    with pytest.raises(StoreUnavailableError):
        store.write([PutExperiment(at=1, name="ex", new=True)])
    assert faulty.seen == ["POST /record? write"]
    faulty.faults = [Fault("POST", what, "delete", times=1)]
    kept.write([PutExperiment(at=2, name="ex")])
    with pytest.raises(StoreUnavailableError):
        store.delete(NodeRef(NodeKind.EXPERIMENT, "ex"))
    assert len(faulty.seen) == 2


def test_too_many_requests_are_waited_out_also_by_what_cannot_be_asked_twice(faulty, kept, store) -> None:
    faulty.faults = [Fault("POST", "refuse", status=429, times=1)]
    store.write([PutExperiment(at=1, name="ex", new=True)])

    assert kept.experiment("ex").name == "ex"
    with pytest.raises(ConflictError):
        store.write([PutExperiment(at=1, name="ex", new=True)])


def test_a_server_that_failed_several_times_is_left_alone(served, faulty, kept) -> None:
    store = RemoteStore(served[1], persistence=Persistence(replace(HASTY, rest_s=3600)))
    faulty.faults = [Fault("POST", "reset")]
    with pytest.raises(StoreUnavailableError):
        store.experiments()
    asked = len(faulty.seen)

    for _ in range(10):
        with pytest.raises(StoreUnavailableError, match="tried again soon"):
            store.experiments()
    assert len(faulty.seen) == asked == HASTY.failures


def test_a_server_that_is_not_there_yet_gets_all_when_it_is(kept, place, tmp_path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    store = RemoteStore(f"flowtrail+http://127.0.0.1:{port}", persistence=Persistence(HASTY))
    journal = place.journal(store_url=store.url)
    drainer = Drainer(journal, lambda: store, interval_s=0.01, jitter=lambda _: 0.01)
    journal.series("c", "m").log(0.5, 0)
    assert not drainer.flush(0.5)

    with serving(authorised(record_api(kept)), port=port):
        assert drained(drainer)
        drainer.close(5)
        store.close()
    assert [p.value for p in kept.points(kept.component("c").id, "m")] == [0.5]


def test_an_answer_that_a_proxy_sends_in_chunks_is_read(faulty, kept, store) -> None:
    kept.write([component(f"c{i}") for i in range(500)])
    faulty.faults = [Fault("POST", "chunk")]

    assert [len(store.find_nodes("c", limit=1000)) for _ in range(3)] == [500] * 3


def test_a_connection_that_the_server_closed_meanwhile_is_not_used(faulty, kept, store) -> None:
    faulty.faults = [Fault("POST", "refuse", status=429, times=1, headers={"Connection": "close"})]
    store.experiments()
    store.close()
    assert store.experiments() == []


def test_a_host_whose_name_is_unknown_is_a_store_that_is_not_there() -> None:
    store = RemoteStore("flowtrail+http://nowhere.invalid:1", persistence=Persistence(HASTY))
    with pytest.raises(StoreUnavailableError, match=r"nowhere\.invalid"):
        store.experiments()


def test_a_server_without_tls_is_not_spoken_to_as_if_it_had(served) -> None:
    store = RemoteStore(served[1].replace("+http:", "+https:"), persistence=Persistence(HASTY))
    with pytest.raises(StoreUnavailableError):
        store.experiments()


def test_a_server_that_does_not_know_what_is_asked_keeps_nothing_from_coming_later(faulty, store) -> None:
    faulty.faults = [Fault("POST", "refuse", status=415)]
    with pytest.raises(StoreVersionError):
        store.apply(batch(component("a")))


def test_a_batch_that_is_too_large_at_once_comes_in_parts(kept, store, place, monkeypatch) -> None:
    monkeypatch.setattr("plugin_core.model.portable.MAX_BYTES", 3_000_000)
    journal = place.journal(store_url=store.url)
    drainer = Drainer(journal, lambda: store, interval_s=60)
    series = journal.series("c", "m")
    for step in range(200_000):  # 4.8 MB of columns
        series.log(0.5, step)

    assert drained(drainer)
    drainer.close(5)
    summary = kept.summaries([kept.component("c").id])[kept.component("c").id]["m"]
    assert (summary.count, summary.last_step) == (200_000, 199_999)
    assert not (place.spool / "dead-letters").exists()


def test_a_reader_is_told_in_one_way_that_it_may_not_write(served, kept) -> None:
    store = RemoteStore(served[1], read_only=True)
    with pytest.raises(StoreReadOnlyError):
        store.write([component("a")])
    assert store.experiments() == []
    store.close()


FORKING = """
import os, sys
from plugin_core.stores import open_store
store = open_store(sys.argv[1])
assert store.component("a").name == "a"
child = os.fork()
read = [store.component("a").name for _ in range(100)]
assert read == ["a"] * 100
if not child:
    os._exit(0)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_a_store_is_used_on_both_sides_of_a_fork(served, kept) -> None:
    kept.write([component("a")])
    done = subprocess.run(
        [sys.executable, "-c", FORKING, served[1]], capture_output=True, text=True, timeout=120, check=False
    )

    assert (done.stdout, done.stderr) == ("0\n", "")


RECORDING = """
from plugin_core import Run
with Run("ex", "one") as run:
    for step in range(1000):
        run.log_metric("loss", 0.5, step=step)
print("done")
"""


def test_a_process_ends_in_time_though_the_server_hangs_and_its_record_arrives_later(
    served, faulty, kept, tmp_path
) -> None:
    faulty.faults = [Fault("POST", "hang")]
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith(("FLOWTRAIL_", "COV", "AWS_"))},
        "FLOWTRAIL_STORE": served[1],
        "FLOWTRAIL_SPOOL_DIR": str(tmp_path / "spool"),
        "FLOWTRAIL_FLUSH_TIMEOUT_S": "0.2",
        "FLOWTRAIL_EXIT_FLUSH_TIMEOUT_S": "0.2",
        "AWS_EC2_METADATA_DISABLED": "true",
        "HOME": str(tmp_path),
    }
    done = subprocess.run(
        [sys.executable, "-c", RECORDING], env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr
    assert kept.experiments() == []

    faulty.faults = []
    again = RemoteStore(served[1])
    assert recover(tmp_path / "spool", again).events > 0
    again.close()
    assert kept.summaries([kept.component("ex-one").id])[kept.component("ex-one").id]["loss"].count == 1000
