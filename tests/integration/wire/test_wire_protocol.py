"""The protocol itself: what is refused, and how, whoever asks."""

import json
import urllib.error
import urllib.request
from datetime import UTC, datetime

import pytest
from kit.wire import authorised, client, serving

from plugin_core.stores import open_store
from plugin_core.wire.app import json_api
from plugin_core.wire.caller import DEFAULT_TENANT, Caller, Role
from plugin_core.wire.registry import operations
from plugin_core.wire.request import WireSettings
from plugin_core.wire.services import METRICS, SAGEMAKER, load_model


def ask(server, body, *, target="SageMaker.DescribeExperiment", path="/", method="POST", **headers):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(server + path, data=data, method=method)
    request.add_header("Content-Type", "application/x-amz-json-1.1")
    if target:
        request.add_header("X-Amz-Target", target)
    try:
        with urllib.request.urlopen(request, timeout=20) as response:
            return response.status, json.loads(response.read()), response.headers
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read()), error.headers


@pytest.mark.parametrize("service", [SAGEMAKER, METRICS])
def test_every_operation_is_one_of_the_service_s_model(service):
    model = load_model(service)

    assert [name for name, op in operations().items() if op.service == service and name not in model.operations] == []


@pytest.mark.parametrize(
    "request_of",
    [
        {"target": "SageMaker.Unheard"},
        {"target": "SageMaker.CreateCluster"},
        {"target": "SageMaker.BatchPutMetrics"},
        {"target": None},
        {"path": "/elsewhere"},
        {"path": "/BatchPutMetrics", "method": "POST"},
        {"method": "PUT"},
    ],
)
def test_an_unknown_operation_is_refused_and_not_tried_again(server, request_of):
    status, body, headers = ask(server, {}, **request_of)

    assert (status, body["__type"]) == (400, "UnknownOperationException")
    assert headers["x-amzn-ErrorType"] == "UnknownOperationException"


@pytest.mark.parametrize("body", [b"{", b"\xff\xfe", b"[" * 100_000, b"nonsense"])
def test_a_body_that_is_not_json_is_refused(server, body):
    status, answer, _ = ask(server, body)

    assert (status, answer["__type"]) == (400, "SerializationException")


@pytest.mark.parametrize("body", [[], "x", 1, None, {"ExperimentName": 1}, {"ExperimentName": "a", "Unknown": 1}, {}])
def test_a_body_of_another_form_is_refused_with_all_that_is_wrong(server, body):
    status, answer, _ = ask(server, body)

    assert (status, answer["__type"]) == (400, "ValidationException")
    assert answer["message"] == answer["Message"]
    assert "1 validation error detected" in answer["message"]


def test_all_that_is_wrong_is_said_at_once(server):
    body = {"ExperimentName": "a_b", "Description": "x" * 4_000, "Tags": [{"Key": "k"}]}
    answer = ask(server, body, target="SageMaker.CreateExperiment")[1]

    assert "3 validation errors detected" in answer["message"]
    assert "'tags.1.member.value'" in answer["message"]


def test_an_answer_names_the_request_and_says_how_long_it_is(server, sagemaker):
    sagemaker.create_experiment(ExperimentName="asked")
    status, body, headers = ask(server, {"ExperimentName": "asked"})

    assert status == 200
    assert headers["x-amzn-RequestId"]
    assert int(headers["Content-Length"]) > 0
    assert isinstance(body["CreationTime"], float)


def test_a_body_that_is_too_long_is_refused(server):
    # Longer by its last byte, so that the client has sent all when it is refused: no gate drains it here.
    assert ask(server, b" " * ((8 << 20) + 1))[0] == 413


def test_who_was_not_let_in_is_refused(store, blobs):
    with serving(json_api(store, blobs, secret=b"s")) as url:
        status, body, _ = ask(url, {"ExperimentName": "x"})

    assert (status, body["__type"]) == (403, "AccessDeniedException")


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        (Role.READER, {"describe": True, "create": False, "delete": False}),
        (Role.PUT, {"describe": False, "create": True, "delete": False}),
        (Role.WRITER, {"describe": True, "create": True, "delete": True}),
    ],
)
def test_a_role_may_do_what_it_is_for(store, blobs, role, allowed):
    caller = Caller(tenant=DEFAULT_TENANT, role=role, key_id="AKIDPOD")
    with serving(authorised(json_api(store, blobs, secret=b"s"), caller)) as url:
        made = {
            verb: ask(url, {"ExperimentName": f"role-{role}"}, target=f"SageMaker.{verb.title()}Experiment")[1]
            for verb in ("create", "describe", "delete")
        }

    assert {verb: body.get("__type") != "AccessDeniedException" for verb, body in made.items()} == allowed


def test_a_failure_of_the_server_tells_no_more_than_the_id_it_was_logged_under(tmp_path, blobs, caplog):
    store = open_store(f"sqlite:///{tmp_path / 'gone' / 'record.db'}")
    with serving(authorised(json_api(store, blobs, secret=b"s", clock=lambda: None))) as url:
        status, body, headers = ask(url, {"ExperimentName": "x"})

    assert (status, body["__type"]) == (500, "InternalFailure")
    assert headers["x-amzn-RequestId"] in body["message"]
    assert "Traceback" not in body["message"]
    assert headers["x-amzn-RequestId"] in caplog.text


def test_limits_can_be_lifted(store, blobs):
    settings = WireSettings(limits=False)
    with serving(authorised(json_api(store, blobs, secret=b"s", settings=settings))) as url:
        sagemaker, metrics = client("sagemaker", url), client("sagemaker-metrics", url)
        many = {f"p{i}": {"StringValue": "x" * 5_000} for i in range(400)}
        sagemaker.create_trial_component(TrialComponentName="lifted", Parameters=many)
        point = {"MetricName": "m", "Timestamp": datetime.now(UTC), "Value": 1.0}
        metrics.batch_put_metrics(TrialComponentName="lifted", MetricData=[{**point, "Step": i} for i in range(1_000)])
        found = sagemaker.describe_trial_component(TrialComponentName="lifted")
        with pytest.raises(sagemaker.exceptions.ClientError, match="regular expression"):
            sagemaker.create_experiment(ExperimentName="no_name")

    assert len(found["Parameters"]) == 400
    assert found["Metrics"][0]["Count"] == 1_000


def test_aws_s_way_with_a_second_artifact_of_a_source_can_be_had(store, blobs):
    settings = WireSettings(strict_artifacts=True)
    with serving(authorised(json_api(store, blobs, secret=b"s", settings=settings))) as url:
        sagemaker = client("sagemaker", url)
        sagemaker.create_artifact(Source={"SourceUri": "s3://strict"}, ArtifactType="Model")
        with pytest.raises(sagemaker.exceptions.ClientError, match="already exists"):
            sagemaker.create_artifact(Source={"SourceUri": "s3://strict"}, ArtifactType="Model")


def test_the_caller_s_identity_is_known(server):
    found = client("sts", server).get_caller_identity()

    assert found["Account"] == "000000000000"
    assert found["Arn"].startswith("arn:aws:iam::000000000000:user/")
