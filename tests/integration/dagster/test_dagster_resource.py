"""FlowtrailResource says where to record, and is itself not recorded; what Dagster knows of us as a library."""

import dagster as dg
import pytest

from dagster_integration import FlowtrailComponent, FlowtrailResource, track
from plugin_core.model.components import Status
from plugin_core.tracking.settings import current_settings


@dg.op
def measure(flowtrail: FlowtrailResource) -> int:
    flowtrail.run.log_metric("seen", len(flowtrail.list_runs("measuring")))
    return 1


@dg.job
def measuring():
    measure()


def resource(tmp_path, monkeypatch) -> FlowtrailResource:
    monkeypatch.setenv("WHERE_TO_RECORD", f"sqlite:///{tmp_path}/elsewhere/record.db")
    return FlowtrailResource(
        store=dg.EnvVar("WHERE_TO_RECORD"), dagster_url="http://somebody:hunter2@dagster.example", capture="params"
    )


@pytest.mark.versions
def test_a_tracked_definitions_with_the_resource_is_recorded_as_it_says(recorded, tmp_path, monkeypatch):
    given = resource(tmp_path, monkeypatch)
    defs = track(dg.Definitions(jobs=[measuring], resources={"flowtrail": given}))
    assert defs.resolve_job_def("measuring").execute_in_process().success
    assert current_settings().store == f"sqlite:///{tmp_path}/elsewhere/record.db"
    assert recorded.execution("measuring").status is Status.COMPLETED
    assert recorded.step("measure").metrics["seen"].last == 2  # the run and this step of it
    assert recorded.step("measure").parameters == {}


def test_nothing_that_the_resource_holds_is_recorded(recorded, tmp_path, monkeypatch):
    given = resource(tmp_path, monkeypatch)
    defs = track(dg.Definitions(jobs=[measuring], resources={"flowtrail": given}))
    defs.resolve_job_def("measuring").execute_in_process()
    assert recorded.execution("measuring").url.endswith(
        "@dagster.example/runs/" + recorded.execution("measuring").properties["dagster_run_id"]
    )
    kept = [file for file in tmp_path.rglob("*") if file.is_file() and b"hunter2" in file.read_bytes()]
    assert kept == []


@dg.op
def untouched(flowtrail: FlowtrailResource) -> str:
    return current_settings().store


@dg.job
def untracked():
    untouched()


@pytest.mark.versions
def test_without_track_the_resource_takes_effect_where_it_is_initialised(recorded, tmp_path):
    store = f"sqlite:///{tmp_path}/elsewhere/record.db"
    result = untracked.execute_in_process(resources={"flowtrail": FlowtrailResource(store=store)})
    assert result.output_for_node("untouched") == store


@pytest.mark.versions
def test_a_run_that_is_being_recorded_is_not_split_by_the_resource(autologged, tmp_path):
    other = FlowtrailResource(store=f"sqlite:///{tmp_path}/elsewhere/record.db")
    result = untracked.execute_in_process(resources={"flowtrail": other})
    assert result.output_for_node("untouched") == autologged.record.url
    assert {run.status for run in autologged.all()} == {Status.COMPLETED}


@pytest.mark.versions
def test_dagster_knows_the_library_and_its_version(autologged):
    from importlib.metadata import version

    from dagster_shared.libraries import DagsterLibraryRegistry

    assert DagsterLibraryRegistry.get()["flowtrail"] == version("flowtrail")


@pytest.mark.versions
def test_dagsters_tools_find_the_component():
    from dagster.components.core.package_entry import discover_entry_point_package_objects

    found = {key.name: value for key, value in discover_entry_point_package_objects().items()}
    assert found["FlowtrailComponent"] is FlowtrailComponent


@pytest.mark.filterwarnings("ignore")  # Dagster's loader uses much that it calls beta or deprecated
def test_a_component_records_the_definitions_of_its_file(recorded):
    from dagster.components.testing.utils import create_defs_folder_sandbox

    attributes = {"path": "definitions.py", "experiment": "of the component"}
    with create_defs_folder_sandbox() as sandbox:
        folder = sandbox.scaffold_component(
            FlowtrailComponent,
            defs_yaml_contents={"type": "dagster_integration.FlowtrailComponent", "attributes": attributes},
        )
        (folder / "definitions.py").write_text(
            "import dagster as dg\n\n\n@dg.asset\ndef made():\n    return 1\n\n\n"
            "@dg.asset_check(asset=made)\ndef is_one(made):\n    return dg.AssetCheckResult(passed=made == 1)\n"
        )
        with sandbox.build_all_defs() as defs:
            assert defs.resolve_implicit_global_asset_job_def().execute_in_process().success
    root = recorded.execution("of the component")
    assert {run.display_name for run in root.children} == {"made", "made_is_one"}
