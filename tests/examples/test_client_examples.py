"""Examples of SageMaker's clients run unmodified, in the client's own environment, against a started server."""

import tomllib
from pathlib import Path

import pytest
from kit.clients import Server, program_of

from plugin_core.model.lineage import NodeKind, NodeRef
from plugin_core.model.queries import ComponentQuery

EXAMPLES = Path(__file__).parents[2] / "examples"
pytestmark = pytest.mark.slow


@pytest.fixture
def served(tmp_path):
    server = Server(tmp_path)
    yield server.served
    assert server.stop() == ""


def test_the_script_of_the_sagemaker_sdk_records_its_runs_on_a_server(served):
    folder = EXAMPLES / "sagemaker_sdk"
    expected = tomllib.loads((folder / "expected.toml").read_text())
    program, *arguments = expected["command"][1:]
    said = served.finished([program_of(expected["client"]), "-W", "ignore", str(folder / program), *arguments])

    runs = {run.run_name: run for run in served.store.components(ComponentQuery(experiment=expected["experiment"]))}
    assert sorted(runs) == expected["runs"]
    for run in runs.values():
        assert_run(served.store, run, expected)
    assert expected["best"] in said


def assert_run(store, run, expected):
    assert run.status.value == expected["status"]
    assert expected["parameters"].items() <= store.parameters([run.id])[run.id].items()
    counts = {name: summary.count for name, summary in store.summaries([run.id])[run.id].items()}
    assert counts == expected["metrics"]
    files = store.artifact_values([run.id], is_output=True)[run.id]
    assert {name: entry.media_type for name, entry in files.items()} == expected["files"]
    behind = store.associations(source=NodeRef(NodeKind.COMPONENT, run.name))
    assert sorted(store.artifact(edge.destination.key).name for edge in behind) == expected["outputs"]
