"""A server is tried again, but not for ever, not too often, and not by everybody at once."""

import pytest

from plugin_core.errors import InvalidValueError, StoreUnavailableError
from plugin_core.stores.patience import Patience, Persistence, TryAgainError, full_jitter, wish_of


class Time:
    def __init__(self):
        self.now, self.slept = 1000.0, []

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def time():
    return Time()


@pytest.fixture
def persistence(time):
    return Persistence(monotonic=time.monotonic, sleep=time.sleep, jitter=lambda longest: longest)


def failing(times, *, after_s=0.0, lasting=lambda: None):
    left = [times]

    def attempt(seconds):
        attempt.given.append(seconds)
        lasting()
        if left[0] > 0:
            left[0] -= 1
            raise TryAgainError(StoreUnavailableError("The server is down."), after_s=after_s)
        return "answer"

    attempt.given = []
    return attempt


def test_a_call_that_fails_is_tried_again_after_ever_longer_pauses(persistence, time):
    assert persistence.call(failing(2)) == "answer"
    assert time.slept == [0.2, 0.4]


def test_after_three_failures_in_a_row_nobody_waits_for_the_server(persistence, time):
    with pytest.raises(StoreUnavailableError, match="is down"):
        persistence.call(failing(9))
    later = failing(0)
    with pytest.raises(StoreUnavailableError, match=r"is down\. It failed several times"):
        persistence.call(later)
    assert later.given == []


def test_a_server_that_rested_is_tried_by_one_call_and_trusted_again_when_it_answers(persistence, time):
    with pytest.raises(StoreUnavailableError):
        persistence.call(failing(9))
    time.now += 5.0

    others = []

    def asks_while_others_do(_seconds):
        with pytest.raises(StoreUnavailableError):
            persistence.call(failing(0))
        others.append("refused")
        return "answer"

    assert persistence.call(asks_while_others_do) == "answer"
    assert others == ["refused"]
    assert persistence.call(failing(2)) == "answer"


def test_a_trial_that_fails_lets_the_server_rest_again_at_once(persistence, time):
    with pytest.raises(StoreUnavailableError):
        persistence.call(failing(9))
    time.now += 5.0
    trial = failing(9)
    with pytest.raises(StoreUnavailableError):
        persistence.call(trial)
    assert len(trial.given) == 1


def test_the_server_s_own_wish_is_waited_for(persistence, time):
    assert persistence.call(failing(1, after_s=7.0)) == "answer"
    assert time.slept == [7.0]


def test_a_wish_past_the_deadline_is_not_waited_for(persistence, time):
    with pytest.raises(StoreUnavailableError):
        persistence.call(failing(1, after_s=30.0))
    assert time.slept == []


def test_an_attempt_is_told_how_long_it_may_take_and_none_begins_past_the_deadline(time):
    persistence = Persistence(
        Patience(deadline_s=10.0, failures=99), monotonic=time.monotonic, sleep=time.sleep, jitter=lambda s: s
    )
    attempt = failing(99, lasting=lambda: time.sleep(4.0))
    with pytest.raises(StoreUnavailableError):
        persistence.call(attempt)
    assert attempt.given == pytest.approx([10.0, 5.8, 1.4])


def test_what_may_have_been_done_is_not_done_again_but_counts_as_a_failure(persistence, time):
    def lost(_seconds):
        raise TryAgainError(StoreUnavailableError("The answer was lost."), at_once=False)

    for _ in range(3):
        with pytest.raises(StoreUnavailableError, match="was lost"):
            persistence.call(lost)
    assert time.slept == []
    with pytest.raises(StoreUnavailableError, match="failed several times"):
        persistence.call(failing(0))


def test_what_is_no_failure_of_the_server_passes_and_is_not_tried_again(persistence, time):
    def refused(_seconds):
        raise InvalidValueError("no")

    with pytest.raises(InvalidValueError):
        persistence.call(refused)
    assert time.slept == []


def test_pauses_are_random_and_leave_the_user_s_generator_alone():
    import random

    before = random.getstate()
    pauses = {full_jitter(1.0) for _ in range(50)}
    assert len(pauses) > 40
    assert all(0.0 <= pause <= 1.0 for pause in pauses)
    assert random.getstate() == before


@pytest.mark.parametrize(
    ("header", "seconds"), [("5", 5.0), (None, 0.0), ("", 0.0), ("Wed, 21 Oct 2026", 0.0), ("9" * 400, 0.0), ("-1", 0)]
)
def test_retry_after_is_read_as_seconds(header, seconds):
    assert wish_of(header) == seconds
