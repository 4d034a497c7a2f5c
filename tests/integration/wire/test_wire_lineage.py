"""Artifacts, actions, contexts, associations, lineage queries, tags and jobs, through boto3."""

from array import array

import pytest
from botocore.exceptions import ClientError

from plugin_core.model.changes import AppendPoints, PutComponent, PutTrial, SetParameters, SetStatus
from plugin_core.model.components import Kind, OrchestratorRef, Status

EXECUTION = "11111111-2222-4333-8444-167a5b6c7d8e"


@pytest.fixture
def artifact(sagemaker):
    def make(uri, kind="DataSet", **more):
        return sagemaker.create_artifact(Source={"SourceUri": uri}, ArtifactType=kind, **more)["ArtifactArn"]

    return make


@pytest.fixture(scope="module")
def step(store):
    origin = OrchestratorRef(system="prefect", execution_id=EXECUTION, step_id="s1")
    trial = "churn-167a5b6c7d8e"
    store.write(
        [
            PutComponent(at=1, name="churn-root", experiment="churn", trial=trial, kind=Kind.FLOW, orchestrator=origin),
            PutTrial(at=1, name=trial, experiment="churn", root_component="churn-root"),
            PutComponent(
                at=2, name="churn-train", experiment="churn", trial=trial, kind=Kind.TASK, orchestrator=origin
            ),
        ]
    )
    return "churn-train"


def test_an_artifact_is_described_updated_listed_and_deleted(sagemaker):
    source = {"SourceUri": "s3://b/chart.json", "SourceTypes": [{"SourceIdType": "S3ETag", "Value": "abc"}]}
    arn = sagemaker.create_artifact(
        ArtifactName="chart", Source=source, ArtifactType="ROCCurve", Properties={"a": "1", "b": "2"}
    )["ArtifactArn"]
    sagemaker.update_artifact(ArtifactArn=arn, ArtifactName="curve", Properties={"b": "3"}, PropertiesToRemove=["a"])
    found = sagemaker.describe_artifact(ArtifactArn=arn)
    listed = sagemaker.list_artifacts(SourceUri="s3://b/chart.json", ArtifactType="ROCCurve")["ArtifactSummaries"]
    sagemaker.delete_artifact(Source={"SourceUri": "s3://b/chart.json"})

    assert found["Source"] == listed[0]["Source"] == source
    assert (found["ArtifactName"], found["ArtifactType"], found["Properties"]) == ("curve", "ROCCurve", {"b": "3"})
    assert [each["ArtifactArn"] for each in listed] == [arn]
    with pytest.raises(sagemaker.exceptions.ResourceNotFound):
        sagemaker.describe_artifact(ArtifactArn=arn)
    with pytest.raises(ClientError, match="either"):
        sagemaker.delete_artifact()


def test_a_source_has_one_artifact_and_creating_it_again_returns_it(artifact):
    assert artifact("s3://b/same", ArtifactName="same") == artifact("s3://b/same", ArtifactName="other")


@pytest.mark.parametrize(("kind", "name"), [("action", "approve"), ("context", "end_point")])
def test_an_action_or_context_is_described_updated_listed_and_deleted(sagemaker, kind, name):
    def call(verb, **arguments):
        return getattr(sagemaker, f"{verb}_{kind}")(**{f"{kind.title()}Name": name, **arguments})

    source = {"SourceUri": f"s3://{kind}", "SourceType": "ARN", "SourceId": "7"}
    call("create", Source=source, Description="d", Properties={"x": "y"}, **{f"{kind.title()}Type": "Approval"})
    with pytest.raises(ClientError, match="already exists"):
        call("create", Source=source, **{f"{kind.title()}Type": "Approval"})
    call("update", Description="e", Properties={"z": "1"}, PropertiesToRemove=["x"])
    found = call("describe")
    summaries = getattr(sagemaker, f"list_{kind}s")(SourceUri=f"s3://{kind}")[f"{kind.title()}Summaries"]
    call("delete")

    assert found["Source"] == summaries[0]["Source"] == source
    assert (found["Description"], found["Properties"]) == ("e", {"z": "1"})
    with pytest.raises(sagemaker.exceptions.ResourceNotFound):
        call("describe")


def test_an_action_has_a_status(sagemaker):
    sagemaker.create_action(
        ActionName="deploy", Source={"SourceUri": "s3://m"}, ActionType="Deploy", Status="InProgress"
    )
    sagemaker.update_action(ActionName="deploy", Status="Completed")

    assert sagemaker.describe_action(ActionName="deploy")["Status"] == "Completed"


def test_associations_are_listed_with_the_names_and_types_of_their_ends(sagemaker, artifact):
    component = sagemaker.create_trial_component(TrialComponentName="trainer")["TrialComponentArn"]
    data, model = artifact("s3://data", ArtifactName="data"), artifact("s3://model", "Model", ArtifactName="model")
    sagemaker.add_association(SourceArn=data, DestinationArn=component, AssociationType="ContributedTo")
    sagemaker.add_association(SourceArn=component, DestinationArn=model, AssociationType="Produced")
    with pytest.raises(ClientError, match="already exists"):
        sagemaker.add_association(SourceArn=component, DestinationArn=model, AssociationType="Produced")
    into = sagemaker.list_associations(DestinationArn=component)["AssociationSummaries"]
    out_of = sagemaker.list_associations(SourceArn=component, DestinationType="Model")["AssociationSummaries"]
    sagemaker.delete_association(SourceArn=component, DestinationArn=model)

    assert [(e["SourceName"], e["SourceType"], e["AssociationType"]) for e in into] == [
        ("data", "DataSet", "ContributedTo")
    ]
    assert [(e["DestinationName"], e["DestinationType"], e["SourceName"]) for e in out_of] == [
        ("model", "Model", "trainer")
    ]
    assert sagemaker.list_associations(SourceArn=component)["AssociationSummaries"] == []
    with pytest.raises(sagemaker.exceptions.ResourceNotFound):
        sagemaker.delete_association(SourceArn=component, DestinationArn=model)


def test_lineage_is_queried_by_direction_kind_type_and_page(sagemaker, artifact, step):
    arn = sagemaker.describe_trial_component(TrialComponentName=step)["TrialComponentArn"]
    data = [artifact(f"s3://lineage/{i}") for i in range(3)]
    model = artifact("s3://lineage/model", "Model")
    for source in data:
        sagemaker.add_association(SourceArn=source, DestinationArn=arn, AssociationType="ContributedTo")
    sagemaker.add_association(SourceArn=arn, DestinationArn=model, AssociationType="Produced")

    def query(start, **arguments):
        return sagemaker.query_lineage(StartArns=[start], **arguments)

    ahead = query(model, Direction="Ascendants", Filters={"LineageTypes": ["Artifact"], "Types": ["DataSet"]})
    jobs = query(model, Direction="Ascendants", Filters={"Types": ["TrainingJob"]})
    nothing = query(model, Direction="Descendants", IncludeEdges=False)
    first = query(arn, MaxResults=3)
    second = query(arn, MaxResults=3, NextToken=first["NextToken"])

    assert {v["Arn"] for v in ahead["Vertices"]} == set(data)
    assert jobs["Vertices"] == [{"Arn": arn, "Type": "TrainingJob", "LineageType": "TrialComponent"}]
    assert (nothing["Vertices"], nothing["Edges"]) == ([], [])
    assert {v["Arn"] for v in first["Vertices"] + second["Vertices"]} == {*data, model}
    assert "NextToken" not in second
    assert {(e["SourceArn"], e["DestinationArn"]) for e in first["Edges"]} == {*((d, arn) for d in data), (arn, model)}
    with pytest.raises(sagemaker.exceptions.ResourceNotFound):
        query(arn.replace(step, "none"))


def test_tags_of_things_and_of_what_is_none_of_ours(sagemaker, artifact):
    foreign = "arn:aws:sagemaker:us-east-1:123456789012:endpoint/theirs"
    for arn in (artifact("s3://tagged"), foreign):
        added = sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": ""}])
        again = sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "a", "Value": "2"}])
        sagemaker.delete_tags(ResourceArn=arn, TagKeys=["b", "none"])

        assert added["Tags"] == [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": ""}]
        assert again["Tags"] == [{"Key": "a", "Value": "2"}, {"Key": "b", "Value": ""}]
        assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "a", "Value": "2"}]
    with pytest.raises(ClientError) as error:
        sagemaker.add_tags(ResourceArn=foreign, Tags=[{"Key": f"k{i}", "Value": ""} for i in range(50)])
    assert error.value.response["Error"]["Code"] == "ResourceLimitExceeded"


def test_a_step_counts_as_a_job_in_which_its_run_is_found(sagemaker, step):
    found = sagemaker.describe_training_job(TrainingJobName="Churn-Train")
    tags = sagemaker.list_tags(ResourceArn=found["TrainingJobArn"])["Tags"]

    assert found["ExperimentConfig"] == {
        "ExperimentName": "churn",
        "TrialName": "churn-167a5b6c7d8e",
        "TrialComponentDisplayName": "churn-train",
        "RunName": "churn-train",
    }
    assert tags == [
        {
            "Key": "sagemaker:pipeline-execution-arn",
            "Value": "arn:aws:sagemaker:local:000000000000:pipeline/churn/execution/167a5b6c7d8e",
        }
    ]
    config = found["ExperimentConfig"]
    assert sagemaker.describe_processing_job(ProcessingJobName=step)["ExperimentConfig"] == config
    assert sagemaker.describe_transform_job(TransformJobName=step)["ExperimentConfig"] == config
    with pytest.raises(sagemaker.exceptions.ResourceNotFound):
        sagemaker.describe_training_job(TrainingJobName="none")


def test_steps_are_found_as_jobs_in_the_words_of_jobs(sagemaker, store, step):
    store.write(
        [
            SetStatus(at=3, component=step, status=Status.RUNNING, message=""),
            SetParameters(at=3, component=step, parameters={"depth": 3, "booster": "gbtree"}),
            AppendPoints(
                component=step, metric="loss", steps=array("q", [0]), times=array("q", [4]), values=array("d", [0.5])
            ),
        ]
    )

    def asked(*filters, **more):
        expression = {"Filters": [{"Name": n, "Operator": o, "Value": v} for n, o, v in filters]}
        answer = sagemaker.search(Resource="TrainingJob", SearchExpression=expression, SortBy="TrainingJobName", **more)
        return [result["TrainingJob"] for result in answer["Results"]]

    (job,) = asked(
        ("TrainingJobName", "Equals", "churn-train"),
        ("TrainingJobStatus", "Equals", "InProgress"),
        ("ExperimentConfig.ExperimentName", "Equals", "churn"),
        ("HyperParameters.depth", "GreaterThan", "2"),
        ("Metrics.loss", "LessThan", "1"),
    )
    assert job["TrainingJobArn"] == sagemaker.describe_training_job(TrainingJobName=step)["TrainingJobArn"]
    assert job["ExperimentConfig"]["RunName"] == step
    assert job["HyperParameters"] == {"booster": "gbtree", "depth": "3"}
    assert [(each["MetricName"], each["Value"]) for each in job["FinalMetricDataList"]] == [("loss", 0.5)]
    assert [each["TrainingJobName"] for each in asked(("ExperimentConfig.TrialName", "Contains", "churn"))] == [
        "churn-train",
        "churn-root",
    ]
    assert asked(("TrainingJobName", "Equals", "none")) == []
    with pytest.raises(ClientError, match="no property"):
        asked(("ResourceConfig.InstanceType", "Equals", "ml.m5.large"))


def test_a_model_package_is_what_its_latest_approval_says(sagemaker):
    group = "arn:aws:sagemaker:eu-west-1:123456789012:model-package/Churn"
    for number, status in ((1, "Failed"), (2, "Completed")):
        sagemaker.create_action(
            ActionName=f"approval-{number}",
            ActionType="Approval",
            Status=status,
            Description=f"of version {number}",
            Source={"SourceUri": f"{group}/{number}"},
        )

    latest = sagemaker.describe_model_package(ModelPackageName="churn")
    first = sagemaker.describe_model_package(ModelPackageName=f"{group}/1")

    assert (latest["ModelPackageArn"], latest["ModelApprovalStatus"]) == (f"{group}/2", "Approved")
    assert (first["ModelPackageVersion"], first["ModelApprovalStatus"]) == (1, "Rejected")
    assert (first["ModelPackageGroupName"], first["ModelPackageDescription"]) == ("Churn", "of version 1")
    assert sagemaker.describe_model_package(ModelPackageName="Churn/1")["ModelPackageArn"] == f"{group}/1"
    with pytest.raises(ClientError, match="does not exist"):
        sagemaker.describe_model_package(ModelPackageName="other")


def test_there_is_one_lineage_group(sagemaker):
    groups = sagemaker.list_lineage_groups()["LineageGroupSummaries"]
    name = groups[0]["LineageGroupName"]

    assert len(groups) == 1
    assert sagemaker.describe_lineage_group(LineageGroupName=name)["LineageGroupArn"] == groups[0]["LineageGroupArn"]
    assert sagemaker.get_lineage_group_policy(LineageGroupName=name)["ResourcePolicy"] == "{}"
    with pytest.raises(sagemaker.exceptions.ResourceNotFound):
        sagemaker.describe_lineage_group(LineageGroupName="other")


def test_executions_of_an_orchestrator_are_seen_as_those_of_a_pipeline(sagemaker, step):
    executions = sagemaker.list_pipeline_executions(PipelineName="churn")["PipelineExecutionSummaries"]
    arn = executions[0]["PipelineExecutionArn"]
    steps = sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn)["PipelineExecutionSteps"]
    found = sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)

    assert [e["PipelineExecutionArn"] for e in executions] == [arn]
    assert arn.endswith(":pipeline/churn/execution/167a5b6c7d8e")
    assert (found["PipelineExecutionStatus"], found["PipelineArn"]) == ("Executing", arn.partition("/execution")[0])
    assert found["PipelineExperimentConfig"]["TrialName"] == "churn-167a5b6c7d8e"
    assert [s["StepName"] for s in steps] == ["churn-train"]
    assert sagemaker.describe_pipeline(PipelineName=found["PipelineArn"])["PipelineName"] == "churn"
    assert "churn" in {
        p["PipelineName"] for p in sagemaker.list_pipelines(PipelineNamePrefix="ch")["PipelineSummaries"]
    }
    with pytest.raises(sagemaker.exceptions.ResourceNotFound):
        sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn.replace("167a", "0000"))
