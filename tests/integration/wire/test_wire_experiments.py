"""Experiments, through boto3."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from botocore.exceptions import ClientError
from kit.wire import client


def code(error):
    return error.value.response["Error"]["Code"]


def test_an_experiment_is_described_as_it_was_created(sagemaker):
    before = datetime.now(UTC)
    made = sagemaker.create_experiment(ExperimentName="Churn", DisplayName="Churn-1", Description="who leaves")
    found = sagemaker.describe_experiment(ExperimentName="churn")

    assert found["ExperimentArn"] == made["ExperimentArn"] == "arn:aws:sagemaker:local:000000000000:experiment/churn"
    assert (found["ExperimentName"], found["DisplayName"], found["Description"]) == ("Churn", "Churn-1", "who leaves")
    assert before <= found["CreationTime"] <= datetime.now(UTC)


def test_a_second_experiment_of_the_same_name_is_refused_in_words_that_clients_look_for(sagemaker):
    sagemaker.create_experiment(ExperimentName="twice")
    with pytest.raises(ClientError, match="already exists") as error:
        sagemaker.create_experiment(ExperimentName="TWICE")

    assert code(error) == "ValidationException"


def test_an_experiment_that_is_missing_is_a_resource_not_found(sagemaker):
    with pytest.raises(sagemaker.exceptions.ResourceNotFound):
        sagemaker.describe_experiment(ExperimentName="missing")


def test_a_name_that_boto3_lets_pass_is_refused(sagemaker):
    with pytest.raises(ClientError, match="regular expression pattern") as error:
        sagemaker.create_experiment(ExperimentName="my_exp")

    assert code(error) == "ValidationException"


def test_what_an_experiment_and_a_trial_are_called_can_change(sagemaker):
    sagemaker.create_experiment(ExperimentName="renamed", Description="before")
    sagemaker.create_trial(TrialName="renamed-trial", ExperimentName="renamed")
    sagemaker.update_experiment(ExperimentName="Renamed", DisplayName="shown", Description="after")
    sagemaker.update_experiment(ExperimentName="renamed", DisplayName="shown-again")
    sagemaker.update_trial(TrialName="renamed-trial", DisplayName="trial-shown")
    found = sagemaker.describe_experiment(ExperimentName="renamed")

    assert (found["DisplayName"], found["Description"]) == ("shown-again", "after")
    assert found["LastModifiedTime"] > found["CreationTime"]
    assert sagemaker.describe_trial(TrialName="renamed-trial")["DisplayName"] == "trial-shown"


def test_an_experiment_is_deleted_when_nothing_belongs_to_it(sagemaker):
    sagemaker.create_experiment(ExperimentName="short-lived")
    sagemaker.delete_experiment(ExperimentName="short-lived")

    with pytest.raises(sagemaker.exceptions.ResourceNotFound):
        sagemaker.describe_experiment(ExperimentName="short-lived")
    sagemaker.create_experiment(ExperimentName="short-lived")


def test_of_many_clients_that_create_one_experiment_one_does(server):
    def create(_):
        try:
            client("sagemaker", server).create_experiment(ExperimentName="raced")
        except ClientError as error:
            return error.response["Error"]["Message"]
        return "made"

    with ThreadPoolExecutor(8) as pool:
        said = list(pool.map(create, range(8)))

    assert said.count("made") == 1
    assert sum("already exists" in message for message in said) == 7
