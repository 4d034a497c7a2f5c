"""Jobs and assets that know nothing of being recorded, except that they ask for their run."""

import os

import dagster as dg

from plugin_core import load_run


@dg.op(config_schema={"number": dg.Field(int, default_value=1)})
def measure(context) -> int:
    load_run().log_metric("pid", os.getpid())
    return context.op_config["number"]


@dg.op
def total(numbers: list[int]) -> int:
    load_run().log_metric("total", sum(numbers))
    return sum(numbers)


@dg.job(executor_def=dg.multiprocess_executor)
def plain_job():
    total([measure.configured({"number": 1}, name="measure_1")()])
