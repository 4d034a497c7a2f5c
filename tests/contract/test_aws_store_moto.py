"""A store in SageMaker over moto's server, as far as that goes: it is SageMaker as somebody else has understood it.

Tests are named one by one. All others need what moto lacks (tags of components that are being made, Search for
several things, lineage, and contexts, in which journals' watermarks are kept) or what ``test_aws_store`` leaves out.
"""

from collections.abc import Iterator
from urllib.parse import quote

import httpx
import pytest
from kit.aws import CREDENTIALS, moto_server

from plugin_core.stores.aws.address import sagemaker_address
from plugin_core.stores.aws.calls import Calls
from plugin_core.stores.aws.store import SageMakerStore
from plugin_core.stores.patience import Patience
from plugin_core.stores.protocol import TrackingStore
from plugin_core.testing.contract.components import test_a_bare_component_has_sensible_defaults
from plugin_core.testing.contract.edits import test_a_guess_about_a_component_that_a_client_ended_is_not_believed
from plugin_core.testing.contract.experiments import test_the_experiment_used_last_comes_first
from plugin_core.testing.contract.journals import (
    test_a_closed_store_opens_again_by_itself,
    test_changes_without_a_journal_are_written_too,
)
from plugin_core.testing.contract.making import Reopen
from plugin_core.testing.contract.metrics import test_a_series_that_does_not_exist_has_no_points
from plugin_core.testing.contract.statuses import test_a_sign_of_life_after_a_guess_replaces_it
from plugin_core.testing.contract.values import (
    test_a_parameter_comes_back_as_it_was_logged,
    test_an_older_artifact_entry_does_not_replace_a_newer_one,
    test_inputs_and_outputs_are_apart,
    test_nan_comes_back_as_nan,
    test_of_two_values_at_one_time_the_second_wins,
    test_parameters_are_listed_by_name,
)

__all__ = [
    "test_a_bare_component_has_sensible_defaults",
    "test_a_closed_store_opens_again_by_itself",
    "test_a_guess_about_a_component_that_a_client_ended_is_not_believed",
    "test_a_parameter_comes_back_as_it_was_logged",
    "test_a_series_that_does_not_exist_has_no_points",
    "test_a_sign_of_life_after_a_guess_replaces_it",
    "test_an_older_artifact_entry_does_not_replace_a_newer_one",
    "test_changes_without_a_journal_are_written_too",
    "test_inputs_and_outputs_are_apart",
    "test_nan_comes_back_as_nan",
    "test_of_two_values_at_one_time_the_second_wins",
    "test_parameters_are_listed_by_name",
    "test_the_experiment_used_last_comes_first",
]


@pytest.fixture(scope="module")
def calls() -> Iterator[Calls]:
    with pytest.MonkeyPatch.context() as patch, moto_server() as url:
        for name, value in CREDENTIALS.items():
            patch.setenv(name, value)
        yield Calls(
            sagemaker_address(f"sagemaker://eu-west-1?endpoint={quote(url, safe='')}"),
            patience=Patience(failures=10**6, deadline_s=0.2, first_pause_s=0.01),
        )


@pytest.fixture
def reopen(calls: Calls) -> Iterator[Reopen]:
    yield lambda: SageMakerStore(calls.address.url, calls=calls)
    httpx.post(f"{calls.address.endpoint}/moto-api/reset")


@pytest.fixture
def store(reopen: Reopen) -> TrackingStore:
    return reopen()
