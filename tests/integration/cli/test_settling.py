"""Settling runs in a real store: facts are gathered, conclusions written, reports never overwritten."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from plugin_core.model.changes import Batch, JournalSeen, PutComponent, SetStatus
from plugin_core.model.components import OrchestratorRef, Owner, Status
from plugin_core.stores import open_store
from plugin_core.tracking.reconcile import settle

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
HERE = Owner(journal="here", host="h", pid=1, boot_id="b", started="1")
THERE = replace(HERE, journal="there", host="other")


def micros(**ago) -> int:
    return round((NOW - timedelta(**ago)).timestamp() * 1_000_000)


@pytest.fixture
def store(tmp_path):
    opened = open_store(f"sqlite:///{tmp_path / 'record.db'}")
    yield opened
    opened.close()


def begin(store, name, *, owner=HERE, root="exp-root", **changes):
    at = micros(hours=1)
    reference = OrchestratorRef(system="prefect", execution_id="e", step_id=name)
    put = {"experiment": "exp", "root": root, "parent": root, "orchestrator": reference, **changes}
    store.write(
        [
            PutComponent(at=at, name=name, owner=owner, **put),
            SetStatus(at=at, component=name, status=Status.RUNNING, started_at=at),
        ]
    )


def settled(store, *, alive=False, judges=None, now=NOW, **options):
    found = settle(store, now=now, alive=lambda _: alive, judges=judges, **options)
    return {change.component: change.status for change in found}


def test_what_a_dead_process_left_running_has_failed(store):
    begin(store, "exp-a")

    assert settled(store) == {"exp-a": Status.FAILED}
    after = store.component("exp-a")
    assert (after.status, after.status_inferred) == (Status.FAILED, True)
    assert after.ended_at == NOW - timedelta(hours=1)
    assert settled(store) == {}


def test_a_dry_run_changes_nothing(store):
    begin(store, "exp-a")

    assert settled(store, dry_run=True) == {"exp-a": Status.FAILED}
    assert store.component("exp-a").status is Status.RUNNING


def test_a_report_that_comes_late_replaces_the_guess(store):
    begin(store, "exp-a")
    settled(store)
    end = micros(minutes=30)
    store.write([SetStatus(at=end, component="exp-a", status=Status.COMPLETED, ended_at=end)])

    after = store.component("exp-a")
    assert (after.status, after.status_inferred) == (Status.COMPLETED, False)
    assert settled(store) == {}


def test_a_lease_decides_about_another_machine(store):
    begin(store, "exp-a", owner=THERE)
    seen = JournalSeen(at=micros(hours=1), owner=THERE, lease_until=micros(minutes=0))
    store.apply(Batch(journal="there", start=0, end=10, changes=(seen,)))

    assert settled(store, alive=None) == {}
    assert settled(store, alive=None, now=NOW + timedelta(minutes=1)) == {"exp-a": Status.NOT_RESPONDING}
    assert settled(store, alive=None, now=NOW + timedelta(minutes=6)) == {"exp-a": Status.FAILED}


def test_the_orchestrator_is_asked_about_what_is_in_doubt_and_corrects_guesses(store):
    asked = []

    def judge(system, execution_id, step_id):
        asked.append((system, execution_id, step_id))
        return Status.COMPLETED, "it says"

    begin(store, "exp-a")
    assert settled(store, alive=True, judges={"prefect": judge}) == {}
    assert asked == []
    assert settled(store) == {"exp-a": Status.FAILED}
    later = NOW + timedelta(minutes=1)
    assert settled(store, judges={"prefect": judge}, now=later) == {"exp-a": Status.COMPLETED}
    assert asked == [("prefect", "e", "exp-a")]


def test_what_an_orchestrator_says_of_a_step_is_about_its_last_attempt(store):
    step = OrchestratorRef(system="prefect", execution_id="e", step_id="a")
    begin(store, "exp-a", orchestrator=step)
    begin(store, "exp-a-a2", orchestrator=step, attempt=2, previous_attempt="exp-a")

    judges = {"prefect": lambda *_: (Status.COMPLETED, None)}
    assert settled(store, judges=judges) == {"exp-a": Status.FAILED, "exp-a-a2": Status.COMPLETED}


def test_an_attempt_that_was_followed_by_another_has_failed(store):
    begin(store, "exp-a")
    begin(store, "exp-a-a2", attempt=2, previous_attempt="exp-a")
    end = micros(minutes=5)
    store.write([SetStatus(at=end, component="exp-a-a2", status=Status.COMPLETED, ended_at=end)])

    assert settled(store, alive=True) == {"exp-a": Status.FAILED}


def test_steps_that_never_began_end_with_their_execution(store):
    begin(store, "exp-root", root="exp-root", parent=None)
    store.write([PutComponent(at=micros(hours=1), name="exp-never", experiment="exp", root="exp-root")])
    assert settled(store, alive=True) == {}
    end = micros(minutes=5)
    store.write([SetStatus(at=end, component="exp-root", status=Status.COMPLETED, ended_at=end)])

    assert settled(store, alive=True) == {"exp-never": Status.CANCELLED}
