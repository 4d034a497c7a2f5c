"""From events to the record, on a real store."""

import sys
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from plugin_core import list_runs
from plugin_core.capture.events import (
    ExecutionFinished,
    ExecutionKey,
    ExecutionStarted,
    Product,
    StepFinished,
    StepKey,
    StepOutput,
    StepStarted,
)
from plugin_core.capture.names import address_of
from plugin_core.capture.recorder import recorder
from plugin_core.model.components import Kind, Status
from plugin_core.model.lineage import NodeKind, NodeRef
from plugin_core.model.queries import ComponentQuery, Direction, LineageQuery

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
FLOW = ExecutionKey(system="prefect", experiment="Train it", execution_id="0199c1de-aaaa-7bbb-8ccc-00000000f10e")


def step(name, number, attempt=1):
    return StepKey(execution=FLOW, step=name, step_id=f"0199c1de-aaaa-7bbb-8ccc-{number:012d}", attempt=attempt)


def start_flow(**more):
    return recorder().execution_started(ExecutionStarted(key=FLOW, name="happy-owl", at=AT, **more))


def run_step(key, *, inputs=None, output=None, upstream=None, status=Status.COMPLETED, message=None):
    recording = recorder()
    recording.step_started(
        StepStarted(key=key, name=f"{key.step}-0", at=AT, inputs=inputs or {}, upstream=upstream or {})
    )
    recording.step_finished(
        StepFinished(
            key=key,
            name=f"{key.step}-0",
            at=AT + timedelta(seconds=2),
            status=status,
            message=message,
            output=output,
            result_uris=(f"prefect:task-run/{key.step_id}",),
        )
    )
    return address_of(key).component


def ancestors(store, component):
    found = store.lineage(
        NodeRef(NodeKind.COMPONENT, component),
        LineageQuery(direction=Direction.ASCENDANTS, kinds=(NodeKind.COMPONENT,)),
    )
    return {vertex.ref.key for vertex in found.vertices}


def calls_of(work):
    """How many calls of Python functions a piece of work comes to: the same on any machine, unlike its time."""
    calls = 0

    def seen(_frame, event, _argument):
        nonlocal calls
        calls += event == "call"

    sys.setprofile(seen)
    try:
        work()
    finally:
        sys.setprofile(None)
    return calls


def test_a_step_with_scalar_arguments_takes_few_calls_and_later_ones_no_more(flowtrail_record):
    start_flow()
    inputs = {"x": 1, "y": 0.5, "name": "a"}
    for number in range(2):
        run_step(step("add", number), inputs=inputs, output=1.5)  # imports, and the journal's file
    early = calls_of(lambda: run_step(step("add", 2), inputs=inputs, output=1.5))
    for number in range(3, 200):
        run_step(step("add", number), inputs=inputs, output=1.5)
    late = calls_of(lambda: run_step(step("add", 200), inputs=inputs, output=1.5))

    assert early <= 130
    assert late <= early + 10  # the drain is woken now and then


def test_an_execution_is_a_trial_with_a_root_component(flowtrail_record):
    start_flow(parameters={"depth": 3}, tags={"nightly": None}, url="http://prefect/runs/1")
    recorder().execution_finished(ExecutionFinished(key=FLOW, at=AT + timedelta(seconds=9), status=Status.COMPLETED))

    (trial,) = flowtrail_record.store.trials(experiment="train-it")
    (root,) = list_runs("train-it")
    assert (trial.name, trial.display_name, trial.root_component) == (
        "train-it-00000000f10e",
        "happy-owl",
        root.component_name,
    )
    assert (root.kind, root.status, root.parameters) == (Kind.FLOW, Status.COMPLETED, {"depth": 3})
    assert root.ended_at - root.started_at == timedelta(seconds=9)
    assert (root.url, set(root.tags)) == ("http://prefect/runs/1", {"nightly", "sagemaker:trial-component-source"})


def test_a_step_belongs_to_its_execution(flowtrail_record):
    root = start_flow()
    component = run_step(step("fit", 1), inputs={"rate": 0.1, "options": {"deep": True}})

    (run,) = root.children
    assert run.component_name == component == "train-it-fit-000000000001"
    assert run.parameters == {"rate": 0.1, "options.deep": True}
    assert (run.status, run.parent, run.display_name) == (Status.COMPLETED, root, "fit-0")


def test_a_failed_step_says_why_without_the_secret_that_the_message_holds(flowtrail_record):
    start_flow()
    run_step(
        step("fit", 1),
        inputs={"password": "hunter2-xyz-abc"},
        status=Status.FAILED,
        message="cannot log in with hunter2-xyz-abc",
    )

    run = next(r for r in list_runs("train-it") if r.kind == "task")
    assert run.status is Status.FAILED
    assert run.status_message == "cannot log in with [redacted]"


def test_a_retry_is_a_run_of_its_own_linked_to_the_one_before(flowtrail_record):
    start_flow()
    first = run_step(step("fit", 1), status=Status.FAILED)
    second = run_step(step("fit", 1, attempt=2))

    component = flowtrail_record.store.component(second)
    assert (component.attempt, component.previous_attempt) == (2, first)


def test_data_joins_the_steps_that_made_and_used_it_by_its_content(flowtrail_record):
    frame = pd.DataFrame({"a": range(1000)})
    start_flow()
    made = run_step(step("load", 1), output=frame)
    used = run_step(step("fit", 2), inputs={"data": frame.copy()})

    assert ancestors(flowtrail_record.store, used) == {made}


def test_a_part_of_a_result_is_not_taken_for_its_other_parts(flowtrail_record):
    parts = {"training": pd.DataFrame({"a": range(1000)}), "holdout": pd.DataFrame({"a": range(9)})}
    uris = {"data": (f"prefect:task-run/{step('split', 1).step_id}",)}
    start_flow()
    split = run_step(step("split", 1), output=parts)
    judged = run_step(step("judge", 2), inputs={"data": parts["holdout"]}, upstream=uris)
    store = flowtrail_record.store

    holdout, training = (
        next(a.source_uri for a in store.artifacts() if a.name == f"result.{part}") for part in ("holdout", "training")
    )
    came_in = {edge.source.key for edge in store.associations(destination=NodeRef(NodeKind.COMPONENT, judged))}
    assert holdout in came_in
    assert training not in came_in
    assert ancestors(store, judged) == {split}


def test_a_result_without_content_identity_is_what_it_is(flowtrail_record):
    start_flow()
    made = run_step(step("load", 1), output=pd.DataFrame({"a": [object()]}))
    store = flowtrail_record.store

    (edge,) = store.associations(source=NodeRef(NodeKind.COMPONENT, made))
    assert edge.destination.key.startswith("prefect:task-run/")
    assert store.artifact(edge.destination.key).type == "DataSet"


def test_a_small_result_joins_the_steps_by_what_the_orchestrator_knows(flowtrail_record):
    start_flow()
    made = run_step(step("score", 1), output=0.97)
    used = run_step(
        step("choose", 2), inputs={"score": 0.97}, upstream={"score": (f"prefect:task-run/{step('score', 1).step_id}",)}
    )
    unrelated = run_step(step("other", 3), inputs={"score": 0.97})

    assert ancestors(flowtrail_record.store, used) == {made}
    assert ancestors(flowtrail_record.store, unrelated) == set()


def test_a_list_of_results_joins_to_each_of_their_steps(flowtrail_record):
    start_flow()
    results = [{"name": f"model-{i}", "scores": [0.1 * i] * 40} for i in range(3)]
    made = {run_step(step("fit", i), output=result) for i, result in enumerate(results)}
    uris = tuple(f"prefect:task-run/{step('fit', i).step_id}" for i in range(3))
    used = run_step(step("choose", 9), inputs={"results": results}, upstream={"results": uris})

    assert ancestors(flowtrail_record.store, used) == made


def test_a_consumer_that_was_recorded_before_its_producer_is_joined_to_it(flowtrail_record):
    start_flow()
    uri = f"prefect:task-run/{step('score', 1).step_id}"
    used = run_step(step("choose", 2), inputs={"score": 1}, upstream={"score": (uri,)})
    made = run_step(step("score", 1), output=1)

    assert ancestors(flowtrail_record.store, used) == {made}


def test_a_cached_step_is_joined_to_the_one_that_made_the_value(flowtrail_record):
    start_flow()
    recording = recorder()
    key, again = step("load", 1), step("load", 2)
    for k, status, reused in ((key, Status.COMPLETED, None), (again, Status.CACHED, "prefect:result/abc")):
        recording.step_finished(
            StepFinished(
                key=k,
                name="load",
                at=AT,
                status=status,
                output=3,
                reused_uri=reused,
                result_uris=() if reused else ("prefect:result/abc",),
            )
        )

    component = address_of(again).component
    assert flowtrail_record.store.component(component).status is Status.CACHED
    assert ancestors(flowtrail_record.store, component) == {address_of(key).component}


def test_what_a_step_returned_can_be_read_back_from_the_store(flowtrail_record):
    frame = pd.DataFrame({"a": [1, 2, 3], "b": ["x", "y", "z"]})
    start_flow()
    run_step(step("load", 1), output=frame)
    assert recorder().flush(10)

    run = next(r for r in list_runs("train-it") if r.kind == "task")
    artifact = flowtrail_record.store.artifact(run.output_artifacts["result"].value)
    assert artifact.type == "DataSet"
    assert artifact.blob is not None


@pytest.mark.parametrize(("level", "parameters", "outputs"), [("off", 0, 0), ("params", 1, 0), ("meta", 1, 1)])
def test_a_step_can_choose_how_much_is_captured(flowtrail_record, level, parameters, outputs):
    start_flow()
    key = step("fit", 1)
    recorder().step_started(StepStarted(key=key, name="fit", at=AT, inputs={"a": 1}, capture=level))
    recorder().step_finished(
        StepFinished(
            key=key, name="fit", at=AT, status=Status.COMPLETED, output=pd.DataFrame({"a": [1]}), capture=level
        )
    )

    run = next(r for r in list_runs("train-it") if r.kind == "task")
    assert (len(run.parameters), len(run.output_artifacts)) == (parameters, outputs)


def test_the_code_version_is_a_property_of_the_execution(flowtrail_record):
    root = start_flow()
    recorder().wait_for_code(10)

    assert len(root.properties["git.commit"]) == 40
    assert root.properties["git.dirty"] in {"true", "false"}


def test_a_paused_execution_has_not_ended(flowtrail_record):
    root = start_flow()
    recorder().execution_finished(ExecutionFinished(key=FLOW, at=AT + timedelta(seconds=9), status=Status.PAUSED))

    assert (root.status, root.ended_at) == (Status.PAUSED, None)


def test_outputs_of_one_step_are_told_apart_by_name(flowtrail_record):
    start_flow()
    key = step("split", 1)
    recorder().step_started(StepStarted(key=key, name="split", at=AT))
    for name, size in (("train", 8), ("test", 2)):
        frame = pd.DataFrame({"x": range(size)})
        recorder().step_output(StepOutput(key=key, name=name, value=frame, result_uris=(f"dagster:run/1/{name}",)))
    recorder().step_finished(StepFinished(key=key, name="split", at=AT, status=Status.COMPLETED))

    (run,) = [run for run in list_runs("train-it") if run.display_name == "split"]
    assert set(run.output_artifacts) == {"train", "test"}
    assert run.output_artifacts["train"].value != run.output_artifacts["test"].value


def test_a_product_is_one_node_for_its_maker_and_its_user(flowtrail_record):
    start_flow()
    made = Product(uri="dagster:asset/table#v1", name="table", properties={"data_version": "v1"})
    producer, consumer = step("make", 1), step("use", 2)
    done = {"at": AT, "status": Status.COMPLETED}
    recorder().step_finished(
        StepFinished(key=producer, name="make", products=(made,), metrics={"rows": 3.0}, started_at=AT, **done)
    )
    recorder().step_finished(StepFinished(key=consumer, name="use", upstream={"table": (made.uri,)}, **done))

    store = flowtrail_record.store
    assert address_of(producer).component in ancestors(store, address_of(consumer).component)
    (run,) = [run for run in list_runs("train-it") if run.display_name == "make"]
    assert (run.metrics["rows"].last, run.started_at) == (3.0, AT)


def test_a_repeated_execution_is_linked_to_the_one_before(flowtrail_record):
    again = ExecutionKey(system="dagster", experiment="Train it", execution_id="0199c1de-aaaa-7bbb-8ccc-00000000f20e")
    start_flow()
    recorder().execution_started(ExecutionStarted(key=again, name="again", at=AT, retry_of=FLOW))

    found = flowtrail_record.store.components(ComponentQuery())
    before, after = sorted(found, key=lambda component: component.previous_attempt is not None)
    assert after.previous_attempt == before.name


def test_the_step_of_a_supervised_process_outlives_it(flowtrail_record):
    start_flow()
    recorder().step_started(StepStarted(key=step("far", 1), name="far", at=AT, supervised=True))

    (component,) = [c for c in flowtrail_record.store.components(ComponentQuery()) if c.display_name == "far"]
    assert (component.status, component.owner) == (Status.RUNNING, None)
