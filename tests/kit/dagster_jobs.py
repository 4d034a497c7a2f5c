"""Jobs whose steps run in processes of their own: each process loads this file."""

import os
import time
from pathlib import Path

import dagster as dg
from dagster._core.definitions.reconstruct import ReconstructableJob
from dagster._core.execution.api import create_execution_plan, execute_plan_iterator
from dagster._core.execution.retries import RetryMode
from dagster._core.executor.step_delegating import CheckStepHealthResult, StepDelegatingExecutor, StepHandler

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
    made = parts.alias("few_parts")().map(squared.alias("squared_again"))
    waits.alias("after_mended")(mended(total.alias("total_again")(made.collect())))


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
def cancelled():
    waits.alias("never")(slow())


@dg.job(executor_def=dg.in_process_executor)
def killed():
    waits.alias("after_slow")(slow())
    quick()


@dg.job(executor_def=dg.in_process_executor)
def resumed():
    waits.alias("after_slow")(slow())


class HereHandler(StepHandler):
    """Works off each step at once, and leaves it to the event log to tell the executor."""

    name = "here"

    def launch_step(self, step_handler_context):
        args = step_handler_context.execute_step_args
        run, instance = step_handler_context.dagster_run, step_handler_context.instance
        job = ReconstructableJob.for_file(__file__, run.job_name)
        plan = create_execution_plan(
            job, step_keys_to_execute=args.step_keys_to_execute, known_state=args.known_state, run_config={}
        )
        list(execute_plan_iterator(plan, job, run, instance, retry_mode=args.retry_mode, run_config={}))
        return iter(())

    def check_step_health(self, step_handler_context):
        return CheckStepHealthResult.unhealthy("its worker was replaced")

    def terminate_step(self, step_handler_context):
        return iter(())


@dg.executor(requirements=dg.multiple_process_executor_requirements())
def here(_context):
    return StepDelegatingExecutor(HereHandler(), retries=RetryMode.ENABLED, sleep_seconds=0.01)


@dg.op
def counted():
    return dg.Output([1, 2, 3], metadata={"rows": 3})


@tracked_job(executor_def=here)
def delegated():
    total(counted())


defs = dg.Definitions(jobs=[many_cases, mending, interrupted, terminated, cancelled, killed, resumed])
