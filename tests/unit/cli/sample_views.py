"""A small record as views, for the tests of how things look."""

from datetime import UTC, datetime, timedelta

from plugin_core.cli.views import ArtifactRow, ExecutionRow, ExperimentRow, Headline, Link, RunDetail, RunView, StepRow
from plugin_core.model.components import OrchestratorRef, Status
from plugin_core.model.metrics import MetricSummary

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
FRAME = "sha256:3fa9c1d2e4b5968778695a4b3c2d1e0f3fa9c1d2e4b5968778695a4b3c2d1e0f"


def run_view(name="train", status=Status.COMPLETED, *, minutes=5, seconds=12.3, **changes) -> RunView:
    started = NOW - timedelta(minutes=minutes)
    known = {
        "component": f"breast-cancer-{name}-8f14e45fceea",
        "experiment": "breast-cancer",
        "execution": "breast-cancer-167a5b6c7d8e",
        "run": f"{name}-8f14e45fceea",
        "name": name,
        "kind": "task",
        "status": status,
        "status_inferred": False,
        "message": None,
        "attempt": 1,
        "created_at": started,
        "started_at": started,
        "ended_at": started + timedelta(seconds=seconds) if status.is_final else None,
        "duration_s": seconds,
        "parent": "breast-cancer-167a5b6c7d8e",
        "orchestrator": OrchestratorRef(system="prefect", execution_id="e", step_id="s", url="http://host/runs/1"),
    }
    return RunView(**(known | changes))


def execution(status=Status.COMPLETED, name="curious-otter", **changes) -> ExecutionRow:
    component = (
        f"breast-cancer-{abs(hash(name)) % 16**12:012x}" if name != "curious-otter" else "breast-cancer-167a5b6c7d8e"
    )
    view = run_view(name, status, component=component, kind="flow", parent=None, **changes)
    return ExecutionRow(run=view, steps=14, headline=Headline(metric="test_accuracy", value=0.97368, aggregate="max"))


def artifact(name="frame", **changes) -> ArtifactRow:
    known = {
        "uri": FRAME,
        "name": name,
        "type": "DataSet",
        "media_type": "application/vnd.apache.parquet",
        "size_bytes": 124_000,
        "stored": True,
        "created_at": NOW - timedelta(hours=1),
        "properties": {"type": "pandas.core.frame.DataFrame", "shape": "(569, 31)"},
    }
    return ArtifactRow(**(known | changes))


def summary(name="loss", last=0.25, **changes) -> MetricSummary:
    known = {
        "name": name,
        "count": 100,
        "last": last,
        "last_step": 99,
        "last_time": NOW,
        "minimum": 0.25,
        "maximum": 2.5,
        "mean": 1.0,
        "std_dev": 0.5,
    }
    return MetricSummary(**(known | changes))


def detail(**changes) -> RunDetail:
    known = {
        "run": run_view(),
        "parameters": {"model": "forest", "depth": 3, "rate": 0.1, "layers": [1, 2], "flag": True, "none": None},
        "metrics": {"loss": summary(), "test_accuracy": summary("test_accuracy", float("nan"), count=1)},
        "inputs": (Link(name="frame", value=FRAME, artifact=artifact(), others=("breast-cancer-load-0cc175b9c0f1",)),),
        "outputs": (
            Link(
                name="result",
                value="prefect:task-run/8f14e45f",
                artifact=artifact("train result", uri="prefect:task-run/8f14e45f", type="Value", size_bytes=None),
                others=("breast-cancer-choose-1", "breast-cancer-report-2"),
            ),
        ),
        "steps": (),
        "tags": {"nightly": None, "team": "risk", "sagemaker:trial-component-source": "run"},
        "properties": {
            "git.commit": "0123456789abcdef0123",
            "git.branch": "main",
            "git.dirty": "true",
            "map_index": "3",
        },
    }
    return RunDetail(**(known | changes))


def steps() -> tuple[StepRow, ...]:
    head = Headline(metric="loss", value=0.25, aggregate="last")
    return (
        StepRow(run=run_view("load"), depth=0, headline=None),
        StepRow(run=run_view("train", attempt=2), depth=0, headline=head),
        StepRow(run=run_view("fetch", Status.CACHED, seconds=0.02), depth=1, headline=None),
        StepRow(run=run_view("report", Status.FAILED, message="ValueError: no data"), depth=0, headline=None),
    )


def experiment_row(**changes) -> ExperimentRow:
    statuses = (Status.COMPLETED, Status.FAILED, Status.RUNNING)
    known = {
        "name": "breast-cancer",
        "display_name": "Breast cancer",
        "executions": 3,
        "statuses": statuses,
        "last_at": NOW,
        "modified_at": NOW,
    }
    return ExperimentRow(**(known | changes))
