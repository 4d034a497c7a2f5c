"""Jobs whose steps run in other processes, tracked by their definitions."""

import os
import sys

import dagster as dg
from dagster._core.execution.retries import RetryMode
from dagster._core.executor.step_delegating import CheckStepHealthResult, StepDelegatingExecutor, StepHandler

from dagster_integration import track
from plugin_core import load_run


@dg.op(config_schema={"number": int})
def measure(context) -> int:
    run = load_run()
    run.log_metric("number", context.op_config["number"])
    run.log_metric("pid", os.getpid())
    return context.op_config["number"]


@dg.op
def total(numbers: list[int]) -> int:
    load_run().log_metric("total", sum(numbers))
    return sum(numbers)


@dg.op(retry_policy=dg.RetryPolicy(max_retries=1))
def busy(context, number: int) -> None:
    load_run().log_metric("tried", number)
    if context.retry_number == 0:
        raise ConnectionError("the store of totals is busy")


def tracked_job(name: str, steps: int, executor: dg.ExecutorDefinition, *, retries: bool = True) -> dg.JobDefinition:
    @dg.job(name=name, executor_def=executor)
    def job():
        result = total([measure.configured({"number": i}, name=f"measure_{i}")() for i in range(steps)])
        if retries:
            busy(result)

    track(dg.Definitions(jobs=[job]))
    return job


def spawned() -> dg.JobDefinition:
    return tracked_job("spawned", 14, dg.multiprocess_executor)


class NearlyBareHandler(StepHandler):
    """Starts each step as a container would be: by Dagster's command, with next to nothing in its environment."""

    name = "nearly bare"

    def launch_step(self, step_handler_context):
        command = [sys.executable, "-m", *step_handler_context.execute_step_args.get_command_args()]
        given = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "DAGSTER_HOME") if name in os.environ}
        os.posix_spawn(command[0], command, given)  # flowtrail adds nothing here
        return iter(())

    def check_step_health(self, step_handler_context):
        return CheckStepHealthResult.healthy()

    def terminate_step(self, step_handler_context):
        return iter(())


@dg.executor(requirements=dg.multiple_process_executor_requirements())
def delegating(_context):
    return StepDelegatingExecutor(NearlyBareHandler(), retries=RetryMode.ENABLED, sleep_seconds=0.1)


def delegated() -> dg.JobDefinition:
    return tracked_job("delegated", 1, delegating)


def on_dask() -> dg.JobDefinition:
    from dagster_dask import dask_executor

    return tracked_job("on_dask", 2, dask_executor, retries=False)


def on_celery() -> dg.JobDefinition:
    from dagster_celery import celery_executor

    return tracked_job("on_celery", 2, celery_executor)
