"""A Prefect whose engines are not what we know is recorded all the same: real Prefect, of which more is demanded."""

import asyncio
import logging
import pickle
import types

import cloudpickle
import prefect.flow_engine
import prefect.task_engine
import pytest
from prefect import flow, task
from prefect.cache_policies import INPUTS
from prefect.context import FlowRunContext
from prefect.exceptions import Pause
from prefect.states import Suspended
from prefect.transactions import transaction

import prefect_integration
from plugin_core import load_run
from plugin_core.model.components import Status
from prefect_integration import _compat, instrumentor, tracked_flow

pytestmark = pytest.mark.versions

PATCHED = (
    prefect.task_engine,
    prefect.task_engine.SyncTaskRunEngine,
    prefect.task_engine.AsyncTaskRunEngine,
    prefect.flow_engine,
    prefect.flow_engine.FlowRunEngine,
    prefect.flow_engine.AsyncFlowRunEngine,
)


@pytest.fixture
def unknown_engines(monkeypatch):
    """Demand of Prefect's engines what they do not have."""
    demanded = {
        module: {engine: (*methods, "method_of_tomorrow") for engine, methods in engines.items()}
        for module, engines in _compat.NEEDS.items()
    }
    monkeypatch.setattr(_compat, "NEEDS", demanded)
    monkeypatch.setattr(_compat, "_warned", set())


@pytest.fixture
def record(unknown_engines, record):
    return record


@task
def add(x, y=1):
    return x + y


@task
def here():
    return load_run().run_name


def contents():
    return [dict(vars(owner)) for owner in PATCHED]


def warnings_of(caplog):
    return [
        entry.getMessage() for entry in caplog.records if entry.name == "flowtrail" and entry.levelname == "WARNING"
    ]


# What is recorded


def test_a_flow_and_its_tasks_are_recorded(record):
    @flow
    def sums(n, step=2):
        return add(n, y=step), load_run().run_name

    assert sums(3) == (5, record.run("sums").run_name)
    execution, step = record.run("sums"), record.run("add")
    assert (execution.status, execution.parameters) == (Status.COMPLETED, {"n": 3, "step": 2})
    assert (step.status, step.parameters) == (Status.COMPLETED, {"x": 3, "y": 2})
    assert step.parent.component_name == execution.component_name


def test_results_lead_from_task_to_task(record):
    @flow
    def chains():
        return add(add.submit([1], y=[2]), y=[3])

    assert chains() == [1, 2, 3]
    first, second = record.runs("add")
    assert record.producers(second) == {first.run_name}


def test_asyncio_tasks_at_once_each_find_their_own_run(record):
    @task
    async def where(n):
        await asyncio.sleep(0.01)
        return n, load_run().run_name

    @flow
    async def gathers():
        return await asyncio.gather(*(where(n) for n in range(4)))

    found = dict(asyncio.run(gathers()))
    assert found == {run.parameters["n"]: run.run_name for run in record.runs("where")}
    assert {run.status for run in record.all()} == {Status.COMPLETED}


def test_mapped_tasks_find_their_own_run_and_know_their_index(record):
    @task
    def where(n):
        return n, load_run().run_name

    @flow
    def maps():
        return where.map([10, 20, 30]).result()

    found = dict(maps())
    runs = record.runs("where")
    assert found == {run.parameters["n"]: run.run_name for run in runs}
    assert {run.parameters["n"]: run.properties["map_index"] for run in runs} == {10: "0", 20: "1", 30: "2"}


def test_subflows_and_tasks_in_tasks_are_below_their_callers(record):
    @task
    def outer_task():
        return here()

    @flow
    def inner():
        return outer_task()

    @flow
    def outer():
        return inner(), load_run().run_name

    assert outer() == (record.run("here").run_name, record.run("outer").run_name)
    assert record.run("inner").parent.component_name == record.run("outer").component_name
    assert record.run("outer_task").parent.component_name == record.run("inner").component_name
    assert record.run("here").parent.component_name == record.run("outer_task").component_name


def test_a_task_outside_of_any_flow_is_recorded(record):
    assert here() == record.run("here").run_name
    assert record.run("here").status is Status.COMPLETED


def test_generators_and_their_consumers_find_their_own_runs(record):
    @task
    def yields():
        yield load_run().run_name

    @task
    async def yields_async():
        yield load_run().run_name

    @flow
    async def consumes():
        inside = [(name, load_run().run_name) for name in yields()]
        return inside + [(name, load_run().run_name) async for name in yields_async()]

    outer = asyncio.run(consumes())
    names = [record.run(name).run_name for name in ("yields", "yields_async")]
    assert outer == [(name, record.run("consumes").run_name) for name in names]
    assert {run.status for run in record.all()} == {Status.COMPLETED}


def test_a_generator_that_is_abandoned_is_completed(record):
    @task
    def endless():
        while True:
            yield load_run().run_name

    @flow
    def abandons():
        generator = endless()
        first = next(generator)
        generator.close()
        return first, load_run().run_name

    assert abandons() == (record.run("endless").run_name, record.run("abandons").run_name)
    assert record.run("endless").status is Status.COMPLETED


# How runs end


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
    for name in ("fails", "failing"):
        assert record.run(name).status is Status.FAILED
        assert "broken on purpose" in record.run(name).status_message


def test_a_retry_is_a_second_attempt(record):
    calls = []

    @task(retries=1)
    def flaky():
        calls.append(1)
        if len(calls) == 1:
            raise ValueError("first call")
        return load_run().run_name

    @flow
    def patient():
        return flaky()

    last = patient()
    first, second = record.runs("flaky")
    assert (first.attempt, first.status, first.status_message) == (1, Status.FAILED, "ValueError: first call")
    assert (second.attempt, second.status, second.run_name) == (2, Status.COMPLETED, last)


def test_a_flow_retry_is_a_second_attempt(record):
    calls = []

    @flow(retries=1)
    def flaky_flow():
        calls.append(1)
        if len(calls) == 1:
            raise ValueError("again")

    flaky_flow()
    found = [(run.attempt, run.status) for run in record.runs("flaky_flow")]
    assert found == [(1, Status.FAILED), (2, Status.COMPLETED)]
    assert "again" in record.runs("flaky_flow")[0].status_message


def test_a_cached_task_is_cached_and_points_to_the_run_that_made_the_result(record, tmp_path):
    @task(cache_policy=INPUTS, persist_result=True)
    def costly(x, where):
        return x * 2

    @flow
    def caches():
        return costly(21, str(tmp_path)), costly(21, str(tmp_path))

    assert caches() == (42, 42)
    made, cached = record.runs("costly")
    assert (made.status, cached.status, cached.parameters["x"]) == (Status.COMPLETED, Status.CACHED, 21)
    assert record.producers(cached) == {made.run_name}


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


def test_a_timed_out_task_fails(record):
    @task(timeout_seconds=0.05)
    async def slow():
        await asyncio.sleep(5)

    @flow
    async def impatient():
        await slow()

    with pytest.raises(TimeoutError):
        asyncio.run(impatient())
    assert (record.run("slow").status, record.run("slow").properties["prefect_state"]) == (Status.FAILED, "TimedOut")


def test_parameters_that_do_not_validate_fail_the_flow_run(record):
    @flow
    def typed(n: int):
        return n

    with pytest.raises(Exception, match="n"):
        typed("not a number")
    assert (record.run("typed").status, record.run("typed").parameters) == (Status.FAILED, {"n": "not a number"})


def test_a_suspended_flow_is_paused(record):
    @flow
    def suspends():
        raise Pause(state=Suspended())

    with pytest.raises(Pause):
        suspends()
    assert record.run("suspends").status is Status.PAUSED


def test_a_rolled_back_task_says_so(record):
    @flow
    def transacts():
        with transaction():
            add(1)
            raise ValueError("undo it")

    with pytest.raises(ValueError, match="undo it"):
        transacts()
    assert record.run("add").properties["prefect_state"] == "RolledBack"


# What is left alone


def test_there_is_one_warning_and_the_engines_are_not_touched(unknown_engines, caplog):
    before = contents()
    with caplog.at_level(logging.WARNING, "flowtrail"):
        prefect_integration.autolog()
    assert [now == then for now, then in zip(contents(), before, strict=True)] == [False, True, True, False, True, True]
    prefect_integration.stop_autolog()
    assert contents() == before
    (message,) = warnings_of(caplog)
    assert "method_of_tomorrow" in message
    assert "recorded by state hooks" in message


def test_after_stop_autolog_nothing_is_recorded(record):
    prefect_integration.stop_autolog()

    @flow
    def unseen():
        return add(1)

    assert unseen() == 2
    assert record.all() == []


def test_a_tracked_flow_is_recorded_without_autolog_and_stays_as_it_was(record):
    instrumentor.uninstrument()
    seen = []

    def fn(n):
        return add(n)

    def hook(*of_the_run):
        seen.append(of_the_run[2].name)

    @flow
    def plain():
        return add(1)

    tracked = tracked_flow(fn, name="marked", on_completion=[hook])
    assert (plain(), tracked(2)) == (2, 3)
    assert (tracked.fn, tracked.on_completion_hooks, seen) == (fn, [hook], ["Completed"])
    assert {run.experiment_name for run in record.all()} == {"marked"}
    assert record.run("add").parameters == {"x": 2, "y": 1}


def test_a_flow_that_is_sent_to_another_process_is_the_users_own(record):
    @flow
    def sent():
        return pickle.loads(cloudpickle.dumps(FlowRunContext.get().flow))

    received = sent()
    assert type(received.fn) is types.FunctionType
    assert not received.on_completion_hooks
    assert type(received.on_completion_hooks) is list


def test_tasks_without_source_code_keep_caches_of_their_own(record, tmp_path):
    names = {}
    exec("def double(x, where): return x * 2\ndef triple(x, where): return x + x + x", names)
    double, triple = (task(names[name], persist_result=True) for name in ("double", "triple"))

    @flow
    def both():
        return double(2, str(tmp_path)), triple(2, str(tmp_path))

    assert both() == (4, 6)
    assert record.run("triple").status is Status.COMPLETED


def test_a_callable_object_is_recorded_with_its_parameters(record):
    class Doubles:
        def __call__(self, x):
            return x * 2

    @flow
    def calls():
        return task(Doubles(), name="doubles")(4)

    assert calls() == 8
    assert (record.run("doubles").status, record.run("doubles").parameters) == (Status.COMPLETED, {"x": 4})


def test_where_there_is_nothing_to_fall_back_on_flows_run_unrecorded(unknown_engines, monkeypatch, request, caplog):
    monkeypatch.setattr(_compat, "RUNS", dict.fromkeys(_compat.RUNS, ("run_of_tomorrow",)))
    with caplog.at_level(logging.WARNING, "flowtrail"):
        record = request.getfixturevalue("record")

    @flow
    def unseen():
        return add(1)

    assert unseen() == 2
    assert record.all() == []
    (message,) = warnings_of(caplog)
    assert "not recorded" in message
