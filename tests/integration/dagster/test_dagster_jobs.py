"""What is recorded of jobs of ops, with Dagster in this process."""

import dagster as dg

from plugin_core import load_run
from plugin_core.model.components import Kind, Status


@dg.op
def load() -> list[int]:
    return [1, 2, 3]


class Scaling(dg.Config):
    factor: int = 2
    password: str


@dg.op
def scale(config: Scaling, numbers: list[int]) -> list[int]:
    run = load_run()
    run.log_metric("largest", max(numbers) * config.factor)
    return [number * config.factor for number in numbers]


@dg.job
def scaling():
    scale(load())


def execute(job=scaling, **options):
    config = {"ops": {"scale": {"config": {"password": {"env": "HOME"}}}}}
    return job.execute_in_process(**({"run_config": config} | options))


def test_a_job_is_an_execution_with_its_steps(autologged):
    result = execute()

    root = autologged.execution("scaling")
    assert (root.kind, root.status) == (Kind.JOB, Status.COMPLETED)
    assert root.properties["dagster_run_id"] == result.run_id
    assert {run.display_name: (run.kind, run.status) for run in root.children} == {
        "load": (Kind.OP, Status.COMPLETED),
        "scale": (Kind.OP, Status.COMPLETED),
    }


def test_load_run_finds_the_step_it_is_called_in(autologged):
    execute()
    assert autologged.step("scale").metrics["largest"].last == 6
    assert autologged.step("load").metrics == {}


def test_config_is_recorded_as_it_was_written_with_its_defaults(autologged):
    execute()
    parameters = autologged.step("scale").parameters
    assert parameters["factor"] == 2
    assert parameters["password"] == "[redacted]"


def test_a_step_is_downstream_of_the_steps_whose_outputs_it_took(autologged):
    execute()
    assert autologged.sources(autologged.step("scale")) == {"load"}


def test_a_failing_step_fails_as_it_would_unrecorded(autologged):
    @dg.op
    def broken():
        raise ValueError("no such table")

    @dg.op
    def after(start):
        return start

    @dg.job
    def breaking():
        after(broken())

    result = breaking.execute_in_process(raise_on_error=False)

    assert not result.success
    assert (autologged.execution("breaking").status, autologged.step("broken").status) == (Status.FAILED, Status.FAILED)
    assert "ValueError: no such table" in autologged.step("broken").status_message
    never = autologged.step("after")
    assert (never.status, never.properties["dagster_state"]) == (Status.CANCELLED, "NotStarted")
