"""What a request may cost, and what a client is told of what goes wrong."""

import hashlib
import json
import logging
import re
import socket
import time
from dataclasses import replace
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from kit.echo import echo
from kit.signing import Sender, exchange
from kit.wire import serving

from plugin_core.errors import StoreUnavailableError
from plugin_core.server.audit import FILE, verified
from plugin_core.server.gate import Rules, protected
from plugin_core.server.keyring import KeyRing
from plugin_core.server.keys import Keys
from plugin_core.stores import open_keys
from plugin_core.stores.remote.calls import MEDIA_TYPE, PATH
from plugin_core.wire.caller import Role

SECRET = b"the servers' own secret, which is long enough"
TOKEN = "the scraper's token"
MB = 1 << 20


@pytest.fixture(scope="module")
def rules() -> Rules:
    return Rules(requests_per_s=0, max_object_bytes=MB, metrics_token=TOKEN, silence_s=0.5, answer_s=1.0)


@pytest.fixture
def writer(server):
    return server.senders["writer"]


def raw(server, *parts: bytes) -> bytes:
    """Send bytes as they are; what comes back until the server hangs up."""
    address = urlsplit(server.url)
    with socket.create_connection((address.hostname, address.port), timeout=20) as connection:
        for part in parts:
            connection.sendall(part)
        received = b""
        while chunk := connection.recv(65_536):
            received += chunk
        return received


def test_a_body_that_is_too_long_is_refused_before_it_is_read(server, writer) -> None:
    answer = writer.operation("CreateExperiment", unsigned={"Content-Length": str(9 * MB)})

    assert (answer.status, answer.json["__type"]) == (413, "RequestEntityTooLargeException")
    assert answer.headers["connection"] == "close"


def test_a_body_that_grows_too_long_is_refused_when_it_does(server) -> None:
    head = (
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-amz-json-1.1\r\n"
        b"Transfer-Encoding: chunked\r\n"
        b"X-Amz-Target: SageMaker.CreateExperiment\r\nX-Amz-Date: 20260101T000000Z\r\n"
        b"Authorization: AWS4-HMAC-SHA256 Credential=FTAAAAAAAAAAAAAAAAAA/20260101/us-east-1/sagemaker/aws4_request, "
        b"SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature=00\r\n\r\n"
    )
    received = raw(server, head + (b"100000\r\n" + b"x" * MB + b"\r\n") * 8 + b"1\r\nx\r\n")

    assert b" 413 " in received.splitlines()[0]


def test_an_object_that_is_too_long_is_refused(server, writer) -> None:
    answer = writer.send("PUT", "/bucket/key", service="s3", body=b"x" * (MB + 1))

    assert answer.status == 400
    assert b"<Code>EntityTooLarge</Code>" in answer.body


def test_an_object_that_is_not_what_was_signed_is_never_whole(server, writer) -> None:
    headers = writer.signed("PUT", "/bucket/key", service="s3", body=b"one")
    good = exchange(server.url, "PUT", "/bucket/key", headers, b"one")
    forged = exchange(server.url, "PUT", "/bucket/key", headers, b"two")

    assert (good.status, good.json["size"]) == (200, 3)
    assert forged.status == 400
    assert b"<Code>XAmzContentSHA256Mismatch</Code>" in forged.body


def test_a_signed_url_opens_its_object_in_anything_that_speaks_http(server, writer) -> None:
    path = writer.signed_path("/bucket/a%20key")

    assert exchange(server.url, "GET", path, {"Host": urlsplit(server.url).netloc}).json["route"] == "objects"
    assert exchange(server.url, "PUT", path, {"Host": urlsplit(server.url).netloc}).status == 403


def test_who_sends_a_body_slowly_is_not_waited_for(server, writer) -> None:
    headers = writer.signed("PUT", "/BatchPutMetrics", headers={"Content-Type": "application/json"}, body=b"{}")
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = f"PUT /BatchPutMetrics HTTP/1.1\r\n{lines}Content-Length: 2\r\n\r\n".encode()

    assert b" 408 " in raw(server, head, b"{").splitlines()[0]


def test_headers_that_are_too_long_are_refused(server, writer) -> None:
    assert writer.operation("CreateExperiment", unsigned={"X-Long": "x" * (17 << 10)}).status == 431


def test_a_client_learns_no_more_of_a_failure_than_its_id(server, writer, caplog) -> None:
    with caplog.at_level(logging.ERROR, "flowtrail.server"):
        answer = writer.send("GET", "/bucket/fail", service="s3")

    assert answer.status == 500
    assert b"<Code>InternalError</Code><Message>The server failed.</Message>" in answer.body
    assert not re.search(rb"Traceback|SELECT|/etc|\.py", answer.body)
    (record,) = [record for record in caplog.records if record.exc_info]
    assert answer.headers["x-amz-request-id"] in record.getMessage()


def test_an_answer_that_takes_too_long_is_one_that_clients_ask_for_again(server, writer) -> None:
    answer = writer.operation("DescribeExperiment", headers={"x-flowtrail-hang": "1"})

    assert (answer.status, answer.json["__type"]) == (503, "ServiceUnavailable")


@pytest.mark.parametrize(
    ("method", "path", "service"),
    [("GET", "/healthz", "sagemaker"), ("GET", "/bucket/key", "s3"), ("GET", "/no", "s3")],
)
def test_every_answer_has_what_keeps_a_browser_from_harm(server, method: str, path: str, service: str) -> None:
    for who in ("reader", "stranger"):
        headers = server.senders[who].send(method, path, service=service).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["content-security-policy"].startswith("default-src 'none'")
        assert "access-control-allow-origin" not in headers
        assert len(headers["x-amzn-requestid"]) == 36


def test_boto3_makes_its_own_exceptions_of_refusals(server) -> None:
    stranger = server.senders["stranger"]
    options = {"endpoint_url": server.url, "region_name": "us-east-1", "config": Config(retries={"max_attempts": 0})}
    session = boto3.Session(stranger.key, stranger.secret)
    with pytest.raises(ClientError, match="InvalidSignatureException") as caught:
        session.client("sagemaker", **options).describe_experiment(ExperimentName="e")
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        session.client("s3", **options).list_buckets()
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        session.client("sts", **options).get_caller_identity()
    with pytest.raises(ClientError, match="InvalidSignatureException"):
        session.client("sagemaker-metrics", **options).batch_get_metrics(MetricQueries=[query()])


def query():
    return {
        "MetricName": "m", "ResourceArn": "arn:aws:sagemaker:us-east-1:000000000000:experiment-trial-component/c",
        "MetricStat": "Last", "Period": "IterationNumber", "XAxisType": "IterationNumber",
    }  # fmt: skip


# What is kept of requests


def test_what_was_changed_and_what_was_refused_is_in_the_audit_and_what_was_read_is_not(server) -> None:
    writer, reader = server.senders["writer"], server.senders["reader"]
    changed = writer.operation("CreateExperiment", b'{"ExperimentName": "e\\nforged line"}')
    read = reader.operation("DescribeExperiment")
    refused = reader.operation("CreateExperiment", b'{"ExperimentName": "mine"}')
    lines = audited(server, changed, read, until=refused)

    assert [line["result"] for line in lines] == ["200", "403 denied"]
    assert lines[0]["key_id"] == writer.key
    assert lines[0]["target"] == "e\nforged line"
    assert (lines[1]["role"], lines[1]["action"], lines[1]["ip"]) == ("reader", "CreateExperiment", "127.0.0.1")
    assert verified(server.folder / FILE, SECRET).flaws == {}


def test_the_audit_says_which_part_of_which_journal_was_applied(server) -> None:
    headers = {
        "Content-Type": MEDIA_TYPE,
        "X-Flowtrail-Operation": "apply",
        "X-Flowtrail-Journal": "j1:0-100",
        "X-Amz-Content-SHA256": hashlib.sha256(b"").hexdigest(),
    }
    applied = server.senders["put"].send("POST", PATH, headers=headers)

    (line,) = audited(server, until=applied)
    assert (line["role"], line["action"], line["target"]) == ("put", "record:apply", "j1:0-100")


def audited(server, *answers, until):
    """The lines of the audit about some answers, once that about the last one is written."""
    ids = [answer.headers["x-amzn-requestid"] for answer in (*answers, until)]
    file = server.folder / FILE
    for _ in range(200):
        lines = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
        if ids[-1] in [line["request_id"] for line in lines]:
            return [line for line in lines if line["request_id"] in ids]
        time.sleep(0.05)
    raise AssertionError(f"{ids[-1]} was not written")


def test_no_log_holds_a_secret_or_a_signature(server, caplog) -> None:
    writer = server.senders["writer"]
    path = writer.signed_path("/bucket/key")
    with caplog.at_level(logging.DEBUG, "flowtrail"):
        exchange(server.url, "GET", path, {"Host": urlsplit(server.url).netloc})
        made = writer.operation("CreateExperiment", b'{"ExperimentName": "e"}')
        audited(server, until=made)
    everything = caplog.text + (server.folder / FILE).read_text()

    assert writer.key in everything
    assert "GetObject" in caplog.text
    assert writer.secret not in everything
    assert "Signature" not in everything


def test_prometheus_reads_the_figures_with_a_token_or_an_admins_key(server) -> None:
    server.senders["reader"].operation("DescribeExperiment")
    server.senders["stranger"].operation("DescribeExperiment")
    host = {"Host": urlsplit(server.url).netloc}
    by_token = exchange(server.url, "GET", "/metrics", {**host, "Authorization": f"Bearer {TOKEN}"})
    wrong = exchange(server.url, "GET", "/metrics", {**host, "Authorization": f"Bearer {TOKEN}!"})

    assert by_token.status == server.senders["admin"].send("GET", "/metrics").status == 200
    assert wrong.status == 403
    assert 'flowtrail_requests_total{action="DescribeExperiment",status="200"}' in by_token.body.decode()
    assert 'flowtrail_refusals_total{reason="mismatch"}' in by_token.body.decode()


def test_a_key_that_asks_too_often_is_told_to_wait_in_words_that_clients_obey(server) -> None:
    reader, writer = server.senders["reader"], server.senders["writer"]
    with serving(protected(echo, keys=server.ring, rules=Rules(requests_per_s=0.25))) as url:
        asked = [replace(reader, url=url).operation("DescribeExperiment") for _ in range(2)]
        other = replace(writer, url=url).send("GET", "/bucket/key", service="s3")
        throttled = replace(writer, url=url).send("GET", "/bucket/key", service="s3")

    assert [answer.status for answer in asked] == [200, 400]
    assert asked[1].json["__type"] == "ThrottlingException"
    assert other.status == 200  # each key has its own rate
    assert (throttled.status, b"<Code>SlowDown</Code>" in throttled.body) == (503, True)


def test_a_store_that_cannot_be_asked_for_keys_lets_nobody_in(tmp_path) -> None:
    class Unreachable:
        def access_keys(self):
            raise StoreUnavailableError("It did not answer.")

    app = protected(echo, keys=KeyRing(Keys(Unreachable(), SECRET)), rules=Rules(may_be_open=True))
    with serving(app) as url:
        answer = Sender(url).operation("DescribeExperiment")

    assert (answer.status, answer.json["__type"]) == (503, "ServiceUnavailable")


# Without keys


@pytest.fixture
def open_server(tmp_path):
    store = open_keys(f"sqlite:///{tmp_path / 'record.db'}")
    keys = Keys(store, SECRET)
    ring = KeyRing(keys)
    with serving(protected(echo, keys=ring, rules=Rules(may_be_open=True))) as url:
        yield url, keys, ring
    store.close()


def test_where_no_key_was_ever_made_this_machine_may_do_all(open_server) -> None:
    url, _, _ = open_server
    unsigned = Sender(url).operation("CreateExperiment")
    signed = Sender(url, "anything", "at all").send("PUT", "/bucket/key", service="s3", body=b"bytes")

    assert (unsigned.status, unsigned.json["role"], unsigned.json["tenant"]) == (200, "admin", "default")
    assert (signed.status, signed.json["size"]) == (200, 5)


def test_the_first_key_closes_the_server_and_revoking_it_does_not_open_it(open_server) -> None:
    url, keys, ring = open_server
    made = keys.create(Role.READER)
    ring.read()
    assert Sender(url).operation("DescribeExperiment").status == 403
    assert Sender(url, made.key.id, made.secret).operation("DescribeExperiment").status == 200

    keys.revoke(made.key.id)
    ring.read()
    assert Sender(url).operation("DescribeExperiment").status == 403


@pytest.mark.parametrize("name", ["X-Forwarded-For", "Forwarded", "X-Real-IP"])
def test_a_server_without_keys_answers_nobody_through_a_proxy(open_server, name: str) -> None:
    assert Sender(open_server[0]).operation("DescribeExperiment", unsigned={name: "10.0.0.1"}).status == 403


@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example.com"}, {"Sec-Fetch-Site": "cross-site"}])
def test_a_server_without_keys_obeys_no_foreign_page(open_server, headers: dict[str, str]) -> None:
    url = open_server[0]

    assert Sender(url).operation("CreateExperiment", unsigned=headers).status == 403
    assert Sender(url).operation("CreateExperiment", host="evil.example.com").status == 421
