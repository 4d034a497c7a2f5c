"""The embedded store alone: listings, the graph, and points, on a fresh file each."""

from __future__ import annotations

import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from array import array
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from plugin_core.model.changes import (
    AppendPoints,
    Batch,
    PutAssociation,
    PutComponent,
    PutTrial,
    SetParameters,
    SetStatus,
)
from plugin_core.model.components import Kind, OrchestratorRef, Owner, Status
from plugin_core.model.lineage import NodeKind, NodeRef
from plugin_core.model.queries import (
    ComponentQuery,
    ComponentSearch,
    Direction,
    Filter,
    LineageQuery,
    Operator,
    SearchExpression,
    SortBy,
    WindowQuery,
)
from plugin_core.stores import open_store
from plugin_core.stores.protocol import TrackingStore

RUNS = 10_000
EDGES = 200_000
POINTS = 1_000_000
OWNER = Owner(journal="bench", host="bench", pid=1, boot_id="boot", started="1")
HOME = Path(tempfile.mkdtemp(prefix="flowtrail-bench-"))


def show(what: str, value: float, unit: str, goal: float | None = None, peer: str = "") -> None:
    print(json.dumps({"what": what, "value": round(value, 3), "unit": unit, "goal": goal, "peer": peer}), flush=True)


def fresh(name: str) -> TrackingStore:
    return open_store(f"sqlite:///{HOME / name}.db")


def file_bytes(name: str) -> int:
    return sum(path.stat().st_size for path in HOME.glob(f"{name}.db*"))


def median_ms(work: Callable[[], object], repeats: int = 15) -> float:
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return statistics.median(times) * 1000


def listings() -> None:
    store = fresh("runs")
    changes = []
    for i in range(RUNS):
        name, at = f"bench-r{i}", 1_700_000_000_000_000 + i
        ref = OrchestratorRef(system="prefect", execution_id=f"flow-{i // 50}", step_id=f"task-{i}")
        tags = {"sagemaker:trial-component-source": "run"}
        changes += [
            PutComponent(
                at=at, name=name, experiment="bench", trial=f"bench-t{i // 50}", run_name=f"r{i}", kind=Kind.TASK,
                parent=f"bench-p{i // 50}", root=f"bench-p{i // 50}", orchestrator=ref, owner=OWNER, tags=tags,
                properties={"git_commit": "0" * 40},
            ),
            SetStatus(at=at, component=name, status=Status.RUNNING, started_at=at),
            SetParameters(at=at, component=name, parameters={f"p{n}": n * 0.5 for n in range(5)}),
            AppendPoints(
                component=name, metric="auc", steps=array("q", [0]), times=array("q", [at]), values=array("d", [i])
            ),
            SetStatus(at=at + 1, component=name, status=Status.COMPLETED, ended_at=at + 1),
        ]  # fmt: skip
    began = time.perf_counter()
    slowest = 0.0
    for start in range(0, len(changes), 2_000):
        one = time.perf_counter()
        store.apply(
            Batch(journal="bench", start=start, end=start + 2_000, changes=tuple(changes[start : start + 2_000]))
        )
        slowest = max(slowest, time.perf_counter() - one)
    show("apply a run with 5 parameters and a metric", (time.perf_counter() - began) / RUNS * 1e6, "us")
    show("... the longest transaction, of 2,000 changes", slowest * 1000, "ms", 200)
    tag = ("sagemaker:trial-component-source", "run")
    query = ComponentQuery(experiment="bench", tag=tag)
    show("components() of 10,000 runs", median_ms(lambda: store.components(query)), "ms", 100)
    ids = [found.id for found in store.components(query)]
    show("parameters() of 10,000 runs", median_ms(lambda: store.parameters(ids), 5), "ms")
    show("summaries() of 10,000 runs", median_ms(lambda: store.summaries(ids), 5), "ms")
    show("component() by name", median_ms(lambda: store.component("bench-r777"), 50), "ms")
    searches(store)
    pages(store)


def searches(store: TrackingStore) -> None:
    """What SageMaker's clients search for, each the first 100 of what is found, with how many there are."""
    of_experiment = Filter(property="Parents.ExperimentName", value="bench")
    good = Filter(property="Metrics.auc.Max", operator=Operator.GREATER_THAN, value="9000")
    low = Filter(property="Parameters.p1", operator=Operator.LESS_THAN, value="0.6")
    run = Filter(property="Tags.sagemaker:trial-component-source", value="run")
    named = Filter(property="TrialComponentName", value="bench-r777")
    in_trial = Filter(property="Parents.TrialName", value="bench-t15")
    for what, filters, sort_by, goal in (
        ("a component by its name and trial", (named, in_trial), "LastModifiedTime", None),
        ("an experiment's 10,000 runs by their tag", (of_experiment, run), "CreationTime", 150),
        ("... by a metric and a parameter", (of_experiment, good, low), "LastModifiedTime", 150),
        ("... sorted by a metric", (of_experiment,), "Metrics.auc.Max", 150),
        ("... sorted by a parameter", (of_experiment,), "Parameters.p3", 150),
    ):
        query = ComponentSearch(expression=SearchExpression(filters=filters), sort_by=sort_by, limit=100)
        show(f"search() {what}", median_ms(lambda query=query: store.search(query)), "ms", goal)


def pages(store: TrackingStore) -> None:
    for sort_by in SortBy:
        first = ComponentQuery(experiment="bench", sort_by=sort_by, limit=100)
        middle = replace(first, after=store.page(first).next)
        show(f"page() of 100 runs of 10,000 by {sort_by}", median_ms(lambda query=middle: store.page(query)), "ms")


def deleting() -> None:
    store = fresh("deleting")
    times = []
    for i in range(20):
        trials = [PutTrial(at=1, name=f"t{i}-{n}", experiment=f"e{i}") for n in range(2)]
        components = [
            PutComponent(at=1, name=f"c{i}-{n}", experiment=f"e{i}", trial=f"t{i}-{n // 2}", parameters={"p": n})
            for n in range(4)
        ]
        store.write([*trials, *components])
        began = time.perf_counter()
        store.delete(NodeRef(NodeKind.EXPERIMENT, f"e{i}"), cascade=True)
        times.append(time.perf_counter() - began)
    show("delete() an experiment of 2 trials with 2 components", statistics.median(times) * 1000, "ms", 50)


def graph() -> None:
    """A random DAG as pipelines make it: each node takes up to 3 recent ones, now and then an old one."""
    store = fresh("graph")
    rng = random.Random(1)
    nodes = [
        NodeRef(NodeKind.ARTIFACT, f"sha256:{i:064x}") if i % 2 else NodeRef(NodeKind.COMPONENT, f"component-{i}")
        for i in range(EDGES // 2)
    ]
    changes = []
    for i in range(1, len(nodes)):
        sources = {max(0, i - rng.randrange(1, 200)) for _ in range(2)}
        if rng.random() < 0.02:
            sources.add(rng.randrange(i))
        changes += [PutAssociation(at=i, source=nodes[j], destination=nodes[i], type="ContributedTo") for j in sources]
    began = time.perf_counter()
    for start in range(0, len(changes), 5_000):
        store.write(changes[start : start + 5_000])
    show(
        f"write an edge (of {len(changes):,}) with the nodes it names",
        (time.perf_counter() - began) / len(changes) * 1e6,
        "us",
    )
    starts = [nodes[rng.randrange(len(nodes) // 2, len(nodes))] for _ in range(25)]
    up = LineageQuery(direction=Direction.ASCENDANTS, max_depth=10)
    found = [len(store.lineage(start, up).vertices) for start in starts]
    times = [median_ms(lambda start=start: store.lineage(start, up), 5) for start in starts]
    many = f"{statistics.median(found):.0f} of {len(nodes):,} nodes"
    show(f"ancestors to depth 10 in 200,000 edges ({many})", statistics.median(times), "ms", 5)
    no_edges = LineageQuery(direction=Direction.ASCENDANTS, max_depth=10, include_edges=False)
    show(
        "... without edges",
        statistics.median([median_ms(lambda s=s: store.lineage(s, no_edges), 5) for s in starts]),
        "ms",
    )
    show("a path between two nodes", median_ms(lambda: store.path(nodes[90_000], nodes[99_000]), 5), "ms")


def points() -> None:
    rng = random.Random(2)
    values = array("d", (rng.random() for _ in range(POINTS)))
    steps = array("q", range(POINTS))
    times = array("q")
    at = 1_700_000_000_000_000
    for _ in range(POINTS):
        at += rng.randrange(2, 9)
        times.append(at)
    for name, size in (("batches of 50,000", 50_000), ("batches of 2,000", 2_000)):
        place = f"points-{size}"
        store = fresh(place)
        store.write([PutComponent(at=1, name="c")])
        cpu, began, slowest = time.process_time(), time.perf_counter(), 0.0
        for start in range(0, POINTS, size):
            part = slice(start, start + size)
            change = AppendPoints(
                component="c", metric="loss", steps=steps[part], times=times[part], values=values[part]
            )
            one = time.perf_counter()
            store.apply(Batch(journal="j", start=start, end=start + size, changes=(change,)))
            slowest = max(slowest, time.perf_counter() - one)
        show(
            f"apply 1,000,000 points in {name}",
            time.perf_counter() - began,
            "s",
            peer=f"{time.process_time() - cpu:.2f} s CPU",
        )
        show("... the longest transaction", slowest * 1000, "ms", 200)
        store.close()
        show(
            "... bytes a point on disk, random values",
            file_bytes(place) / POINTS,
            "bytes",
            20,
            "a row a point in SQLite: 36",
        )
    node = store.component("c").id
    began = time.perf_counter()
    assert sum(1 for _ in store.points(node, "loss")) == POINTS
    show("read 1,000,000 points", time.perf_counter() - began, "s")
    show("summaries() of them", median_ms(lambda: store.summaries([node])), "ms")
    for what, query in (("a minute", WindowQuery(period_s=60)), ("a step", WindowQuery())):
        show(f"windows() of {what}", median_ms(lambda query=query: store.windows(node, "loss", query), 3), "ms")


def live() -> None:
    """An hour of a drain each second of 100 points."""
    store = fresh("live")
    rng = random.Random(3)
    drains, size = 3_600, 100
    at, times = 1_700_000_000_000_000, []
    for drain in range(drains):
        values = array("d", (rng.random() for _ in range(size)))
        stamps = array("q", range(at, at + size * 10_000, 10_000))
        steps = array("q", range(drain * size, (drain + 1) * size))
        at += 1_000_000
        one = time.perf_counter()
        store.write([AppendPoints(component="c", metric="loss", steps=steps, times=stamps, values=values)])
        times.append(time.perf_counter() - one)
    show("a drain of 100 points, a second apart, for an hour", statistics.median(times) * 1000, "ms")
    show("... the slowest", max(times) * 1000, "ms", 200)
    store.close()
    show("... bytes a point on disk", file_bytes("live") / drains / size, "bytes", 20)


OPENING = """
import sys, time
began, cpu = time.perf_counter(), time.process_time()
from plugin_core.stores import open_store
from plugin_core.model.changes import Batch, PutComponent
store = open_store(f"sqlite:///{sys.argv[1]}")
opened = time.process_time()
store.apply(Batch(journal=sys.argv[2], start=0, end=1, changes=(PutComponent(at=1, name="c", experiment="e"),)))
print((opened - cpu) * 1000, (time.process_time() - opened) * 1000)
"""


def opening() -> None:
    def cpu_ms(file: str, journal: str) -> tuple[float, float]:
        command = [sys.executable, "-c", OPENING, str(HOME / file), journal]
        opened, applied = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
        return float(opened), float(applied)

    new = [cpu_ms(f"new-{i}.db", "j") for i in range(5)]
    old = [cpu_ms("new-0.db", f"j{i}") for i in range(5)]
    show("open a new store, SQLAlchemy and alembic imported", statistics.median(o for o, _ in new), "ms CPU")
    show("open a store, SQLAlchemy imported", statistics.median(o for o, _ in old), "ms CPU")
    show("... the first apply", statistics.median(a for _, a in old), "ms CPU")


if __name__ == "__main__":
    for work in (opening, listings, deleting, graph, points, live):
        work()
