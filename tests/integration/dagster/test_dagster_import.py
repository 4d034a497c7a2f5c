"""What an import makes of past runs, compared with what recording made of them when they ran."""

import json
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
from kit.dagster_past import check_import, imported, use

from plugin_core.cli.app import app
from plugin_core.model.components import Status
from plugin_core.model.lineage import NodeKind, NodeRef
from plugin_core.testing.fixtures import Record
from plugin_core.tracking.engine import close_engine
from plugin_core.tracking.listing import find_runs
from plugin_core.tracking.settings import reset_configuration

OF_DAGSTER = "This run has been marked as canceled from outside the execution context."
REGIONS = dg.StaticPartitionsDefinition(["north", "south"])


class Limits(dg.Config):
    smallest: int = 1
    largest: int


@dg.op(tags={"team": "data"})
def numbers(config: Limits) -> list[int]:
    return list(range(config.smallest, config.largest))


@dg.op(out=dg.DynamicOut())
def split(values: list[int]):
    for value in values:
        yield dg.DynamicOutput(value, mapping_key=f"n{value}")


@dg.op
def double(context: dg.OpExecutionContext, value: int) -> int:
    if value == 2 and context.retry_number == 0:
        raise dg.RetryRequested(max_retries=1, seconds_to_wait=0)
    return value * 2


@dg.op
def add(values: list[int]) -> dg.Output[int]:
    return dg.Output(sum(values), metadata={"sum": sum(values)})


@dg.job(tags={"owner": "team-a"})
def adding():
    add(split(numbers()).map(double).collect())


@dg.op
def broken(values: list[int]):
    raise ValueError("no such table")


@dg.job
def breaking():
    add(split(broken(numbers())).map(double).collect())


@dg.asset(partitions_def=REGIONS)
def sales(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    return dg.MaterializeResult(metadata={"rows": len(context.partition_key), "source": "s3://bucket/key"})


@dg.asset(code_version="2", deps=[sales])
def total() -> dg.MaterializeResult:
    return dg.MaterializeResult(metadata={"rows": 10})


@dg.asset(partitions_def=REGIONS, deps=[sales, total])
def share() -> None: ...


@dg.asset_check(asset=total)
def enough():
    return dg.AssetCheckResult(passed=False, severity=dg.AssetCheckSeverity.WARN, metadata={"found": 3})


DEFS = dg.Definitions(
    assets=[sales, total, share],
    asset_checks=[enough],
    jobs=[dg.define_asset_job("checking", selection=dg.AssetSelection.checks(enough))],
)


def run_all(instance: dg.DagsterInstance) -> None:
    config = {"ops": {"numbers": {"config": {"largest": 4}}}}
    assets = [sales, total, share]
    adding.execute_in_process(instance=instance, run_config=config)
    breaking.execute_in_process(instance=instance, run_config=config, raise_on_error=False)
    for key in ("north", "south"):
        dg.materialize(assets, instance=instance, selection=["sales"], partition_key=key)
    dg.materialize(assets, instance=instance, selection=["total"])
    dg.materialize(assets, instance=instance, selection=["share"], partition_key="south")
    DEFS.resolve_job_def("checking").execute_in_process(instance=instance)


@pytest.fixture(scope="module")
def past(tmp_path_factory):
    """An instance with a few runs, and the record of them that was made when they ran."""
    from dagster_integration import autolog
    from dagster_integration.instrumentor import uninstrument

    home, record = tmp_path_factory.mktemp("home"), Record(tmp_path_factory.mktemp("live"))
    use(record)
    autolog()
    with dg.DagsterInstance.local_temp(str(home)) as instance:
        run_all(instance)
    uninstrument()
    close_engine()
    yield home, record
    reset_configuration()


@pytest.fixture
def home(past):
    return str(past[0])


@pytest.mark.versions
def test_an_import_says_what_recording_said(past, home, tmp_path):
    report = check_import(past[1], home, tmp_path, without=frozenset({"value", "values"}))
    assert (report.imported, report.failed, report.recorded_before) == (7, 0, 0)


@pytest.mark.versions
def test_importing_again_makes_nothing_new(home, flowtrail_record):
    imported(home)
    before = dict(flowtrail_record.store.counts())
    report = imported(home)
    assert (report.imported, report.recorded_before) == (0, 7)
    assert dict(flowtrail_record.store.counts()) == before


def test_what_was_recorded_when_it_ran_stays_as_it_is(past, home):
    use(past[1])
    before = dict(past[1].store.counts())
    assert imported(home).imported == 0
    assert dict(past[1].store.counts()) == before


def test_a_run_that_was_cut_short_in_the_record_is_completed_once(home, flowtrail_record):
    """Its steps that had ended keep what they logged."""
    imported(home)
    (reopened,) = [run.component_name for run in find_runs() if run.display_name == "adding"]
    store = flowtrail_record.store
    store.delete(NodeRef(NodeKind.COMPONENT, reopened), cascade=True)
    before = store.counts()["points"]
    assert imported(home).imported == 1
    assert find_runs(component_names=(reopened,))[0].status is Status.COMPLETED
    assert store.counts()["points"] == before


def test_one_run_can_be_chosen(home, flowtrail_record):
    with dg.DagsterInstance.from_config(home) as instance:
        wanted = instance.get_run_records(limit=1)[0].dagster_run.run_id
    assert imported(home, ids=(wanted,)).imported == 1
    assert {run.properties["dagster_run_id"] for run in find_runs() if run.parent is None} == {wanted}
    assert imported(home, ids=("no-such-run",)).not_found == 1


def test_runs_of_before_a_moment_can_be_left_out(home, flowtrail_record):
    assert imported(home, since=datetime.now(UTC) + timedelta(hours=1)).imported == 0


def test_a_run_that_still_goes_on_is_left_out(tmp_path, flowtrail_record):
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        instance.create_run_for_job(adding, run_config={"ops": {"numbers": {"config": {"largest": 2}}}})
    report = imported(str(tmp_path))
    assert (report.imported, report.unfinished) == (0, 1)
    assert find_runs() == []


@pytest.mark.parametrize("words", [None, "Nobody needs it."])
def test_a_run_that_was_marked_as_cancelled_is_so_in_dagsters_words(tmp_path, flowtrail_record, words):
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        run = instance.create_run_for_job(adding, run_config={"ops": {"numbers": {"config": {"largest": 2}}}})
        instance.report_run_canceled(run, words)
    imported(str(tmp_path))
    (root,) = [run for run in find_runs() if run.parent is None]
    assert (root.status, root.status_message) == (Status.CANCELLED, words or OF_DAGSTER)


def test_the_command_imports_and_says_so(home, flowtrail_record, capsys):
    app(["import", "dagster", "--instance", home, "--json"], standalone_mode=False)
    assert json.loads(capsys.readouterr().out)["imported"] == 7
    app(["import", "dagster", "--instance", home], standalone_mode=False)
    assert "7 runs in the record already" in capsys.readouterr().out


def test_an_import_leaves_the_instance_as_it_was(home, flowtrail_record):
    def state():
        with dg.DagsterInstance.from_config(home) as instance:
            records = instance.get_run_records()
            return [(each.dagster_run.run_id, dict(each.dagster_run.tags), each.dagster_run.status) for each in records]

    before = state()
    imported(home)
    assert state() == before
