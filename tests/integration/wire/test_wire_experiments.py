"""Experiments, through boto3."""

import pytest
from botocore.exceptions import ClientError


def code(error):
    return error.value.response["Error"]["Code"]


def test_an_experiment_is_described_as_it_was_created(sagemaker):
    made = sagemaker.create_experiment(ExperimentName="Churn", DisplayName="Churn-1", Description="who leaves")
    found = sagemaker.describe_experiment(ExperimentName="churn")

    assert found["ExperimentArn"] == made["ExperimentArn"] == "arn:aws:sagemaker:local:000000000000:experiment/churn"
    assert (found["ExperimentName"], found["DisplayName"], found["Description"]) == ("Churn", "Churn-1", "who leaves")
    assert found["CreationTime"].microsecond


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
