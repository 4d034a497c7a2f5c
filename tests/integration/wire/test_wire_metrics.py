"""Metrics, through boto3's own client for them."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError

START = datetime(2026, 3, 1, 12, 0, 0, 250000, tzinfo=UTC)


@pytest.fixture
def component(sagemaker, request):
    name = "-".join(re.findall(r"[a-z0-9]+", request.node.name.lower()))
    return name, sagemaker.create_trial_component(TrialComponentName=name)["TrialComponentArn"]


def put(metrics, name, values, *, metric="loss", every=timedelta(seconds=20), steps=True):
    data = [
        {"MetricName": metric, "Timestamp": START + i * every, "Value": value, **({"Step": i} if steps else {})}
        for i, value in enumerate(values)
    ]
    for i in range(0, len(data), 10):
        metrics.batch_put_metrics(TrialComponentName=name, MetricData=data[i : i + 10])


def get(metrics, arn, *, metric="loss", stat="Last", period="IterationNumber", **window):
    axis = "IterationNumber" if period == "IterationNumber" else "Timestamp"
    query = {"MetricName": metric, "ResourceArn": arn, "MetricStat": stat, "Period": period, "XAxisType": axis}
    found = metrics.batch_get_metrics(MetricQueries=[{**query, **window}])["MetricQueryResults"][0]
    return found["Status"], list(zip(found["XAxisValues"], found["MetricValues"], strict=True))


def test_points_are_summarised_and_read_back_by_step(sagemaker, metrics, component):
    name, arn = component
    put(metrics, name, [0.5, 0.25, 0.75, 0.5] * 3)
    found = sagemaker.describe_trial_component(TrialComponentName=name)["Metrics"]

    assert found == [
        {
            "MetricName": "loss",
            "SourceArn": arn,
            "TimeStamp": START + timedelta(seconds=220),
            "Max": 0.75,
            "Min": 0.25,
            "Last": 0.5,
            "Count": 12,
            "Avg": 0.5,
            "StdDev": pytest.approx(0.1767766953),
        }
    ]
    assert get(metrics, arn)[1][:3] == [(0, 0.5), (1, 0.25), (2, 0.75)]
    assert get(metrics, arn, Start=2, End=3) == ("Complete", [(2, 0.75), (3, 0.5)])


@pytest.mark.parametrize(
    ("stat", "expected"),
    [("Min", [1, 4]), ("Max", [3, 4]), ("Avg", [2, 4]), ("Count", [3, 1]), ("Last", [3, 4]), ("StdDev", [0.816497, 0])],
)
def test_points_are_read_back_by_minute(metrics, component, stat, expected):
    name, arn = component
    put(metrics, name, [1, 2, 3, 4])
    noon = int(datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp())

    status, found = get(metrics, arn, stat=stat, period="OneMinute")
    assert status == "Complete"
    assert [at for at, _ in found] == [noon, noon + 60]
    assert [value for _, value in found] == pytest.approx(expected, abs=1e-5)


def test_points_without_steps_go_on_from_the_latest(metrics, component):
    name, arn = component
    put(metrics, name, [1.0, 2.0])
    put(metrics, name, [3.0, 4.0], steps=False)

    assert get(metrics, arn)[1] == [(0, 1.0), (1, 2.0), (2, 3.0), (3, 4.0)]


def test_a_query_of_what_is_missing_says_so_beside_those_that_succeed(metrics, component):
    name, arn = component
    put(metrics, name, [1.0])

    assert get(metrics, arn.replace(name, "missing"))[0] == "ValidationError"
    assert get(metrics, arn, metric="other") == ("Complete", [])
    assert get(metrics, arn, period="OneHour")[0] == "Complete"


def test_points_of_a_missing_component_and_too_many_at_once_are_refused(metrics, component):
    point = {"MetricName": "m", "Timestamp": START, "Value": 1.0}
    with pytest.raises(ClientError, match="missing") as missing:
        metrics.batch_put_metrics(TrialComponentName="missing", MetricData=[point])
    with pytest.raises(ClientError, match="less than or equal to 10") as many:
        metrics.batch_put_metrics(TrialComponentName=component[0], MetricData=[point] * 11)
    with pytest.raises(ClientError, match="regular expression") as upper:
        metrics.batch_put_metrics(TrialComponentName="Upper", MetricData=[point])

    codes = [error.value.response["Error"]["Code"] for error in (missing, many, upper)]
    assert codes == ["ResourceNotFound", "ValidationException", "ValidationException"]
