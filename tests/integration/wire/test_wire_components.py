"""Trials and trial components, through boto3: what an SDK's Run does, and what is refused."""

import re
from datetime import UTC, datetime

import pytest
from botocore.exceptions import ClientError

from plugin_core.model.changes import PutComponent, SetArtifactValues, SetParameters
from plugin_core.model.components import ArtifactValue
from plugin_core.model.queries import ComponentQuery


def code(error):
    return error.value.response["Error"]["Code"]


@pytest.fixture(scope="module")
def experiment(sagemaker):
    sagemaker.create_experiment(ExperimentName="wine")
    sagemaker.create_trial(TrialName="wine-group", ExperimentName="wine", MetadataProperties={"CommitId": "abc"})
    return "wine"


@pytest.fixture
def component(sagemaker, experiment, request):
    name = "wine-" + "-".join(re.findall(r"[a-z0-9]+", request.node.name.lower()))
    sagemaker.create_trial_component(TrialComponentName=name)
    return name


def test_a_trial_belongs_to_an_experiment_that_exists(sagemaker, experiment):
    found = sagemaker.describe_trial(TrialName="WINE-group")

    assert (found["TrialName"], found["ExperimentName"]) == ("wine-group", "wine")
    assert found["MetadataProperties"] == {"CommitId": "abc"}
    with pytest.raises(sagemaker.exceptions.ResourceNotFound):
        sagemaker.create_trial(TrialName="lost", ExperimentName="nowhere")
    with pytest.raises(ClientError, match="already exists"):
        sagemaker.create_trial(TrialName="Wine-Group", ExperimentName="wine")


def test_a_component_is_described_as_it_was_created_by_name_and_by_arn(sagemaker, experiment):
    start = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
    made = sagemaker.create_trial_component(
        TrialComponentName="wine-first",
        DisplayName="first",
        Status={"PrimaryStatus": "InProgress", "Message": "Within a run context"},
        StartTime=start,
        Parameters={"lr": {"NumberValue": 0.1}, "flag": {"NumberValue": True}, "opt": {"StringValue": "adam"}},
        InputArtifacts={"data": {"Value": "s3://b/data.csv", "MediaType": "text/csv"}},
        OutputArtifacts={"model": {"Value": "s3://b/model"}},
        MetadataProperties={"Repository": "git@example.org:wine"},
        Tags=[{"Key": "sagemaker:trial-component-source", "Value": "run"}],
    )
    found = sagemaker.describe_trial_component(TrialComponentName="Wine-First")
    by_arn = sagemaker.describe_trial_component(TrialComponentName=made["TrialComponentArn"])

    assert by_arn["TrialComponentName"] == found["TrialComponentName"] == "wine-first"
    assert found["StartTime"] == start
    assert "EndTime" not in found
    assert "Source" not in found
    assert found["Status"] == {"PrimaryStatus": "InProgress", "Message": "Within a run context"}
    assert found["Parameters"] == {
        "flag": {"NumberValue": 1.0},
        "lr": {"NumberValue": 0.1},
        "opt": {"StringValue": "adam"},
    }
    assert found["InputArtifacts"] == {"data": {"Value": "s3://b/data.csv", "MediaType": "text/csv"}}
    assert found["OutputArtifacts"] == {"model": {"Value": "s3://b/model"}}
    assert found["MetadataProperties"] == {"Repository": "git@example.org:wine"}


def test_an_update_merges_parameters_and_artifacts_and_removes_what_it_says(sagemaker, component):
    update = sagemaker.update_trial_component
    update(TrialComponentName=component, Parameters={"a": {"NumberValue": 1}, "b": {"StringValue": "x"}})
    update(TrialComponentName=component, OutputArtifacts={"m": {"Value": "s3://1"}, "n": {"Value": "s3://2"}})
    update(
        TrialComponentName=component,
        Parameters={"b": {"NumberValue": 2}},
        ParametersToRemove=["a"],
        OutputArtifactsToRemove=["n"],
    )
    found = sagemaker.describe_trial_component(TrialComponentName=component)

    assert found["Parameters"] == {"b": {"NumberValue": 2.0}}
    assert found["OutputArtifacts"] == {"m": {"Value": "s3://1"}}


def test_a_run_can_be_entered_again_after_its_end(sagemaker, component):
    end = datetime(2026, 3, 1, 13, 0, 0, 5, tzinfo=UTC)
    update = sagemaker.update_trial_component
    update(TrialComponentName=component, Status={"PrimaryStatus": "Failed", "Message": "no\nmemory"}, EndTime=end)
    failed = sagemaker.describe_trial_component(TrialComponentName=component)
    update(TrialComponentName=component, Status={"PrimaryStatus": "InProgress"})
    again = sagemaker.describe_trial_component(TrialComponentName=component)

    assert (failed["Status"]["PrimaryStatus"], failed["Status"]["Message"]) == ("Failed", "no\nmemory")
    assert failed["EndTime"] == end
    assert again["Status"] == {"PrimaryStatus": "InProgress"}


def test_a_message_alone_keeps_the_status(sagemaker, component):
    sagemaker.update_trial_component(TrialComponentName=component, Status={"PrimaryStatus": "Completed"})
    sagemaker.update_trial_component(TrialComponentName=component, Status={"Message": "well"})

    found = sagemaker.describe_trial_component(TrialComponentName=component)
    assert found["Status"] == {"PrimaryStatus": "Completed", "Message": "well"}


def test_a_component_can_be_in_several_trials_and_associating_twice_is_once(sagemaker, component):
    sagemaker.create_trial(TrialName="wine-other", ExperimentName="wine")
    for trial in ("wine-group", "wine-other", "wine-group"):
        made = sagemaker.associate_trial_component(TrialComponentName=component, TrialName=trial)
    with pytest.raises(ClientError):
        sagemaker.delete_trial_component(TrialComponentName=component)
    with pytest.raises(ClientError):
        sagemaker.delete_trial(TrialName="wine-other")
    for trial in ("wine-group", "wine-other", "wine-other"):
        sagemaker.disassociate_trial_component(TrialComponentName=component, TrialName=trial)
    sagemaker.delete_trial_component(TrialComponentName=component)
    sagemaker.delete_trial(TrialName="wine-other")

    assert made["TrialArn"].endswith(":experiment-trial/wine-group")
    with pytest.raises(sagemaker.exceptions.ResourceNotFound):
        sagemaker.describe_trial_component(TrialComponentName=component)


def test_a_run_that_is_associated_is_listed_with_its_own_name(sagemaker, store, experiment):
    tags = [{"Key": "sagemaker:trial-component-source", "Value": "run"}]
    sagemaker.create_trial_component(TrialComponentName="wine-tuesday", Tags=tags)
    sagemaker.associate_trial_component(TrialComponentName="wine-tuesday", TrialName="wine-group")

    found = store.component("wine-tuesday")
    assert (found.experiment, found.trial, found.run_name) == ("wine", "wine-group", "tuesday")


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("update_trial_component", {"TrialComponentName": "none"}),
        ("update_trial", {"TrialName": "none", "DisplayName": "x"}),
        ("update_experiment", {"ExperimentName": "none", "DisplayName": "x"}),
        ("delete_trial_component", {"TrialComponentName": "none"}),
        ("delete_trial", {"TrialName": "none"}),
        ("delete_experiment", {"ExperimentName": "none"}),
        ("associate_trial_component", {"TrialComponentName": "none", "TrialName": "wine-group"}),
        ("disassociate_trial_component", {"TrialComponentName": "none", "TrialName": "wine-group"}),
    ],
)
def test_what_is_missing_is_a_resource_not_found(sagemaker, experiment, method, arguments):
    with pytest.raises(sagemaker.exceptions.ResourceNotFound):
        getattr(sagemaker, method)(**arguments)


def test_an_experiment_with_trials_is_not_deleted(sagemaker, experiment):
    with pytest.raises(ClientError) as error:
        sagemaker.delete_experiment(ExperimentName="wine")

    assert code(error) == "ConflictException"


def test_parameters_past_the_limit_are_refused_in_one_update_and_over_several(sagemaker, component):
    many = {f"p{i}": {"NumberValue": i} for i in range(300)}
    with pytest.raises(ClientError, match="less than or equal to 300") as at_once:
        sagemaker.update_trial_component(TrialComponentName=component, Parameters={**many, "x": {"NumberValue": 1}})
    sagemaker.update_trial_component(TrialComponentName=component, Parameters=many)
    with pytest.raises(ClientError) as added:
        sagemaker.update_trial_component(TrialComponentName=component, Parameters={"x": {"NumberValue": 1}})
    sagemaker.update_trial_component(
        TrialComponentName=component, Parameters={"x": {"NumberValue": 1}}, ParametersToRemove=["p0"]
    )

    assert code(at_once) == "ValidationException"
    assert code(added) == "ResourceLimitExceeded"


@pytest.fixture(scope="module")
def recorded(store, experiment):
    """A component with what no client of AWS could have made, as steps of an orchestrator have it."""
    at, name = 1_700_000_000_000_000, "wine-recorded"
    store.write(
        [
            PutComponent(at=at, name=name, experiment=experiment, display_name="train_model [one]"),
            SetParameters(at=at, component=name, parameters={"depth": 3, "layers": [64, 32], "text": "x" * 3000}),
            SetParameters(at=at, component=name, parameters={f"feature_{n}": n for n in range(300)}),
            SetArtifactValues(
                at=at,
                component=name,
                is_output=True,
                values={"table": ArtifactValue(value="file:///table", media_type="application/vnd.apache.parquet")},
            ),
        ]
    )
    return name


def parameters(store, name):
    (found,) = store.components(ComponentQuery(names=(name,)))
    return store.parameters([found.id])[found.id]


def test_an_update_may_give_back_what_it_was_told_and_changes_nothing_by_it(sagemaker, store, recorded):
    told = sagemaker.describe_trial_component(TrialComponentName=recorded)
    before = parameters(store, recorded)
    sagemaker.update_trial_component(
        TrialComponentName=recorded,
        Status={"PrimaryStatus": "InProgress"},
        **{word: told[word] for word in ("DisplayName", "Parameters", "InputArtifacts", "OutputArtifacts")},
    )

    after = sagemaker.describe_trial_component(TrialComponentName=recorded)
    assert parameters(store, recorded) == before
    assert isinstance(parameters(store, recorded)["depth"], int)
    assert after["Status"] == {"PrimaryStatus": "InProgress"}
    assert after["DisplayName"] == "train_model [one]"
    assert after["OutputArtifacts"] == told["OutputArtifacts"]


def test_an_update_that_gives_something_new_beside_it_is_checked(sagemaker, recorded):
    with pytest.raises(ClientError, match="'displayName'"):
        sagemaker.update_trial_component(TrialComponentName=recorded, DisplayName="train_model [two]")
    with pytest.raises(ClientError, match=r"1 validation error.*'parameters\.text\.member\.stringValue'"):
        sagemaker.update_trial_component(
            TrialComponentName=recorded,
            DisplayName="train_model [one]",
            Parameters={"text": {"StringValue": "y" * 3000}},
        )


def test_an_update_of_what_is_missing_says_what_is_wrong_with_it(sagemaker):
    with pytest.raises(ClientError, match="'displayName'"):
        sagemaker.update_trial_component(TrialComponentName="nobody", DisplayName="train_model")
