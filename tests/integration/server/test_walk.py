"""Every route, asked by everyone, in every wrong way: what is let in is what this table says, and nothing else."""

import hashlib
from dataclasses import dataclass, field

import pytest
from kit.signing import exchange

from plugin_core.server.gate import Rules
from plugin_core.server.origins import Origins
from plugin_core.server.routes import ROUTES
from plugin_core.stores.remote.calls import MEDIA_TYPE, NAMES, PATH
from plugin_core.wire.registry import operations

READ = {"reader", "writer", "admin", "other tenant"}
PUT = {"put", "writer", "admin", "other tenant"}
WRITE = {"writer", "admin", "other tenant"}
ADMIN = {"admin"}
ANY_KEY = READ | PUT
ALL = ANY_KEY | {"nobody", "expired", "revoked", "stranger"}
VERBS = {
    **dict.fromkeys(("Describe", "List", "Get", "Search", "Query", "BatchGet"), READ),
    **dict.fromkeys(("Create", "Add", "Associate", "BatchPut"), PUT),
    **dict.fromkeys(("Update", "Delete", "Disassociate"), WRITE),
}
EXCEPTIONS = {"UpdateTrialComponent": PUT}  # how a run tells its status and parameters


@dataclass(frozen=True)
class Case:
    name: str
    method: str
    path: str
    allowed: frozenset
    service: str = "sagemaker"
    headers: dict = field(default_factory=dict)
    body: bytes = b""


def operation_cases():
    for name, operation in sorted(operations().items()):
        if operation.service == "sagemaker":
            verb = next((verb for verb in VERBS if name.startswith(verb)), None)
            assert verb is not None or name in EXCEPTIONS, f"{name}: who may do it?"
            headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": f"SageMaker.{name}"}
            allowed = EXCEPTIONS.get(name) or VERBS[verb]
            yield Case(name, "POST", "/", frozenset(allowed), headers=headers, body=b"{}")


def record_cases():
    """The record's own operations: what a key of a role may do there, written out once more."""
    for name in sorted(NAMES):
        allowed = PUT if name in {"apply", "watermark", "seen"} else WRITE if name in RECORD_WRITES else READ
        body = b"\x00{}\n"
        headers = {
            "Content-Type": MEDIA_TYPE,
            "X-Flowtrail-Operation": name,
            "X-Amz-Content-SHA256": hashlib.sha256(body).hexdigest(),
        }
        yield Case(f"record:{name}", "POST", PATH, frozenset(allowed), headers=headers, body=body)


RECORD_WRITES = {"write", "delete", "delete_association"}
JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
CASES = [
    Case("healthz", "GET", "/healthz", frozenset(ALL)),
    Case("healthz", "HEAD", "/healthz", frozenset(ALL)),
    Case("metrics", "GET", "/metrics", frozenset(ADMIN)),
    Case("identity", "POST", "/", frozenset(ANY_KEY), "sts", FORM, b"Action=GetCallerIdentity"),
    Case("BatchPutMetrics", "PUT", "/BatchPutMetrics", frozenset(PUT), headers=JSON, body=b"{}"),
    Case("BatchGetMetrics", "POST", "/BatchGetMetrics", frozenset(READ), headers=JSON, body=b"{}"),
    Case("buckets", "GET", "/", frozenset(READ), "s3"),
    Case("object", "GET", "/bucket/a%20key", frozenset(READ), "s3"),
    Case("object", "HEAD", "/bucket/key", frozenset(READ), "s3"),
    Case("object", "PUT", "/bucket/key", frozenset(PUT), "s3", body=b"bytes"),
    Case("object", "DELETE", "/bucket/key", frozenset(WRITE), "s3"),
    Case("copy", "PUT", "/bucket/key", frozenset(WRITE), "s3", {"x-amz-copy-source": "/bucket/other"}),
    Case("upload", "POST", "/bucket/key?uploads", frozenset(PUT), "s3"),
    Case("upload", "PUT", "/bucket/key?partNumber=1&uploadId=u", frozenset(PUT), "s3", body=b"part"),
    Case("upload", "DELETE", "/bucket/key?uploadId=u", frozenset(PUT), "s3"),
    Case("many", "POST", "/bucket?delete", frozenset(WRITE), "s3", body=b"<Delete/>"),
    Case("many, in disguise", "POST", "/bucket?%64elete", frozenset(WRITE), "s3", body=b"<Delete/>"),
    Case("a bucket of a route's name", "GET", "/metrics", frozenset(READ), "s3"),
    *operation_cases(),
    *(case for case in record_cases() if case.name in {"record:apply", "record:about"}),
]
UNSAFE = [case for case in CASES if case.method not in {"GET", "HEAD"}]
by_name = pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.name}-{case.method}")
by_unsafe = pytest.mark.parametrize("case", UNSAFE, ids=lambda case: f"{case.name}-{case.method}")


@pytest.fixture(scope="module")
def rules() -> Rules:
    return Rules(
        origins=Origins(hosts=("flowtrail.example.org:443", "tracking"), origins=("https://pages.example.org",)),
        requests_per_s=0,
    )


def send(sender, case: Case, **changes):
    options = {"service": case.service, "headers": case.headers, "body": case.body, **changes}
    return sender.send(options.pop("method", case.method), case.path, **options)


def test_every_route_is_walked() -> None:
    walked = {(case.path if case.service != "s3" else None, case.method) for case in CASES}

    assert walked >= {(route.path, method) for route in ROUTES for method in route.methods}


@by_name
def test_who_may_ask_is_answered_and_who_may_not_is_refused(server, case: Case) -> None:
    answers = {who: send(sender, case).status for who, sender in server.senders.items()}

    assert {who for who, status in answers.items() if status == 200} == case.allowed
    refused = {who: status for who, status in answers.items() if who not in case.allowed}
    if case.service == "s3" and refused:  # without a signature nothing says that an object is meant
        assert refused.pop("nobody") in {403, 404, 405, 415, 400}
    assert set(refused.values()) <= {403}


@pytest.mark.parametrize("case", [*record_cases()], ids=lambda case: case.name)
def test_who_may_ask_of_the_record_is_answered_and_who_may_not_is_refused(server, case: Case) -> None:
    answers = {who: send(sender, case).status for who, sender in server.senders.items()}

    assert {who for who, status in answers.items() if status == 200} == case.allowed
    assert {status for who, status in answers.items() if who not in case.allowed} <= {403}


@pytest.mark.parametrize("name", ["", "close", "points", "_ask", "url", "__init__", "Apply", "SageMaker.CreateTrial"])
def test_what_is_no_operation_of_the_record_is_unknown(server, name: str) -> None:
    case = next(record_cases())

    assert send(server.senders["admin"], case, headers={**case.headers, "X-Flowtrail-Operation": name}).status == 400


def test_an_operation_that_is_named_twice_is_unknown(server) -> None:
    case = next(record_cases())
    admin = server.senders["admin"]
    sent = admin.signed("POST", PATH, body=case.body, headers=case.headers)

    answer = exchange(server.url, "POST", PATH, {**sent, "x-flowtrail-operation": "apply"}, case.body)
    assert answer.status == 400


def test_a_body_that_was_not_signed_never_reaches_the_record(server) -> None:
    writer = server.senders["writer"]
    case = next(case for case in record_cases() if case.name == "record:write")
    undeclared = {name: value for name, value in case.headers.items() if name != "X-Amz-Content-SHA256"}
    sent = writer.signed("POST", PATH, headers=undeclared)  # as if there were no body

    assert exchange(server.url, "POST", PATH, {**sent, "Content-Length": "4"}, case.body).status == 400
    assert exchange(server.url, "POST", PATH, writer.signed("POST", PATH, headers=case.headers), b"other").status == 400


@by_name
def test_a_key_opens_its_own_tenants_record_alone(server, case: Case) -> None:
    answer = send(server.senders["other tenant"], case)

    if case.allowed not in (ADMIN, ALL) and case.method != "HEAD":
        assert answer.json["tenant"] == "other"
        assert answer.json["key"] == server.senders["other tenant"].key


@by_name
@pytest.mark.parametrize(
    "host", ["evil.example.com", "127.0.0.1.evil.com", "evil.com:80@127.0.0.1", "tracking.evil.com"]
)
def test_another_host_is_misdirected(server, case: Case, host: str) -> None:
    expected = 200 if case.name == "healthz" else 421

    assert send(server.senders["nobody"], case, host=host).status in {expected, 404}
    if "@" not in host and case.name != "healthz":
        assert send(server.senders["admin"], case, host=host).status == 421


@pytest.mark.parametrize("host", ["localhost:1", "[::1]", "127.0.0.1", "TRACKING:8460", "flowtrail.example.org:443"])
def test_the_servers_own_names_are_answered(server, host: str) -> None:
    assert server.senders["reader"].operation("DescribeExperiment", host=host).status == 200
    assert server.senders["reader"].operation("DescribeExperiment", host="flowtrail.example.org:80").status == 421


def test_a_bucket_may_stand_in_front_of_the_hosts_name(server) -> None:
    reader = server.senders["reader"]

    assert reader.send("GET", "/key", service="s3", host="bucket.localhost:8460").status == 200
    assert reader.send("GET", "/key", service="s3", host="bucket.127.0.0.1").status == 421
    assert reader.operation("DescribeExperiment", host="bucket.localhost").status == 421


@by_unsafe
def test_a_foreign_page_changes_nothing_even_with_a_good_key(server, case: Case) -> None:
    foreign = [
        {"Origin": "https://evil.example.com"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ]
    for headers in foreign:
        assert send(server.senders["admin"], case, unsigned=headers).status == 403, headers


@by_unsafe
def test_the_servers_own_pages_and_those_that_were_set_may(server, case: Case) -> None:
    own = {"Origin": server.url, "Sec-Fetch-Site": "same-origin"}

    assert send(server.senders["admin"], case, unsigned=own).status == 200
    assert send(server.senders["admin"], case, unsigned={"Origin": "https://pages.example.org"}).status == 200


@by_name
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_a_method_that_no_route_has_is_refused(server, case: Case, method: str) -> None:
    known = {one.method for one in CASES if (one.path, one.service) == (case.path, case.service)}
    known |= {m for route in ROUTES if case.service == "s3" and route.path is None for m in route.methods}
    if method not in known:
        answer = send(server.senders["admin"], case, method=method)
        assert answer.status == 405
        assert method not in answer.headers["allow"]


@pytest.mark.parametrize("path", ["/", "/BatchPutMetrics", "/BatchGetMetrics", "/?Action=DeleteExperiment"])
def test_nothing_is_changed_by_a_get(server, path: str) -> None:
    assert server.senders["admin"].send("GET", path).status == 405


@pytest.mark.parametrize(
    "path", ["/api", "/healthz/", "/Metrics", "//", "/.git/config", "/BatchPutMetrics/", "/%42atchPutMetrics", "/..%2f"]
)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
def test_a_path_without_an_entry_is_refused_for_everyone(server, path: str, method: str) -> None:
    for who in ("nobody", "admin"):
        assert server.senders[who].send(method, path, headers=JSON).status == 404


@pytest.mark.parametrize("name", ["DeleteEverything", "describeexperiment", "", "../DescribeExperiment"])
def test_an_operation_without_an_entry_is_a_400_that_no_client_tries_again(server, name: str) -> None:
    answer = server.senders["admin"].operation(name)

    assert (answer.status, answer.json["__type"]) == (400, "UnknownOperationException")


def test_a_signature_for_one_service_opens_no_other(server) -> None:
    admin = server.senders["admin"]

    assert admin.operation("CreateExperiment", service="s3").json["route"] == "objects"
    assert admin.operation("CreateExperiment", service="sts").status == 415
    assert admin.send("PUT", "/BatchPutMetrics", service="sts", headers=JSON).status == 403
    assert admin.send("POST", "/", service="sagemaker", headers=FORM, body=b"Action=GetCallerIdentity").status != 200


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_what_a_form_can_send_is_no_operation(server, content_type: str) -> None:
    headers = {"Content-Type": content_type} if content_type else {}

    assert server.senders["admin"].send("PUT", "/BatchPutMetrics", headers=headers, body=b"{}").status == 415
