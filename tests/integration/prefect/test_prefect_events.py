import pytest
from prefect import flow, task

from plugin_core.capture.events import NOTHING, ExecutionFinished, ExecutionStarted, StepFinished, StepStarted
from plugin_core.model.components import Status

pytestmark = pytest.mark.versions


@task
def add(x, y=1):
    return x + y


@task
def double(x):
    return 2 * x


def test_a_flow_and_its_tasks_are_reported_in_order(collected):
    @flow
    def sums(n):
        return double(add([n], y=[1]))

    assert sums(1) == [1, 1, 1, 1]
    assert [type(event) for event in collected.events] == [
        ExecutionStarted, StepStarted, StepFinished, StepStarted, StepFinished, ExecutionFinished,
    ]  # fmt: skip
    started, first, first_end, second, second_end, end = collected.events
    assert started.parameters == {"n": 1}
    assert first.inputs == {"x": [1], "y": [1]}
    assert first_end.output == [1, 1]
    assert first_end.result_uris == (f"prefect:task-run/{first.key.step_id}",)
    assert second.upstream == {"x": first_end.result_uris}
    assert {first_end.status, second_end.status, end.status} == {Status.COMPLETED}
    assert end.output == [1, 1, 1, 1]
    assert end.key == started.key == first.key.execution


def test_a_retried_task_is_an_attempt_after_the_other(collected):
    calls = []

    @task(retries=2)
    def flaky():
        calls.append(1)
        if len(calls) < 3:
            raise ValueError(f"call {len(calls)}")
        return "fine"

    @flow
    def patient():
        return flaky()

    assert patient() == "fine"
    assert [event.key.attempt for event in collected.of(StepStarted)] == [1, 2, 3]
    assert [(event.key.attempt, event.status, event.message) for event in collected.of(StepFinished)] == [
        (1, Status.FAILED, "ValueError: call 1"),
        (2, Status.FAILED, "ValueError: call 2"),
        (3, Status.COMPLETED, None),
    ]


def test_a_task_that_waits_for_a_failed_one_is_not_ready(collected):
    @task
    def fails():
        raise ValueError("no")

    @flow
    def broken():
        future = fails.submit()
        return add.submit(future)

    state = broken(return_state=True)
    assert state.is_failed()
    assert not collected.of(StepStarted, "add")
    (end,) = collected.of(StepFinished, "add")
    assert end.status is Status.CANCELLED
    assert end.output is NOTHING
    assert end.properties == {"prefect_state": "NotReady"}
