"""Every example runs in a process of its own on a fresh store, and records what its expected.toml says."""

import os
import subprocess
import sys
import tomllib
from collections import defaultdict
from pathlib import Path

import pytest

from plugin_core.lineage import path
from plugin_core.model import names
from plugin_core.model.lineage import NodeKind, NodeRef
from plugin_core.model.queries import ComponentQuery

EXAMPLES = Path(__file__).parents[2] / "examples"
FOLDERS = sorted(file.parent for file in EXAMPLES.glob("*/expected.toml"))
# Those of SageMaker's clients need a server and another Python; they run in test_client_examples.py.
RECORDED = [folder for folder in FOLDERS if "client" not in tomllib.loads((folder / "expected.toml").read_text())]

pytestmark = [pytest.mark.prefect, pytest.mark.slow]


@pytest.fixture(scope="session")
def homes(tmp_path_factory):
    """Homes of the orchestrators' own for all examples: making Prefect's database takes longer than running them."""
    folder = tmp_path_factory.mktemp("homes")
    for name in ("prefect", "dagster"):
        (folder / name).mkdir()
    return {
        "PREFECT_HOME": str(folder / "prefect"),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "180",
        "DAGSTER_HOME": str(folder / "dagster"),
        "DAGSTER_DISABLE_TELEMETRY": "true",
        "DIABETES_SHELF": str(folder / "shelf"),
    }


@pytest.mark.parametrize("folder", RECORDED, ids=lambda folder: folder.name)
def test_an_example_records_what_it_says(folder, flowtrail_record, homes):
    expected = tomllib.loads((folder / "expected.toml").read_text())
    found = {}
    for record in in_order(expected):
        run_example(folder, record["command"], {**flowtrail_record.environment, **homes})
        found |= assert_record(flowtrail_record.store, record)
    for way in expected.get("lineage", ()):
        assert_lineage(flowtrail_record.store, found, way)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_an_example_says_how_it_is_run(folder):
    for record in in_order(tomllib.loads((folder / "expected.toml").read_text())):
        command = " ".join(record["command"])

        assert command.partition(" --")[0] in (folder / "README.md").read_text()


def in_order(expected):
    """What an example records, command by command."""
    return [expected, *expected.get("then", ())]


def run_example(folder, command, variables):
    foreign = ("FLOWTRAIL_", "PREFECT_", "DAGSTER_")
    own = {key: value for key, value in os.environ.items() if not key.startswith(foreign)}
    beside_python = f"{Path(sys.executable).parent}{os.pathsep}{own['PATH']}"
    done = subprocess.run(
        command,
        cwd=folder,
        env={**own, "PATH": beside_python, **variables},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def assert_record(store, expected):
    """Compare what one command has recorded; return it by step."""
    components = store.components(ComponentQuery(experiment=expected["execution"]["experiment"]))
    (root,) = (component for component in components if component.parent is None)
    assert_execution(store, root, expected["execution"])
    steps = by_step([c for c in components if c.parent == root.name], expected["steps"])
    assert {name: sorted(c.status.value for c in found) for name, found in steps.items()} == {
        name: step["statuses"] for name, step in expected["steps"].items()
    }
    for name, step in expected["steps"].items():
        for component in steps[name]:
            assert_step(store, component, step)
    return steps


def by_step(components, names_of_steps):
    """Components by the step that their run name was derived from."""
    found = defaultdict(list)
    for component in components:
        step_id, attempt = component.orchestrator.step_id, component.attempt
        derived = {names.step_run_name(name, step_id, attempt=attempt): name for name in names_of_steps}
        found[derived.get(component.run_name, component.run_name)].append(component)
    return dict(found)


def assert_execution(store, root, expected):
    assert root.status.value == expected["status"]
    assert expected.get("parameters", {}).items() <= store.parameters([root.id])[root.id].items()
    assert set(expected["properties"]) <= store.properties([root.id])[root.id].keys()
    assert root.started_at < root.ended_at


def assert_step(store, component, expected):
    parameters, metrics = store.parameters([component.id])[component.id], store.summaries([component.id])[component.id]
    assert set(expected.get("parameters", ())) <= parameters.keys()
    logged = "failed_metrics" if component.status.value == "failed" else "metrics"
    assert {name: summary.count for name, summary in metrics.items()} == expected.get(logged, {})
    node = NodeRef(NodeKind.COMPONENT, component.name)
    came_in = {store.artifact(edge.source.key).type for edge in store.associations(destination=node)}
    went_out = {store.artifact(edge.destination.key).type for edge in store.associations(source=node)}
    assert set(expected.get("inputs", ())) <= came_in
    if component.status.value == "completed":
        assert set(expected.get("outputs", ())) <= went_out


def assert_lineage(store, steps, expected):
    by_name = {artifact.name: artifact for artifact in store.artifacts()}
    found = path(by_name[expected["from"]], by_name[expected["to"]])

    step_of = {component.name: step for step, some in steps.items() for component in some}
    assert [step_of[v.ref.key] for v in found.vertices if v.ref.kind is NodeKind.COMPONENT] == expected["through"]
