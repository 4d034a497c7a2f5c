"""Runs within runs, in threads, in asyncio tasks, in children."""

import asyncio
import contextvars
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from plugin_core import NoActiveRunError, Run, load_run
from plugin_core.model.components import Status

CHILD = "from plugin_core import load_run\nrun = load_run()\nrun.log_metric('in_child', 1.0)\nprint(run.component_name)"


def test_an_inner_load_run_does_not_complete_the_outer_run(flowtrail_record):
    with Run("exp") as outer:
        with load_run() as inner:
            inner.log_parameter("a", 1)
        assert outer.status is Status.RUNNING
        outer.log_parameter("b", 2)

    assert outer.status is Status.COMPLETED
    assert outer.parameters == {"a": 1, "b": 2}


def test_loading_the_open_run_by_its_names_does_not_complete_it_either(flowtrail_record):
    with Run("exp", "r1") as outer:
        with load_run("r1", "exp") as inner:
            inner.log_parameter("a", 1)
        assert outer.status is Status.RUNNING


def test_runs_nest_and_know_each_other(flowtrail_record):
    with Run("exp", "outer") as outer, Run("exp", "inner") as inner:
        assert load_run() == inner

    assert inner.parent == outer
    assert outer.children == [inner]


def test_each_thread_has_its_own_run(flowtrail_record):
    def work(name: str) -> str:
        with Run("exp", name):
            load_run().log_parameter("name", name)
            return load_run().run_name

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, [f"r{i}" for i in range(32)])) == [f"r{i}" for i in range(32)]


async def test_each_asyncio_task_has_its_own_run(flowtrail_record):
    async def work(name: str) -> str:
        with Run("exp", name):
            await asyncio.sleep(0.001)
            return load_run().run_name

    assert await asyncio.gather(*(work(f"r{i}") for i in range(16))) == [f"r{i}" for i in range(16)]


def test_a_plain_thread_finds_the_only_open_run(flowtrail_record):
    with Run("exp", "r1"), ThreadPoolExecutor(1) as pool:
        assert pool.submit(load_run).result().run_name == "r1"


def test_a_plain_thread_among_several_open_runs_is_told_to_copy_the_context(flowtrail_record):
    with Run("exp", "r1"), Run("exp", "r2"), ThreadPoolExecutor(1) as pool:
        with pytest.raises(NoActiveRunError, match="copy_context"):
            pool.submit(load_run).result()
        context = contextvars.copy_context()
        assert pool.submit(context.run, load_run).result().run_name == "r2"


def test_without_any_run_the_error_lists_where_it_looked(flowtrail_record):
    with pytest.raises(
        NoActiveRunError, match=r"Failed to load a Run object.*FLOWTRAIL_RUN_CONTEXT: not set"
    ) as caught:
        load_run()

    assert caught.value.trail[0] == "argument run_name: not given"


def test_a_run_name_alone_is_refused(flowtrail_record):
    with pytest.raises(ValueError, match="needs experiment_name"):
        load_run(run_name="r1")


def test_a_subprocess_finds_the_run_and_does_not_end_it(flowtrail_record):
    with Run("exp", "r1") as run:
        out = subprocess.run([sys.executable, "-c", CHILD], check=True, capture_output=True, text=True)
        assert out.stdout.strip() == "exp-r1"
        assert out.stderr == ""
        assert run.status is Status.RUNNING

    assert run.metrics["in_child"].count == 1


def test_a_subprocess_with_an_environment_of_its_own_finds_the_run(flowtrail_record):
    with Run("exp", "r1"):
        out = subprocess.run([sys.executable, "-c", CHILD], check=True, capture_output=True, text=True, env={})

    assert out.stdout.strip() == "exp-r1"


def test_concurrent_threads_give_their_own_children_their_own_run(flowtrail_record):
    def work(name: str) -> str:
        with Run("exp", name):
            return subprocess.run(
                [sys.executable, "-c", CHILD], check=True, capture_output=True, text=True
            ).stdout.strip()

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(work, ["a", "b", "c", "d"])) == ["exp-a", "exp-b", "exp-c", "exp-d"]


def test_a_run_can_be_pickled_and_logs_where_it_lands(flowtrail_record):
    with Run("exp", "r1") as run:
        landed = pickle.loads(pickle.dumps(run))
        landed.log_parameter("there", 1)

    assert landed == run
    assert run.parameters == {"there": 1}
