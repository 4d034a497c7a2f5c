"""Pipes processes log to the run of the step that started them, whatever reaches them of its environment."""

import os
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.pipes.client import PipesContextInjector
from dagster._core.pipes.utils import PipesEnvContextInjector

from plugin_core import NoActiveRunError, configure, load_run
from plugin_core.model import names

SCRIPT = str(Path(__file__).with_name("programs") / "outside.py")
pytestmark = [
    pytest.mark.versions,
    # Dagster's Pipes use what Dagster warns of.
    pytest.mark.filterwarnings("ignore:Function `PipesMessageReader.expected_writer_count`"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # Dagster's reader leaves its file open
]


def run_bare(context, name: str, ways: str, injector: PipesContextInjector) -> dg.MaterializeResult:
    """Start the script as a container would be started: flowtrail adds nothing to its environment."""
    with dg.open_pipes_session(context, injector, dg.PipesTempFileMessageReader(), extras={"mine": 1}) as session:
        arguments, environment = [], {"PATH": os.environ["PATH"]}
        if "arguments" in ways:
            arguments = [word for pair in session.get_bootstrap_cli_arguments().items() for word in pair]
        else:
            environment |= session.get_bootstrap_env_vars()
        command = [sys.executable, SCRIPT, name, ways, *arguments]
        child = os.posix_spawn(sys.executable, command, environment)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    return session.get_results()


def test_metrics_of_pipes_processes_land_on_the_step(autologged):
    @dg.asset
    def inherits(context: dg.AssetExecutionContext, client: dg.PipesSubprocessClient):
        command = [sys.executable, SCRIPT, "inherited", "opened"]
        return client.run(command=command, context=context, extras={"mine": 1}).get_materialize_result()

    @dg.asset
    def by_file(context: dg.AssetExecutionContext):
        yield from run_bare(context, "file", "", dg.PipesTempFileContextInjector())

    @dg.asset
    def by_variable(context: dg.AssetExecutionContext):
        yield from run_bare(context, "variable", "opened", PipesEnvContextInjector())

    @dg.asset
    def by_arguments(context: dg.AssetExecutionContext):
        yield from run_bare(context, "arguments", "arguments", PipesEnvContextInjector())

    @dg.asset
    def by_opened_arguments(context: dg.AssetExecutionContext):
        yield from run_bare(context, "arguments", "opened,arguments", PipesEnvContextInjector())

    assets = [inherits, by_file, by_variable, by_arguments, by_opened_arguments]
    assert dg.materialize(assets, resources={"client": dg.PipesSubprocessClient()}).success
    assert {
        asset.key.to_user_string(): set(autologged.step(asset.key.to_user_string()).metrics) for asset in assets
    } == {
        "inherits": {"inherited"},
        "by_file": {"file"},
        "by_variable": {"variable"},
        "by_arguments": {"arguments"},
        "by_opened_arguments": {"arguments"},
    }


def test_a_pipes_process_is_told_the_job_that_sagemakers_sdk_looks_for_where_the_setting_says_so(autologged):
    told = []

    @dg.op
    def starts(context):
        with dg.open_pipes_session(context, PipesEnvContextInjector(), dg.PipesTempFileMessageReader()) as session:
            told.append(session.get_bootstrap_env_vars().get("TRAINING_JOB_ARN"))
            configure(sagemaker_jobs=True)
            told.append(session.get_bootstrap_env_vars()["TRAINING_JOB_ARN"])

    @dg.job
    def outside():
        starts()

    assert outside.execute_in_process().success
    step = autologged.step("starts")
    assert told == [None, names.arn("training-job", names.job_slug(step.component_name))]


def test_a_pipes_process_of_an_unrecorded_step_is_told_nothing(recorded):
    @dg.op
    def alone(context):
        with dg.open_pipes_session(context, PipesEnvContextInjector(), dg.PipesTempFileMessageReader()) as session:
            assert session.context_data["extras"] == {}

    @dg.job
    def unrecorded():
        alone()

    assert unrecorded.execute_in_process().success


@pytest.mark.parametrize("sent", ["nonsense", "eJyrrgUAAXUA+Q==", ""])
def test_what_cannot_be_read_of_a_pipes_context_is_one_more_place_without_a_run(flowtrail_record, sent):
    code = "from plugin_core import load_run; load_run()"
    environment = {"PATH": os.environ["PATH"], "DAGSTER_PIPES_CONTEXT": sent, **flowtrail_record.environment}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert "NoActiveRunError" in done.stderr
    assert "Dagster Pipes: no recorded step" in done.stderr


def test_without_a_run_the_error_lists_what_installed_packages_found(flowtrail_record):
    with pytest.raises(NoActiveRunError) as caught:
        load_run()
    assert caught.value.trail[-1] == "Dagster Pipes: no recorded step"
