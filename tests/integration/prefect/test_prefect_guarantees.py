"""User code behaves as if nobody recorded; what is put into Prefect can be taken out again."""

import asyncio
import logging
import pickle
import subprocess
import sys
import threading
import time

import cloudpickle
import prefect.client.orchestration
import prefect.flow_engine
import prefect.task_engine
import prefect.task_runners
import pytest
from prefect import Flow, Task, flow, task
from prefect.exceptions import Pause
from prefect.flow_runs import pause_flow_run
from prefect.flows import load_flow_from_entrypoint
from prefect.states import Suspended

import prefect_integration
from plugin_core import configure, load_run
from plugin_core.errors import InvalidValueError
from plugin_core.model.components import Status
from prefect_integration import FlowtrailStore, instrumentor, links, tracked_flow, tracked_task
from prefect_integration.marks import is_marked, mark_of
from prefect_integration.reconcile import true_states

pytestmark = pytest.mark.versions

ENGINES = (
    prefect.task_engine.SyncTaskRunEngine,
    prefect.task_engine.AsyncTaskRunEngine,
    prefect.task_engine.BaseTaskRunEngine,
    prefect.flow_engine.FlowRunEngine,
    prefect.flow_engine.AsyncFlowRunEngine,
    prefect.task_runners.TaskRunner,
    getattr(prefect.task_runners, "ProcessPoolTaskRunner", prefect.task_runners),  # since 3.4.25
    prefect.task_engine,
    prefect.flow_engine,
    prefect.Task,
    *prefect.client.orchestration.PrefectClient.__mro__,
    *prefect.client.orchestration.SyncPrefectClient.__mro__,
)


@task
def add(x, y=1):
    return x + y


def contents():
    return [dict(vars(owner)) for owner in ENGINES]


def test_switching_on_and_off_leaves_prefect_as_it_was():
    before = contents()
    prefect_integration.autolog()
    prefect_integration.autolog()
    assert contents() != before
    prefect_integration.stop_autolog()
    assert contents() == before
    prefect_integration.stop_autolog()


def test_a_wrapper_of_somebody_else_stays_and_ours_goes_to_sleep(record, monkeypatch):
    ours = prefect.task_engine.SyncTaskRunEngine.run_context
    calls = []

    def theirs(engine, *args, **kwargs):
        calls.append(1)
        return ours(engine, *args, **kwargs)

    monkeypatch.setattr(prefect.task_engine.SyncTaskRunEngine, "run_context", theirs)
    instrumentor.uninstrument()

    @flow
    def plain():
        return add(1)

    assert plain() == 2
    assert (calls, record.all()) == ([1], [])


def test_switched_on_again_over_a_wrapper_of_somebody_else_each_task_is_reported_once(collected, monkeypatch):
    ours = prefect.task_engine.SyncTaskRunEngine.run_context

    def theirs(engine):
        return ours(engine)

    monkeypatch.setattr(prefect.task_engine.SyncTaskRunEngine, "run_context", theirs)
    instrumentor.uninstrument()
    instrumentor.instrument(reason="autolog", source=lambda: collected)
    add(1)
    assert len(collected.events) == 2
    instrumentor.uninstrument()


def test_disabled_the_decorators_return_plain_prefect(monkeypatch):
    monkeypatch.setenv("FLOWTRAIL_DISABLED", "1")
    before = contents()

    def fn(x):
        return x

    prefect_integration.autolog()
    assert type(tracked_flow(fn)) is Flow
    assert type(tracked_task(retries=1)(fn)) is Task
    assert contents() == before


def test_switching_recording_on_loads_nothing_heavy_beyond_prefect():
    code = """
import sys, prefect
from prefect import flow, task
before = set(sys.modules)
import prefect_integration
prefect_integration.tracked_flow, prefect_integration.autolog()
print(*sorted({name.partition(".")[0] for name in set(sys.modules) - before}))
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    heavy = {"sqlalchemy", "alembic", "numpy", "pandas", "sklearn", "typer", "boto3"}
    assert heavy.isdisjoint(done.stdout.splitlines()[-1].split())


def test_a_recorder_that_breaks_changes_nothing(prefect_api, flowtrail_record, caplog):
    class Broken:
        guard = instrumentor.Guard()

        def __getattr__(self, name):
            raise OSError(f"{name} is broken")

    @flow
    def unharmed():
        return add(1), add.submit(2).result()

    instrumentor.instrument(reason="autolog", source=Broken)
    try:
        with caplog.at_level(logging.WARNING, "flowtrail"):
            assert unharmed() == (2, 3)
    finally:
        instrumentor.uninstrument()
    sites = [record for record in caplog.records if record.name == "flowtrail"]
    assert len(sites) == len({record.getMessage() for record in sites})


def test_a_result_is_the_very_object_that_the_task_returned(record):
    made = object()

    @task(persist_result=False)
    def makes():
        return made

    @flow
    def hands_on():
        return makes() is made, makes.submit().result() is made

    assert hands_on() == (True, True)


def test_a_hostile_argument_is_not_touched_by_the_task_s_failure_or_success(record):
    class Hostile:
        def __repr__(self):
            raise RuntimeError("do not print me")

        def __eq__(self, other):
            raise RuntimeError("do not compare me")

        __hash__ = None

    @task(persist_result=False)
    def takes(value):
        return 1

    @flow
    def careful():
        return takes(Hostile())

    assert careful() == 1
    assert record.run("takes").status is Status.COMPLETED


def test_secrets_in_arguments_and_results_are_nowhere_in_the_record(record):
    from prefect.blocks.system import Secret
    from pydantic import BaseModel, SecretStr

    class Login(BaseModel):
        user: str
        password: SecretStr

    @task(persist_result=False)
    def takes(login, token, block, options):
        return login

    @flow
    def keeps(token: SecretStr):
        return takes(Login(user="ann", password="hidden-1"), token, Secret(value="hidden-2"), {"api_key": "hidden-3"})

    assert keeps(SecretStr("hidden-4")).password.get_secret_value() == "hidden-1"
    assert record.run("takes").parameters["login.user"] == "ann"
    files = [path for path in record.record.folder.rglob("*") if path.is_file()]
    assert [path for path in files if b"hidden-" in path.read_bytes()] == []


def test_an_argument_that_nobody_can_serialize_is_described_by_its_type(record):
    class Odd:
        def __init__(self):
            self.lock = threading.Lock()

    @task(persist_result=False)
    def holds(odd):
        return odd

    @flow
    def passes():
        odd = Odd()
        return holds(odd) is odd

    assert passes()
    run = record.run("holds")
    assert (run.status, run.parameters) == (Status.COMPLETED, {})
    assert any("Odd" in str(artifact) for artifact in artifacts_of(record, run))


def artifacts_of(record, run):
    store = record.record.store
    return [store.artifact(uri) for uri in record.sources(run)]


def test_where_prefect_s_api_is_away_the_error_is_prefects_own(record):
    from prefect.settings import PREFECT_API_URL, temporary_settings

    @flow
    def stranded():
        return add(1)

    def error_of(runnable):
        with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}), pytest.raises(RuntimeError) as raised:
            runnable()
        return str(raised.value)

    recorded = [error_of(stranded), error_of(lambda: add(1))]
    instrumentor.uninstrument()
    assert recorded == [error_of(stranded), error_of(lambda: add(1))]
    assert "127.0.0.1:9" in recorded[0]


# Decorators


def test_a_tracked_task_is_the_same_task_to_prefect():
    def fn(x):
        return x

    plain, tracked = task(fn, name="n", retries=2), tracked_task(fn, name="n", retries=2)
    assert isinstance(tracked, Task)
    assert tracked.fn is fn
    for attribute in ("task_key", "source_code", "cache_policy", "name", "retries", "isasync", "isgenerator"):
        assert getattr(tracked, attribute, None) == getattr(plain, attribute, None)
    instrumentor.uninstrument()


def test_two_tasks_of_one_name_keep_keys_of_their_own():
    first = tracked_task(lambda x: x, name="same")
    second = tracked_task(lambda x: x + 1, name="same")
    assert first.task_key != second.task_key
    instrumentor.uninstrument()


def test_options_keep_the_mark_and_do_not_leak():
    @tracked_flow(experiment="mine", capture="params")
    def marked():
        return 1

    changed = marked.with_options(name="other")
    assert (changed.name, mark_of(changed)) == ("other", mark_of(marked))
    assert mark_of(tracked_task(add, capture="off").with_options(retries=3)).capture == "off"
    assert not is_marked(add)
    instrumentor.uninstrument()


def test_an_existing_flow_or_task_takes_options_too():
    @flow(name="before")
    def existing():
        return 1

    tracked = tracked_flow(existing, name="after", retries=2)
    assert (tracked.name, tracked.retries, existing.name) == ("after", 2, "before")
    assert tracked_task(add, name="sum").name == "sum"
    instrumentor.uninstrument()


@pytest.mark.since("prefect", "3.4.25")
def test_a_task_that_materializes_assets_stays_one():
    from prefect.assets import materialize
    from prefect.tasks import MaterializingTask

    made = tracked_task(materialize("s3://bucket/asset")(lambda: 1))
    assert isinstance(made, MaterializingTask)
    assert isinstance(made.with_options(name="again"), MaterializingTask)
    instrumentor.uninstrument()


def test_tracked_flows_and_tasks_pickle():
    for tracked in (tracked_flow(lambda: 1, name="f"), tracked_task(add, experiment="e")):
        assert mark_of(pickle.loads(cloudpickle.dumps(tracked))) == mark_of(tracked)
    instrumentor.uninstrument()


@pytest.mark.parametrize("preamble", ["", "import a_module_that_is_not_installed_here\n"])
def test_prefect_loads_a_tracked_flow_from_its_file_under_the_name_that_it_was_given(tmp_path, preamble):
    source = tmp_path / "named.py"
    source.write_text(f"""{preamble}from prefect_integration import tracked_flow

@tracked_flow(name="Given name", retries=2, experiment="elsewhere")
def plain_name(n: int = 1):
    return n
""")
    loaded = load_flow_from_entrypoint(f"{source}:plain_name")
    assert (loaded.name, loaded.retries, mark_of(loaded).experiment) == ("Given name", 2, "elsewhere")
    assert loaded.parameters.properties["n"]["default"] == 1
    instrumentor.uninstrument()


def test_an_unknown_capture_level_is_refused():
    with pytest.raises(InvalidValueError, match="capture must be one of off, params, meta, full"):
        tracked_flow(capture="everything")


def test_a_task_may_choose_not_to_show_its_values(record):
    @tracked_task(capture="off")
    def private(secret_value):
        return secret_value

    @flow
    def careful():
        return private(5)

    assert careful() == 5
    assert record.run("private").parameters == {}


# Pauses


def test_a_suspended_flow_is_paused_and_not_crashed(record):
    @flow
    def suspends():
        add(1)
        raise Pause(state=Suspended())  # as suspend_flow_run does, where there is a deployment to go on with

    with pytest.raises(Pause):
        suspends()
    run = record.run("suspends")
    assert run.status is Status.PAUSED
    assert record.run("add").status is Status.COMPLETED


def test_a_flow_that_pauses_and_goes_on_is_one_attempt(record):
    from prefect.client.orchestration import get_client
    from prefect.context import get_run_context

    @flow
    async def pauses():
        flow_run_id = get_run_context().flow_run.id

        async def resume():
            await asyncio.sleep(1.5)
            async with get_client() as client:
                await client.resume_flow_run(flow_run_id)

        resuming = asyncio.ensure_future(resume())
        await pause_flow_run(timeout=30, poll_interval=1)
        await resuming
        return load_run().run_name

    assert asyncio.run(pauses()) == record.run("pauses").run_name
    assert (record.run("pauses").status, record.run("pauses").attempt) == (Status.COMPLETED, 1)


def test_a_flow_that_paused_before_it_was_retried_is_in_its_second_attempt(record):
    from prefect.client.orchestration import get_client
    from prefect.context import get_run_context

    calls = []

    @flow(retries=2)  # Prefect counts the pause as a run
    async def pauses_once():
        calls.append(1)
        if len(calls) > 1:
            return load_run().run_name
        flow_run_id = get_run_context().flow_run.id

        async def resume():
            await asyncio.sleep(1)
            async with get_client() as client:
                await client.resume_flow_run(flow_run_id)

        resuming = asyncio.ensure_future(resume())
        await pause_flow_run(timeout=30, poll_interval=1)
        await resuming
        raise ValueError("try again")

    found = asyncio.run(pauses_once())
    first, second = record.runs("pauses_once")
    assert found == second.run_name
    assert [(run.attempt, run.status) for run in (first, second)] == [(1, Status.FAILED), (2, Status.COMPLETED)]


# Links


def test_a_flow_run_gets_one_artifact_and_each_task_a_line(record):
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId, LogFilter, LogFilterFlowRunId

    configure(ui_url="http://records.example/")

    @flow(name="Linked flow")
    def linked():
        add(1)
        return links.record_path(prefect.runtime.flow_run.id), prefect.runtime.flow_run.id

    path, flow_run_id = linked()
    assert links.wait_for_links(60)
    with get_client(sync_client=True) as client:
        wanted = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[flow_run_id]))
        (artifact,) = client.read_artifacts(artifact_filter=wanted)
        logs = client.read_logs(log_filter=LogFilter(flow_run_id=LogFilterFlowRunId(any_=[flow_run_id])))
    assert artifact.key == "flowtrail-linked-flow"
    assert f"http://records.example{path}" in artifact.data
    (line,) = [log for log in logs if log.name == "flowtrail"]
    assert line.message.startswith("flowtrail record: http://records.example/o/prefect/task/")


def test_without_pages_the_link_is_a_stable_path():
    configure(ui_url=None)
    assert links.record_url(links.task_record_path("abc")) == "/o/prefect/task/abc"


def test_the_record_knows_the_pages_of_prefect(record):
    @flow
    def linked_back():
        return add(1)

    linked_back()
    assert "/runs/flow-run/" in record.run("linked_back").url
    assert "/runs/task-run/" in record.run("add").url


# Block and reconciliation


def test_the_block_holds_where_to_record(prefect_api, tmp_path):
    from plugin_core.tracking.settings import current_settings, reset_configuration

    block = FlowtrailStore(store_url=f"sqlite:///{tmp_path}/team.db", ui_url="http://records.example")
    block.save("team", overwrite=True)
    loaded = FlowtrailStore.load("team")
    assert "team.db" not in repr(loaded)
    loaded.activate()
    assert current_settings().store.endswith("team.db")
    assert current_settings().ui_url == "http://records.example"
    reset_configuration()


def test_prefect_is_asked_for_the_true_state_of_runs(record):
    @flow
    def fails_truly():
        add(1)
        raise ValueError("truly")

    with pytest.raises(ValueError, match="truly"):
        fails_truly()
    component = record.record.store.component(record.run("fails_truly").component_name)
    step = record.record.store.component(record.run("add").component_name).orchestrator
    unknown = "00000000-0000-0000-0000-000000000000"
    with true_states() as ask:
        status, message = ask("prefect", component.orchestrator.execution_id, None)
        assert (status, "truly" in message) == (Status.FAILED, True)
        assert ask("prefect", unknown, None) is None
        assert ask("dagster", unknown, None) is None
        for _ in range(100):
            if known := ask("prefect", step.execution_id, step.step_id):
                break
            time.sleep(0.1)
    assert known[0] in {Status.COMPLETED, Status.FAILED}
