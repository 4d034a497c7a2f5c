"""Where ``load_run()`` finds the step's run, with Dagster in this process."""

import asyncio
import contextvars
import subprocess
import sys
import threading

import dagster as dg
import pytest

from plugin_core import NoActiveRunError, load_run
from plugin_core.tracking.current import current_run

pytestmark = pytest.mark.versions


def note(name: str) -> None:
    load_run().log_metric(name, 1.0)


class NotingIOManager(dg.IOManager):
    """Keeps values in memory, and logs as it stores and loads them."""

    def __init__(self) -> None:
        self.values = {}

    def handle_output(self, context: dg.OutputContext, obj) -> None:
        note("stored")
        self.values[tuple(context.get_identifier())] = obj

    def load_input(self, context: dg.InputContext):
        note("loaded")
        return self.values[tuple(context.upstream_output.get_identifier())]


@dg.op
def plain() -> int:
    note("op")
    return 1


@dg.op
async def asynchronous(number: int) -> int:
    await asyncio.sleep(0)
    note("async")
    await asyncio.gather(*(asyncio.to_thread(note, f"thread {i}") for i in range(2)))
    return number


@dg.op(out={"first": dg.Out(), "second": dg.Out()})
def generator(number: int):
    note("before")
    yield dg.Output(number, "first")
    note("after")
    yield dg.Output(number, "second")


@dg.op(out={"first": dg.Out(), "second": dg.Out()})
async def async_generator(number: int):
    note("before")
    yield dg.Output(number, "first")
    await asyncio.sleep(0)
    note("after")
    yield dg.Output(number, "second")


@dg.op
def threads(number: int) -> int:
    context = contextvars.copy_context()
    thread = threading.Thread(target=context.run, args=(note, "thread"))
    thread.start()
    thread.join()
    return number


@dg.op
def child_process(number: int) -> int:
    code = "from plugin_core import load_run; load_run().log_metric('child', 1.0)"
    subprocess.run([sys.executable, "-c", code], check=True)
    return number


@dg.job(resource_defs={"io_manager": dg.IOManagerDefinition.hardcoded_io_manager(NotingIOManager())})
def everywhere():
    number = plain()
    first, _ = generator(asynchronous(number))
    _, second = async_generator(first)
    child_process(threads(second))


def test_a_metric_lands_on_the_step_that_logs_it_wherever_it_is_logged(autologged):
    assert everywhere.execute_in_process().success
    found = {run.display_name: set(run.metrics) for run in autologged.all()}
    assert found == {
        "everywhere": set(),
        "plain": {"op", "stored"},
        "asynchronous": {"async", "thread 0", "thread 1", "loaded", "stored"},
        "generator": {"before", "after", "loaded", "stored"},
        "async_generator": {"before", "after", "loaded", "stored"},
        "threads": {"thread", "loaded", "stored"},
        "child_process": {"child", "loaded", "stored"},
    }


def test_assets_and_checks_find_their_run(autologged):
    @dg.asset
    def numbers():
        note("asset")
        return [1, 2]

    @dg.asset_check(asset=numbers)
    def not_empty(numbers):
        note("check")
        return dg.AssetCheckResult(passed=bool(numbers))

    @dg.multi_asset(specs=[dg.AssetSpec("a"), dg.AssetSpec("b")])
    def several():
        note("multi")
        yield dg.MaterializeResult("a")
        yield dg.MaterializeResult("b")

    assert dg.materialize([numbers, not_empty, several]).success
    assert set(autologged.step("numbers").metrics) == {"asset"}
    assert set(autologged.step("numbers_not_empty").metrics) == {"check"}
    assert set(autologged.step("several").metrics) == {"multi"}


def test_between_two_outputs_the_caller_has_its_own_current_run(autologged):
    with dg.DagsterInstance.ephemeral() as instance:
        seen = [current_run() for _ in everywhere_iterator(instance)]
    assert seen
    assert set(seen) == {None}


def everywhere_iterator(instance):
    from dagster._core.definitions.job_base import InMemoryJob
    from dagster._core.execution.api import create_execution_plan, execute_run_iterator

    job = InMemoryJob(everywhere)
    run = instance.create_run_for_job(everywhere, execution_plan=create_execution_plan(job))
    return execute_run_iterator(job, run, instance)


def test_outside_of_a_step_there_is_no_run(autologged):
    everywhere.execute_in_process()
    with pytest.raises(NoActiveRunError, match="dagster's own context: no recorded step"):
        load_run()
