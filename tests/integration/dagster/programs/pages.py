"""What is started from Dagster's pages: jobs, one that goes on until it is ended and one by partition, and assets."""

import time

import dagster as dg

from plugin_core import load_run

DAYS = dg.StaticPartitionsDefinition(["monday", "tuesday"])


@dg.op
def one() -> int:
    return 1


@dg.op
def total(number: int) -> int:
    load_run().log_metric("total", number)
    return number


@dg.op
def endless() -> int:
    load_run().log_metric("started", 1)
    while True:
        time.sleep(0.1)


@dg.job
def short_job():
    total(one())


@dg.job(executor_def=dg.in_process_executor)
def endless_job():
    total.alias("never")(endless())


@dg.op
def extract(context) -> str:
    return context.partition_key


@dg.op
def load(context, day: str) -> str:
    if day == "tuesday" and context.run.parent_run_id is None:
        raise ConnectionError("gone on tuesdays, at first")
    return day


@dg.job(partitions_def=DAYS, executor_def=dg.in_process_executor)
def daily_job():
    load(extract())


@dg.asset(partitions_def=DAYS)
def sales() -> int:
    return 1


@dg.asset(partitions_def=DAYS)
def report(sales: int) -> int:
    return sales


defs = dg.Definitions(assets=[sales, report], jobs=[short_job, endless_job, daily_job], executor=dg.in_process_executor)
