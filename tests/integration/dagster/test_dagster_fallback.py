"""A Dagster whose private functions have changed is recorded all the same, by what it publishes."""

import dagster as dg
import pytest
from dagster._core.execution import context_creation_job
from dagster._core.execution.plan import execute_step

from dagster_integration import _compat, autolog, tracked_op
from dagster_integration.instrumentor import uninstrument
from plugin_core import load_run
from plugin_core.model.components import Status

pytestmark = pytest.mark.versions


class Settings(dg.Config):
    factor: int = 2


class Scale(dg.ConfigurableResource):
    unit: str = "kg"


@dg.op
def plain(context, config: Settings, scale: Scale):
    load_run().log_metric("seen", 1)
    return [config.factor, 1]


@dg.op(out={"low": dg.Out(), "high": dg.Out()})
def two_values(numbers):
    return min(numbers), dg.Output(max(numbers), metadata={"rows": 2})


@dg.op(out=dg.DynamicOut())
def generated():
    for number in range(2):
        load_run().log_metric("seen", number)
        yield dg.DynamicOutput(number, mapping_key=f"k{number}")


@dg.op(out=dg.DynamicOut())
def listed():
    return [dg.DynamicOutput(7, mapping_key="only")]


@dg.op
async def awaited(number):
    load_run().log_metric("seen", number)
    return number


@dg.op
async def streamed():
    load_run().log_metric("seen", 5)
    yield dg.Output([5, 6])


@dg.op(retry_policy=dg.RetryPolicy(max_retries=1))
def unsteady(context, numbers):
    if context.retry_number == 0:
        raise ConnectionError("gone")


@dg.op
def broken():
    raise ValueError("no such table")


def undecorated_compute(context, inputs):
    yield dg.Output([*inputs["numbers"], 3])


undecorated = dg.OpDefinition(
    undecorated_compute, name="undecorated", ins={"numbers": dg.In()}, outs={"result": dg.Out()}
)


@dg.job(resource_defs={"scale": Scale()})
def every_kind():
    two_values(plain())
    generated().map(awaited)
    listed().map(awaited.alias("awaited_too"))
    unsteady(undecorated(streamed()))
    broken()


def told(recorded):
    """All that is recorded of the job's last run, without what differs from run to run."""
    root = recorded.executions("every_kind")[-1]
    steps = [run for run in recorded.all() if run.parent == root]
    return root.status, sorted(
        (
            run.display_name,
            run.attempt,
            run.status,
            run.status_message or "",
            sorted(run.parameters.items()),
            sorted((name, summary.count) for name, summary in run.metrics.items()),
            sorted(run.output_artifacts),
            sorted(recorded.direct_sources(run)),
        )
        for run in steps
    )


def execute():
    return every_kind.execute_in_process(raise_on_error=False)


@pytest.fixture
def as_usual(autologged):
    """What is recorded of the job where all is as we know it."""
    execute()
    uninstrument()
    return told(autologged)


def change(monkeypatch, module, name):
    """Give a function of Dagster's parameters that we do not know; Dagster itself goes on using it."""
    original = getattr(module, name)

    def changed(*given):
        return original(*given)

    monkeypatch.setattr(module, name, changed)
    monkeypatch.setattr(_compat, "_warned", set())


@pytest.mark.parametrize(
    "changed",
    [
        [(context_creation_job, "create_executor")],
        [(execute_step, "execute_core_compute")],
        [(context_creation_job, "create_executor"), (execute_step, "execute_core_compute")],
    ],
    ids=["runs", "steps", "both"],
)
def test_the_record_is_the_same_by_another_way(as_usual, recorded, changed, monkeypatch, caplog):
    for module, name in changed:
        change(monkeypatch, module, name)
    autolog()
    result = execute()

    assert as_usual[0] is Status.FAILED
    assert len(as_usual[1]) == 12
    assert told(recorded) == as_usual
    assert result.output_for_node("two_values", "high") == 2
    warned = [record.getMessage() for record in caplog.records if record.name == "flowtrail"]
    assert len(warned) == len(changed)
    assert all("does not know this Dagster" in text for text in warned)


def test_modules_that_are_gone_are_done_without(recorded, monkeypatch, caplog):
    for place in ("RUNS", "STEPS"):
        known = getattr(_compat, place)
        monkeypatch.setitem(_compat._WITHOUT, f"dagster._gone.{place}", _compat._WITHOUT[known])
        monkeypatch.setattr(_compat, place, f"dagster._gone.{place}")
    monkeypatch.setattr(_compat, "_warned", set())
    autolog()
    execute()

    assert len(told(recorded)[1]) == 12
    assert [record.getMessage().partition(" lacks ")[2] for record in caplog.records if record.name == "flowtrail"] == [
        "dagster._gone.RUNS): runs are followed by the executors that executor definitions make",
        "dagster._gone.STEPS): steps are recorded by the functions of their ops",
    ]


def test_functions_stay_of_their_kind_and_can_be_called_by_hand(recorded, monkeypatch):
    change(monkeypatch, execute_step, "execute_core_compute")
    found = vars(dg.OpDefinition)["compute_fn"]

    @tracked_op
    def doubled(number: int) -> int:
        return 2 * number

    assert doubled(4) == 8
    assert recorded.all() == []

    @dg.job
    def doubling():
        doubled()

    config = {"ops": {"doubled": {"inputs": {"number": 4}}}}
    assert doubling.execute_in_process(run_config=config).output_for_node("doubled") == 8
    assert recorded.step("doubled").parameters["number"] == 4

    uninstrument()
    assert vars(dg.OpDefinition)["compute_fn"] is found
    assert not hasattr(doubled.compute_fn.decorated_fn, "__flowtrail_inside__")
