import importlib
import multiprocessing
import os
import subprocess
import sys

import pytest

from plugin_core import Run
from plugin_core.tracking import children
from plugin_core.tracking.carrier import RUN_CONTEXT_VARIABLE, to_env
from plugin_core.tracking.settings import configure

SHOW = f"import os; print('{RUN_CONTEXT_VARIABLE}' in os.environ)"


def started(**options):
    return subprocess.run([sys.executable, "-c", SHOW], check=True, capture_output=True, text=True, **options).stdout


@pytest.fixture
def installed():
    children.install()
    yield
    children.uninstall()
    children.install()  # other tests' runs rely on it, and it is installed only once per process


def test_a_child_started_outside_of_any_run_gets_nothing(installed):
    assert started() == "False\n"


def test_a_child_of_a_run_gets_its_address(flowtrail_record, installed):
    with Run("exp"):
        assert started() == "True\n"


def test_the_environment_of_this_process_and_the_callers_mapping_stay_as_they_were(flowtrail_record, installed):
    env = {"A": "1"}
    before = dict(os.environ)
    with Run("exp"):
        started(env=env)

    assert env == {"A": "1"}
    assert dict(os.environ) == before


def test_an_environment_given_by_position_is_completed_too(flowtrail_record, installed):
    with Run("exp"):
        command = [sys.executable, "-c", SHOW]
        child = subprocess.Popen(
            command, -1, None, None, subprocess.PIPE, None, None, True, False, None, {"A": "1"}, text=True
        )
        assert child.communicate()[0] == "True\n"


def test_popen_still_says_in_its_own_words_what_is_wrong(flowtrail_record, installed):
    with Run("exp"), pytest.raises(FileNotFoundError):
        subprocess.Popen(["/no/such/program"])
    with Run("exp"), pytest.raises(AttributeError):
        subprocess.Popen([sys.executable], env=3)


def test_uninstalling_leaves_subprocess_as_it_was_found():
    children.uninstall()
    original = subprocess.Popen.__init__
    children.install()
    children.install()
    assert subprocess.Popen.__init__ is not original

    children.uninstall()
    assert subprocess.Popen.__init__ is original
    children.install()


def put_component(queue):
    from plugin_core import load_run

    queue.put(load_run().component_name)


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_each_multiprocessing_child_finds_the_run_that_started_it(flowtrail_record, installed, method):
    context = multiprocessing.get_context(method)
    queue = context.SimpleQueue()
    for name in ("r1", "r2"):
        with Run("exp", name):
            child = context.Process(target=put_component, args=(queue,))
            child.start()
            assert queue.get() == f"exp-{name}"
            child.join()


SENT = """
import os
def arrive(value): os.environ["ARRIVED"] = value
def fail(value): raise RuntimeError(value)
def report(queue): queue.put(os.environ.get("ARRIVED"))
"""


def test_what_is_sent_along_arrives_and_what_fails_there_does_not_fail_the_child(
    flowtrail_record, installed, tmp_path, monkeypatch
):
    (tmp_path / "sent_module.py").write_text(SENT)
    monkeypatch.syspath_prepend(tmp_path)
    report = importlib.import_module("sent_module").report
    children.send_along("sent_module:fail", lambda: "at all")
    children.send_along("sent_module:arrive", lambda: "well")
    spawning = multiprocessing.get_context("spawn")
    queue = spawning.SimpleQueue()
    try:
        with Run("exp"):
            child = spawning.Process(target=report, args=(queue,))
            child.start()
        assert queue.get() == "well"
        child.join()
    finally:
        children.send_no_longer("sent_module:fail")
        children.send_no_longer("sent_module:arrive")
    assert child.exitcode == 0


def test_a_child_is_told_the_run_as_sagemakers_job_where_the_setting_says_so(flowtrail_record):
    code = "import os; print(os.environ.get('TRAINING_JOB_ARN'))"

    def told():
        return subprocess.run([sys.executable, "-S", "-c", code], check=True, capture_output=True, text=True).stdout

    with Run("jobs", "one"):
        without = told()
        configure(sagemaker_jobs=True)
        with_setting = told()

    assert without == "None\n"
    assert with_setting == "arn:aws:sagemaker:local:000000000000:training-job/jobs-one\n"


def test_a_process_that_is_reached_another_way_is_told_its_job_too(flowtrail_record):
    with Run("jobs", "two") as run:
        carried = to_env(run.address)[RUN_CONTEXT_VARIABLE]
    code = (
        "import os, sys; from plugin_core.tracking.load import adopt; "
        "print(adopt(sys.argv[1]).run_name, os.environ.get('TRAINING_JOB_ARN'))"
    )

    def told(**more):
        own = {**os.environ, **flowtrail_record.environment, **more}
        command = [sys.executable, "-c", code, carried]
        return subprocess.run(command, env=own, check=True, capture_output=True, text=True).stdout

    assert told() == "two None\n"
    assert told(FLOWTRAIL_SAGEMAKER_JOBS="1") == "two arn:aws:sagemaker:local:000000000000:training-job/jobs-two\n"
