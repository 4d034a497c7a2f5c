"""list_runs: which, in what order, in pages, and readable from few queries."""

from datetime import UTC, datetime, timedelta

import pytest

from plugin_core import InvalidValueError, NotFoundError, Run, SortByType, SortOrderType, list_runs
from plugin_core.model.changes import PutComponent
from plugin_core.tracking.engine import engine


def make(*run_names):
    for name in run_names:
        with Run("exp", name) as run:
            run.log_parameter("name", name)
            run.log_metric("m", len(name))


def names(runs):
    return [run.run_name for run in runs]


def test_the_newest_run_comes_first(flowtrail_record):
    make("b", "a", "c")

    assert names(list_runs("exp")) == ["c", "a", "b"]
    assert names(list_runs("EXP", sort_order=SortOrderType.ASCENDING)) == ["b", "a", "c"]


def test_runs_can_be_sorted_by_name(flowtrail_record):
    make("b", "a", "c")

    assert names(list_runs("exp", sort_by=SortByType.NAME, sort_order=SortOrderType.ASCENDING)) == ["a", "b", "c"]


@pytest.mark.parametrize("sort_by", list(SortByType))
def test_pages_hold_each_run_once(flowtrail_record, sort_by):
    make(*(f"r{i}" for i in range(7)))
    found, token = [], None
    while True:
        page = list_runs("exp", max_results=3, next_token=token, sort_by=sort_by)
        found += names(page)
        token = page.next_token
        if token is None:
            break

    assert sorted(found) == [f"r{i}" for i in range(7)]


def test_a_token_that_list_runs_did_not_give_is_refused(flowtrail_record):
    make("a")
    with pytest.raises(InvalidValueError, match="next_token"):
        list_runs("exp", next_token="forged")


def test_runs_are_found_by_the_time_of_their_making(flowtrail_record):
    make("a")
    now = datetime.now(UTC)

    assert names(list_runs("exp", created_after=now - timedelta(minutes=1))) == ["a"]
    assert names(list_runs("exp", created_before=now - timedelta(minutes=1))) == []


def test_components_that_are_no_runs_are_left_out(flowtrail_record):
    make("a")
    engine().record(PutComponent(at=1, name="exp-job", experiment="exp"))

    assert names(list_runs("exp")) == ["a"]


def test_an_experiment_that_does_not_exist_is_an_error(flowtrail_record):
    with pytest.raises(NotFoundError, match="'nothing' does not exist"):
        list_runs("nothing")


def test_listed_runs_can_be_read_and_share_their_queries(flowtrail_record, monkeypatch):
    make("a", "b", "c")
    runs = list_runs("exp")
    asked = []
    store = type(engine().store)
    original = store.parameters
    monkeypatch.setattr(store, "parameters", lambda self, ids: asked.append(ids) or original(self, ids))

    assert [run.parameters["name"] for run in runs] == ["c", "b", "a"]
    assert len(asked) == 1


def test_a_listed_run_shows_the_present_after_a_refresh(flowtrail_record):
    make("a")
    (listed,) = list_runs("exp")
    assert listed.parameters == {"name": "a"}
    with listed:
        listed.log_parameter("more", 1)

    assert listed.parameters == {"name": "a"}
    assert listed.refresh().parameters == {"name": "a", "more": 1}


def test_a_listed_run_of_which_nothing_was_asked_can_be_refreshed(flowtrail_record):
    make("a")
    (listed,) = list_runs("exp")
    assert listed.refresh().parameters == {"name": "a"}


@pytest.mark.parametrize("count", [0, -1, "ten", 2.5, True])
def test_a_number_of_results_that_is_no_count_is_refused(flowtrail_record, count):
    make("a")

    with pytest.raises(InvalidValueError, match="max_results must be an int of 1 or more"):
        list_runs("exp", max_results=count)
