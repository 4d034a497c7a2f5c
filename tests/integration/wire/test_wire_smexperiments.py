"""The smexperiments dialect through a boto3 client that is given: it uses that client, and nothing else."""

import itertools
import math

import boto3
import pytest
from botocore.exceptions import ClientError
from kit.aws import moto_server

from plugin_core import FlowtrailError, Run
from plugin_core.dialects.smexperiments import (
    Experiment,
    Filter,
    Operator,
    SearchExpression,
    Tracker,
    Trial,
    TrialComponent,
)

numbers = itertools.count()


@pytest.fixture(autouse=True)
def own(flowtrail_record):
    """This process's own record."""
    return flowtrail_record


@pytest.fixture
def session():
    return boto3.Session(aws_access_key_id="AKIDEXAMPLEKEY000000", aws_secret_access_key="secret")


@pytest.fixture
def name():
    return f"churn{next(numbers)}"


@pytest.fixture
def experiment(name, sagemaker):
    return Experiment.create(name, description="who leaves", sagemaker_boto_client=sagemaker)


def test_records_are_made_and_read_through_the_client(name, experiment, sagemaker, own):
    trial = experiment.create_trial()
    component = TrialComponent.create(f"{name}-fit", display_name="Fit", sagemaker_boto_client=sagemaker)
    component.parameters = {"rate": 0.5, "mode": "fast"}
    component.save()
    trial.add_trial_component(component)
    loaded = TrialComponent.load(f"{name}-fit", sagemaker_boto_client=sagemaker)

    assert Experiment.load(name, sagemaker_boto_client=sagemaker).description == "who leaves"
    assert (loaded.display_name, loaded.parameters) == ("Fit", {"rate": 0.5, "mode": "fast"})
    assert [each.trial_name for each in experiment.list_trials()] == [trial.trial_name]
    assert [each.trial_component_name for each in trial.list_trial_components()] == [f"{name}-fit"]
    assert [each.trial_name for each in loaded.list_trials()] == [trial.trial_name]
    assert not own.folder.exists()


def test_what_the_server_refuses_is_the_clients_own_error(name, experiment, sagemaker):
    with pytest.raises(ClientError, match="already exists"):
        Experiment.create(name, sagemaker_boto_client=sagemaker)
    with pytest.raises(sagemaker.exceptions.ResourceNotFound):
        Trial.load("none", sagemaker_boto_client=sagemaker)
    experiment.create_trial()
    with pytest.raises(ClientError):
        experiment.delete()


def test_listings_and_searches_go_through_all_pages(name, experiment, sagemaker):
    trial = experiment.create_trial()
    for i in range(5):
        component = TrialComponent.create(f"{name}-{i}", sagemaker_boto_client=sagemaker)
        component.parameters = {"depth": i}
        component.save()
        trial.add_trial_component(component)
    deep = SearchExpression(
        filters=[
            Filter("Parents.ExperimentName", Operator.EQUALS, name),
            Filter("Parameters.depth", Operator.GREATER_THAN, "1"),
        ]
    )
    found = TrialComponent.search(deep, sort_by="Parameters.depth", max_results=1, sagemaker_boto_client=sagemaker)

    assert len(list(trial.list_trial_components(max_results=2))) == 5
    assert [each.parameters["depth"]["NumberValue"] for each in found] == [4, 3, 2]


def test_a_tracker_sends_what_was_logged_when_it_is_closed(sagemaker, session, own):
    with Tracker.create(sagemaker_boto_client=sagemaker, boto3_session=session) as tracker:
        component = tracker.trial_component.trial_component_name
        within = TrialComponent.load(component, sagemaker_boto_client=sagemaker)
        tracker.log_parameters({"rate": 0.5, "bad": math.nan})
        tracker.log_input("train", "s3://data/train.csv")
        for step in range(12):
            tracker.log_metric("loss", 1 / (step + 1), iteration_number=step)
    loaded = TrialComponent.load(component, sagemaker_boto_client=sagemaker)

    assert within.status.primary_status == "InProgress"
    assert loaded.status.primary_status == "Completed"
    assert loaded.start_time == tracker.trial_component.start_time
    assert loaded.parameters == {"rate": 0.5}
    assert loaded.input_artifacts["train"].value == "s3://data/train.csv"
    assert [(each.metric_name, each.count, each.max) for each in loaded.metrics] == [("loss", 12, 1.0)]
    assert not own.folder.exists()


def test_a_failed_block_is_failed_with_its_text(sagemaker, session):
    tracker = Tracker.create(sagemaker_boto_client=sagemaker, boto3_session=session)
    with pytest.raises(RuntimeError), tracker:
        raise RuntimeError("no data")
    name = tracker.trial_component.trial_component_name

    status = TrialComponent.load(name, sagemaker_boto_client=sagemaker).status
    assert (status.primary_status, status.message) == ("Failed", "no data")


def test_saving_through_a_client_leaves_what_another_has_set(name, sagemaker):
    mine = TrialComponent.create(name, sagemaker_boto_client=sagemaker)
    mine.parameters = {"rate": 0.5, "depth": 3}
    mine.save()
    theirs = TrialComponent.load(name, sagemaker_boto_client=sagemaker)
    theirs.parameters["rate"] = 0.9
    theirs.save()
    mine.parameters["depth"] = 4
    mine.parameters_to_remove = ["none"]
    mine.save()

    loaded = TrialComponent.load(name, sagemaker_boto_client=sagemaker)
    assert loaded.parameters == {"rate": 0.9, "depth": 4}


def test_a_tracker_in_a_job_finds_the_jobs_component(name, sagemaker, store, monkeypatch):
    arn = f"arn:aws:sagemaker:us-east-1:123456789012:training-job/{name}"
    from plugin_core.model.changes import PutComponent

    store.write([PutComponent(at=1, name=f"{name}-aws-training-job", source_arn=arn)])
    monkeypatch.setenv("TRAINING_JOB_ARN", arn)

    for tracker in (
        Tracker.load(sagemaker_boto_client=sagemaker),
        Tracker.load(training_job_name=name, sagemaker_boto_client=sagemaker),
    ):
        assert tracker.trial_component.trial_component_name == f"{name}-aws-training-job"
        assert tracker.trial_component.source.source_arn == arn


def test_a_tracker_in_a_run_finds_it_on_the_server(name, sagemaker):
    TrialComponent.create(f"{name}-fit", sagemaker_boto_client=sagemaker)
    with Run(name, "fit"):
        tracker = Tracker.load(sagemaker_boto_client=sagemaker)

    assert tracker.trial_component.trial_component_name == f"{name}-fit"


def test_delete_all_leaves_nothing(experiment, sagemaker):
    first, second = experiment.create_trial("first"), experiment.create_trial("second")
    for step in ("prepare", "fit"):
        component = TrialComponent.create(step, sagemaker_boto_client=sagemaker)
        first.add_trial_component(component)
        second.add_trial_component(component)
    experiment.delete_all("--force")

    for kind, gone in ((Experiment, experiment.experiment_name), (Trial, "first"), (TrialComponent, "fit")):
        with pytest.raises(sagemaker.exceptions.ResourceNotFound):
            kind.load(gone, sagemaker_boto_client=sagemaker)


def test_delete_all_is_tried_three_times(experiment, sagemaker):
    experiment.delete_all("--force")
    asked = []
    sagemaker.meta.events.register("before-call.sagemaker.ListTrials", lambda **_: asked.append(1), unique_id="asked")
    with pytest.raises(FlowtrailError, match="please try again") as failed:
        experiment.delete_all("--force")
    sagemaker.meta.events.unregister("before-call.sagemaker.ListTrials", unique_id="asked")

    assert len(asked) == Experiment.MAX_DELETE_ALL_ATTEMPTS
    assert isinstance(failed.value.__cause__, ClientError)


@pytest.fixture(scope="module")
def bucket_server():
    with moto_server() as endpoint:
        yield endpoint


def test_files_and_charts_go_to_the_bucket_with_their_lineage(sagemaker, session, bucket_server, tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", bucket_server)
    data, sheet = tmp_path / "clean.csv", tmp_path / "sheet.xlsx"
    data.write_text("a,b\n1,2\n")
    sheet.write_text("cells")
    with Tracker.create(sagemaker_boto_client=sagemaker, boto3_session=session) as tracker:
        tracker.log_artifact(str(data))
        tracker.log_artifact(str(sheet))
        tracker.log_confusion_matrix([0, 1], [0, 1], title="cm", output_artifact=False)
    component = TrialComponent.load(tracker.trial_component.trial_component_name, sagemaker_boto_client=sagemaker)
    s3 = session.client("s3", region_name="us-east-1")
    bucket, _, key = component.output_artifacts["clean.csv"].value.removeprefix("s3://").partition("/")
    made = sagemaker.list_associations(SourceArn=component.trial_component_arn)["AssociationSummaries"]
    used = sagemaker.list_associations(DestinationArn=component.trial_component_arn)["AssociationSummaries"]

    assert bucket.startswith("sagemaker-us-east-1-")
    assert key == f"trial-component-artifacts/{component.trial_component_name}/clean.csv"
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == b"a,b\n1,2\n"
    assert {(each["AssociationType"], each["DestinationType"], each["DestinationName"]) for each in made} == {
        ("Produced", "DataSet", "clean-csv"),
        ("Produced", "Document", "sheet-xlsx"),
    }
    assert [(each["AssociationType"], each["SourceType"]) for each in used] == [("ContributedTo", "ConfusionMatrix")]


def test_the_bucket_and_prefix_that_are_given_are_used(sagemaker, session, bucket_server, tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", bucket_server)
    session.client("s3", region_name="us-east-1").create_bucket(Bucket="teams")
    data = tmp_path / "clean.csv"
    data.write_text("a")
    tracker = Tracker.create(
        artifact_bucket="teams", artifact_prefix="own", sagemaker_boto_client=sagemaker, boto3_session=session
    )
    tracker.log_input_artifact(str(data), name="raw")
    tracker.close()
    component = TrialComponent.load(tracker.trial_component.trial_component_name, sagemaker_boto_client=sagemaker)

    assert component.input_artifacts["raw"].value == f"s3://teams/own/{component.trial_component_name}/clean.csv"
    with pytest.raises(ValueError, match="does not exist or is not a file"):
        tracker.log_artifact(str(tmp_path / "none.csv"))
