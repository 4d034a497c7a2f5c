"""Jobs whose steps run in processes of their own: each process loads this file."""

import os
import time
from pathlib import Path

import dagster as dg

from dagster_integration import tracked_job
from plugin_core import load_run


@dg.op
def rows() -> list[int]:
    return [1, 2, 3]


@dg.op
def total(numbers) -> int:
    load_run().log_metric("numbers", len(numbers))
    return sum(numbers)


@dg.op(out=dg.DynamicOut(int))
def parts():
    for number in range(2):
        yield dg.DynamicOutput(number, mapping_key=f"k{number}")


@dg.op
def squared(number):
    return number * number


@dg.op(retry_policy=dg.RetryPolicy(max_retries=1))
def unreliable(context):
    load_run().log_metric("tries", context.retry_number)
    if context.retry_number == 0:
        raise ConnectionError("gone")


@dg.op
def crashing():
    load_run().log_metric("before the crash", 1)
    os._exit(3)


@dg.op
def unpicklable():
    return lambda: None


@dg.op
def waits(number):
    return number


@dg.op
def mended(context, number):
    if context.run.parent_run_id is None:
        raise ValueError("not yet")
    return number


@tracked_job(executor_def=dg.multiprocess_executor)
def many_cases():
    summed = total.alias("total_of_rows")(rows())
    total.alias("total_of_parts")(parts().map(squared).collect())
    unreliable()
    waits.alias("after_crash")(crashing())
    unpicklable()
    waits.alias("after_mended")(mended(summed))


@tracked_job(executor_def=dg.in_process_executor)
def mending():
    waits.alias("after_mended")(mended(total(parts().map(squared).collect())))


@dg.op
def slow():
    """Says that it runs, and goes on until it is stopped; not where the run was taken up again."""
    load_run().log_metric("started", 1)
    if "STARTED" in os.environ:
        Path(os.environ["STARTED"]).touch()
        time.sleep(120)
    return 1


@dg.op
def quick():
    return 1


@dg.job(executor_def=dg.in_process_executor)
def interrupted():
    waits.alias("never")(slow())


@dg.job(executor_def=dg.multiprocess_executor)
def terminated():
    waits.alias("never")(slow())


@dg.job(executor_def=dg.in_process_executor)
def killed():
    waits.alias("after_slow")(slow())
    quick()


@dg.job(executor_def=dg.in_process_executor)
def resumed():
    waits.alias("after_slow")(slow())


defs = dg.Definitions(jobs=[many_cases, mending, interrupted, terminated, killed, resumed])
