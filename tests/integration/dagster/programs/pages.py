"""What is started from Dagster's pages: a job, a job that goes on until it is ended, and assets by partition."""

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


@dg.asset(partitions_def=DAYS)
def sales() -> int:
    return 1


@dg.asset(partitions_def=DAYS)
def report(sales: int) -> int:
    return sales


defs = dg.Definitions(assets=[sales, report], jobs=[short_job, endless_job], executor=dg.in_process_executor)
