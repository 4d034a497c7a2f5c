"""A record with a bit of everything in a real store, and the command line over it in this process."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from plugin_core.cli import main
from plugin_core.model.changes import (
    AppendPoints,
    Change,
    PutArtifact,
    PutAssociation,
    PutComponent,
    PutExperiment,
    PutTrial,
    SetArtifactValues,
    SetParameters,
    SetStatus,
)
from plugin_core.model.components import ArtifactValue, Kind, OrchestratorRef, Status
from plugin_core.model.lineage import NodeKind, NodeRef
from plugin_core.stores import open_store
from plugin_core.tracking.settings import configure, reset_configuration

START = int(datetime(2026, 3, 1, 12, 0, tzinfo=UTC).timestamp() * 1_000_000)
SECOND = 1_000_000
EXECUTION = "11111111-2222-4333-8444-167a5b6c7d8e"
STEP = "aaaaaaaa-bbbb-4ccc-8ddd-8f14e45fceea"
FRAME = "sha256:" + "3fa9c1d2e4b59687" * 4
CONTENT = b"a,b\n1,2\n"  # the stored bytes of the frame, for tests that store them
MODEL = "sha256:" + "b0b1b2b3b4b5b6b7" * 4


def step(name: str, at: int, status: Status, *, run: str, **changes: Any) -> list[Change]:
    component = f"breast-cancer-{run}"
    put = PutComponent(
        at=START + at * SECOND,
        name=component,
        **{
            "experiment": "breast-cancer",
            "trial": "breast-cancer-167a5b6c7d8e",
            "run_name": run,
            "display_name": name,
            "kind": Kind.TASK,
            "parent": "breast-cancer-167a5b6c7d8e",
            "root": "breast-cancer-167a5b6c7d8e",
            "orchestrator": OrchestratorRef(system="prefect", execution_id=EXECUTION, step_id=f"id-of-{run}"),
            **changes,
        },
    )
    return [put, *ended(component, at, status)]


def ended(component: str, at: int, status: Status, message: str | None = None, lasted: int = 2) -> list[Change]:
    begun = START + at * SECOND
    changes: list[Change] = [SetStatus(at=begun, component=component, status=Status.RUNNING, started_at=begun)]
    if status.is_final:
        end = begun + lasted * SECOND
        changes.append(SetStatus(at=end, component=component, status=status, message=message, ended_at=end))
    return changes


def edge(source: NodeRef, destination: NodeRef, type: str) -> PutAssociation:
    return PutAssociation(at=START, source=source, destination=destination, type=type)


def series(component: str, metric: str, values: list[float]) -> AppendPoints:
    from array import array

    steps = range(len(values))
    times = array("q", [START + s * SECOND for s in steps])
    return AppendPoints(
        component=component, metric=metric, steps=array("q", steps), times=times, values=array("d", values)
    )


def run_node(run: str) -> NodeRef:
    return NodeRef(NodeKind.COMPONENT, f"breast-cancer-{run}")


def sample() -> list[Change]:
    """One execution with a load, a retried training, a failed report and a subflow; one run logged by hand."""
    frame, model = NodeRef(NodeKind.ARTIFACT, FRAME), NodeRef(NodeKind.ARTIFACT, MODEL)
    root = "breast-cancer-167a5b6c7d8e"
    return [
        PutExperiment(at=START, name="breast-cancer", display_name="Breast Cancer!", tags={"team": "risk"}),
        PutTrial(at=START, name=root, experiment="breast-cancer", display_name="curious-otter", root_component=root),
        *step(
            "curious-otter",
            0,
            Status.FAILED,
            run="167a5b6c7d8e",
            kind=Kind.FLOW,
            parent=None,
            orchestrator=OrchestratorRef(system="prefect", execution_id=EXECUTION, url="http://localhost/runs/1"),
            properties={"git.commit": "0123456789abcdef", "git.dirty": "false"},
        ),
        SetParameters(at=START, component=root, parameters={"seed": 7, "rate": float("nan")}),
        *step("load", 1, Status.COMPLETED, run="load-0cc175b9c0f1"),
        *step("train", 2, Status.FAILED, run="train-8f14e45fceea", orchestrator=by_prefect(STEP)),
        *step(
            "train",
            4,
            Status.COMPLETED,
            run="train-8f14e45fceea-a2",
            attempt=2,
            previous_attempt="breast-cancer-train-8f14e45fceea",
            orchestrator=by_prefect(STEP),
        ),
        SetParameters(
            at=START, component="breast-cancer-train-8f14e45fceea-a2", parameters={"model": "forest", "depth": 3}
        ),
        series("breast-cancer-train-8f14e45fceea-a2", "loss", [1.0, 0.5, 0.25]),
        series("breast-cancer-train-8f14e45fceea-a2", "test_accuracy", [0.9, float("nan"), 0.97]),
        *step("score", 5, Status.CACHED, run="score-1", parent="breast-cancer-train-8f14e45fceea-a2"),
        *step("report", 6, Status.COMPLETED, run="report-2"),
        *ended("breast-cancer-report-2", 7, Status.FAILED, "ValueError: no data\n  in report"),
        PutArtifact(
            at=START,
            source_uri=FRAME,
            type="DataSet",
            name="frame",
            media_type="text/csv",
            size_bytes=8,
            blob=f"sha256:{hashlib.sha256(CONTENT).hexdigest()}",
            properties={"type": "pandas.core.frame.DataFrame", "shape": "(569, 31)"},
        ),
        PutArtifact(at=START, source_uri=MODEL, type="Model", name="model", properties={"location": "/models/m.pkl"}),
        edge(run_node("load-0cc175b9c0f1"), frame, "Produced"),
        edge(frame, run_node("train-8f14e45fceea-a2"), "ContributedTo"),
        edge(run_node("train-8f14e45fceea-a2"), model, "Produced"),
        edge(model, run_node("report-2"), "ContributedTo"),
        SetArtifactValues(
            at=START,
            component="breast-cancer-train-8f14e45fceea-a2",
            is_output=False,
            values={"frame": ArtifactValue(value=FRAME, media_type="text/csv")},
        ),
        PutComponent(at=START + 60 * SECOND, name="iris-first", experiment="iris", run_name="first"),
        *ended("iris-first", 60, Status.COMPLETED),
        series("iris-first", "auc", [0.7]),
    ]


def by_prefect(step_id: str) -> OrchestratorRef:
    return OrchestratorRef(system="prefect", execution_id=EXECUTION, step_id=step_id)


@dataclass(frozen=True)
class Answer:
    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def folder(tmp_path: Path):
    """An empty place for a record; the settings of this process point to it."""
    configure(store=f"sqlite:///{tmp_path / 'record.db'}")
    yield tmp_path
    reset_configuration()


@pytest.fixture
def record(folder: Path) -> Path:
    """The sample, in a real store."""
    store = open_store(f"sqlite:///{folder / 'record.db'}")
    store.write(sample())
    store.close()
    return folder


@pytest.fixture
def flowtrail(capsys) -> Callable[..., Answer]:
    """The command line in this process, its output piped."""

    def call(*arguments: str) -> Answer:
        capsys.readouterr()
        status = main(arguments)
        captured = capsys.readouterr()
        return Answer(status, captured.out, captured.err)

    return call
