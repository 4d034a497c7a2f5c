"""Prefect's objects -> events, without running anything."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from prefect import flow, task
from prefect.client.schemas.objects import FlowRun, FlowRunPolicy, FlowRunResult, Parameter, TaskRun, TaskRunResult
from prefect.states import (
    AwaitingRetry,
    Cancelled,
    Completed,
    Crashed,
    Failed,
    Paused,
    Pending,
    Retrying,
    Running,
    Scheduled,
)
from prefect.utilities.annotations import allow_failure, quote, unmapped

from plugin_core.capture.events import NOTHING
from plugin_core.model.components import Kind, Status
from prefect_integration import translate
from prefect_integration.translate import Call, Mark

FLOW_RUN = UUID("00000000-0000-0000-0000-00000000000f")
TASK_RUN = UUID("00000000-0000-0000-0000-00000000000a")
OTHER = UUID("00000000-0000-0000-0000-00000000000b")
NOW = datetime(2026, 1, 2, tzinfo=UTC)


@task
def add(x, y=1):
    return x + y


@flow
def sums(n):
    return n


def task_run(**fields):
    return TaskRun(
        **{
            "id": TASK_RUN,
            "name": "add-0",
            "task_key": "k",
            "dynamic_key": "0",
            "flow_run_id": FLOW_RUN,
            "run_count": 1,
            "expected_start_time": NOW,
            **fields,
        }
    )


def flow_run(**fields):
    return FlowRun(**{"id": FLOW_RUN, "flow_id": OTHER, "name": "quick-fox", "run_count": 1, **fields})


KEY = translate.task_key(translate.flow_key("sums", FLOW_RUN, attempt=1), "add", task_run())


@pytest.mark.parametrize(
    ("state", "status"),
    [
        (Completed(), Status.COMPLETED),
        (Completed(name="Cached"), Status.CACHED),
        (Completed(name="RolledBack"), Status.COMPLETED),
        (Failed(), Status.FAILED),
        (Failed(name="TimedOut"), Status.FAILED),
        (Crashed(), Status.FAILED),
        (Cancelled(), Status.CANCELLED),
        (Paused(), Status.PAUSED),
        (Pending(name="NotReady"), Status.CANCELLED),
        (Pending(), Status.QUEUED),
        (Running(), Status.RUNNING),
        (Retrying(), Status.FAILED),
        (AwaitingRetry(), Status.FAILED),
    ],
)
def test_every_state_has_a_status(state, status):
    assert translate.status_of(state) is status


def test_what_ends_an_attempt():
    ends = [Completed(), Failed(), Crashed(), Cancelled(), Retrying(), AwaitingRetry(), Pending(name="NotReady")]
    goes_on = [Running(), Pending(), Paused()]
    assert all(translate.ends_attempt(state) for state in ends)
    assert not any(translate.ends_attempt(state) for state in goes_on)


def test_the_message_is_prefects_own_or_the_exception_of_the_attempt():
    assert translate.message_of(Completed(message="fine")) is None
    assert translate.message_of(Failed(message="it broke")) == "it broke"
    assert translate.message_of(Retrying(), ValueError("first")) == "ValueError: first"
    assert translate.message_of(AwaitingRetry()) == "The attempt ended in a failed state."


def test_prefects_word_for_a_state_is_kept_where_ours_says_less():
    assert translate.state_properties(Failed(name="TimedOut")) == {"prefect_state": "TimedOut"}
    assert translate.state_properties(Crashed()) == {"prefect_state": "Crashed"}
    assert translate.state_properties(Failed()) == {}
    assert translate.state_properties(Completed(name="Cached")) == {}


def test_upstream_is_data_and_not_order():
    inputs = {
        "x": [TaskRunResult(id=TASK_RUN), FlowRunResult(id=FLOW_RUN), Parameter(name="p")],
        "y": [],
        "wait_for": [TaskRunResult(id=OTHER)],
        "__parents__": [TaskRunResult(id=OTHER)],
    }
    assert translate.upstream_of(inputs) == {"x": (f"prefect:flow-run/{FLOW_RUN}", f"prefect:task-run/{TASK_RUN}")}


def test_annotations_are_taken_off_the_arguments():
    given = {"x": allow_failure(quote(1)), "y": unmapped([2])}
    assert translate.inputs_of(add, given) == {"x": 1, "y": [2]}


def test_a_receiver_is_not_an_argument():
    class Model:
        @task
        def fit(self, x):
            return x

    def plain(self):
        return self

    assert translate.inputs_of(Model.fit, {"self": object(), "x": 1}) == {"x": 1}
    assert translate.inputs_of(task(plain), {"self": 3}) == {"self": 3}


def test_a_task_begins_with_its_index_its_inputs_and_what_it_waited_for():
    run = task_run(task_inputs={"x": [TaskRunResult(id=OTHER)]}, tags=["b"])
    event = translate.task_started(
        KEY,
        task=add,
        task_run=run,
        parameters={"x": 1, "y": 2},
        at=NOW + timedelta(seconds=3),
        parent=None,
        call=Call(map_index=4, upstream={"y": ("prefect:task-run/z",)}),
        mark=Mark(tags=("a",), capture="params"),
        url="http://ui/task",
    )
    assert (event.inputs, event.map_index, event.scheduled_at) == ({"x": 1, "y": 2}, 4, NOW)
    assert event.upstream == {"x": (f"prefect:task-run/{OTHER}",), "y": ("prefect:task-run/z",)}
    assert (list(event.tags), event.capture, event.url, event.kind) == (
        ["a", "b"],
        "params",
        "http://ui/task",
        Kind.TASK,
    )


def test_a_task_that_began_at_once_did_not_wait():
    event = translate.task_started(KEY, task=add, task_run=task_run(), parameters={}, at=NOW, parent=None)
    assert event.scheduled_at is None


def test_a_task_outside_of_any_flow_is_an_execution():
    key = translate.lone_task_key("add", task_run(flow_run_id=None), Mark(experiment="mine"))
    event = translate.lone_task_started(key, task=add, task_run=task_run(), parameters={"x": 1}, at=NOW)
    assert (key.experiment, key.execution_id, event.kind) == ("mine", str(TASK_RUN), Kind.TASK)


def test_a_failed_task_has_no_output():
    event = translate.task_finished(KEY, task=add, task_run=task_run(), state=Failed(message="no"), at=NOW)
    assert (event.output, event.status, event.message) == (NOTHING, Status.FAILED, "no")
    assert event.result_uris == (f"prefect:task-run/{TASK_RUN}",)


def test_a_task_that_never_ran_still_says_what_it_waited_for():
    run = task_run(task_inputs={"x": [TaskRunResult(id=OTHER)]})
    state = Pending(name="NotReady", message="upstream failed")
    event = translate.task_finished(KEY, task=add, task_run=run, state=state, at=NOW, started=False)
    assert event.upstream == {"x": (f"prefect:task-run/{OTHER}",)}
    assert event.status is Status.CANCELLED


@pytest.mark.parametrize(
    ("run_count", "pauses", "attempt"), [(0, set(), 1), (1, set(), 1), (2, set(), 2), (2, {"a"}, 1), (3, {"a"}, 2)]
)
def test_a_flow_run_that_goes_on_after_a_pause_is_the_same_attempt(run_count, pauses, attempt):
    run = flow_run(run_count=run_count, empirical_policy=FlowRunPolicy(pause_keys=pauses))
    assert translate.attempt_of(run) == attempt


def one_after_another(states):
    return [state.model_copy(update={"timestamp": NOW + timedelta(seconds=n)}) for n, state in enumerate(states)]


@pytest.mark.parametrize(
    ("states", "attempt"),
    [
        ([], 1),
        ([Pending(), Running()], 1),
        ([Running(), Paused(), Scheduled(name="Resuming"), Pending(), Running()], 1),
        ([Running(), Paused(), Running(), Completed(), Scheduled(), Pending(), Running()], 2),
        ([Running(), AwaitingRetry(), Running(), Paused(), Running(), Failed(), Running()], 3),
        ([Running(), Crashed(), AwaitingRetry(), Pending(), Running()], 2),
    ],
)
def test_pauses_are_no_attempts_in_the_history_of_a_flow_run(states, attempt):
    assert translate.attempt_in(reversed(one_after_another(states))) == attempt


@pytest.mark.parametrize("key", [KEY, KEY.execution])
def test_what_started_a_flow_run_comes_back_from_its_label(key):
    assert translate.from_label(translate.to_label(key)) == key


@pytest.mark.parametrize("label", [None, 3, "x", "[]", "{}"])
def test_a_label_of_somebody_else_is_nobodys_parent(label):
    assert translate.from_label(label) is None


def test_a_flow_run_begins_under_the_name_that_it_was_given():
    key = translate.flow_key("sums", FLOW_RUN, attempt=2, mark=Mark(experiment="mine"))
    event = translate.flow_started(
        key, flow=sums, flow_run=flow_run(tags=["t"]), parameters={"n": 1}, at=NOW, parent=None, url="u"
    )
    assert (key.experiment, key.attempt, event.name, event.parameters) == ("mine", 2, "quick-fox", {"n": 1})
    assert event.properties["prefect_flow"] == "sums"
    assert event.tags == {"t": None}


def test_the_end_of_a_flow_run_is_what_prefect_made_of_it():
    key = translate.flow_key("sums", FLOW_RUN, attempt=1)
    event = translate.flow_finished(key, proposed=Failed(message="broke"), accepted=AwaitingRetry(), at=NOW)
    assert (event.status, event.message, event.output) == (Status.FAILED, "broke", NOTHING)


def test_a_run_that_was_left_without_a_state_is_cancelled():
    state = translate.interrupted_state(KeyboardInterrupt())
    assert translate.status_of(state) is Status.CANCELLED
    assert "KeyboardInterrupt" in translate.message_of(state)
