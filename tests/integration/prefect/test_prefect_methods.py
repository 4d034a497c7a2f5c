"""Methods of all kinds as flows and tasks, under ``autolog()`` and tracked."""

import pytest
from prefect import flow, task

from plugin_core import load_run
from plugin_core.model.components import Status
from prefect_integration import instrumentor, tracked_flow, tracked_task


def make_class(as_flow, as_task):
    """A class whose methods of all kinds are flows and tasks."""

    class Model:
        size = 3

        def __init__(self, k):
            self.k = k

        @as_flow
        def train(self, n):
            return load_run().run_name, self.fit(n), self.build(n), type(self).plain(n)

        @as_flow
        @classmethod
        def default(cls, n):
            return load_run().run_name, cls.build(n), cls.plain(n)

        @as_flow
        @staticmethod
        def alone(n):
            return load_run().run_name, n

        @as_task
        def fit(self, x):
            return load_run().run_name, self.k * x

        @as_task
        @classmethod
        def build(cls, x):
            return load_run().run_name, cls.size * x

        @as_task
        @staticmethod
        def plain(x):
            return load_run().run_name, x

    return Model


@pytest.fixture(params=["autolog", "tracked"])
def model(request, record):
    if request.param == "autolog":
        return make_class(flow, task)
    instrumentor.uninstrument()
    return make_class(tracked_flow, tracked_task)


def test_methods_of_all_kinds_are_recorded_without_their_receiver(record, model):
    train, fit, build, plain = model(2).train(5)
    runs = {name: record.run(name) for name in ("train", "fit", "build", "plain")}
    assert (fit[1], build[1], plain[1]) == (10, 15, 5)
    assert {name: run.run_name for name, run in runs.items()} == {
        "train": train, "fit": fit[0], "build": build[0], "plain": plain[0],
    }  # fmt: skip
    assert {name: run.parameters for name, run in runs.items()} == {
        "train": {"n": 5}, "fit": {"x": 5}, "build": {"x": 5}, "plain": {"x": 5},
    }  # fmt: skip
    assert {run.status for run in record.all()} == {Status.COMPLETED}
    assert {runs[name].parent.component_name for name in ("fit", "build", "plain")} == {runs["train"].component_name}


def test_class_and_static_methods_are_flows_too(record, model):
    default, build, plain = model.default(2)
    alone, n = model.alone(7)
    assert (default, alone) == (record.run("default").run_name, record.run("alone").run_name)
    assert (build[1], plain[1], n) == (6, 2, 7)
    assert (record.run("default").parameters, record.run("alone").parameters) == ({"n": 2}, {"n": 7})


def test_methods_are_mapped_and_take_options(record, model):
    @flow
    def maps():
        one = model(3)
        return one.fit.map([1, 2]).result(), one.fit.with_options(name="fitted")(4), model.build.submit(1).result()

    mapped, fitted, built = maps()
    assert [value for _, value in mapped] == [3, 6]
    assert sorted(run.parameters["x"] for run in record.runs("fit")) == [1, 2]
    assert (fitted, record.run("fitted").parameters) == ((record.run("fitted").run_name, 12), {"x": 4})
    assert (built, record.run("build").parameters) == ((record.run("build").run_name, 3), {"x": 1})
