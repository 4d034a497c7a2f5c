"""A store in SageMaker, over boto3 and a server of its protocol, keeps what AWS's operations can keep."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from kit.aws import CREDENTIALS
from kit.store_contract import *
from kit.wire import of_aws, serving

from plugin_core.model.objects import Bucket
from plugin_core.stores import open_blobs
from plugin_core.stores.aws.address import sagemaker_address
from plugin_core.stores.aws.calls import Calls
from plugin_core.stores.aws.store import SageMakerStore
from plugin_core.stores.local import LocalStore, open_local_store
from plugin_core.stores.protocol import TrackingStore
from plugin_core.testing.contract.making import Reopen

_TRANSACTION = "AWS has no transactions: what came before a refusal stays, and two at once may both write"
_NUMBER = "AWS has no counter: components have no numbers"
_NAME = "AWS takes letters, digits and inner hyphens in a name, and keeps the case that it was made with"
_TIME = "times of edges, and those that a search compares, are when AWS was told"
_POINT = "AWS gives back one point of a step, the last, and times to the minute"
_WINDOW = "AWS cuts by step without times, or by time without steps, and leaves out what is no finite number"
_SOURCE = "a component's source is AWS's to set: it is none of a job there"
_SIZE = "as many calls as components, points or journals: too long for a test"
_TEXT = "a search compares tags and parameters in the form in which AWS has them"
_GONE = "AWS keeps no trace of what was removed: what arrives later is there again"

NOT_KEPT = {
    "test_what_was_removed_does_not_come_back_with_an_older_write": _GONE,
    "test_a_removal_holds_against_the_write_that_it_removed_though_that_came_from_a_clock_ahead": _GONE,
    "test_a_batch_is_applied_whole_or_not_at_all": _TRANSACTION,
    "test_the_same_batch_from_many_threads_is_applied_once": _TRANSACTION,
    "test_many_threads_write_and_read_at_once": _TRANSACTION,
    "test_of_many_who_make_the_same_thing_one_does": _TRANSACTION,
    "test_components_of_an_experiment_are_numbered_as_they_appear": _NUMBER,
    "test_a_number_is_not_given_twice": _NUMBER,
    "test_a_component_enters_trials_and_is_at_home_in_the_first": _NUMBER,
    "test_a_component_that_leaves_its_home_moves_to_another_trial_or_belongs_nowhere": _NUMBER,
    "test_a_component_may_be_named_before_it_is_described": _NUMBER,
    "test_hostile_text_is_kept_and_breaks_nothing": _NAME,
    "test_names_are_matched_without_case_and_kept_as_written": _NAME,
    "test_what_is_only_mentioned_exists_under_its_name": _NAME,
    "test_a_component_is_found_by_what_it_is_called_as_a_job": _NAME,
    "test_an_edge_is_kept_once_with_its_earliest_time": _TIME,
    "test_a_page_lists_what_was_asked_for_in_order[query28-expected28]": _TIME,
    "test_a_page_lists_what_was_asked_for_in_order[query35-expected35]": _TIME,
    "test_a_page_lists_what_was_asked_for_in_order[query36-expected36]": _SOURCE,
    "test_any_property_sorts_and_pages_join[LastModifiedTime-True-dcba]": _TIME,
    "test_a_page_lists_what_was_asked_for_in_order[query32-expected32]": _SOURCE,
    "test_a_step_comes_of_the_job_that_it_is_shown_as": _SOURCE,
    "test_a_filter_finds_what_it_says": _TEXT,
    "test_experiments_and_trials_are_found_with_their_tags": _TEXT,
    "test_any_property_sorts_and_pages_join[Tags.team-False-acbd]": _TEXT,
    "test_any_property_sorts_and_pages_join[Parents.ExperimentName-False-cdab]": "to AWS a component without a trial "
    "has no parents",
    "test_hostile_values_and_names_are_only_values": _TEXT,
    "test_a_search_as_large_as_allowed_is_answered": "AWS takes 20 filters",
    "test_points_come_back_as_they_were_logged": _POINT,
    "test_points_come_back_by_step_then_arrival": _POINT,
    "test_points_of_one_batch_stay_in_their_order": _POINT,
    "test_extreme_steps_and_times_are_kept": _POINT,
    "test_what_was_appended_is_not_kept_hold_of": _POINT,
    "test_a_series_logged_in_many_small_pieces_reads_whole": _POINT,
    "test_a_series_is_cut_into_a_window_for_each_step": _WINDOW,
    "test_a_series_of_a_point_a_step_is_its_own_windows": _WINDOW,
    "test_a_series_is_cut_into_periods_of_time": _WINDOW,
    "test_windows_keep_to_bounds_and_limit": _WINDOW,
    "test_a_long_series_reads_whole_and_in_order": _SIZE,
    "test_maps_are_read_for_thousands_of_components_at_once": _SIZE,
    "test_leases_are_those_that_the_owners_gave_last": _SIZE,
    "test_summaries_of_many_batches_are_as_exact_as_of_one": _SIZE,
    "test_windows_of_many_chunks_come_to_what_the_series_comes_to": _SIZE,
    "test_many_series_are_written_and_summed_up_at_once": _SIZE,
    "test_what_was_only_mentioned_may_still_be_made": "what was mentioned had to be made, and is there",
    "test_parents_and_members_are_read_for_many_at_once": "a trial is in an experiment, and AWS knows when it was told",
    "test_deleting_a_component_leaves_its_children_without_a_parent": "a child's tags name its parent, there or not",
    "test_edges_between_two_nodes_are_deleted": "AWS has one edge from one node to another",
    "test_a_node_is_found_by_what_it_is_called[ffffffff-expected6]": "AWS does not look for properties",
}


def test_what_is_not_kept_names_tests_of_the_contract() -> None:
    assert not {name.partition("[")[0] for name in NOT_KEPT} - globals().keys()


class Current:
    """A record behind the server, another for each test."""

    record: LocalStore

    @property
    def objects(self) -> Any:
        return _Objects(self)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.record, name)


class _Objects:
    def __init__(self, current: Current) -> None:
        self._current = current

    def __getattr__(self, name: str) -> Any:
        return getattr(self._current.record.objects, name)


@pytest.fixture(scope="module")
def current() -> Current:
    return Current()


@pytest.fixture(scope="module")
def calls(current: Current, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Calls]:
    folder = tmp_path_factory.mktemp("blobs")
    app = of_aws(current, open_blobs(folder.as_uri()), folder / "staging")
    with pytest.MonkeyPatch.context() as patch, serving(app) as url:
        for name, value in CREDENTIALS.items():
            patch.setenv(name, value)
        yield Calls(sagemaker_address(f"sagemaker://eu-west-1?bucket=held&endpoint={quote(url, safe='')}"))


@pytest.fixture
def reopen(current: Current, calls: Calls, tmp_path: Path) -> Iterator[Reopen]:
    current.record = open_local_store(f"sqlite:///{tmp_path / 'record.db'}")
    current.record.objects.create_bucket(Bucket(name="held", created_at=datetime.now(UTC)))
    yield lambda: SageMakerStore(calls.address.url, calls=calls)
    current.record.close()


@pytest.fixture
def store(reopen: Reopen) -> TrackingStore:
    return reopen()
