"""What an SDK asks of its process is answered for the step that asks, where the setting says so.

A package stands in for the SDK: its private names, and what they do. The real one runs in the clients' tests.
"""

import contextvars
import importlib
import logging
import sys
import threading

import pytest

from plugin_core import Run, configure
from plugin_core.capture.patches import Patches
from plugin_core.capture.sdk_jobs import answer_sdks
from plugin_core.model import names

ENVIRONMENT = """
import enum
import os

class _EnvironmentType(enum.Enum):
    SageMakerTrainingJob = 1

class _RunEnvironment:
    def __init__(self, environment_type, source_arn):
        self.environment_type, self.source_arn = environment_type, source_arn

    @classmethod
    def load(cls, variable="TRAINING_JOB_ARN"):
        return cls(_EnvironmentType.SageMakerTrainingJob, os.environ[variable]) if variable in os.environ else None
"""
CONTEXT = """
class _RunContext:
    _run = None

    @classmethod
    def add_run_object(cls, run):
        cls._run = run

    @classmethod
    def drop_current_run(cls):
        run, cls._run = cls._run, None
        return run

    @classmethod
    def get_current_run(cls):
        return cls._run
"""


@pytest.fixture
def sdk(tmp_path, monkeypatch):
    """Modules of an SDK by their names, written when they are first asked for."""
    package = tmp_path / "sagemaker" / "experiments"
    package.mkdir(parents=True)
    for folder in (package.parent, package):
        (folder / "__init__.py").touch()
    (package / "_environment.py").write_text(ENVIRONMENT)
    (package / "_run_context.py").write_text(CONTEXT)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield package
    for name in [name for name in sys.modules if name.partition(".")[0] == "sagemaker"]:
        del sys.modules[name]


@pytest.fixture
def patches():
    found = Patches()
    answer_sdks(found)
    yield found
    found.remove()


@pytest.fixture
def jobs(flowtrail_record):
    configure(sagemaker_jobs=True)
    return flowtrail_record


def loaded():
    return importlib.import_module("sagemaker.experiments._environment")._RunEnvironment.load()


def context():
    return importlib.import_module("sagemaker.experiments._run_context")._RunContext


def elsewhere(call, *, within=None):
    """What a call gives in a thread, inside of a copy of a context or with none of its own."""
    found = []
    run = (within or contextvars.Context()).run
    thread = threading.Thread(target=lambda: found.append(run(call)))
    thread.start()
    thread.join()
    return found[0]


@pytest.mark.usefixtures("sdk", "patches", "jobs")
def test_the_job_is_the_run_that_asks_and_is_in_the_record_by_then(flowtrail_record):
    with Run("jobs", "one") as run:
        found = loaded()
        assert found.source_arn == names.arn("training-job", "jobs-one")
        assert found.environment_type.name == "SageMakerTrainingJob"
        assert flowtrail_record.store.component_of_job("jobs-one").name == run.experiment_config["RunName"]


@pytest.mark.usefixtures("sdk", "patches", "jobs")
def test_where_no_run_asks_the_environment_is_read_as_ever(monkeypatch):
    assert loaded() is None
    monkeypatch.setenv("TRAINING_JOB_ARN", "arn:of-a-job")
    assert loaded().source_arn == "arn:of-a-job"


@pytest.mark.usefixtures("sdk", "patches", "flowtrail_record")
def test_without_the_setting_all_is_as_without_flowtrail():
    with Run("jobs", "two"):
        assert loaded() is None
        context().add_run_object("mine")
        assert context()._run == "mine"
        assert context().drop_current_run() == "mine"
        assert context().get_current_run() is None


@pytest.mark.usefixtures("sdk", "patches", "jobs")
def test_a_step_sees_the_run_it_entered_and_a_plain_thread_the_only_one():
    get, drop = context().get_current_run, context().drop_current_run
    with Run("jobs", "three"):
        first, second = contextvars.copy_context(), contextvars.copy_context()
        elsewhere(lambda: context().add_run_object("mine"), within=first)
        assert [elsewhere(get, within=first), elsewhere(get, within=second), elsewhere(get)] == ["mine", None, "mine"]
        elsewhere(lambda: context().add_run_object("theirs"), within=second)
        assert [elsewhere(get, within=first), elsewhere(get, within=second), elsewhere(get)] == ["mine", "theirs", None]

        assert [elsewhere(drop, within=first), elsewhere(get, within=first)] == ["mine", None]
        assert elsewhere(get, within=second) == "theirs"


@pytest.mark.usefixtures("sdk", "patches", "jobs")
def test_a_run_that_was_entered_outside_of_steps_is_seen_in_them():
    context().add_run_object("around")
    with Run("jobs", "four"):
        assert context().get_current_run() == "around"
    assert context().drop_current_run() == "around"


@pytest.mark.usefixtures("sdk", "jobs")
def test_an_sdk_that_is_not_known_is_left_alone_with_a_warning(sdk, patches, caplog):
    (sdk / "_environment.py").write_text(
        "class _RunEnvironment:\n    @classmethod\n    def read(cls):\n        return 1\n"
    )
    with caplog.at_level(logging.WARNING, "flowtrail"):
        module = importlib.import_module("sagemaker.experiments._environment")

    assert module._RunEnvironment.read() == 1
    (said,) = caplog.messages
    assert "sagemaker.experiments" in said


@pytest.mark.usefixtures("sdk", "jobs")
def test_removed_the_sdk_is_as_it_was_found(patches):
    owner = importlib.import_module("sagemaker.experiments._environment")._RunEnvironment
    ours = vars(owner)["load"]
    patches.remove()

    assert isinstance(vars(owner)["load"], classmethod)
    assert ours is not vars(owner)["load"]
    with Run("jobs", "five"):
        assert ours() is None
        assert loaded() is None
