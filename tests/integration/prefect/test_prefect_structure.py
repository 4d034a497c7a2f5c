"""What calls what: subflows, tasks in tasks, tasks alone, methods, generators, decorators."""

import asyncio
import contextvars
import gc

import pytest
from prefect import flow, task
from prefect.utilities.annotations import quote
from prefect.utilities.visualization import GraphvizExecutableNotFoundError

from plugin_core import load_run
from plugin_core.errors import NoActiveRunError
from plugin_core.model.components import Kind, Status
from prefect_integration import instrumentor, tracked_flow, tracked_task

pytestmark = pytest.mark.versions


@task
def here():
    return load_run().run_name


@task
def add(x, y=1):
    return x + y


def test_load_run_finds_the_run_of_each_task_and_flow(record):
    @flow
    def finds():
        return load_run().run_name, here(), here.submit().result(), load_run().run_name

    outer, direct, submitted, again = finds()
    assert outer == again == record.run("finds").run_name
    assert {direct, submitted} == {run.run_name for run in record.runs("here")}


def test_mapped_tasks_at_once_each_find_their_own_run(record):
    @task
    def where(n):
        return n, load_run().run_name

    @flow
    def maps():
        return where.map(list(range(64))).result()

    found = dict(maps())
    assert found == {run.parameters["n"]: run.run_name for run in record.runs("where")}
    assert len(set(found.values())) == 64


def test_asyncio_tasks_at_once_each_find_their_own_run(record):
    @task
    async def where(n):
        await asyncio.sleep(0.01)
        return n, load_run().run_name

    @flow
    async def gathers():
        return await asyncio.gather(*(where(n) for n in range(16)))

    found = dict(asyncio.run(gathers()))
    assert found == {run.parameters["n"]: run.run_name for run in record.runs("where")}


def test_a_subflow_is_an_execution_of_its_own_below_its_caller(record):
    @flow
    def inner(n):
        return here(), load_run().run_name

    @flow
    def outer():
        return inner(1), load_run().run_name

    (_, inside), outside = outer()
    assert inside == record.run("inner").run_name
    assert outside == record.run("outer").run_name
    assert record.run("inner").parent.component_name == record.run("outer").component_name
    assert record.run("here").parent.component_name == record.run("inner").component_name
    assert record.run("inner").experiment_name == "inner"
    assert len(record.all()) == 3


def test_a_subflow_that_a_task_calls_is_below_the_task(record):
    @flow
    def inner():
        return 1

    @task
    def calls_flow():
        return inner()

    @flow
    def outer():
        return calls_flow()

    assert outer() == 1
    assert record.run("inner").parent.component_name == record.run("calls_flow").component_name


def test_a_task_in_a_task_is_below_it(record):
    @task
    def outer_task():
        return here(), load_run().run_name

    @flow
    def nests():
        return outer_task()

    inside, outside = nests()
    assert inside == record.run("here").run_name
    assert outside == record.run("outer_task").run_name
    assert record.run("here").parent.component_name == record.run("outer_task").component_name


def test_a_task_outside_of_any_flow_is_an_execution_of_its_own(record):
    run_name = here()
    run = record.run("here")
    assert run.run_name == run_name
    assert (run.experiment_name, run.kind, run.status, run.parent) == ("here", Kind.TASK, Status.COMPLETED, None)


def test_a_task_in_a_task_outside_of_any_flow_is_below_it(record):
    @task
    def alone(n):
        return here()

    assert alone(2) == record.run("here").run_name
    assert record.run("alone").parameters == {"n": 2}
    assert record.run("here").parent.component_name == record.run("alone").component_name
    assert record.run("here").experiment_name == "alone"


class Model:
    def __init__(self, k):
        self.k = k

    @task
    def fit(self, x):
        return self.k * x

    @classmethod
    @task
    def build(cls, k):
        return k

    @task
    @staticmethod
    def plain(x):
        return x


def test_a_method_is_recorded_without_its_receiver(record):
    @flow
    def methods():
        return Model(2).fit(3), Model.plain(4)

    assert methods() == (6, 4)
    assert record.run("fit").parameters == {"x": 3}
    assert record.run("plain").parameters == {"x": 4}


def test_a_generator_finds_its_run_and_its_consumer_another(record):
    @task
    def yields():
        for n in range(2):
            yield n, load_run().run_name

    @flow
    def consumes():
        return [(n, inside, load_run().run_name) for n, inside in yields()]

    found = consumes()
    generator, consumer = record.run("yields"), record.run("consumes")
    assert found == [(n, generator.run_name, consumer.run_name) for n in range(2)]
    assert generator.status is Status.COMPLETED


def test_generators_side_by_side_keep_their_runs_apart(record):
    @task
    def yields(name):
        for _ in range(3):
            yield load_run().run_name

    @flow
    def zips():
        return [(a, b, add(1)) for a, b in zip(yields("a"), yields("b"), strict=True)]

    pairs = contextvars.copy_context().run(zips)  # Prefect leaves its own context of the second generator behind
    runs = {run.parameters["name"]: run.run_name for run in record.runs("yields")}
    assert {(a, b) for a, b, _ in pairs} == {(runs["a"], runs["b"])}
    assert {run.parent.component_name for run in record.runs("add")} == {record.run("zips").component_name}


def test_an_async_generator_finds_its_run_and_its_consumer_another(record):
    @task
    async def yields():
        for n in range(2):
            await asyncio.sleep(0)
            yield n, load_run().run_name

    @flow
    async def consumes():
        return [(n, inside, load_run().run_name) async for n, inside in yields()]

    found = asyncio.run(consumes())
    assert found == [(n, record.run("yields").run_name, record.run("consumes").run_name) for n in range(2)]


def test_an_abandoned_generator_is_completed_and_leaves_nothing_behind(record):
    @task
    def endless():
        while True:
            yield load_run().run_name

    @flow
    def abandons():
        generator = endless()
        first = next(generator)
        generator.close()
        del generator
        gc.collect()
        return first, load_run().run_name

    assert abandons() == (record.run("endless").run_name, record.run("abandons").run_name)
    assert record.run("endless").status is Status.COMPLETED


def test_an_abandoned_async_generator_has_ended_and_leaves_nothing_behind(record):
    @task
    async def endless():
        while True:
            yield load_run().run_name

    @flow
    async def abandons():
        generator = endless()
        first = await anext(generator)
        await generator.aclose()
        return first, load_run().run_name

    assert asyncio.run(abandons()) == (record.run("endless").run_name, record.run("abandons").run_name)
    assert record.run("endless").status.is_final  # failed, to a Prefect that throws into it as into a sync one


def test_an_exception_thrown_into_a_generator_reaches_it(record):
    class ThrownInError(Exception):
        pass

    @task
    def catches():
        try:
            yield 1
        except ThrownInError:
            yield 2

    direct, recorded = catches.fn(), catches()
    assert [next(direct), direct.throw(ThrownInError())] == [1, 2]
    assert next(recorded) == 1
    with pytest.raises(ThrownInError):
        recorded.throw(ThrownInError())


def test_values_of_a_generator_lead_to_the_tasks_that_take_them(record):
    @task
    def rows():
        yield [1]
        yield [2]

    @flow
    def takes():
        return [add(row, y=[0]) for row in rows()]

    assert takes() == [[1, 0], [2, 0]]
    assert all(record.producers(run) == {record.run("rows").run_name} for run in record.runs("add"))


def test_a_generator_flow_is_recorded(record):
    @flow
    def yielding_flow():
        yield load_run().run_name
        yield here()

    assert list(yielding_flow()) == [record.run("yielding_flow").run_name, record.run("here").run_name]
    assert record.run("yielding_flow").status is Status.COMPLETED


def test_quoted_arguments_are_recorded_as_what_they_hold(record):
    @flow
    def quotes():
        return add(quote(3))

    assert quotes() == 4
    assert record.run("add").parameters == {"x": 3, "y": 1}


def test_calling_the_function_records_nothing(record):
    @flow
    def plain():
        return add.fn(1)

    assert (plain.fn(), add.fn(1)) == (2, 2)
    assert record.all() == []


def drawing_of(drawn):
    """What comes of ``visualize()`` where there is no ``dot``: Prefect's warning and its error."""
    with (
        pytest.warns(UserWarning, match="will execute code inside of your flow") as warned,
        pytest.raises(GraphvizExecutableNotFoundError) as raised,
    ):
        drawn.visualize()
    return [str(warning.message) for warning in warned], str(raised.value)


@pytest.mark.parametrize("decorate", [flow, tracked_flow])
def test_drawing_a_flow_is_as_ever_and_records_nothing(record, tmp_path, monkeypatch, decorate):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    calls = []

    @task
    def notes(what):
        calls.append(what)

    def drawn():
        calls.append("the flow's own code")
        notes(add(1))
        tracked_task(notes, name="tracked")(2)
        with pytest.raises(NoActiveRunError):
            load_run()

    recorded = drawing_of(decorate(drawn))
    assert calls == ["the flow's own code"]
    assert record.all() == []
    instrumentor.uninstrument()
    assert recorded == drawing_of(flow(drawn))


def test_tags_of_task_flow_and_context_are_recorded(record):
    from prefect import tags

    @task(tags=["own"])
    def tagged():
        return 1

    @flow
    def tags_flow():
        with tags("around"):
            return tagged()

    tags_flow()
    assert {"own", "around"} <= set(record.run("tagged").tags)


def test_outside_of_any_run_load_run_says_where_it_looked(record):
    with pytest.raises(NoActiveRunError, match="prefect's own context: no recorded step"):
        load_run()


def test_a_tracked_flow_is_recorded_without_autolog(record):
    instrumentor.uninstrument()
    instrumentor.instrument(reason="tracked")

    @flow
    def plain():
        return add(1)

    @tracked_flow(name="marked", experiment="Renamed", record_tags=["mine"])
    def tracked():
        return add(2)

    assert (plain(), tracked()) == (2, 3)
    assert {run.experiment_name for run in record.all()} == {"renamed"}
    assert "mine" in record.run("renamed").tags
    assert record.run("add").parameters == {"x": 2, "y": 1}


def test_a_tracked_task_in_a_plain_flow_brings_the_flow_into_the_record(record):
    instrumentor.uninstrument()
    instrumentor.instrument(reason="tracked")

    @flow
    def plain(n):
        add(1)
        return tracked_task(add).with_options(name="sum")(2)

    assert plain(7) == 3
    assert record.run("sum").parent.component_name == record.run("plain").component_name
    assert (record.run("plain").status, record.run("plain").parameters) == (Status.COMPLETED, {"n": 7})


@pytest.mark.since("prefect", "3.8")
def test_an_opaque_argument_is_recorded_as_what_it_is(record):
    from prefect.utilities.annotations import opaque

    @flow
    def hides():
        return add(opaque(3))

    assert hides() == 4
    assert record.run("add").parameters == {"x": 3, "y": 1}
