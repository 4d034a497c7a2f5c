"""Dagster behaves as if flowtrail were absent, whatever becomes of the record."""

import functools
import gc
import logging
import threading
from collections import Counter

import dagster as dg
import pytest
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.execution import context_creation_job
from dagster._core.execution.api import execute_run_iterator
from dagster._core.execution.plan import execute_plan, execute_step
from dagster._core.execution.retries import RetryMode
from dagster._core.executor.in_process import InProcessExecutor

from dagster_integration import autolog, stop_autolog, tracked_job
from dagster_integration.instrumentor import instrument, uninstrument
from plugin_core import configure, load_run
from plugin_core.capture.guard import Guard
from plugin_core.model.components import Status
from plugin_core.tracking.engine import close_engine, engine

pytestmark = pytest.mark.versions


class UnwellError(Exception):
    """An exception with more to it than a text."""

    def __init__(self, code):
        super().__init__(f"code {code}")
        self.code = code


@dg.op
def one():
    return 1


@dg.op
def plus_one(number):
    return number + 1


@dg.op(out={"left": dg.Out(is_required=False), "right": dg.Out(is_required=False)})
def choose():
    yield dg.Output(1, "left", metadata={"rows": 3})


@dg.op(out=dg.DynamicOut())
def parts():
    yield dg.DynamicOutput(1, mapping_key="a")
    yield dg.DynamicOutput(2, mapping_key="b")


@dg.op
def total(numbers):
    return sum(numbers)


@dg.op(retry_policy=dg.RetryPolicy(max_retries=1))
def second_time_lucky(context):
    if context.retry_number == 0:
        raise UnwellError(1)
    return "well"


@dg.op
def unwell():
    raise UnwellError(7)


@dg.asset
def numbers():
    return dg.MaterializeResult(value=[1, 2], metadata={"rows": 2})


@dg.success_hook
def cheer(context):
    context.log.info("well done")


@dg.job(hooks={cheer})
def zoo():
    total(parts().map(plus_one).collect())
    left, right = choose()
    plus_one.alias("on_left")(left)
    plus_one.alias("on_right")(right)
    second_time_lucky()
    plus_one.alias("after_unwell")(unwell())


def outline(result):
    """What happened, in order, without what differs from run to run."""
    return [
        (
            event.event_type_value,
            event.step_key,
            sorted(set(getattr(event.event_specific_data, "metadata", None) or ()) - {"flowtrail/url"}),
        )
        for event in result.all_events
    ]


def execute_zoo():
    result = zoo.execute_in_process(raise_on_error=False)
    return outline(result), result.output_for_node("total"), result.dagster_run.status


@pytest.fixture(scope="module")
def unrecorded():
    """The zoo without flowtrail."""
    return execute_zoo()


def warnings_of(caplog):
    return [record for record in caplog.records if record.name == "flowtrail" and record.levelno >= logging.WARNING]


# With and without


def test_the_same_events_happen_in_the_same_order(unrecorded, autologged):
    assert execute_zoo() == unrecorded
    assert len(autologged.execution("zoo").children) == 11


def test_an_unreachable_store_changes_nothing_and_gets_the_record_when_it_is_back(
    unrecorded, flowtrail_record, recorded, caplog
):
    blocked = flowtrail_record.folder / "blocked"
    blocked.parent.mkdir(parents=True, exist_ok=True)
    blocked.write_text("a file where the store's folder should be")
    configure(store=f"sqlite:///{blocked}/record.db", spool_dir=flowtrail_record.spool, strict=False)
    autolog()

    assert execute_zoo() == unrecorded
    assert not engine().flush(1)
    assert len(warnings_of(caplog)) == 1

    blocked.unlink()
    close_engine()
    assert Counter(run.status for run in recorded.all())[Status.COMPLETED] == 7


def test_a_journal_that_cannot_be_written_changes_nothing(unrecorded, flowtrail_record, caplog, monkeypatch):
    blocked = flowtrail_record.folder / "blocked"
    blocked.parent.mkdir(parents=True, exist_ok=True)
    blocked.write_text("a file where the spool should be")
    monkeypatch.setenv("TMPDIR", str(blocked))
    configure(spool_dir=blocked / "spool", strict=False)
    autolog()

    assert execute_zoo() == unrecorded


class Failing:
    """A recorder of which nothing works."""

    def __init__(self):
        self.guard = Guard()

    def __getattr__(self, name):
        raise RuntimeError(name)


def test_a_recorder_that_fails_at_everything_changes_nothing(unrecorded, flowtrail_record, caplog):
    failing = Failing()
    instrument(reason="autolog", source=lambda: failing)

    assert execute_zoo() == unrecorded
    assert {site for site, _ in failing.guard.failures} >= {"the start of a run", "an event of a step"}
    texts = [record.getMessage() for record in warnings_of(caplog)]
    assert len(texts) == len(set(texts))


def raised_by_a_run():
    @dg.job
    def failing():
        unwell()

    with pytest.raises(UnwellError) as caught:
        failing.execute_in_process()
    error = caught.value
    return error.code, type(error.__cause__), type(error.__context__), caught.traceback[-1].name


def test_the_exception_of_user_code_reaches_its_caller_as_it_was_raised(recorded):
    before = raised_by_a_run()
    autolog()
    assert raised_by_a_run() == before
    assert before[0] == 7


def close_of_a_generator():
    """How the generator of an op ends whose output Dagster refuses."""
    seen = []

    @dg.op(out={"number": dg.Out(int), "more": dg.Out(int)})
    def generating():
        try:
            yield dg.Output("no number", "number")
            seen.append("went on")
        except BaseException as error:
            seen.append(type(error).__name__)
            raise
        finally:
            seen.append("cleaned up")
        yield dg.Output(1, "more")

    @dg.job
    def refusing():
        generating()

    result = refusing.execute_in_process(raise_on_error=False)
    failure = result.failure_data_for_node("generating")
    del result
    gc.collect()  # Dagster keeps the frames in a cycle
    return seen, failure.error.cls_name, failure.error_source


def test_a_generator_that_dagster_drops_ends_as_it_would_unrecorded(recorded):
    before = close_of_a_generator()
    autolog()
    assert close_of_a_generator() == before
    assert before[0] == ["GeneratorExit", "cleaned up"]


def test_runs_in_threads_of_one_process_are_not_mixed(autologged):
    ready = threading.Barrier(3, timeout=60)

    @dg.op(config_schema={"number": int})
    def meeting(context):
        ready.wait()
        load_run().log_metric("number", context.op_config["number"])
        return context.op_config["number"]

    @dg.op
    def leaving(number):
        load_run().log_metric("number", number)

    @dg.job
    def gathering():
        leaving(meeting())

    def run(number):
        gathering.execute_in_process(run_config={"ops": {"meeting": {"config": {"number": number}}}})

    threads = [threading.Thread(target=run, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    roots = autologged.executions("gathering")
    logged = {
        root.parameters["meeting.number"]: [child.metrics["number"].last for child in root.children] for root in roots
    }
    assert logged == {0: [0, 0], 1: [1, 1], 2: [2, 2]}


def test_an_executor_that_serves_many_runs_is_watched_once(autologged):
    made = []

    @dg.executor
    def shared(init_context):
        if not made:
            made.append(InProcessExecutor(RetryMode.DISABLED))
        return made[0]

    @dg.op
    def counted():
        return dg.Output(1, metadata={"rows": 3})

    @dg.job(executor_def=shared)
    def small():
        counted()

    with dg.DagsterInstance.ephemeral() as instance:
        for _ in range(2):
            list(execute_run_iterator(InMemoryJob(small), instance.create_run_for_job(small), instance))

    assert [root.status for root in autologged.executions("small")] == [Status.COMPLETED] * 2
    assert [run.metrics["rows"].count for run in autologged.steps("counted")] == [1, 1]


# Putting the wrappers on and off

PLACES = (
    (context_creation_job, "create_executor"),
    (execute_step, "execute_core_compute"),
    (execute_plan, "core_dagster_event_sequence_for_step"),
)


def functions():
    return [getattr(module, name) for module, name in PLACES]


def test_dagster_is_as_it_was_found_when_recording_stops(recorded):
    found = functions()
    autolog()
    wrapped = functions()
    autolog()
    assert functions() == wrapped
    assert not set(wrapped) & set(found)
    stop_autolog()
    stop_autolog()
    assert functions() == found


def test_disabled_dagster_is_left_untouched(recorded, monkeypatch):
    monkeypatch.setenv("FLOWTRAIL_DISABLED", "1")
    configure()
    found = functions()
    autolog()

    @tracked_job
    def plain():
        one()

    assert functions() == found
    assert plain.execute_in_process().success
    assert not hasattr(plain.graph, "__flowtrail__")


def test_a_wrapper_that_somebody_puts_over_ours_survives(autologged, monkeypatch):
    ours = context_creation_job.create_executor
    calls = []

    @functools.wraps(ours)
    def theirs(*args, **kwargs):
        calls.append(args)
        return ours(*args, **kwargs)

    monkeypatch.setattr(context_creation_job, "create_executor", theirs)

    @dg.job
    def small():
        one()

    small.execute_in_process()
    uninstrument()
    assert context_creation_job.create_executor is theirs
    small.execute_in_process()
    assert len(calls) == 2
    assert len(autologged.executions("small")) == 1
