"""Steps in processes of their own: what both sides tell comes together to one record."""

import dagster as dg
import pytest
from dagster._core.definitions.reconstruct import ReconstructableJob
from kit import dagster_jobs
from kit.dagster_past import check_import

from dagster_integration.instrumentor import instrument
from plugin_core.model.components import Status

DONE = (Status.COMPLETED, None)
FAILED = (Status.FAILED, None)
NOT_STARTED = (Status.CANCELLED, "NotStarted")
FORKING = {"execution": {"config": {"start_method": {"forkserver": {}}, "max_concurrent": 3}}}

pytestmark = pytest.mark.slow


def execute(name, instance, run_config=FORKING, **options):
    instrument(reason="tracked")  # what a module marks, is marked once; each test here finds Dagster as it was
    job = ReconstructableJob.for_file(dagster_jobs.__file__, name)
    return dg.execute_job(job, instance, run_config=run_config, **options)


@pytest.fixture(scope="module")
def many(shared_record, instance):
    """One run of all that can happen to a step in a process of its own."""
    result = execute("many_cases", instance)
    assert result.dagster_run.status is dg.DagsterRunStatus.FAILURE
    return shared_record


def test_each_step_gets_the_status_that_dagster_gave_it(many):
    assert many.states("many_cases") == {
        "rows": DONE,
        "total_of_rows": DONE,
        "parts": DONE,
        "squared[k0]": DONE,
        "squared[k1]": DONE,
        "total_of_parts": DONE,
        "crashing": FAILED,
        "after_crash": NOT_STARTED,
        "unpicklable": FAILED,
        "mended": FAILED,
        "after_mended": NOT_STARTED,
    } | {"unreliable": DONE}
    assert many.execution("many_cases").status is Status.FAILED


def test_a_process_that_dies_leaves_a_failed_step_with_what_it_had_logged(many):
    crashed = many.step("crashing")
    assert "child process for step crashing unexpectedly exited with code 3" in crashed.status_message
    assert crashed.metrics["before the crash"].last == 1


def test_values_edges_and_metrics_of_other_processes_are_recorded(many):
    assert many.step("total_of_rows").metrics["numbers"].last == 3
    assert many.direct_sources(many.step("total_of_rows")) == {"rows"}
    assert many.direct_sources(many.step("squared[k1]")) == {"parts"}
    assert many.step("squared[k1]").parameters["number"] == 1
    assert many.direct_sources(many.step("total_of_parts")) == {"squared[k0]", "squared[k1]"}


def test_attempts_in_different_processes_are_told_apart(many):
    first, second = many.steps("unreliable")
    assert (first.status, first.properties["dagster_state"], first.attempt) == (Status.FAILED, "UpForRetry", 1)
    assert (second.status, second.attempt) == (Status.COMPLETED, 2)
    assert many.attempt_before(second) == first
    assert [run.metrics["tries"].last for run in (first, second)] == [0, 1]


def test_an_output_that_its_io_manager_refuses_fails_the_step(many):
    assert "pickle" in many.step("unpicklable").status_message


@pytest.fixture(scope="module")
def again(many, instance):
    """A part of that run, chosen by hand, executed again under another name."""
    before = many.execution("many_cases").properties["dagster_run_id"]
    part = dg.ReexecutionOptions(before, step_selection=["mended", "after_mended"])
    elsewhere = {"flowtrail/experiment": "again"}
    assert execute("many_cases", instance, reexecution_options=part, tags=elsewhere).success
    return many


@pytest.fixture(scope="module")
def mended(shared_record, instance):
    """A run that failed, and its re-execution from there."""
    failed = execute("mending", instance, run_config={})
    before = shared_record.execution("mending")
    rest = dg.ReexecutionOptions.from_failure(failed.run_id, instance)
    assert execute("mending", instance, run_config={}, reexecution_options=rest).success
    (after,) = set(shared_record.executions("mending")) - {before}
    return before, after


def test_a_part_that_is_executed_again_builds_on_the_run_before(again):
    check_reexecution(again, again.execution("many_cases"), again.execution("again"), built_on="total_of_rows")


def test_what_is_executed_again_from_failure_builds_on_the_run_before(shared_record, mended):
    check_reexecution(shared_record, *mended, built_on="total_again")


@pytest.mark.usefixtures("again", "mended")
def test_an_import_says_of_them_what_recording_said(shared_record, instance, tmp_path):
    logged = frozenset({"numbers", "number", "tries", "before the crash"})
    report = check_import(shared_record.record, instance.root_directory, tmp_path, without=logged)
    assert (report.imported, report.failed) == (4, 0)


def check_reexecution(record, before, after, *, built_on):
    assert (before.status, after.status) == (Status.FAILED, Status.COMPLETED)
    assert record.attempt_before(after) == before
    repeated = {run.display_name: run for run in after.children}
    assert {name: run.status for name, run in repeated.items()} == dict.fromkeys(
        ["mended", "after_mended"], Status.COMPLETED
    )
    assert {run.display_name: run.parent for run in record.makers(repeated["mended"])} == {built_on: before}
    assert record.makers(repeated["after_mended"]) == {repeated["mended"]}
