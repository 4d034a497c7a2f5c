import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugin_core.tracking.carrier import RUN_CONTEXT_VARIABLE, RunAddress, from_env, to_env

ADDRESS = RunAddress(
    experiment="exp", trial="exp-1", run_name="r", component="exp-r", attempt=2, store="sqlite:////a/b.db", journal="j"
)


def test_an_address_comes_back_whole_in_the_child():
    assert from_env(to_env(ADDRESS)) == ADDRESS


def test_no_credential_travels_in_the_environment():
    secret = "postgresql://user:hunter2@db/record"
    address = RunAddress(experiment="e", trial="t", run_name="r", component="e-r", store=secret, blobs=secret)

    (value,) = to_env(address).values()
    assert "hunter2" not in value
    assert from_env({RUN_CONTEXT_VARIABLE: value}).store is None


def test_what_a_later_version_adds_is_passed_over():
    content = {**json.loads(to_env(ADDRESS)[RUN_CONTEXT_VARIABLE]), "v": 9, "traceparent": "00-1"}

    assert from_env({RUN_CONTEXT_VARIABLE: json.dumps(content)}) == ADDRESS


@given(st.text())
def test_anything_unreadable_counts_as_nothing(text):
    assert from_env({RUN_CONTEXT_VARIABLE: text}) is None


@pytest.mark.parametrize("text", ["[]", "3", "null", '{"v":1}', '{"experiment": 1}'])
def test_json_that_is_no_address_counts_as_nothing(text):
    assert from_env({RUN_CONTEXT_VARIABLE: text}) is None


def test_the_variable_stays_small():
    assert len(to_env(ADDRESS)[RUN_CONTEXT_VARIABLE]) < 4096
