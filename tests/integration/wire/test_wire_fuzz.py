"""Requests that are almost right: whatever comes, the answer is one that the protocol has, and never a failure."""

import json
import string

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kit.wire import ADMIN

from plugin_core.wire.app import json_api
from plugin_core.wire.caller import CALLER
from plugin_core.wire.registry import operations
from plugin_core.wire.services import METRICS, SAGEMAKER, load_model

MODELS = {service: load_model(service) for service in (SAGEMAKER, METRICS)}
OPERATIONS = sorted(operations())
NAMES = ["fuzz", "fuzz-a", "FUZZ-b", "fuzz-c"]
KINDS = ["experiment", "experiment-trial", "experiment-trial-component", "action", "context", "training-job"]
ARNS = [f"arn:aws:sagemaker:local:000000000000:{kind}/{name.lower()}" for kind in KINDS for name in NAMES]
HOSTILE = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=30),
    st.sampled_from(["", "\0", "%' OR 1=1 --", "\ud800", "../..", "x" * 3_000, "NaN", 10**400, -1, 2**63, 1e308]),
    st.lists(st.integers(), max_size=3),
    st.dictionaries(st.text(max_size=5), st.integers(), max_size=3),
)
NUMBERS = {
    "integer": st.integers(1, 60),
    "long": st.integers(0, 10**12),
    "double": st.floats(allow_nan=False, allow_infinity=False),
    "boolean": st.booleans(),
    "timestamp": st.floats(0, 4e9) | st.just("2026-03-01T12:00:00Z"),
}
PROPERTIES = [
    "TrialComponentName", "Parameters.lr", "Metrics.loss.Min", "metrics.test:accuracy.max", "Tags.team",
    "Parents.TrialName", "Source.SourceArn", "CreationTime", "Status.PrimaryStatus", "Nothing", "Metrics.loss", "a.b.c",
]  # fmt: skip


def valid(shapes, name, depth=0):
    """Values that fit a shape, mostly."""
    shape = shapes[name]
    if "enum" in shape:
        return st.sampled_from(shape["enum"])
    if shape["type"] == "string":
        return text_of(name)
    if shape["type"] in NUMBERS:
        return NUMBERS[shape["type"]]
    return {"list": listed, "map": mapped, "structure": structured}[shape["type"]](shapes, shape, depth + 1)


def listed(shapes, shape, depth):
    if depth > 6:
        return st.just([])
    least = min(shape.get("min", 0), 1)
    return st.lists(valid(shapes, shape["member"]["shape"], depth), min_size=least, max_size=2)


def mapped(shapes, shape, depth):
    keys = text_of(shape["key"]["shape"])
    return st.dictionaries(keys, valid(shapes, shape["value"]["shape"], depth), max_size=3)


def structured(shapes, shape, depth):
    members = {m: valid(shapes, r["shape"], depth) for m, r in shape["members"].items() if m != "NextToken"}
    required = {m: members.pop(m) for m in shape.get("required", ())}
    return st.fixed_dictionaries(required, optional=members)


def text_of(name):
    if name.endswith("Arn"):
        return st.sampled_from(ARNS)
    if name == "ResourcePropertyName":
        return st.sampled_from(PROPERTIES)
    return st.sampled_from([*NAMES, *ARNS[:3]]) | st.text(string.ascii_letters + "-", min_size=1, max_size=8)


@st.composite
def requests(draw):
    """An operation with members that fit, of which some may be replaced by anything, dropped or added to."""
    name = draw(st.sampled_from(OPERATIONS))
    model = MODELS[operations()[name].service]
    members = draw(valid(model.shapes, model.input_shape(name)))
    for _ in range(draw(st.integers(0, 2))):
        spoil(draw, members)
    return name, members


def spoil(draw, value):
    """Replace something at any depth."""
    while isinstance(value, dict | list) and value:
        key = draw(st.sampled_from(sorted(value) if isinstance(value, dict) else range(len(value))))
        if isinstance(value[key], dict | list) and draw(st.booleans()):
            value = value[key]
            continue
        value[key] = draw(HOSTILE)
        return
    if isinstance(value, dict):
        value[draw(st.text(max_size=5))] = draw(HOSTILE)


@pytest.fixture(scope="module")
def answered(store, blobs):
    app = json_api(store, blobs, secret=b"of the tests")
    for name in NAMES[:2]:
        for operation, members in (
            ("CreateExperiment", {"ExperimentName": name}),
            ("CreateTrial", {"TrialName": name, "ExperimentName": name}),
            ("CreateTrialComponent", {"TrialComponentName": name}),
        ):
            ask(app, operation, members)
    return lambda operation, members: ask(app, operation, members)


def ask(app, operation, members):
    metric = operations()[operation].service == METRICS
    method = "PUT" if operation == "BatchPutMetrics" else "POST"
    target = [] if metric else [(b"x-amz-target", f"SageMaker.{operation}".encode())]
    scope = {"method": method, "path": f"/{operation}" if metric else "/", "headers": target, CALLER: ADMIN}
    return app._answered(scope, json.dumps(members).encode(), "of the tests")


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(request=requests())
def test_an_answer_is_one_that_the_protocol_has(answered, request):
    operation, members = request
    response = answered(operation, members)

    assert response.status in {200, 400}, (operation, members, response.body)
    body = json.loads(response.body)
    assert response.status == 200 or body["__type"] in {
        "ValidationException", "ResourceNotFound", "ConflictException", "ResourceLimitExceeded"
    }  # fmt: skip
