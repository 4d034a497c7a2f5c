"""What becomes of runs and steps, and that the record says it as Dagster does."""

import dagster as dg
import pytest

from plugin_core import load_run
from plugin_core.model.components import Status

DONE = (Status.COMPLETED, None)
FAILED = (Status.FAILED, None)
SKIPPED = (Status.CANCELLED, "Skipped")
NOT_STARTED = (Status.CANCELLED, "NotStarted")
AGAIN = (Status.FAILED, "UpForRetry")


def execute(job, **options):
    return job.execute_in_process(raise_on_error=False, **options)


@dg.op
def one():
    return 1


@dg.op
def plus_one(number):
    return number + 1


@dg.op
def broken():
    raise ValueError("no such table")


# Failure and retries


def test_what_hangs_on_a_failed_step_is_not_started(autologged):
    @dg.job
    def breaking():
        plus_one.alias("second")(plus_one.alias("first")(broken()))
        one()

    assert not execute(breaking).success

    root = autologged.execution("breaking")
    assert (root.status, root.status_message) == (Status.FAILED, "Steps failed: broken.")
    assert autologged.states("breaking") == {
        "broken": FAILED,
        "first": NOT_STARTED,
        "second": NOT_STARTED,
        "one": DONE,
    }
    assert "ValueError: no such table" in autologged.step("broken").status_message


def test_a_raised_failure_reaches_its_caller_and_the_record(autologged):
    @dg.job
    def breaking():
        broken()

    with pytest.raises(ValueError, match="no such table"):
        breaking.execute_in_process()
    assert autologged.execution("breaking").status is Status.FAILED
    assert autologged.states("breaking") == {"broken": FAILED}


def test_each_attempt_is_a_run_of_its_own_linked_to_the_one_before(autologged):
    tries = []

    @dg.op(retry_policy=dg.RetryPolicy(max_retries=2))
    def unreliable():
        tries.append(1)
        load_run().log_metric("tries", len(tries))
        if len(tries) < 3:
            raise ConnectionError("gone")
        return 1

    @dg.job
    def insisting():
        plus_one(unreliable())

    assert execute(insisting).success

    first, second, third = autologged.steps("unreliable")
    assert [(run.status, run.properties.get("dagster_state")) for run in (first, second, third)] == [AGAIN, AGAIN, DONE]
    assert [run.attempt for run in (first, second, third)] == [1, 2, 3]
    assert [run.metrics["tries"].last for run in (first, second, third)] == [1, 2, 3]
    assert [autologged.attempt_before(run) for run in (first, second, third)] == [None, first, second]
    assert "ConnectionError: gone" in first.status_message
    assert autologged.sources(autologged.step("plus_one")) == {"unreliable"}
    assert autologged.execution("insisting").status is Status.COMPLETED


def test_a_step_out_of_retries_has_failed(autologged):
    @dg.op(retry_policy=dg.RetryPolicy(max_retries=1))
    def hopeless():
        raise ConnectionError("gone")

    @dg.job
    def insisting():
        hopeless()

    assert not execute(insisting).success
    assert [run.properties.get("dagster_state") for run in autologged.steps("hopeless")] == ["UpForRetry", None]
    assert autologged.steps("hopeless")[-1].status is Status.FAILED
    assert "ConnectionError: gone" in autologged.steps("hopeless")[-1].status_message


def test_a_retry_that_user_code_asks_for_is_an_attempt(autologged):
    tries = []

    @dg.op
    def polling():
        tries.append(1)
        if len(tries) == 1:
            raise dg.RetryRequested(max_retries=1)
        return len(tries)

    @dg.job
    def waiting():
        polling()

    assert execute(waiting).success
    assert [(run.status, run.attempt) for run in autologged.steps("polling")] == [
        (Status.FAILED, 1),
        (Status.COMPLETED, 2),
    ]


# Steps that do not run


def test_a_step_whose_input_was_not_made_is_skipped(autologged):
    @dg.op(out={"left": dg.Out(int, is_required=False), "right": dg.Out(int, is_required=False)})
    def choose():
        yield dg.Output(1, "left")

    @dg.job
    def branching():
        left, right = choose()
        plus_one.alias("on_left")(left)
        plus_one.alias("after_right")(plus_one.alias("on_right")(right))

    assert execute(branching).success
    assert autologged.states("branching") == {
        "choose": DONE,
        "on_left": DONE,
        "on_right": SKIPPED,
        "after_right": SKIPPED,
    }
    assert autologged.execution("branching").status is Status.COMPLETED
    assert autologged.step("on_right").started_at is None


def test_steps_that_were_not_selected_leave_no_trace(autologged):
    @dg.job
    def long():
        plus_one.alias("third")(plus_one.alias("second")(one()))

    assert execute(long, op_selection=["one", "second"]).success
    assert autologged.states("long") == {"one": DONE, "second": DONE}


def test_a_subset_of_a_tracked_job_is_recorded_under_its_name(recorded):
    from dagster_integration import tracked_job

    @tracked_job
    def whole():
        plus_one(one())

    assert execute(whole.get_subset(op_selection=["one"])).success
    assert recorded.states("whole") == {"one": DONE}


# Failures of what surrounds user code


class Refusing(dg.IOManager):
    """Stores or loads nothing."""

    def __init__(self, what):
        self._what = what

    def handle_output(self, context, obj):
        if self._what == "store":
            raise OSError("disk full")

    def load_input(self, context):
        raise OSError("file is gone")


@pytest.mark.parametrize(
    ("what", "states"),
    [
        ("store", {"one": FAILED, "plus_one": NOT_STARTED}),
        ("load", {"one": DONE, "plus_one": FAILED}),
    ],
)
def test_a_failing_io_manager_fails_the_step_it_serves(autologged, what, states):
    @dg.job(resource_defs={"io_manager": dg.IOManagerDefinition.hardcoded_io_manager(Refusing(what))})
    def moving():
        plus_one(one())

    assert not execute(moving).success
    assert autologged.states("moving") == states
    failed = autologged.step("one" if what == "store" else "plus_one")
    assert ("disk full" if what == "store" else "file is gone") in failed.status_message


def test_an_output_that_cannot_be_pickled_fails_its_step(autologged, tmp_path):
    @dg.op
    def opaque():
        return lambda: None

    @dg.job(resource_defs={"io_manager": dg.FilesystemIOManager(base_dir=str(tmp_path))})
    def keeping():
        opaque()

    assert not execute(keeping).success
    assert autologged.states("keeping") == {"opaque": FAILED}
    assert "pickle" in autologged.step("opaque").status_message


def test_an_output_of_the_wrong_type_fails_its_step(autologged):
    @dg.op
    def mistyped() -> int:
        return "1"

    @dg.job
    def typing():
        mistyped()

    assert not execute(typing).success
    assert autologged.states("typing") == {"mistyped": FAILED}
    assert 'Type check failed for step output "result"' in autologged.step("mistyped").status_message


def test_an_output_that_was_not_made_fails_its_step(autologged):
    @dg.op(out={"left": dg.Out(), "right": dg.Out()})
    def half():
        yield dg.Output(1, "left")

    @dg.job
    def halving():
        half()

    assert not execute(halving).success
    assert autologged.states("halving") == {"half": FAILED}


def test_a_failing_hook_leaves_run_and_steps_successful(autologged):
    @dg.success_hook
    def careless(context):
        raise ValueError("no mail server")

    @dg.job(hooks={careless})
    def hooked():
        one()

    result = execute(hooked)

    assert result.success
    assert [event.event_type_value for event in result.all_events].count("HOOK_ERRORED") == 1
    assert autologged.states("hooked") == {"one": DONE}
    assert autologged.execution("hooked").status is Status.COMPLETED


def test_a_resource_that_does_not_start_fails_the_run_before_its_first_step(autologged):
    @dg.resource
    def database():
        raise ConnectionError("refused")

    @dg.op(required_resource_keys={"database"})
    def query():
        pass

    @dg.job(resource_defs={"database": database})
    def querying():
        query()

    result = execute(querying)

    assert not result.success
    assert autologged.execution("querying").status is Status.FAILED
    assert autologged.states("querying") == {"query": NOT_STARTED}


def test_metadata_of_a_deliberate_failure_is_kept(autologged):
    @dg.op
    def strict():
        raise dg.Failure("too few rows", metadata={"rows": 3, "table": "orders"}, allow_retries=False)

    @dg.job
    def checking():
        strict()

    execute(checking)
    step = autologged.step("strict")
    assert "too few rows" in step.status_message
    assert step.metrics["rows"].last == 3
    assert step.properties["metadata.table"] == "orders"


@dg.executor(name="absent", requirements=[])
def absent(init_context):
    raise dg.DagsterUnmetExecutorRequirementsError("no cluster")


@dg.job(executor_def=absent)
def waiting():
    one()


def test_a_run_whose_executor_cannot_be_made_has_failed(autologged, tmp_path):
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        result = dg.execute_job(dg.reconstructable(waiting), instance=instance)
    assert not result.success
    assert autologged.execution("waiting").status is Status.FAILED
    assert "no cluster" in autologged.execution("waiting").status_message
    assert autologged.states("waiting") == {"one": NOT_STARTED}
