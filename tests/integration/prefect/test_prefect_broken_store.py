"""A broken tracker costs the record, never the step; and when the store is back the record arrives."""

import logging
import sqlite3

import pytest
from prefect import flow, task

import prefect_integration
from plugin_core import configure, list_runs
from plugin_core.model.components import Status
from plugin_core.tracking.engine import close_engine, engine

pytestmark = pytest.mark.versions


@task
def double(x):
    return x * 2


@task
def fail():
    raise KeyError("mine")


@flow(name="under-fire")
def under_fire():
    return sum(double.map([1, 2, 3]).result())


@flow(name="under-fire")
def failing():
    fail()


@pytest.fixture
def autolog(prefect_api):
    prefect_integration.autolog()
    yield
    prefect_integration.stop_autolog()


def recorded():
    return sorted((run.kind.value, run.status.value) for run in list_runs("under-fire"))


def warnings_of(caplog):
    return [r for r in caplog.records if r.name == "flowtrail" and r.levelno >= logging.WARNING]


def test_an_unreachable_store_changes_nothing_and_gets_the_record_when_it_is_back(flowtrail_record, autolog, caplog):
    blocked = flowtrail_record.folder / "blocked"
    blocked.parent.mkdir(parents=True, exist_ok=True)
    blocked.write_text("a file where the store's folder should be")
    configure(store=f"sqlite:///{blocked}/record.db", spool_dir=flowtrail_record.spool, strict=False)

    assert under_fire() == 12
    with pytest.raises(KeyError, match="mine"):
        failing()
    assert not engine().flush(1)
    assert len(warnings_of(caplog)) == 1

    blocked.unlink()
    close_engine()
    assert recorded() == [
        ("flow", "completed"), ("flow", "failed"),
        ("task", "completed"), ("task", "completed"), ("task", "completed"), ("task", "failed"),
    ]  # fmt: skip


def test_a_locked_store_changes_nothing_and_gets_the_record_when_it_is_free(flowtrail_record, autolog):
    configure(strict=False)
    assert under_fire() == 12
    assert engine().flush(10)
    path = flowtrail_record.url.removeprefix("sqlite:///")
    with sqlite3.connect(path, isolation_level=None) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        assert under_fire() == 12
        assert engine().journal.pending_events > 0
        holder.execute("ROLLBACK")
    holder.close()

    assert engine().flush(40)
    assert recorded().count(("flow", "completed")) == 2
    assert recorded().count(("task", "completed")) == 6


def test_a_recorder_that_fails_at_every_event_changes_nothing(flowtrail_record, autolog, monkeypatch, caplog):
    from plugin_core.capture.recorder import recorder

    def broken(*_args, **_kwargs):
        raise RuntimeError("a bug of ours")

    monkeypatch.setattr(recorder(), "_address", broken)

    assert under_fire() == 12
    with pytest.raises(KeyError, match="mine"):
        failing()
    assert {r.levelname for r in warnings_of(caplog)} == {"WARNING"}


def test_a_result_is_the_same_object_with_and_without_recording(flowtrail_record, autolog):
    made = []

    @task
    def make():
        made.append(object())
        return made[-1]

    @flow
    def identity():
        return make()

    assert identity() is made[0]
    assert Status.COMPLETED in {run.status for run in list_runs("identity")}
