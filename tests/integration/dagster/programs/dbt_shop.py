"""A dbt project as assets: all of it is built as definitions that are tracked, then a part by ``autolog()`` alone."""

import os
from pathlib import Path

import dagster as dg
from dagster_dbt import DbtCliResource, dbt_assets

from dagster_integration import autolog, track

PROJECT = Path(os.environ["SHOP"])


@dbt_assets(manifest=PROJECT / "target" / "manifest.json")
def shop(context: dg.AssetExecutionContext, dbt: DbtCliResource):
    yield from dbt.cli(["build"], context=context).stream()


@dg.asset(deps=[dg.AssetKey("totals")])
def report() -> int:
    return 1


defs = dg.Definitions(
    assets=[shop, report],
    jobs=[dg.define_asset_job("everything"), dg.define_asset_job("in_part", selection=["totals"])],
    resources={"dbt": DbtCliResource(project_dir=str(PROJECT))},
    executor=dg.in_process_executor,
)


if __name__ == "__main__":
    with dg.DagsterInstance.ephemeral() as instance:
        assert track(defs).resolve_job_def("everything").execute_in_process(instance=instance).success
        autolog()
        assert defs.resolve_job_def("in_part").execute_in_process(instance=instance).success
