"""Search, through boto3: what the SDKs ask, and what their code reads of the answer."""

from datetime import UTC, datetime

import pytest
from botocore.exceptions import ClientError

RUN = {"Key": "sagemaker:trial-component-source", "Value": "run"}


@pytest.fixture(scope="module", autouse=True)
def runs(sagemaker, metrics):
    sagemaker.create_experiment(ExperimentName="sx", DisplayName="sx-shown", Tags=[{"Key": "team", "Value": "blue"}])
    for trial in ("sx-a", "sx-b"):
        sagemaker.create_trial(TrialName=trial, ExperimentName="sx")
    for i in range(6):
        name = f"sx-r{i}"
        sagemaker.create_trial_component(
            TrialComponentName=name,
            Parameters={"lr": {"NumberValue": i / 10}, "opt": {"StringValue": "adam" if i % 2 else "sgd"}},
            Tags=[RUN] if i else [],
            Status={"PrimaryStatus": "Completed" if i < 4 else "Failed"},
        )
        sagemaker.associate_trial_component(TrialComponentName=name, TrialName="sx-a" if i < 3 else "sx-b")
        point = {"MetricName": "test:accuracy", "Timestamp": datetime.now(UTC), "Step": 0, "Value": 1 - i / 10}
        metrics.batch_put_metrics(TrialComponentName=name, MetricData=[point])
    sagemaker.associate_trial_component(TrialComponentName="sx-r0", TrialName="sx-b")
    sagemaker.create_trial_component(TrialComponentName="bare")


def where(name, value=None, operator="Equals"):
    return {"Name": name, "Operator": operator, **({} if value is None else {"Value": value})}


def found(sagemaker, *filters, resource="ExperimentTrialComponent", sort="TrialComponentName", **more):
    given = {"Filters": list(filters)} if filters else {}
    expression = {"SearchExpression": {**given, **more.pop("expression", {})}}
    answer = sagemaker.search(
        Resource=resource, SortBy=sort, SortOrder=more.pop("order", "Ascending"), **expression, **more
    )
    return answer["Results"]


def names(results):
    return [result["TrialComponent"]["TrialComponentName"] for result in results]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ([where("TrialComponentName", "SX-r1"), where("Parents.TrialName", "sx-a")], [1]),
        ([where("Parents.ExperimentName", "sx")], [0, 1, 2, 3, 4, 5]),
        ([where("Parents.TrialName", "sx-b")], [0, 3, 4, 5]),
        ([where("Tags.sagemaker:trial-component-source", "run"), where("Parents.TrialName", "sx-a")], [1, 2]),
        ([where("Parameters.lr", "0.25", "GreaterThan")], [3, 4, 5]),
        ([where("Parameters.opt", "sgd")], [0, 2, 4]),
        ([where("metrics.test:accuracy.max", "0.75", "LessThanOrEqualTo")], [3, 4, 5]),
        ([where("Status.PrimaryStatus", "Failed")], [4, 5]),
        ([where("TrialComponentName", "sx-r0,sx-r5")], [0, 5]),
        ([where("Parameters.lr", operator="Exists"), where("TrialComponentName", "r5", "Contains")], [5]),
    ],
)
def test_components_are_found(sagemaker, filters, expected):
    assert names(found(sagemaker, *filters)) == [f"sx-r{i}" for i in expected]


def test_what_the_clients_read_of_a_component_is_always_there(sagemaker):
    bare = found(sagemaker, where("TrialComponentName", "bare"))[0]["TrialComponent"]
    shared = found(sagemaker, where("TrialComponentName", "sx-r0"))[0]["TrialComponent"]

    assert [bare[m] for m in ("Parameters", "InputArtifacts", "OutputArtifacts")] == [{}, {}, {}]
    assert [bare[m] for m in ("Tags", "Parents", "Metrics")] == [[], [], []]
    assert "Source" not in bare
    assert {(p["TrialName"], p["ExperimentName"]) for p in shared["Parents"]} == {("sx-a", "sx"), ("sx-b", "sx")}
    assert shared["Metrics"][0]["Max"] == 1.0
    tagged = found(sagemaker, where("TrialComponentName", "sx-r1"))[0]["TrialComponent"]
    assert tagged["Tags"] == [RUN]


def test_components_are_sorted_by_metrics_and_come_in_pages(sagemaker):
    more = {"Resource": "ExperimentTrialComponent", "SortBy": "metrics.test:accuracy.max", "SortOrder": "Ascending"}
    expression = {"Filters": [where("Parents.ExperimentName", "sx")]}
    first = sagemaker.search(**more, SearchExpression=expression, MaxResults=4)
    second = sagemaker.search(**more, SearchExpression=expression, MaxResults=4, NextToken=first["NextToken"])

    assert names(first["Results"] + second["Results"]) == [f"sx-r{i}" for i in (5, 4, 3, 2, 1, 0)]
    assert first["TotalHits"] == second["TotalHits"] == {"Value": 6, "Relation": "EqualTo"}
    assert "NextToken" not in second


def test_expressions_nest(sagemaker):
    either = {
        "Filters": [where("TrialComponentName", "sx-r1")],
        "SubExpressions": [{"Filters": [where("Parameters.lr", "0.5")]}],
        "Operator": "Or",
    }
    parents = {"NestedFilters": [{"NestedPropertyName": "Parents", "Filters": [where("Parents.TrialName", "sx-a")]}]}

    answer = sagemaker.search(
        Resource="ExperimentTrialComponent", SearchExpression=either, SortBy="TrialComponentName", SortOrder="Ascending"
    )
    assert names(answer["Results"]) == ["sx-r1", "sx-r5"]
    assert names(found(sagemaker, expression=parents)) == ["sx-r0", "sx-r1", "sx-r2"]


def test_experiments_and_trials_are_found(sagemaker):
    experiments = found(sagemaker, where("Tags.team", "blue"), resource="Experiment", sort="CreationTime")
    trials = found(sagemaker, where("ExperimentName", "sx"), resource="ExperimentTrial", sort="TrialName")

    assert [e["Experiment"]["ExperimentName"] for e in experiments] == ["sx"]
    assert experiments[0]["Experiment"]["Tags"] == [{"Key": "team", "Value": "blue"}]
    assert [t["Trial"]["TrialName"] for t in trials] == ["sx-a", "sx-b"]
    members = {m["TrialComponentName"] for m in trials[0]["Trial"]["TrialComponentSummaries"]}
    assert members == {"sx-r0", "sx-r1", "sx-r2"}


def test_of_kinds_that_are_not_held_nothing_is_found(sagemaker):
    assert sagemaker.search(Resource="Endpoint")["Results"] == []


@pytest.mark.parametrize(
    "filters",
    [[where("Nothing.such", "x")], [where("CreationTime", "many", "GreaterThan")], [where("A", "1")] * 21],
)
def test_an_expression_that_says_nothing_is_refused(sagemaker, filters):
    with pytest.raises(ClientError) as error:
        found(sagemaker, *filters)

    assert error.value.response["Error"]["Code"] == "ValidationException"


def test_an_expression_of_too_many_levels_is_refused(sagemaker):
    expression = {"Filters": [where("TrialComponentName", "x")]}
    for _ in range(25):
        expression = {"SubExpressions": [expression]}
    with pytest.raises(ClientError, match="20 levels"):
        sagemaker.search(Resource="ExperimentTrialComponent", SearchExpression=expression)


def test_properties_are_suggested(sagemaker):
    query = {"PropertyNameQuery": {"PropertyNameHint": "parents."}}
    answer = sagemaker.get_search_suggestions(Resource="ExperimentTrialComponent", SuggestionQuery=query)

    suggested = [s["PropertyName"] for s in answer["PropertyNameSuggestions"]]
    assert suggested == ["Parents.ExperimentName", "Parents.TrialName"]
