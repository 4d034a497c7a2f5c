"""What is recorded of assets: their versions, partitions, metadata and what went into them, in this run or before."""

from collections.abc import Iterator
from datetime import timedelta

import dagster as dg
import pytest

from plugin_core.model.components import Kind, Status
from plugin_core.model.lineage import NodeKind, NodeRef
from plugin_core.model.queries import Direction, LineageQuery

DAYS = dg.DailyPartitionsDefinition("2026-01-01", end_date="2026-01-15")
REGIONS = dg.StaticPartitionsDefinition(["north", "south"])


@dg.asset
def prices() -> list[int]:
    return [3, 4]


@dg.asset(partitions_def=REGIONS)
def sales(context: dg.AssetExecutionContext) -> dg.Output[str]:
    return dg.Output(f"sales in {context.partition_key}", metadata={"rows": len(context.partition_key)})


@dg.asset
def total(sales) -> int:
    return len(sales)


@dg.asset(partitions_def=REGIONS)
def regional(sales: str, prices: list[int]) -> str:
    return f"{sales} at {prices}"


@dg.asset(deps=[prices])
def report() -> None: ...


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def materialize(instance, *names, **options):
    everything = [prices, sales, total, regional, report]
    result = dg.materialize(everything, instance=instance, selection=list(names), **options)
    assert result.success
    return result


def version_of(result, name):
    (event,) = [e for e in result.get_asset_materialization_events() if e.asset_key.to_user_string() == name]
    return event.materialization.tags["dagster/data_version"]


def made_by(recorded, uri):
    """The steps that an artifact came from directly."""
    found = recorded.record.store.lineage(
        NodeRef(NodeKind.ARTIFACT, uri),
        LineageQuery(direction=Direction.ASCENDANTS, max_depth=1, kinds=(NodeKind.COMPONENT,)),
    )
    return {vertex.ref.key for vertex in found.vertices}


def artifact(recorded, uri):
    return recorded.record.store.artifact(uri)


@pytest.mark.versions
def test_an_asset_is_a_step_that_makes_a_version_of_it(autologged, instance):
    result = materialize(instance, "prices")

    step = autologged.step("prices")
    assert (step.kind, step.status) == (Kind.ASSET, Status.COMPLETED)
    uri = f"dagster:asset/prices#{version_of(result, 'prices')}"
    assert step.output_artifacts["asset prices"].value == uri
    assert made_by(autologged, uri) == {step.component_name}
    assert artifact(autologged, uri).name == "prices"


def test_what_an_asset_contains_is_recorded_beside_its_version(autologged, instance):
    @dg.asset
    def readings() -> bytes:
        return b"1,2,3"

    @dg.asset
    def copied(readings: bytes) -> bytes:
        return readings

    dg.materialize([readings, copied], instance=instance)
    content = autologged.step("readings").output_artifacts["result"].value
    assert content.startswith("sha256:")
    assert autologged.step("copied").input_artifacts["readings"].value == content
    assert set(autologged.step("copied").input_artifacts) == {"readings", "asset readings"}


@pytest.mark.versions
def test_an_asset_is_downstream_of_the_version_that_an_earlier_run_made(autologged, instance):
    made = materialize(instance, "prices")
    materialize(instance, "report")

    uri = f"dagster:asset/prices#{version_of(made, 'prices')}"
    assert autologged.step("report").input_artifacts["asset prices"].value == uri
    assert autologged.sources(autologged.step("report")) == {"prices"}


def test_only_the_version_that_was_read_is_upstream(autologged, instance):
    materialize(instance, "prices")
    materialize(instance, "prices")
    materialize(instance, "report")

    latest = autologged.steps("prices")[-1]
    (source,) = (entry.value for entry in autologged.step("report").input_artifacts.values())
    assert made_by(autologged, source) == {latest.component_name}


@pytest.mark.versions
def test_each_partition_is_a_version_of_its_own(autologged, instance):
    results = {key: materialize(instance, "sales", partition_key=key) for key in ("north", "south")}

    steps = {step.properties["dagster_partition"]: step for step in autologged.steps("sales")}
    for key, result in results.items():
        uri = f"dagster:asset/sales?partition={key}#{version_of(result, 'sales')}"
        assert steps[key].output_artifacts[f"asset sales[{key}]"].value == uri
        assert steps[key].metrics["rows"].last == len(key)


@pytest.mark.versions
def test_what_reads_all_partitions_is_downstream_of_each(autologged, instance):
    for key in ("north", "south"):
        materialize(instance, "sales", partition_key=key)
    materialize(instance, "total")

    step = autologged.step("total")
    assert set(step.input_artifacts) == {"asset sales[north]", "asset sales[south]"}
    for key in ("north", "south"):
        (producer,) = made_by(autologged, step.input_artifacts[f"asset sales[{key}]"].value)
        assert producer in {each.component_name for each in autologged.steps("sales")}


@pytest.mark.versions
def test_a_partition_is_downstream_of_the_same_partition_upstream(autologged, instance):
    materialize(instance, "prices")
    for key in ("north", "south"):
        materialize(instance, "sales", partition_key=key)
    materialize(instance, "regional", partition_key="north")

    entries = autologged.step("regional").input_artifacts
    assert {name for name in entries if name.startswith("asset ")} == {"asset prices", "asset sales[north]"}
    north = next(s for s in autologged.steps("sales") if s.properties["dagster_partition"] == "north")
    assert made_by(autologged, entries["asset sales[north]"].value) == {north.component_name}


def test_a_time_window_is_downstream_of_each_day_in_it(autologged, instance):
    weeks = dg.WeeklyPartitionsDefinition("2026-01-04", end_date="2026-01-11")

    @dg.asset(partitions_def=DAYS)
    def daily(context) -> None: ...

    @dg.asset(partitions_def=weeks, deps=[daily])
    def weekly(): ...

    dg.materialize(
        [daily],
        instance=instance,
        tags={
            "dagster/asset_partition_range_start": "2026-01-01",
            "dagster/asset_partition_range_end": "2026-01-14",
        },
    )
    dg.materialize([daily, weekly], selection=[weekly], instance=instance, partition_key="2026-01-04")

    days = [f"2026-01-{day:02}" for day in range(4, 11)]
    assert set(autologged.step("weekly").input_artifacts) == {f"asset daily[{day}]" for day in days}
    assert autologged.sources(autologged.step("weekly")) == {"daily"}


def test_a_run_over_a_range_records_each_partition_with_its_numbers(autologged, instance):
    @dg.asset(partitions_def=REGIONS)
    def counted(context):
        for number, key in enumerate(context.partition_keys):
            context.add_asset_metadata({"rows": number}, partition_key=key)
        return dg.MaterializeResult()

    @dg.asset(partitions_def=REGIONS, deps=[counted])
    def following() -> None: ...

    tags = {"dagster/asset_partition_range_start": "north", "dagster/asset_partition_range_end": "south"}
    dg.materialize([counted, following], instance=instance, tags=tags)

    step = autologged.step("counted")
    assert set(step.output_artifacts) == {
        "asset counted[north]",
        "asset counted[south]",
    }
    assert {name: summary.last for name, summary in step.metrics.items()} == {"rows[north]": 0, "rows[south]": 1}
    south = artifact(autologged, step.output_artifacts["asset counted[south]"].value)
    assert south.properties["metadata.rows"] == "1.0"
    assert {n for n in autologged.step("following").input_artifacts if n.startswith("asset ")} == {
        "asset counted[north]",
        "asset counted[south]",
    }


def test_an_asset_that_reads_its_own_past_is_not_upstream_of_itself(autologged, instance):
    @dg.asset(
        partitions_def=DAYS,
        ins={"running": dg.AssetIn(partition_mapping=dg.TimeWindowPartitionMapping(start_offset=-1, end_offset=-1))},
    )
    def running(running):
        return 1

    for day in ("2026-01-01", "2026-01-02"):
        dg.materialize([running], instance=instance, partition_key=day)

    first, second = autologged.steps("running")
    entries = {name: entry.value for name, entry in second.input_artifacts.items() if name.startswith("asset ")}
    assert set(entries) == {"asset running[2026-01-01]"}
    assert made_by(autologged, entries["asset running[2026-01-01]"]) == {first.component_name}


def test_an_external_asset_is_a_node_of_its_own(autologged, instance):
    @dg.asset(deps=[dg.AssetSpec("vendor_feed")])
    def from_feed(): ...

    dg.materialize([from_feed, dg.AssetSpec("vendor_feed")], instance=instance)
    assert autologged.step("from_feed").input_artifacts["asset vendor_feed"].value == "dagster:asset/vendor_feed"


def test_the_same_data_version_in_two_runs_is_one_node(autologged, instance):
    @dg.asset(code_version="1")
    def stable():
        return 1

    for _ in range(2):
        dg.materialize([stable], instance=instance)

    first, second = autologged.steps("stable")
    uri = first.output_artifacts["asset stable"].value
    assert second.output_artifacts["asset stable"].value == uri
    assert made_by(autologged, uri) == {first.component_name, second.component_name}
    assert artifact(autologged, uri).properties["code_version"] == "1"


def test_a_version_that_user_code_gives_names_the_asset(autologged, instance):
    @dg.asset
    def pinned():
        return dg.MaterializeResult(data_version=dg.DataVersion("v7"), metadata={"rows": 4, "source": "s3://b/k"})

    dg.materialize([pinned], instance=instance)
    step = autologged.step("pinned")
    assert step.output_artifacts["asset pinned"].value == "dagster:asset/pinned#v7"
    assert step.metrics["rows"].last == 4
    assert step.properties["metadata.source"] == "s3://b/k"


def test_numbers_of_several_assets_of_one_step_do_not_mix(autologged, instance):
    @dg.multi_asset(specs=[dg.AssetSpec(name, skippable=True) for name in ("train", "test")], can_subset=True)
    def split(context):
        for key in context.selected_asset_keys:
            yield dg.MaterializeResult(asset_key=key, metadata={"rows": len(key.path[-1])})

    dg.materialize([split], instance=instance)
    dg.materialize([split], selection=["train"], instance=instance)

    whole, subset = autologged.steps("split")
    assert {name: summary.last for name, summary in whole.metrics.items()} == {"train.rows": 5, "test.rows": 4}
    assert {name: summary.last for name, summary in subset.metrics.items()} == {"train.rows": 5}
    assert set(subset.output_artifacts) == {"asset train"}


def test_assets_that_one_step_makes_of_one_another_are_linked_directly(autologged, instance):
    deps = {"raw": [], "clean": ["raw"], "report": ["clean"]}
    specs = [dg.AssetSpec(name, deps=of, skippable=True) for name, of in deps.items()]

    @dg.multi_asset(specs=specs, can_subset=True)
    def warehouse(context):
        for name in deps:
            if dg.AssetKey(name) in context.selected_asset_keys:
                yield dg.MaterializeResult(asset_key=name)

    dg.materialize([warehouse], instance=instance)
    dg.materialize([warehouse], selection=["report"], instance=instance)

    whole, subset = autologged.steps("warehouse")
    made = {name.removeprefix("asset "): entry.value for name, entry in whole.output_artifacts.items()}
    derived = autologged.record.store.associations(type="DerivedFrom")
    assert {(edge.source.key, edge.destination.key) for edge in derived} == {
        (made["raw"], made["clean"]), (made["clean"], made["report"]),
    }  # fmt: skip
    assert autologged.artifacts_into(whole) == set()
    assert autologged.artifacts_into(subset) == {made["clean"]}


def test_columns_are_recorded_as_text(autologged, instance):
    columns = dg.TableSchema(columns=[dg.TableColumn("id", "int"), dg.TableColumn("name", "string")])

    @dg.asset
    def table():
        return dg.MaterializeResult(metadata={"dagster/column_schema": columns, "schema": columns})

    dg.materialize([table], instance=instance)
    properties = artifact(autologged, autologged.step("table").output_artifacts["asset table"].value).properties
    assert properties["metadata.schema"] == "id: int, name: string"


@pytest.mark.filterwarnings("ignore:.*is currently in beta", "ignore:Property `OpDefinition.version`")
def test_an_observation_is_an_input_of_the_step_that_made_it(autologged, instance):
    @dg.observable_source_asset
    def bucket():
        return dg.DataVersion("etag-1")

    @dg.asset(deps=[bucket])
    def from_bucket(): ...

    observing = dg.define_asset_job("observing", selection=["bucket"])
    defs = dg.Definitions(assets=[bucket], jobs=[observing])
    assert defs.resolve_job_def("observing").execute_in_process(instance=instance).success
    dg.materialize([bucket, from_bucket], selection=["from_bucket"], instance=instance)

    assert autologged.step("bucket").input_artifacts["asset bucket"].value == "dagster:asset/bucket#etag-1"
    assert autologged.step("from_bucket").input_artifacts["asset bucket"].value == "dagster:asset/bucket#etag-1"


def test_a_check_says_what_it_found_and_of_which_version(autologged, instance):
    @dg.asset_check(asset=prices)
    def enough(prices: list[int]):
        return dg.AssetCheckResult(
            passed=len(prices) > 5, severity=dg.AssetCheckSeverity.WARN, metadata={"found": len(prices)}
        )

    made = materialize(instance, "prices")
    alone = dg.Definitions(
        assets=[prices],
        asset_checks=[enough],
        jobs=[dg.define_asset_job("checking", selection=dg.AssetSelection.checks(enough))],
    )
    assert alone.resolve_job_def("checking").execute_in_process(instance=instance).success

    step = autologged.step("prices_enough")
    assert step.properties["check.enough"] == "failed (warn)"
    assert step.metrics["found"].last == 2
    uri = f"dagster:asset/prices#{version_of(made, 'prices')}"
    assert step.input_artifacts["asset prices"].value == uri


def test_what_comes_after_a_blocking_check_that_failed_was_not_started(autologged, instance):
    @dg.asset_check(asset=prices, blocking=True)
    def never(prices):
        return dg.AssetCheckResult(passed=False)

    @dg.asset
    def after(prices): ...

    result = dg.materialize([prices, never, after], instance=instance, raise_on_error=False)

    assert not result.success
    check, skipped = autologged.step("prices_never"), autologged.step("after")
    assert (check.status, check.properties["check.never"]) == (Status.FAILED, "failed (error)")
    assert (skipped.status, skipped.properties["dagster_state"]) == (Status.CANCELLED, "NotStarted")


def test_checks_within_an_asset_are_properties_of_its_step(autologged, instance):
    @dg.asset(check_specs=[dg.AssetCheckSpec("nonempty", asset="checked")])
    def checked():
        yield dg.Output([1])
        yield dg.AssetCheckResult(check_name="nonempty", passed=True)

    dg.materialize([checked], instance=instance)
    step = autologged.step("checked")
    assert (step.kind, step.properties["check.nonempty"]) == (Kind.ASSET, "passed")


def test_a_step_that_failed_is_downstream_of_what_it_had_read(autologged, instance):
    @dg.asset
    def broken(prices):
        raise ValueError("no")

    materialize(instance, "prices")
    dg.materialize([prices, broken], selection=["broken"], instance=instance, raise_on_error=False)
    assert autologged.sources(autologged.step("broken")) == {"prices"}


def test_a_materialization_that_an_op_reports_is_its_product(autologged, instance):
    @dg.op
    def export(context):
        context.log_event(dg.AssetMaterialization("warehouse/table", metadata={"rows": 9}))

    @dg.job
    def exporting():
        export()

    exporting.execute_in_process(instance=instance)
    step = autologged.step("export")
    assert step.kind is Kind.OP
    assert step.metrics["rows"].last == 9
    assert any(entry.value.startswith("dagster:asset/warehouse") for entry in step.output_artifacts.values())


def test_the_last_step_of_a_graph_asset_is_the_asset(autologged, instance):
    @dg.op
    def fetch():
        return [1]

    @dg.op
    def clean(rows):
        return rows

    @dg.graph_asset
    def cleaned():
        return clean(fetch())

    dg.materialize([cleaned], instance=instance)
    assert autologged.step("cleaned").kind is Kind.ASSET
    assert autologged.step("cleaned.fetch").kind is Kind.OP
    assert autologged.sources(autologged.step("cleaned")) == {"cleaned.fetch"}


@pytest.mark.filterwarnings("ignore:.*is superseded")
def test_a_freshness_check_says_what_it_found(autologged, instance):
    checks = dg.build_last_update_freshness_checks(assets=[prices], lower_bound_delta=timedelta(hours=1))
    made = materialize(instance, "prices")
    job = dg.define_asset_job("freshness", selection=dg.AssetSelection.checks(*checks))
    defs = dg.Definitions(assets=[prices], asset_checks=checks, jobs=[job])
    assert defs.resolve_job_def("freshness").execute_in_process(instance=instance).success

    (step,) = autologged.execution("freshness").children
    assert step.properties["check.freshness_check"] == "passed"
    assert step.input_artifacts["asset prices"].value == f"dagster:asset/prices#{version_of(made, 'prices')}"
