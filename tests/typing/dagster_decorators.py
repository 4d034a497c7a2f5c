"""What type checkers must see: a tracked definition is what Dagster's own decorator makes. Checked, never run."""

from collections.abc import Iterator
from typing import Any, assert_type

import dagster as dg

from dagster_integration import (
    track,
    tracked_asset,
    tracked_asset_check,
    tracked_graph,
    tracked_job,
    tracked_multi_asset,
    tracked_op,
)


class Settings(dg.Config):
    rate: float = 0.1


@tracked_op
def bare(context: dg.OpExecutionContext, config: Settings) -> int:
    return 1


@tracked_op(name="other", out={"left": dg.Out(), "right": dg.Out(is_required=False)}, tags={"a": "b"})
def with_options() -> Iterator[dg.Output[int]]:
    yield dg.Output(1, "left")


@tracked_graph
def nested() -> None:
    bare()


@tracked_job(tags={"team": "a"})
def whole() -> None:
    nested()


@tracked_asset
def table() -> list[int]:
    return [1]


@tracked_asset(key_prefix="raw", partitions_def=dg.StaticPartitionsDefinition(["a"]), owners=["team:a"])
def prefixed(context: dg.AssetExecutionContext) -> dg.MaterializeResult[Any]:
    return dg.MaterializeResult()


@tracked_multi_asset(specs=[dg.AssetSpec("one"), dg.AssetSpec("two")], can_subset=True)
def several() -> Iterator[dg.MaterializeResult[Any]]:
    yield dg.MaterializeResult(asset_key="one")


@tracked_asset_check(asset=table, blocking=True)
def filled(table: list[int]) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=bool(table))


assert_type(bare, dg.OpDefinition)
assert_type(with_options, dg.OpDefinition)
assert_type(nested, dg.GraphDefinition)
assert_type(whole, dg.JobDefinition)
assert_type(table, dg.AssetsDefinition)
assert_type(prefixed, dg.AssetsDefinition)
assert_type(several, dg.AssetsDefinition)
assert_type(filled, dg.AssetChecksDefinition)
assert_type(track(dg.Definitions()), dg.Definitions)
tracked_op(no_such_option=1)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
