"""What recording does for one of many steps, counted in function calls: ours, and those that Dagster makes for us."""

import gc
import sys

import dagster as dg
import pytest

from dagster_integration import autolog, stop_autolog

SIZES = (22, 62, 102)  # all beyond the outputs of one step that get a link
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dg.op(out=dg.DynamicOut(int))
def spread(context):
    for number in range(int(context.run.tags["size"])):
        yield dg.DynamicOutput(number, mapping_key=str(number))


@dg.op
def double(number):
    return number * 2


@dg.op
def total(numbers):
    return sum(numbers)


@dg.job
def dynamic():
    total(spread().map(double).collect())


def calls_of(size):
    """The calls, of Python and of C, that a run makes in its thread: the fewest of two, since others may add some."""
    return min(counted(size) for _ in range(2))


def counted(size):
    calls = 0

    def count(_frame, event, _argument):
        nonlocal calls
        calls += event in {"call", "c_call"}

    before = sys.getprofile()
    gc.collect()
    gc.disable()  # what it finds of other tests would be finalized in this thread
    sys.setprofile(count)
    try:
        assert dynamic.execute_in_process(run_config=QUIET, tags={"size": str(size)}).success
    finally:
        sys.setprofile(before)
        gc.enable()
    return calls


@pytest.mark.usefixtures("autologged")
def test_the_last_of_many_mapped_steps_takes_no_more_calls_than_the_first():
    def beyond_dagster(size):
        autolog()
        recorded = calls_of(size)
        stop_autolog()
        return recorded - calls_of(size)

    beyond_dagster(2)  # what is done once in a process
    few, more, many = (beyond_dagster(size) for size in SIZES)
    assert 0 < many - more <= 1.03 * (more - few)
