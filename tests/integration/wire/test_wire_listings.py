"""Listings, through boto3: filters, orders, pages, and tokens that nobody can forge."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError

from plugin_core.model.changes import PutComponent
from plugin_core.model.components import Kind, OrchestratorRef

NAMES = [f"many-{i:02}" for i in range(25)]


@pytest.fixture(scope="module", autouse=True)
def many(sagemaker):
    sagemaker.create_experiment(ExperimentName="many")
    sagemaker.create_trial(TrialName="many-trial", ExperimentName="many")
    for name in NAMES:
        sagemaker.create_trial_component(TrialComponentName=name)
        sagemaker.associate_trial_component(TrialComponentName=name, TrialName="many-trial")


def component_names(sagemaker, **arguments):
    pages = sagemaker.get_paginator("list_trial_components").paginate(**arguments)
    return [s["TrialComponentName"] for page in pages for s in page["TrialComponentSummaries"]]


@pytest.mark.parametrize("of", [{"ExperimentName": "MANY"}, {"TrialName": "many-trial"}])
@pytest.mark.parametrize("size", [1, 7, 25, 100])
def test_pages_follow_one_another_without_gap_or_repeat(sagemaker, of, size):
    if size == 1:
        of = {**of, "SortBy": "Name"}
    found = component_names(sagemaker, SortOrder="Ascending", MaxResults=size, **of)

    assert found == NAMES


def test_a_page_has_ten_entries_and_the_newest_first_if_nothing_is_said(sagemaker):
    page = sagemaker.list_trial_components(TrialName="many-trial")

    assert [s["TrialComponentName"] for s in page["TrialComponentSummaries"]] == NAMES[:-11:-1]
    assert page["NextToken"]


def test_the_last_page_has_no_token(sagemaker):
    assert "NextToken" not in sagemaker.list_trial_components(TrialName="many-trial", MaxResults=25)
    assert "NextToken" not in sagemaker.list_trials(ExperimentName="many")


def test_a_token_belongs_to_its_listing(sagemaker):
    token = sagemaker.list_trial_components(TrialName="many-trial", MaxResults=2)["NextToken"]
    others = [
        lambda: sagemaker.list_trial_components(ExperimentName="many", NextToken=token),
        lambda: sagemaker.list_trial_components(TrialName="many-trial", SortOrder="Ascending", NextToken=token),
        lambda: sagemaker.list_trials(NextToken=token),
    ]
    for other in others:
        with pytest.raises(ClientError, match="NextToken"):
            other()
    assert sagemaker.list_trial_components(TrialName="many-trial", MaxResults=3, NextToken=token)


def test_a_token_with_any_byte_changed_is_refused(sagemaker):
    token = sagemaker.list_trial_components(TrialName="many-trial", MaxResults=2)["NextToken"]
    raw = base64.urlsafe_b64decode(token)
    forged = [raw[:i] + bytes([raw[i] ^ 1]) + raw[i + 1 :] for i in range(len(raw))]
    for attempt in [*map(base64.urlsafe_b64encode, forged), b"", b"x", b"====", token.encode()[:-4]]:
        with pytest.raises(ClientError) as error:
            sagemaker.list_trial_components(TrialName="many-trial", MaxResults=2, NextToken=attempt.decode() or "-")
        assert error.value.response["Error"]["Code"] == "ValidationException"


def test_bounds_of_time_choose(sagemaker):
    soon = datetime.now(UTC) + timedelta(hours=1)

    assert component_names(sagemaker, TrialName="many-trial", CreatedAfter=soon) == []
    assert len(component_names(sagemaker, TrialName="many-trial", CreatedBefore=soon)) == len(NAMES)


def test_trials_are_listed_by_experiment_and_by_component(sagemaker):
    sagemaker.create_trial(TrialName="many-second", ExperimentName="many")
    by_experiment = sagemaker.list_trials(ExperimentName="many", SortBy="Name", SortOrder="Ascending")
    by_component = sagemaker.list_trials(TrialComponentName=NAMES[0])

    assert [s["TrialName"] for s in by_experiment["TrialSummaries"]] == ["many-second", "many-trial"]
    assert [s["TrialName"] for s in by_component["TrialSummaries"]] == ["many-trial"]


def test_experiments_are_listed(sagemaker):
    sagemaker.create_experiment(ExperimentName="another")
    found = sagemaker.list_experiments(SortBy="Name", SortOrder="Ascending")["ExperimentSummaries"]

    assert [s["ExperimentName"] for s in found] == ["another", "many"]
    assert all(s["ExperimentArn"] and s["CreationTime"] for s in found)


def test_a_step_is_listed_by_the_job_that_it_counts_as(sagemaker, store):
    origin = OrchestratorRef(system="prefect", execution_id="e1", step_id="s1")
    store.write([PutComponent(at=1, name="many-step", kind=Kind.TASK, orchestrator=origin)])
    source = sagemaker.describe_trial_component(TrialComponentName="many-step")["Source"]

    assert source["SourceType"] == "SageMakerTrainingJob"
    assert component_names(sagemaker, SourceArn=source["SourceArn"].upper().replace("ARN:AWS", "arn:aws")) == [
        "many-step"
    ]
    assert component_names(sagemaker, SourceArn=source["SourceArn"].replace("step", "none")) == []


def test_what_a_listing_is_of_must_exist_and_be_one_thing(sagemaker):
    for arguments in ({"ExperimentName": "none"}, {"TrialName": "none"}):
        with pytest.raises(sagemaker.exceptions.ResourceNotFound):
            sagemaker.list_trial_components(**arguments)
    with pytest.raises(ClientError, match="Only one of"):
        sagemaker.list_trial_components(ExperimentName="many", TrialName="many-trial")
