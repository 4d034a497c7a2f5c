"""Tracked definitions take what Dagster's take and are what Dagster's are; and they are recorded."""

import asyncio
import inspect

import dagster as dg
import pytest

from dagster_integration import (
    tracked_asset,
    tracked_asset_check,
    tracked_graph,
    tracked_job,
    tracked_multi_asset,
    tracked_op,
)
from plugin_core import load_run
from plugin_core.model.components import Kind, Status

pytestmark = pytest.mark.filterwarnings("ignore:.*is currently in (beta|preview)")

MAKERS = {"plain": (dg.op, dg.asset), "tracked": (tracked_op, tracked_asset)}


class Scale(dg.Config):
    factor: int = 2


class Greeter(dg.ConfigurableResource):
    word: str = "hello"


@pytest.mark.versions
def test_what_is_called_directly_does_what_the_function_does():
    @tracked_op
    def double(value: int) -> int:
        return value * 2

    @tracked_op
    async def later(value: int) -> int:
        return value + 1

    @tracked_op
    def with_context(context: dg.OpExecutionContext, config: Scale, greeter: Greeter) -> str:
        return f"{greeter.word} {config.factor} {context.has_tag('x')}"

    @tracked_op(out=dg.DynamicOut())
    def many():
        yield dg.DynamicOutput(1, "a")

    @tracked_asset
    def table(greeter: Greeter) -> str:
        return greeter.word

    @tracked_asset_check(asset=table)
    def checked(table: str):
        return dg.AssetCheckResult(passed=table == "hi")

    assert double(1) == 2
    assert asyncio.run(later(3)) == 4
    context = dg.build_op_context(resources={"greeter": Greeter(word="hi")})
    assert with_context(context, Scale(factor=3)) == "hi 3 False"
    assert [each.mapping_key for each in many()] == ["a"]
    assert table(greeter=Greeter(word="hi")) == "hi"
    assert checked("hi").passed


@pytest.mark.versions
def test_the_decorators_have_the_signatures_and_names_of_dagsters():
    for ours, theirs in (
        (tracked_op, dg.op),
        (tracked_graph, dg.graph),
        (tracked_job, dg.job),
        (tracked_asset, dg.asset),
        (tracked_multi_asset, dg.multi_asset),
        (tracked_asset_check, dg.asset_check),
    ):
        assert inspect.signature(ours) == inspect.signature(theirs)
        assert (ours.__name__, ours.__doc__) == (theirs.__name__, theirs.__doc__)


def built(op, asset):
    """The same definitions, by the one decorators or the others."""

    @op(
        name="renamed",
        ins={"value": dg.In(int)},
        out={"small": dg.Out(int, is_required=False), "large": dg.Out(int)},
        tags={"team": "a"},
        retry_policy=dg.RetryPolicy(max_retries=2),
        code_version="7",
        pool="database",
        description="Splits.",
    )
    def split(context: dg.OpExecutionContext, config: Scale, value):
        yield dg.Output(value, "large")

    @asset(
        key_prefix=["raw"],
        partitions_def=dg.StaticPartitionsDefinition(["a"]),
        owners=["team:data"],
        kinds={"python"},
        check_specs=[dg.AssetCheckSpec("filled", asset=["raw", "table"])],
        automation_condition=dg.AutomationCondition.eager(),
        code_version="3",
        metadata={"a": 1},
        tags={"b": "c"},
    )
    def table(context: dg.AssetExecutionContext): ...

    return split, table


@pytest.mark.versions
def test_every_option_means_what_it_means_to_dagster():
    (plain_op, plain_table), (our_op, our_table) = (built(*MAKERS[name]) for name in ("plain", "tracked"))
    for name in ("name", "tags", "retry_policy", "pool", "description", "required_resource_keys"):
        assert getattr(our_op, name) == getattr(plain_op, name)
    assert list(our_op.ins) == list(plain_op.ins)
    assert {k: v.is_required for k, v in our_op.outs.items()} == {k: v.is_required for k, v in plain_op.outs.items()}
    assert list(our_table.specs) == list(plain_table.specs)
    assert list(our_table.check_specs) == list(plain_table.check_specs)
    assert our_table.partitions_def == plain_table.partitions_def


def test_a_mistake_raises_what_dagster_raises():
    for make in (dg.op, tracked_op):
        with pytest.raises(TypeError):
            make(no_such_option=1)
    for make in (dg.asset, tracked_asset):
        with pytest.raises(dg.DagsterInvalidDefinitionError):

            @make(name="a/b")
            def wrong(): ...


@pytest.mark.versions
def test_a_tracked_job_is_recorded_with_all_its_ops(recorded):
    @dg.op
    def untracked():
        return 1

    @tracked_job(tags={"team": "a"})
    def decorated():
        untracked()

    decorated.execute_in_process()
    assert {step.display_name for step in recorded.execution("decorated").children} == {"untracked"}


def test_a_job_of_a_tracked_graph_is_recorded(recorded):
    @dg.op
    def inner():
        return 1

    @tracked_graph
    def reused():
        inner()

    reused.to_job(name="from_graph").execute_in_process()

    @dg.job
    def around():
        reused()

    around.execute_in_process()
    assert len(recorded.executions("from_graph")) == len(recorded.executions("around")) == 1


@pytest.mark.versions
def test_tracked_ops_of_every_kind_are_recorded(recorded):
    @tracked_op
    async def waits() -> int:
        load_run().log_metric("waited", 1)
        return 1

    @tracked_op(out=dg.DynamicOut())
    def fans(value: int):
        for key in "ab":
            yield dg.DynamicOutput(value, key)

    @tracked_op
    def greets(config: Scale, greeter: Greeter, value: int) -> str:
        return f"{greeter.word} {value * config.factor}"

    @dg.job(resource_defs={"greeter": Greeter()})
    def everything():
        fans(waits()).map(greets)

    everything.execute_in_process()
    assert recorded.step("waits").metrics["waited"].last == 1
    greeted = recorded.step("greets[a]")
    assert greeted.parameters == {"factor": 2, "value": 1}
    assert greeted.status is Status.COMPLETED


@pytest.mark.versions
def test_tracked_assets_and_checks_are_recorded(recorded):
    @tracked_asset
    def table():
        return [1]

    @tracked_multi_asset(
        specs=[dg.AssetSpec("one", skippable=True), dg.AssetSpec("two", skippable=True)], can_subset=True
    )
    def several(context):
        for key in context.selected_asset_keys:
            yield dg.MaterializeResult(asset_key=key)

    @tracked_asset_check(asset=table, blocking=True)
    def filled(table):
        return dg.AssetCheckResult(passed=bool(table))

    dg.materialize([table, several, filled], selection=dg.AssetSelection.assets("table", "two"))
    dg.materialize([table, filled], selection=dg.AssetSelection.assets("table") | dg.AssetSelection.checks(filled))
    assert {step.display_name for step in recorded.all() if step.kind is Kind.ASSET} == {"table", "several"}
    assert recorded.steps("table_filled")[-1].properties["check.filled"] == "passed"


def test_an_asset_check_alone_makes_its_run_recorded(recorded):
    @dg.asset
    def table():
        return [1]

    @tracked_asset_check(asset=table)
    def filled(table):
        return dg.AssetCheckResult(passed=True)

    dg.materialize([table, filled])
    assert len(recorded.steps("table_filled")) == 1


def test_disabled_decorators_make_plain_definitions(monkeypatch, recorded):
    monkeypatch.setenv("FLOWTRAIL_DISABLED", "1")
    from plugin_core.tracking.settings import reset_configuration

    reset_configuration()

    @tracked_op
    def work():
        return 1

    @dg.job
    def quiet():
        work()

    quiet.execute_in_process()
    monkeypatch.delenv("FLOWTRAIL_DISABLED")
    assert not hasattr(work.compute_fn.decorated_fn, "__flowtrail__")
