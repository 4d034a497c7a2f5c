"""Links: the record's address where Dagster shows a run, an output or an asset, and Dagster's pages in the record."""

import dagster as dg
import pytest

from dagster_integration import track
from plugin_core.tracking.settings import configure

REGIONS = dg.StaticPartitionsDefinition(["north", "south"])


@pytest.fixture
def linked(recorded):
    """Pages of the record and of Dagster that are set, and recording of everything."""
    from dagster_integration import autolog

    configure(ui_url="https://records.example/", dagster_url="https://dagster.example/")
    autolog()
    return recorded


@dg.op
def work() -> int:
    return 1


@dg.job
def working():
    work()


@dg.asset(key_prefix=["raw"], partitions_def=REGIONS)
def table(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    return dg.MaterializeResult()


@pytest.mark.versions
def test_a_run_and_its_outputs_lead_to_their_record(linked):
    with dg.DagsterInstance.ephemeral() as instance:
        result = working.execute_in_process(instance=instance)
        run = instance.get_run_by_id(result.run_id)
    (output,) = [e.step_output_data for e in result.all_events if e.event_type_value == "STEP_OUTPUT"]
    assert run.tags["flowtrail/url"] == f"https://records.example/o/dagster/{result.run_id}"
    link = output.metadata["flowtrail/url"]
    assert link == dg.MetadataValue.url(f"https://records.example/o/dagster/{result.run_id}/work")


@pytest.mark.versions
def test_each_partition_of_an_asset_leads_to_the_step_that_made_it(linked):
    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize([table], instance=instance, partition_key="north")
    (event,) = result.get_asset_materialization_events()
    assert event.partition == "north"
    link = event.materialization.metadata["flowtrail/url"].value
    assert link == f"https://records.example/o/dagster/{result.run_id}/raw__table"


def test_of_many_dynamic_outputs_the_first_twenty_lead_to_the_record_and_all_are_in_it(linked):
    @dg.op(out=dg.DynamicOut(int))
    def many():
        for number in range(30):
            yield dg.DynamicOutput(number, mapping_key=f"k{number}")

    @dg.job
    def spreading():
        many()

    result = spreading.execute_in_process()
    outputs = [e.step_output_data for e in result.all_events if e.event_type_value == "STEP_OUTPUT"]
    assert ["flowtrail/url" in output.metadata for output in outputs] == [True] * 20 + [False] * 10
    assert set(linked.step("many").output_artifacts) == {f"result.k{number}" for number in range(30)}


def test_an_asset_leads_to_its_record_before_it_was_ever_made(linked):
    (spec,) = track(dg.Definitions(assets=[table])).resolve_all_asset_specs()
    assert spec.metadata["flowtrail/url"].value == "https://records.example/o/dagster/asset/raw/table"


@pytest.mark.versions
def test_the_record_leads_to_the_pages_of_runs_steps_and_assets(linked):
    with dg.DagsterInstance.ephemeral() as instance:
        result = working.execute_in_process(instance=instance)
        dg.materialize([table], instance=instance, partition_key="north")
    page = f"https://dagster.example/runs/{result.run_id}"
    assert linked.execution("working").url == page
    assert linked.step("work").url == f"{page}?selection=name%3A%22work%22"
    made = linked.step("raw/table").output_artifacts["asset raw/table[north]"].value
    properties = linked.record.store.artifact(made).properties
    assert properties["dagster_url"] == "https://dagster.example/assets/raw/table"


def test_without_an_address_of_pages_the_link_is_the_stable_path(autologged):
    with dg.DagsterInstance.ephemeral() as instance:
        result = working.execute_in_process(instance=instance)
        assert instance.get_run_by_id(result.run_id).tags["flowtrail/url"] == f"/o/dagster/{result.run_id}"
    assert autologged.execution("working").url is None
