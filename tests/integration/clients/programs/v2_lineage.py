"""Lineage classes of the SageMaker SDK v2, as their users write them."""

import json

import boto3
from sagemaker.experiments import Run
from sagemaker.lineage.action import Action
from sagemaker.lineage.artifact import Artifact
from sagemaker.lineage.association import Association
from sagemaker.lineage.context import Context
from sagemaker.lineage.lineage_trial_component import LineageTrialComponent
from sagemaker.lineage.query import LineageEntityEnum, LineageFilter, LineageQuery, LineageQueryDirectionEnum
from sagemaker.lineage.visualizer import LineageTableVisualizer
from sagemaker.session import Session

session = Session()
run = Run(experiment_name="graph", run_name="train", sagemaker_session=session)
component = LineageTrialComponent.load(run.experiment_config["RunName"], sagemaker_session=session)
data = Artifact.create(
    artifact_name="data", artifact_type="DataSet", source_uri="s3://flowtrail/data.csv", sagemaker_session=session
)
model = Artifact.create(
    artifact_name="model",
    artifact_type="Model",
    source_uri="s3://flowtrail/model.bin",
    properties={"framework": "none"},
    sagemaker_session=session,
)
approval = Action.create(
    action_name="approve", action_type="Approval", source_uri="https://flowtrail.test/1", sagemaker_session=session
)
endpoint = Context.create(
    context_name="shop_front", context_type="Endpoint", source_uri="s3://flowtrail/front", sagemaker_session=session
)
arn = component.trial_component_arn
for source, destination, kind in (
    (data.artifact_arn, arn, "ContributedTo"),
    (arn, model.artifact_arn, "Produced"),
    (model.artifact_arn, approval.action_arn, "ContributedTo"),
    (approval.action_arn, endpoint.context_arn, "AssociatedWith"),
):
    Association.create(source_arn=source, destination_arn=destination, association_type=kind, sagemaker_session=session)

found = LineageQuery(session).query(
    start_arns=[data.artifact_arn],
    query_filter=LineageFilter(entities=[LineageEntityEnum.ARTIFACT]),
    direction=LineageQueryDirectionEnum.DESCENDANTS,
    include_edges=False,
)
whole = LineageQuery(session).query(
    start_arns=[data.artifact_arn], direction=LineageQueryDirectionEnum.DESCENDANTS, include_edges=True
)
shown = LineageTableVisualizer(session).show(trial_component_name=run.experiment_config["RunName"])
model.properties["framework"] = "gbm"
model.save()
print(
    json.dumps(
        {
            "data": [artifact.artifact_name for artifact in component.dataset_artifacts()],
            "models": [artifact.artifact_name for artifact in component.models()],
            "pipeline": component.pipeline_execution_arn(),
            "found": [vertex.arn == model.artifact_arn for vertex in found.vertices],
            "edges": sorted(edge.association_type for edge in whole.edges),
            "shown": shown[["Direction", "Type", "Association Type", "Lineage Type"]].values.tolist(),
            "actions": [summary.action_name for summary in Action.list(sagemaker_session=session)],
            "contexts": [summary.context_name for summary in Context.list(sagemaker_session=session)],
            "framework": Artifact.load(model.artifact_arn, sagemaker_session=session).properties["framework"],
            "incoming": [
                summary.source_arn == data.artifact_arn
                for summary in Association.list(destination_arn=arn, sagemaker_session=session)
            ],
            "caller": boto3.client("sts").get_caller_identity()["Account"],
        }
    )
)
