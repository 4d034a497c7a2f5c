"""``track(defs)``: all that a ``Definitions`` holds is recorded, and stays what it was."""

import warnings

import dagster as dg
import pytest

from dagster_integration import autolog, track, tracked_asset, tracked_op
from plugin_core.model.components import Kind

# What Dagster says of its own older and newer definitions, and of its own use of them.
pytestmark = pytest.mark.filterwarnings(
    "ignore:.*is currently in beta",
    "ignore:Class `SourceAsset`",
    "ignore:Property `OpDefinition.version`",
    "ignore:Parameter `legacy_freshness",
)


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def definitions():
    """One of everything that can be run."""

    @dg.op
    def work():
        return 1

    @dg.job
    def direct():
        work()

    @dg.job
    def scheduled():
        work()

    @dg.job
    def sensed():
        work()

    @dg.asset
    def table():
        return [1]

    @dg.asset(deps=[table])
    def view() -> None: ...

    @dg.graph_asset
    def from_graph():
        return work()

    @dg.graph_multi_asset(outs={"left": dg.AssetOut(), "right": dg.AssetOut()})
    def pair():
        return {"left": work(), "right": work()}

    @dg.multi_asset(specs=[dg.AssetSpec(name, skippable=True) for name in ("stg", "mart")], can_subset=True)
    def models(context):
        for key in sorted(context.selected_asset_keys):
            yield dg.MaterializeResult(asset_key=key)

    @dg.asset_check(asset=table)
    def filled():
        return dg.AssetCheckResult(passed=True)

    @dg.observable_source_asset
    def bucket():
        return dg.DataVersion("1")

    @dg.sensor(job=sensed)
    def by_job():
        yield dg.RunRequest("a")

    @dg.sensor(target=[table])
    def by_asset():
        yield dg.RunRequest("b")

    selected = dg.define_asset_job("selected", selection=[table, view])
    return dg.Definitions(
        assets=[table, view, from_graph, pair, models, bucket, dg.AssetSpec("external"), dg.SourceAsset("old_source")],
        asset_checks=[filled],
        jobs=[direct, selected, dg.define_asset_job("observing", selection=["bucket"])],
        schedules=[
            dg.ScheduleDefinition(job=scheduled, cron_schedule="0 0 * * *"),
            dg.ScheduleDefinition(job=selected, cron_schedule="0 0 * * *"),
        ],
        sensors=[by_job, by_asset],
    )


@pytest.fixture(scope="module")
def tracked():
    """Marks stay on the functions, so that each test of this module may arm recording anew."""
    from dagster_integration.instrumentor import uninstrument

    defs = track(definitions(), experiment="warehouse")
    uninstrument()
    return defs


@pytest.fixture
def armed(recorded):
    from dagster_integration.instrumentor import instrument

    instrument(reason="tracked")
    return recorded


def run(defs, job, instance, **options):
    result = defs.resolve_job_def(job).execute_in_process(instance=instance, **options)
    assert result.success
    return result


@pytest.mark.versions
@pytest.mark.parametrize("job", ["direct", "scheduled", "sensed", "selected", "observing"])
def test_each_job_is_recorded_wherever_it_is_held(tracked, armed, instance, job):
    run(tracked, job, instance)
    assert armed.execution(job).kind is Kind.JOB


@pytest.mark.versions
def test_runs_of_assets_without_a_job_are_under_the_given_name(tracked, armed, instance):
    result = tracked.resolve_implicit_global_asset_job_def().execute_in_process(
        instance=instance, asset_selection=[dg.AssetKey("table"), dg.AssetKey("view")]
    )
    assert {step.display_name for step in armed.execution("warehouse").children} == {"table", "table_filled", "view"}
    assert instance.get_run_by_id(result.run_id).tags["flowtrail/experiment"] == "warehouse"


def test_the_anonymous_job_of_a_sensor_is_under_the_given_name(tracked, armed, instance):
    run(tracked, "__anonymous_asset_job_by_asset", instance)
    assert {step.display_name for step in armed.execution("warehouse").children} == {"table", "table_filled"}


def test_assets_of_every_making_are_steps(tracked, armed, instance):
    tracked.resolve_implicit_global_asset_job_def().execute_in_process(instance=instance)
    steps = {step.display_name: step for step in armed.execution("warehouse").children}
    assert {name for name, step in steps.items() if step.kind is Kind.ASSET} == {
        "bucket",
        "table",
        "view",
        "from_graph",
        "left",
        "right",
        "models",
    }
    assert set(steps["models"].output_artifacts) == {"asset stg", "asset mart"}


def test_a_subset_of_a_multi_asset_records_only_what_was_made(tracked, armed, instance):
    tracked.resolve_implicit_global_asset_job_def().execute_in_process(
        instance=instance, asset_selection=[dg.AssetKey("mart")]
    )
    assert set(armed.step("models").output_artifacts) == {"asset mart"}


@pytest.mark.versions
def test_what_was_tracked_is_what_it_was():
    plain = definitions()
    tracked = track(plain)

    assert tracked.get_repository_def().job_names == plain.get_repository_def().job_names
    assert tracked.resolve_job_def("direct") is plain.resolve_job_def("direct")
    assert list(tracked.schedules or ()) == list(plain.schedules or ())
    assert list(tracked.sensors or ()) == list(plain.sensors or ())
    assert {spec.key for spec in tracked.resolve_all_asset_specs()} == {
        spec.key for spec in plain.resolve_all_asset_specs()
    }


def test_schedules_and_sensors_go_on_asking_for_runs(tracked):
    schedule = (
        tracked.resolve_schedule_def("scheduled_schedule")
        if hasattr(tracked, "resolve_schedule_def")
        else tracked.get_schedule_def("scheduled_schedule")
    )
    assert len(schedule.evaluate_tick(dg.build_schedule_context()).run_requests) == 1
    sensor = next(each for each in tracked.sensors if each.name == "by_job")
    with dg.build_sensor_context(repository_def=tracked.get_repository_def()) as context:
        assert len(sensor.evaluate_tick(context).run_requests) == 1


def test_definitions_may_be_merged_before_and_after(armed, instance):
    one, other = definitions(), dg.Definitions()
    run(dg.Definitions.merge(other, track(one, experiment="first")), "direct", instance)
    run(track(dg.Definitions.merge(other, definitions()), experiment="second"), "direct", instance)
    assert len(armed.executions("direct")) == 2


def test_two_code_locations_in_one_process_keep_their_names(armed, instance):
    for name in ("sales", "research"):
        defs = track(definitions(), experiment=name)
        defs.resolve_implicit_global_asset_job_def().execute_in_process(
            instance=instance, asset_selection=[dg.AssetKey("view")]
        )
    assert [len(armed.executions(name)) for name in ("sales", "research")] == [1, 1]


def test_what_nobody_tracks_is_not_recorded(armed, instance):
    track(definitions())
    run(definitions(), "direct", instance)
    assert armed.all() == []


@pytest.mark.versions
def test_each_step_is_recorded_once_however_often_it_is_asked_for(recorded, instance):
    @tracked_op
    def work():
        return 1

    @tracked_asset
    def table():
        return work()

    @dg.job
    def both():
        work()

    autolog()
    defs = track(track(dg.Definitions(assets=[table], jobs=[both])))
    run(defs, "both", instance)
    defs.resolve_implicit_global_asset_job_def().execute_in_process(instance=instance)

    assert len(recorded.steps("work")) == 1
    assert len(recorded.steps("table")) == 1


def test_a_run_of_assets_is_named_after_its_script_where_nothing_else_is_known(autologged, instance):
    @dg.asset
    def lonely() -> None: ...

    dg.materialize([lonely], instance=instance)
    (execution,) = [run for run in autologged.all() if run.parent is None]
    assert not execution.experiment_name.startswith("_")
    assert "asset-job" not in execution.experiment_name


def test_a_run_from_a_workspace_is_named_after_its_code_location(autologged, instance):
    """As a web server makes it: the run knows its location, the process that works it off only the definitions."""
    from dagster._core.definitions.job_base import InMemoryJob
    from dagster._core.execution.api import execute_run
    from dagster._core.remote_origin import InProcessCodeLocationOrigin, RemoteJobOrigin, RemoteRepositoryOrigin
    from dagster._core.types.loadable_target_origin import LoadableTargetOrigin

    defs = dg.Definitions.merge(definitions(), dg.Definitions(executor=dg.in_process_executor))
    job = defs.resolve_implicit_global_asset_job_def().get_subset(asset_selection={dg.AssetKey("view")})
    location = InProcessCodeLocationOrigin(
        loadable_target_origin=LoadableTargetOrigin(python_file="warehouse.py"), location_name="warehouse_prod"
    )
    origin = RemoteJobOrigin(
        repository_origin=RemoteRepositoryOrigin(code_location_origin=location, repository_name="__repository__"),
        job_name=job.name,
    )
    run_of_job = instance.create_run_for_job(job)
    execute_run(InMemoryJob(job), run_of_job._replace(remote_job_origin=origin), instance)
    assert {step.display_name for step in autologged.execution("warehouse_prod").children} == {"view"}


@pytest.mark.versions
def test_backfills_of_several_runs_share_a_tag(autologged, instance):
    parts = dg.StaticPartitionsDefinition(["a", "b"])

    @dg.asset(partitions_def=parts)
    def daily() -> None: ...

    for key in ("a", "b"):
        dg.materialize([daily], instance=instance, partition_key=key, tags={"dagster/backfill": "spring"})
    assert [step.parent is not None for step in autologged.steps("daily")] == [True, True]
    roots = [run for run in autologged.all() if run.parent is None]
    assert {run.tags["dagster/backfill"] for run in roots} == {"spring"}


def test_definitions_are_tracked_without_a_warning_that_their_author_could_not_act_on(recorded):
    @dg.asset
    def table():
        return [1]

    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        tracked = track(dg.Definitions(assets=[table]))

    assert said == []
    (spec,) = tracked.resolve_all_asset_specs()
    assert spec.metadata["flowtrail/url"].value == "/o/dagster/asset/table"
