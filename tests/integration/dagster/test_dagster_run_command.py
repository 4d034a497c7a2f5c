"""`flowtrail run` records jobs and assets that know nothing of it, in all processes that Dagster starts."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from plugin_core.model.components import Kind, Status

PROGRAM = str(Path(__file__).with_name("programs") / "plain.py")
FLOWTRAIL = [sys.executable, "-m", "plugin_core.cli", "run"]
DAGSTER = [sys.executable, "-m", "dagster"]


@pytest.fixture
def environment(recorded, tmp_path: Path) -> dict[str, str]:
    home = tmp_path / "dagster"
    home.mkdir()
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "DAGSTER_HOME": str(home),
        **recorded.record.environment,
    }


def run(environment: dict[str, str], *command: str) -> str:
    done = subprocess.run(
        [*FLOWTRAIL, *command], env=environment, capture_output=True, text=True, check=False, timeout=200
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


@pytest.mark.versions
def test_dagster_job_execute_with_its_spawned_steps(recorded, environment):
    said = run(environment, *DAGSTER, "job", "execute", "-f", PROGRAM, "-j", "plain_job")
    root = recorded.execution("plain_job")
    assert (root.kind, root.status) == (Kind.JOB, Status.COMPLETED)
    assert recorded.step("total").metrics["total"].last == 1
    assert recorded.sources(recorded.step("total")) == {"measure_1"}
    assert f"flowtrail show {root.component_name}" in said


def test_dagster_asset_materialize(recorded, environment):
    run(environment, *DAGSTER, "asset", "materialize", "-f", PROGRAM, "--select", "*")
    root = recorded.execution("plain")
    assert {run.display_name: run.status for run in root.children} == {
        "numbers": Status.COMPLETED,
        "largest": Status.COMPLETED,
    }
    assert recorded.sources(recorded.step("largest")) == {"numbers"}


def test_a_script_that_materializes_by_itself(recorded, environment):
    run(environment, sys.executable, PROGRAM)
    assert {run.display_name for run in recorded.execution("plain").children} == {"numbers", "largest"}
