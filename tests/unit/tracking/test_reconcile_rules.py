"""What is concluded of a run whose end nobody reported."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from plugin_core.model.components import Component, Kind, Owner, Status
from plugin_core.tracking.reconcile import Facts, conclude

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
OWNER = Owner(journal="j", host="worker-1", pid=42, boot_id="b", started="1")


def run(status=Status.RUNNING, **changes) -> Component:
    at = NOW - timedelta(hours=1)
    known = {
        "id": 1,
        "name": "exp-train-1",
        "display_name": "train",
        "kind": Kind.TASK,
        "status": status,
        "created_at": at,
        "modified_at": at + timedelta(minutes=10),
        "started_at": at,
        "owner": OWNER,
    }
    return Component(**(known | changes))


def concluded(**facts):
    change = conclude(Facts(**({"component": run()} | facts)), now=NOW)
    return None if change is None else change.status


def ago(**span) -> datetime:
    return NOW - timedelta(**span)


@pytest.mark.parametrize("status", [s for s in Status if s.is_final])
def test_a_reported_end_is_never_touched(status):
    truth = (Status.FAILED, "no")
    assert concluded(component=run(status), alive=False, superseded=True, truth=truth) is None


def test_a_suspended_run_needs_no_process():
    assert concluded(component=run(Status.PAUSED), alive=False) is None
    assert concluded(component=run(Status.PAUSED), truth=(Status.CANCELLED, None)) is Status.CANCELLED


@pytest.mark.parametrize("status", [s for s in Status if not s.is_final and s is not Status.PAUSED])
def test_a_run_whose_process_is_gone_failed(status):
    change = conclude(Facts(component=run(status), alive=False), now=NOW)

    assert (change.status, change.inferred) == (Status.FAILED, True)
    assert "pid 42 on worker-1" in change.message


def test_a_run_ends_when_it_was_last_heard_of():
    change = conclude(Facts(component=run(), alive=False), now=NOW)
    assert change.ended_at == round(ago(minutes=50).timestamp() * 1e6)
    assert change.at == round(NOW.timestamp() * 1e6)


def test_a_living_process_keeps_its_runs():
    assert concluded(alive=True) is None
    assert concluded(alive=True, truth=(Status.RUNNING, None), root_ended=True) is None


@pytest.mark.parametrize(
    ("lease", "status"),
    [
        (NOW + timedelta(seconds=1), None),
        (ago(seconds=1), Status.NOT_RESPONDING),
        (ago(minutes=4), Status.NOT_RESPONDING),
        (ago(minutes=6), Status.FAILED),
        (None, None),
    ],
)
def test_a_process_on_another_machine_is_told_by_its_lease(lease, status):
    assert concluded(alive=None, lease_until=lease) is status


def test_a_silent_process_that_is_heard_again_is_running_again():
    silent = run(Status.NOT_RESPONDING, status_inferred=True)

    assert concluded(component=silent, alive=None, lease_until=ago(seconds=-30)) is Status.RUNNING
    assert concluded(component=silent, alive=True) is Status.RUNNING
    assert concluded(component=replace(silent, status_inferred=False), alive=True) is None


def test_the_same_conclusion_is_not_written_twice():
    silent = run(Status.NOT_RESPONDING, status_inferred=True)
    assert concluded(component=silent, alive=None, lease_until=ago(minutes=1)) is None


@pytest.mark.parametrize("truth", [Status.COMPLETED, Status.FAILED, Status.CANCELLED, Status.CACHED])
def test_the_orchestrators_word_counts_more_than_ours(truth):
    change = conclude(Facts(component=run(), alive=False, superseded=True, truth=(truth, "said so")), now=NOW)
    assert (change.status, change.message, change.inferred) == (truth, "said so", True)


def test_a_guess_gives_way_to_the_orchestrators_word_and_to_nothing_else():
    guess = run(Status.FAILED, status_inferred=True, status_message="gone")

    assert concluded(component=guess, truth=(Status.COMPLETED, None)) is Status.COMPLETED
    assert concluded(component=guess, alive=False, superseded=True) is None
    assert concluded(component=guess, truth=(Status.FAILED, "gone")) is None


def test_what_the_orchestrator_still_counts_as_running_gets_the_grace_of_a_lease():
    running = (Status.RUNNING, None)
    assert concluded(alive=False, truth=running, lease_until=ago(minutes=1)) is None
    assert concluded(alive=False, truth=running, lease_until=ago(minutes=6)) is Status.FAILED


def test_an_attempt_that_a_later_one_followed_failed():
    assert concluded(alive=True, superseded=True) is Status.FAILED


def test_a_step_that_never_began_ends_with_its_execution():
    waiting = run(Status.CREATED, owner=None, started_at=None)

    assert concluded(component=waiting, root_ended=True) is Status.CANCELLED
    assert concluded(component=waiting, root_ended=False) is None


def test_a_step_without_a_process_of_its_own_ends_with_its_execution():
    running = run(owner=None)
    assert concluded(component=running, root_ended=False) is None
    assert concluded(component=running, root_ended=True) is Status.FAILED
    assert concluded(component=running, root_ended=True, root_reported=False) is Status.FAILED


def test_the_guess_that_an_execution_ended_does_not_cancel_what_waits():
    waiting = run(Status.QUEUED, owner=None, started_at=None)
    assert concluded(component=waiting, root_ended=True, root_reported=False) is None
