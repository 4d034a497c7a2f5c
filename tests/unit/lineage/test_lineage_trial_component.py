"""LineageTrialComponent shows what was logged in SageMaker's raw shapes, and finds data sets and models."""

import math

import pytest

from plugin_core import LineageTrialComponent, Run
from plugin_core.errors import NotFoundError
from plugin_core.lineage import DatasetArtifact, LineageQueryDirectionEnum, ModelArtifact
from plugin_core.model.components import OrchestratorRef, Status

RAW, TABLE, MODEL = "file:///data/raw.csv", "sha256:" + "ab" * 32, "sha256:" + "cd" * 32
FLOW_RUN = "01890000-aaaa-7bbb-8ccc-1234567890ab"


def uris(artifacts):
    return [artifact.source.source_uri for artifact in artifacts]


def test_what_a_run_logged_has_sagemakers_shapes(flowtrail_record):
    with Run("exp", "r1", tags={"team": "a"}) as run:
        run.log_parameters({"rate": 0.1, "epochs": 3, "on": True, "name": "x", "none": None, "layers": [1, 2]})
        run.log_parameters({"nan": math.nan, "huge": 10**5000})
        run.log_artifact("data", "s3://b/in.csv", media_type="text/csv", is_output=False)
        run.log_artifact("note", "short text")

    component = LineageTrialComponent.load("exp-r1")

    numbers = {"rate": 0.1, "epochs": 3.0, "on": 1.0}
    texts = {"name": "x", "none": "None", "layers": "[1, 2]", "nan": "nan"}
    assert {k: v["NumberValue"] for k, v in component.parameters.items() if "NumberValue" in v} == numbers
    assert texts.items() <= {k: v["StringValue"] for k, v in component.parameters.items() if "StringValue" in v}.items()
    assert component.parameters["huge"]["StringValue"].startswith('{"$int":"0x')
    assert component.input_artifacts == {"data": {"Value": "s3://b/in.csv", "MediaType": "text/csv"}}
    assert component.output_artifacts == {"note": {"Value": "short text"}}
    assert {"Key": "team", "Value": "a"} in component.tags


def test_metrics_are_summaries_with_sagemakers_keys(flowtrail_record):
    with Run("exp", "r1") as run:
        for value in (1.0, 3.0, 2.0):
            run.log_metric("loss", value)
        run.log_metric("never", math.nan)

    component = LineageTrialComponent.load("exp-r1")
    loss, never = sorted(component.metrics, key=lambda metric: metric["MetricName"])

    assert loss.pop("TimeStamp") == run.metrics["loss"].last_time
    assert loss.pop("StdDev") == pytest.approx(math.sqrt(2 / 3))
    assert loss == {
        "MetricName": "loss",
        "SourceArn": component.trial_component_arn,
        "Max": 3.0,
        "Min": 1.0,
        "Last": 2.0,
        "Count": 3,
        "Avg": 2.0,
    }
    assert never["Count"] == 1
    assert math.isnan(never["Min"])


def test_a_run_that_ended_is_completed_and_has_its_times(flowtrail_record):
    with Run("exp", "r1"):
        pass

    component = LineageTrialComponent.load("exp-r1")

    assert component.status["PrimaryStatus"] == "Completed"
    assert component.creation_time <= component.start_time <= component.end_time


def test_a_run_that_failed_says_why(flowtrail_record):
    with pytest.raises(KeyError), Run("exp", "r1"):
        raise KeyError("k")

    assert LineageTrialComponent.load("exp-r1").status == {"PrimaryStatus": "Failed", "Message": "'k'"}


def test_while_it_runs_it_is_in_progress(flowtrail_record):
    with Run("exp", "r1") as run:
        component = LineageTrialComponent.load(run.component_name)

    assert component.status["PrimaryStatus"] == "InProgress"
    assert component.end_time is None
    assert run.status is Status.COMPLETED


def test_it_is_loaded_by_name_in_any_case_or_by_arn(chain):
    by_name = LineageTrialComponent.load("Flow-Train-1")

    assert by_name == LineageTrialComponent.load(by_name.trial_component_arn)
    assert repr(by_name) == "LineageTrialComponent('flow-train-1', status='InProgress')"


def test_one_that_does_not_exist_is_not_found_and_a_near_one_is_named(chain):
    with pytest.raises(NotFoundError, match=r"'flow-train-2' does not exist.*Did you mean flow-train-1"):
        LineageTrialComponent.load("flow-train-2")


def test_data_sets_are_looked_for_upstream_and_models_downstream(chain):
    clean, train = (LineageTrialComponent.load(f"flow-{step}-1") for step in ("clean", "train"))

    assert uris(train.dataset_artifacts()) == [TABLE, RAW]
    assert uris(clean.dataset_artifacts(LineageQueryDirectionEnum.DESCENDANTS)) == [TABLE]
    assert uris(clean.models()) == [MODEL]
    assert uris(train.models(LineageQueryDirectionEnum.ASCENDANTS)) == []
    assert {type(a) for a in train.dataset_artifacts()} == {DatasetArtifact}
    assert {type(a) for a in clean.models()} == {ModelArtifact}


def test_both_ways_find_both(chain):
    clean = LineageTrialComponent.load("flow-clean-1")

    assert set(uris(clean.dataset_artifacts(LineageQueryDirectionEnum.BOTH))) >= {RAW, TABLE}


def test_what_is_further_than_ten_edges_is_not_looked_for(graph):
    for i in range(8):
        graph.artifact(f"mem://{i}")
    for i in range(7):
        graph.used(f"s{i}", f"mem://{i}")
        graph.made(f"s{i}", f"mem://{i + 1}")

    found = uris(LineageTrialComponent.load("s6").dataset_artifacts())

    assert found == [f"mem://{i}" for i in (6, 5, 4, 3, 2)]


def test_a_step_knows_the_execution_it_ran_in(chain):
    arn = "arn:aws:sagemaker:local:000000000000:pipeline/flow/execution/1234567890ab"

    assert LineageTrialComponent.load("flow-train-1").pipeline_execution_arn() == arn
    assert LineageTrialComponent.load("flow-draw-1").pipeline_execution_arn() is None


def test_a_tag_that_names_the_execution_wins(graph):
    tag = {"sagemaker:pipeline-execution-arn": "arn:aws:sagemaker:eu-west-1:123456789012:pipeline/p/execution/e"}
    graph.component("c", orchestrator=OrchestratorRef(system="prefect", execution_id=FLOW_RUN), tags=tag)

    assert LineageTrialComponent.load("c").pipeline_execution_arn() == tag["sagemaker:pipeline-execution-arn"]


def test_the_job_it_stands_for_is_its_source(graph):
    arn = "arn:aws:sagemaker:eu-west-1:123456789012:training-job/fit"
    graph.component("fit", source_arn=arn)

    assert LineageTrialComponent.load("fit").source == {"SourceArn": arn, "SourceType": "SageMakerTrainingJob"}
    assert LineageTrialComponent.load(arn).trial_component_name == "fit"
