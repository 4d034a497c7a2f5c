"""Every way in which a flow or task run can end is in the record as it was."""

import asyncio
import contextlib
import time
from datetime import datetime

import pytest
from prefect import allow_failure, flow, task, unmapped
from prefect.cache_policies import INPUTS
from prefect.client.orchestration import get_client
from prefect.states import Failed
from prefect.transactions import transaction

from plugin_core.model.components import Kind, Status

pytestmark = pytest.mark.versions


@task
def add(x, y=1):
    return x + y


def test_a_flow_run_is_recorded_with_its_parameters_and_tasks(record):
    @flow
    def sums(n, step=2):
        return add(n, y=step)

    assert sums(3) == 5
    execution, step = record.run("sums"), record.run("add")
    assert (execution.status, execution.kind, execution.parameters) == (
        Status.COMPLETED,
        Kind.FLOW,
        {"n": 3, "step": 2},
    )
    assert (step.status, step.kind, step.parameters) == (Status.COMPLETED, Kind.TASK, {"x": 3, "y": 2})
    assert step.parent.component_name == execution.component_name
    assert step.experiment_name == "sums"


def test_default_arguments_are_parameters_too(record):
    @flow
    def defaults():
        add(1)

    defaults()
    assert record.run("add").parameters == {"x": 1, "y": 1}


def test_variable_arguments_keep_their_declared_names(record):
    @task
    def many(first, *others, **named):
        return first

    @flow
    def calls():
        many(1, 2, 3, a=4)

    calls()
    assert set(record.run("many").parameters) >= {"first"}
    assert record.run("many").status is Status.COMPLETED


def test_an_asyncio_task_is_recorded(record):
    @task
    async def wait(n):
        await asyncio.sleep(0)
        return n

    @flow
    async def gathers():
        return await asyncio.gather(*(wait(n) for n in range(5)))

    assert asyncio.run(gathers()) == [0, 1, 2, 3, 4]
    assert sorted(run.parameters["n"] for run in record.runs("wait")) == [0, 1, 2, 3, 4]
    assert {run.status for run in record.runs("wait")} == {Status.COMPLETED}


def test_an_immediate_retry_is_a_second_attempt(record):
    calls = []

    @task(retries=1)
    def flaky():
        calls.append(1)
        if len(calls) == 1:
            raise ValueError("first call")
        return "fine"

    @flow
    def patient():
        return flaky()

    assert patient() == "fine"
    first, second = record.runs("flaky")
    assert (first.attempt, first.status, first.status_message) == (1, Status.FAILED, "ValueError: first call")
    assert (second.attempt, second.status, second.status_message) == (2, Status.COMPLETED, None)


def test_a_delayed_retry_is_a_second_attempt(record):
    calls = []

    @task(retries=1, retry_delay_seconds=1)
    async def flaky():
        calls.append(1)
        if len(calls) == 1:
            raise ValueError("first call")

    @flow
    async def patient():
        await flaky()

    asyncio.run(patient())
    assert [run.status for run in record.runs("flaky")] == [Status.FAILED, Status.COMPLETED]


def test_a_failed_state_that_a_task_returns_is_a_failure(record):
    @task
    def returns_failed():
        return Failed(message="said so")

    @flow
    def unhappy():
        returns_failed(return_state=True)
        return "done"

    unhappy()
    run = record.run("returns_failed")
    assert run.status is Status.FAILED
    assert "said so" in run.status_message


@pytest.mark.since("prefect", "3.4.25")
def test_a_returned_failed_state_is_retried_like_an_exception(record):
    calls = []

    @task(retries=1)
    def returns_failed_first():
        calls.append(1)
        return Failed(message="not yet") if len(calls) == 1 else "fine"

    @flow
    def unhappy_first():
        return returns_failed_first()

    assert unhappy_first() == "fine"
    assert [run.status for run in record.runs("returns_failed_first")] == [Status.FAILED, Status.COMPLETED]


def test_an_exception_is_the_callers_and_the_message_of_the_record(record):
    error = ValueError("broken on purpose")

    @task
    def fails():
        raise error

    @flow
    def failing():
        fails()

    with pytest.raises(ValueError, match="broken on purpose") as raised:
        failing()
    assert raised.value is error
    assert record.run("fails").status is Status.FAILED
    assert "broken on purpose" in record.run("fails").status_message
    assert record.run("failing").status is Status.FAILED


def test_a_flow_retry_is_a_second_attempt_with_tasks_of_its_own(record):
    calls = []

    @flow(retries=1)
    def flaky_flow():
        calls.append(add(len(calls)))
        if len(calls) == 1:
            raise ValueError("again")

    flaky_flow()
    first, second = record.runs("flaky_flow")
    assert [(run.attempt, run.status) for run in (first, second)] == [(1, Status.FAILED), (2, Status.COMPLETED)]
    assert first.trial_name == second.trial_name
    parents = [run.parent.component_name for run in record.runs("add")]
    assert parents == [first.component_name, second.component_name]


def test_a_timed_out_async_task_fails_with_prefects_word_for_it(record):
    @task(timeout_seconds=0.05)
    async def slow():
        await asyncio.sleep(5)

    @flow
    async def impatient():
        await slow()

    with pytest.raises(TimeoutError):
        asyncio.run(impatient())
    run = record.run("slow")
    assert (run.status, run.properties["prefect_state"]) == (Status.FAILED, "TimedOut")
    assert "timeout" in run.status_message


def test_a_timed_out_sync_task_fails_too(record):
    @task(timeout_seconds=0.05)
    def slow():
        time.sleep(0.5)

    @flow
    def impatient():
        slow()

    with pytest.raises(TimeoutError):
        impatient()
    assert record.run("slow").properties["prefect_state"] == "TimedOut"


def test_a_timed_out_flow_fails(record):
    @flow(timeout_seconds=0.1)
    def slow_flow():
        time.sleep(0.5)

    with pytest.raises(TimeoutError):
        slow_flow()
    assert (record.run("slow_flow").status, record.run("slow_flow").properties["prefect_state"]) == (
        Status.FAILED,
        "TimedOut",
    )


def test_a_cached_task_is_cached_and_points_to_the_run_that_made_the_result(record, tmp_path):
    calls = []

    @task(cache_policy=INPUTS, persist_result=True)
    def costly(x, where):
        calls.append(x)
        return x * 2

    @flow
    def caches():
        return costly(21, str(tmp_path)), costly(21, str(tmp_path))

    assert caches() == (42, 42)
    assert calls == [21]
    made, cached = record.runs("costly")
    assert (made.status, cached.status) == (Status.COMPLETED, Status.CACHED)
    assert cached.parameters["x"] == 21
    assert record.producers(cached) == {made.run_name}


def test_a_task_after_a_failed_one_is_not_ready(record):
    @task
    def fails():
        raise ValueError("no")

    @flow
    def broken():
        return add.submit(fails.submit())

    assert broken(return_state=True).is_failed()
    run = record.run("add")
    assert (run.status, run.properties["prefect_state"]) == (Status.CANCELLED, "NotReady")
    assert "did not reach" in run.status_message
    assert run.parent.component_name == record.run("broken").component_name
    assert any(uri.endswith(record.run("fails").run_name[-12:]) for uri in record.sources(run))


def test_a_failure_that_is_allowed_reaches_the_task(record):
    @task
    def fails():
        raise ValueError("no")

    @task
    def takes(value):
        return type(value).__name__

    @flow
    def tolerant():
        return takes(allow_failure(fails.submit()))

    assert tolerant() == "ValueError"
    assert record.run("takes").status is Status.COMPLETED
    sources = record.sources(record.run("takes"))
    assert any(uri.endswith(record.run("fails").run_name[-12:]) for uri in sources)


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt()])
def test_a_crash_is_a_failure_with_prefects_word_for_it(record, error):
    @task
    def crashes():
        raise error

    @flow
    def crashing():
        crashes()

    with pytest.raises(type(error)) as raised:
        crashing()
    assert raised.value is error
    for name in ("crashes", "crashing"):
        run = record.run(name)
        assert (run.status, run.properties["prefect_state"]) == (Status.FAILED, "Crashed")


def test_a_cancelled_async_task_is_recorded_as_prefect_sees_it(record):
    @task
    async def endless():
        await asyncio.sleep(60)

    @flow
    async def cancels():
        running = asyncio.ensure_future(endless())
        await asyncio.sleep(0.2)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        return 1

    assert asyncio.run(cancels()) == 1
    assert (record.run("endless").status, record.run("cancels").status) == (Status.FAILED, Status.COMPLETED)


def test_parameters_that_do_not_validate_fail_the_flow_run(record):
    @flow
    def typed(n: int):
        return n

    with pytest.raises(Exception, match="n"):
        typed("not a number")
    run = record.run("typed")
    assert run.status is Status.FAILED
    assert run.parameters == {"n": "not a number"}
    assert "alidation" in run.status_message


def test_a_rolled_back_task_says_so(record):
    @task
    def writes():
        return "written"

    @writes.on_rollback
    def undo(txn):
        pass

    @flow
    def transacts():
        with transaction():
            writes()
            raise ValueError("undo it")

    with pytest.raises(ValueError, match="undo it"):
        transacts()
    assert record.run("writes").properties["prefect_state"] == "RolledBack"


def test_mapped_tasks_know_their_index(record):
    @flow
    def maps():
        return [future.result() for future in add.map([10, 20, 30], y=unmapped(5))]

    assert maps() == [15, 25, 35]
    indices = {run.parameters["x"]: run.properties["map_index"] for run in record.runs("add")}
    assert indices == {10: "0", 20: "1", 30: "2"}


def test_a_task_that_a_mapped_task_calls_has_no_index(record):
    @task
    def outer(x):
        return add(x)

    @flow
    def maps():
        return outer.map([1, 2]).result()

    maps()
    assert all("map_index" not in run.properties for run in record.runs("add"))
    assert {run.properties["map_index"] for run in record.runs("outer")} == {"0", "1"}


@contextlib.contextmanager
def one_at_a_time(tag):
    """A concurrency limit of one for tasks with this tag."""
    with get_client(sync_client=True) as client:
        client.create_concurrency_limit(tag, concurrency_limit=1)
        try:
            yield
        finally:
            client.delete_concurrency_limit_by_tag(tag)


def waited_s(run):
    return (run.started_at - datetime.fromisoformat(run.properties["scheduled_at"])).total_seconds()


def test_a_task_that_waits_for_a_slot_says_since_when(record):
    @task(tags=["one-at-a-time"])
    def exclusive():
        time.sleep(0.2)

    @flow
    def queued():
        [future.result() for future in (exclusive.submit(), exclusive.submit())]

    with one_at_a_time("one-at-a-time"):
        queued()
    first, second = sorted(record.runs("exclusive"), key=lambda run: run.started_at)
    assert second.started_at >= first.ended_at
    assert waited_s(second) >= 0.2


def test_an_asyncio_task_that_waits_for_a_slot_says_since_when(record):
    @task(tags=["one-at-a-time"])
    async def exclusive():
        await asyncio.sleep(0.2)

    @flow
    async def queued():
        await asyncio.gather(exclusive(), exclusive())

    with one_at_a_time("one-at-a-time"):
        asyncio.run(queued())
    first, second = sorted(record.runs("exclusive"), key=lambda run: run.started_at)
    assert second.started_at >= first.ended_at
    assert waited_s(second) >= 0.2
