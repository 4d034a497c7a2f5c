"""Sales per region, in plain Prefect: nothing here knows that it is recorded.

flowtrail run python flow.py --orders 500
"""

from __future__ import annotations

import argparse

import numpy as np
import pandas as pd
from prefect import flow, task, unmapped
from prefect.runtime import task_run

REGIONS = ["north", "east", "south", "west"]


@task
def make_orders(count: int, seed: int) -> pd.DataFrame:
    """Orders with a region and an amount; some amounts are missing."""
    random = np.random.default_rng(seed)
    amounts = random.gamma(2.0, 30.0, count).round(2)
    amounts[random.random(count) < 0.05] = np.nan  # noqa: PLR2004 - one in twenty
    return pd.DataFrame({"region": random.choice(REGIONS, count), "amount": amounts})


@task
def drop_incomplete(orders: pd.DataFrame) -> pd.DataFrame:
    """Only orders with an amount."""
    return orders.dropna().reset_index(drop=True)


@task
def total(region: str, orders: pd.DataFrame) -> float:
    """What one region sold."""
    return float(orders.loc[orders["region"] == region, "amount"].sum().round(2))


@task(retries=1)
def publish(totals: dict[str, float]) -> pd.DataFrame:
    """A table of regions, best first. The place it goes to is down at first."""
    if task_run.run_count == 1:
        raise ConnectionError("the report server is restarting")
    return pd.DataFrame(totals.items(), columns=["region", "sold"]).sort_values("sold", ascending=False)


@flow(name="sales-report")
def report(orders: int = 500, seed: int = 7) -> str:
    """Make the orders, clean them, add them up by region and publish the table."""
    complete = drop_incomplete(make_orders(orders, seed))
    totals = total.map(REGIONS, unmapped(complete)).result()
    table = publish(dict(zip(REGIONS, totals, strict=True)))
    return str(table["region"].iloc[0])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=500)
    parser.add_argument("--seed", type=int, default=7)
    print(f"Most was sold in the {report(**vars(parser.parse_args()))}.")
