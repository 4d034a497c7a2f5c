"""Runs that an instance has a say in: sensors that ask for them, pools that make their steps wait."""

from datetime import datetime

import dagster as dg
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.execution.api import execute_run_iterator

from dagster_integration import track
from plugin_core.model.components import Status


@dg.op(pool="database")
def query():
    return 1


@dg.op
def after(number):
    return number


@dg.job(executor_def=dg.in_process_executor)
def querying():
    after(query())


def test_a_step_that_had_to_wait_for_its_pool_says_since_when(autologged, instance):
    slots = instance.event_log_storage
    slots.set_concurrency_slots("database", 1)
    assert slots.claim_concurrency_slot("database", "another run", "its step").is_claimed

    blocked = []
    run = instance.create_run_for_job(querying)
    for event in execute_run_iterator(InMemoryJob(querying), run, instance):
        if event.event_type_value == "ENGINE_EVENT" and event.step_key == "query":
            blocked.append(event.message)
            slots.free_concurrency_slots_for_run("another run")

    assert blocked == ["Step blocked by limit for pool database"]
    step = autologged.step("query")
    assert step.status is Status.COMPLETED
    assert datetime.fromisoformat(step.properties["scheduled_at"]) <= step.started_at
    assert "scheduled_at" not in autologged.step("after").properties


@dg.asset
def orders():
    return [1, 2]


@dg.sensor(target=[orders])
def new_files(context):
    yield dg.RunRequest(tags={"file": "a.csv"})


def test_a_run_that_a_sensor_asks_for_is_recorded_under_the_given_name(recorded, instance):
    plain = dg.Definitions(assets=[orders], sensors=[new_files], executor=dg.in_process_executor)
    defs = track(plain, experiment="warehouse")
    repository = defs.get_repository_def()
    (sensor,) = repository.sensor_defs
    with dg.build_sensor_context(instance=instance, repository_def=repository) as context:
        (request,) = sensor.evaluate_tick(context).run_requests

    job = repository.get_job(sensor.job_name)
    run = instance.create_run_for_job(job, tags=request.tags)
    list(execute_run_iterator(InMemoryJob(job), run, instance))

    root = recorded.execution("warehouse")
    assert (root.status, root.tags["file"]) == (Status.COMPLETED, "a.csv")
    assert recorded.states("warehouse") == {"orders": (Status.COMPLETED, None)}
