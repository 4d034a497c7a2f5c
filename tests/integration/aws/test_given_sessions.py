"""A run that is given a SageMaker session is kept in SageMaker, by the session's own clients, and its files in S3."""

from dataclasses import dataclass
from typing import Any

import pytest
from kit.faulty import Fault

from plugin_core import Run, list_runs, load_run
from plugin_core.errors import InvalidValueError, NotFoundError
from plugin_core.stores import open_blobs


@dataclass
class Session:
    """What of a sagemaker.Session is used."""

    boto_session: Any
    sagemaker_client: Any
    sagemaker_metrics_client: Any = None
    bucket: str = "team"

    def default_bucket(self) -> str:
        return self.bucket


@pytest.fixture
def session(boto_session, endpoint):
    return Session(boto_session, boto_session.client("sagemaker", endpoint_url=endpoint))


def read(boto_session, endpoint, key):
    return boto_session.client("s3", endpoint_url=endpoint).get_object(Bucket="team", Key=key)["Body"].read()


def test_a_run_is_kept_where_its_session_leads_and_nowhere_else(session, behind, record):
    with Run("given", "first", sagemaker_session=session, tags={"team": "blue"}) as run:
        run.log_parameter("rate", 0.5)
        for step in range(25):
            run.log_metric("loss", 1.0 / (step + 1), step=step)
    run.close()

    there = behind.component("given-first")
    assert behind.parameters([there.id])[there.id] == {"rate": 0.5}
    assert behind.summaries([there.id])[there.id]["loss"].count == 25
    assert (there.status.value, behind.experiment("given").tags["team"]) == ("completed", "blue")
    with pytest.raises(NotFoundError):
        record.store.component("given-first")


def test_a_run_of_a_session_reads_back_and_is_listed(session):
    with Run("listed", "one", sagemaker_session=session) as run:
        run.log_parameters({"epochs": 3, "name": "x", "flags": [1, None]})
        run.log_metric("loss", 0.25)
    run.close()

    assert run.parameters == {"epochs": 3, "name": "x", "flags": [1, None]}
    assert (run.metrics["loss"].last, run.status.value) == (0.25, "completed")
    (found,) = list_runs("listed", sagemaker_session=session)
    assert (found.run_name, found.parameters["epochs"]) == ("one", 3)
    again = load_run("one", "listed", sagemaker_session=session)
    with again:
        again.log_parameter("late", True)
    again.close()
    assert again.parameters["late"] is True


def test_boto3_sees_the_run_as_sagemakers_own_client_would(session):
    with Run("seen", "one", sagemaker_session=session) as run:
        run.log_parameter("rate", 0.5)
    run.close()

    seen = session.sagemaker_client.describe_trial_component(TrialComponentName="seen-one")
    assert seen["Parameters"] == {"rate": {"NumberValue": 0.5}}
    assert seen["Status"]["PrimaryStatus"] == "Completed"
    listed = session.sagemaker_client.list_trial_components(TrialName="Default-Run-Group-seen")
    assert [each["TrialComponentName"] for each in listed["TrialComponentSummaries"]] == ["seen-one"]


def test_files_and_charts_go_to_the_bucket_under_prefix_and_component(session, endpoint, boto_session, tmp_path):
    path = tmp_path / "model.bin"
    path.write_bytes(b"weights")
    with Run("files", "one", sagemaker_session=session, artifact_bucket="team", artifact_prefix="own") as run:
        run.log_file(path, "model")
        run.log_confusion_matrix([0, 1, 1], [0, 1, 0], title="cm")
    run.close()

    assert read(boto_session, endpoint, "own/files-one/model.bin") == b"weights"
    assert b"ConfusionMatrix" in read(boto_session, endpoint, "own/files-one/cm.json")
    assert run.output_artifacts["model"].value == "s3://team/own/files-one/model.bin"


def test_without_a_bucket_named_the_sessions_own_is_used(session, endpoint, boto_session, tmp_path):
    path = tmp_path / "data.csv"
    path.write_bytes(b"a,b\n")
    with Run("files", "two", sagemaker_session=session) as run:
        run.log_file(path, is_output=False)
    run.close()

    key = "trial-component-artifacts/files-two/data.csv"
    assert (
        boto_session.client("s3", endpoint_url=endpoint).get_object(Bucket="team", Key=key)["Body"].read() == b"a,b\n"
    )
    assert run.input_artifacts["data.csv"].value == f"s3://team/{key}"


def test_a_bucket_that_refuses_costs_the_bytes_and_not_the_run(session, tmp_path, caplog):
    path = tmp_path / "data.csv"
    path.write_bytes(b"a,b\n")
    with Run("files", "three", sagemaker_session=session, artifact_bucket="absent") as run:
        run.log_file(path)
        run.log_parameter("after", 1)
    run.close()

    assert "absent" in caplog.text
    assert run.output_artifacts["data.csv"].value == path.as_uri()
    assert run.parameters == {"after": 1}


def test_a_bucket_that_says_nothing_holds_up_no_step_and_costs_no_bytes(
    record, endpoint, faulty, tmp_path, monkeypatch, caplog
):
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", endpoint)
    monkeypatch.setattr("plugin_core.stores.aws.uploads.SILENCE_S", 0.5)
    faulty.faults.append(Fault(method="PUT", what="hold", holding="/team/"))
    path = tmp_path / "data.csv"
    path.write_bytes(b"here\n")
    with Run("local", "silent", artifact_bucket="team") as run:
        run.log_file(path, "data")
        run.log_confusion_matrix([0, 1], [0, 1], title="cm")
        assert faulty.faults  # the bucket is still silent
    path.unlink()

    kept = open_blobs((record.folder / "blobs").as_uri())
    assert kept.open(run.output_artifacts["data"].value).read() == b"here\n"
    assert kept.size(run.output_artifacts["cm"].value)
    assert "has not answered" in caplog.text


def test_a_bucket_may_be_named_for_a_run_of_the_settings_record(record, endpoint, boto_session, tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", endpoint)
    path = tmp_path / "data.csv"
    path.write_bytes(b"here\n")
    with Run("local", "one", artifact_bucket="team") as run:
        run.log_file(path)

    key = "trial-component-artifacts/local-one/data.csv"
    assert run.output_artifacts["data.csv"].value == f"s3://team/{key}"
    assert (
        boto_session.client("s3", endpoint_url=endpoint).get_object(Bucket="team", Key=key)["Body"].read() == b"here\n"
    )


def test_what_is_no_session_is_refused_before_anything_is_recorded(record):
    with pytest.raises(InvalidValueError, match="sagemaker_client"):
        Run("refused", "one", sagemaker_session=object())
    with pytest.raises(InvalidValueError, match="artifact_bucket"):
        Run("refused", "one", artifact_bucket=7)

    assert record.store.experiments() == []
