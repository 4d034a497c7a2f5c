"""The AWS CLI, unmodified, against the server."""

import json

import pytest
from kit.clients import program_of


@pytest.fixture
def aws(served):
    def call(*arguments):
        output = served.finished([program_of("awscli", "aws"), *arguments, "--output", "json"])
        return json.loads(output or "null")

    return call


def test_a_component_is_made_described_listed_and_found(aws, served):
    expression = json.dumps({"Filters": [{"Name": "Parameters.depth", "Operator": "GreaterThan", "Value": "3"}]})
    of_trial = ["--trial-name", "cli-trial"]
    component = ["--trial-component-name", "cli-component"]
    aws("sagemaker", "create-experiment", "--experiment-name", "cli")
    aws("sagemaker", "create-trial", *of_trial, "--experiment-name", "cli")
    parameters = ["--parameters", "depth={NumberValue=4},booster={StringValue=gbtree}"]
    aws("sagemaker", "create-trial-component", *component, *parameters, "--status", "PrimaryStatus=Completed")
    aws("sagemaker", "associate-trial-component", *of_trial, *component)

    described = aws("sagemaker", "describe-trial-component", *component)
    listed = aws("sagemaker", "list-trial-components", "--experiment-name", "cli")
    search = ["--resource", "ExperimentTrialComponent", "--search-expression", expression]
    found = aws("sagemaker", "search", *search)

    assert described["Parameters"] == {"depth": {"NumberValue": 4.0}, "booster": {"StringValue": "gbtree"}}
    assert [summary["TrialComponentName"] for summary in listed["TrialComponentSummaries"]] == ["cli-component"]
    assert [result["TrialComponent"]["TrialComponentName"] for result in found["Results"]] == ["cli-component"]
    assert served.store.component("cli-component").experiment == "cli"


def test_metrics_are_put_and_read_back(aws, served):
    name = "cli-metrics"
    aws("sagemaker", "create-trial-component", "--trial-component-name", name)
    data = [
        "MetricName=loss,Timestamp=1700000000,Step=0,Value=0.5",
        "MetricName=loss,Timestamp=1700000060,Step=1,Value=0.25",
    ]
    put = aws("sagemaker-metrics", "batch-put-metrics", "--trial-component-name", name, "--metric-data", *data)

    described = aws("sagemaker", "describe-trial-component", "--trial-component-name", name)
    (summary,) = described["Metrics"]
    points = served.store.points(served.store.component(name).id, "loss")

    assert not put
    assert (summary["Count"], summary["Min"], summary["Last"]) == (2, 0.25, 0.25)
    assert [(point.step, point.value) for point in points] == [(0, 0.5), (1, 0.25)]


def test_what_is_missing_is_told_in_the_words_of_aws(served):
    asked = ["sagemaker", "describe-experiment", "--experiment-name", "nothing"]
    with pytest.raises(AssertionError, match="ResourceNotFound"):
        served.finished([program_of("awscli", "aws"), *asked])


def test_files_are_copied_to_and_from_the_bucket(served):
    aws = program_of("awscli", "aws")
    (served.folder / "up.txt").write_text("carried")
    served.finished([aws, "s3", "mb", "s3://carrier"])
    served.finished([aws, "s3", "cp", "up.txt", "s3://carrier/in/up.txt"])
    served.finished([aws, "s3", "cp", "s3://carrier/in/up.txt", "down.txt"])

    assert (served.folder / "down.txt").read_text() == "carried"
    assert "in/up.txt" in served.finished([aws, "s3", "ls", "--recursive", "s3://carrier"])
