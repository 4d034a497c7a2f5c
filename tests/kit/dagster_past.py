"""Compares what an import makes of past runs with what recording made of them when they ran."""

from datetime import timedelta
from pathlib import Path

from dagster_integration.importer import import_runs
from plugin_core.capture.importing import ImportReport, ImportRequest
from plugin_core.model.lineage import NodeKind, NodeRef
from plugin_core.model.queries import ComponentQuery
from plugin_core.testing.fixtures import Record
from plugin_core.tracking.listing import find_runs
from plugin_core.tracking.run import Run
from plugin_core.tracking.settings import configure

_OF_THE_LIVE = ("git.", "code.", "python")  # properties that only a process at work knows
_APART = timedelta(seconds=5)  # the log's times, and those of the processes at work


def use(record: Record) -> None:
    configure(store=record.url, blobs=(record.folder / "blobs").as_uri(), spool_dir=record.spool, strict=True)


def imported(home: str, **which) -> ImportReport:
    return import_runs(ImportRequest(source=home, **which), lambda _done, _total: None)


def by_name() -> dict[str, Run]:
    return {run.component_name: run for run in find_runs()}


def told(run: Run, *, without: frozenset[str]) -> dict[str, object]:
    """What is said of one run, without what no event tells: ``without`` are inputs' names and what was logged."""
    return {
        "name": run.display_name,
        "kind": run.kind,
        "status": (run.status, run.status_message),
        "experiment": run.experiment_name,
        "attempt": run.attempt,
        "parent": run.parent and run.parent.component_name,
        "parameters": {name: value for name, value in run.parameters.items() if name not in without},
        "metrics": {name: summary.last for name, summary in run.metrics.items() if name not in without},
        "properties": {key: value for key, value in run.properties.items() if not key.startswith(_OF_THE_LIVE)},
        "tags": run.tags,
        "assets": {
            name: entry.value
            for name, entry in {**run.input_artifacts, **run.output_artifacts}.items()
            if name.startswith("asset ")
        },
    }


def edges(record: Record, jobs: set[str]) -> set[tuple[str, str, str]]:
    """The edges that Dagster itself knows of, and what each run repeats."""
    components = [each for each in record.store.components(ComponentQuery()) if each.experiment in jobs]
    found = {(each.name, each.previous_attempt, "repeats") for each in components if each.previous_attempt}
    for each in components:
        node = NodeRef(NodeKind.COMPONENT, each.name)
        for edge in (*record.store.associations(source=node), *record.store.associations(destination=node)):
            ends = (edge.source.key, edge.destination.key)
            if any(end.startswith("dagster:") for end in ends):
                found.add((*ends, edge.type))
    return found


def check_import(
    live: Record, home: str, folder: Path, *, without: frozenset[str] = frozenset(), ids: tuple[str, ...] = ()
) -> ImportReport:
    """Import into a record of its own, and hold that against the one made when the runs ran.

    Jobs of which no run was imported are left out: how many were, the report says.
    """
    fresh = Record(folder / "imported")
    use(fresh)
    report = imported(home, ids=ids)
    runs = by_name()
    jobs = {run.experiment_name for run in runs.values()}
    found = {name: told(run, without=without) for name, run in runs.items()}
    times = {name: (run.started_at, run.ended_at) for name, run in runs.items()}
    ties = edges(fresh, jobs)

    use(live)
    runs = {name: run for name, run in by_name().items() if run.experiment_name in jobs}
    assert found == {name: told(run, without=without) for name, run in runs.items()}
    assert edges(live, jobs) <= ties
    for name, run in runs.items():
        for ours, theirs in zip(times[name], (run.started_at, run.ended_at), strict=True):
            assert (ours is None) == (theirs is None), name
            assert ours is None or abs(ours - theirs) < _APART, name
    return report
