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


@dg.asset
def numbers() -> list[int]:
    load_run().log_metric("pid", os.getpid())
    return [1, 2]


@dg.asset
def largest(numbers: list[int]) -> int:
    return max(numbers)


defs = dg.Definitions(assets=[numbers, largest], jobs=[plain_job])

if __name__ == "__main__":
    assert dg.materialize([numbers, largest]).success
