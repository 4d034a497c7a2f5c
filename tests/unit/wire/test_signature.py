"""Signatures of AWS's clients are verified, and nothing else is taken for one. botocore signs."""

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from plugin_core.wire.signature import (
    LONGEST_PRESIGNED,
    Refusal,
    SignatureError,
    SignedRequest,
    claimed_service,
    read_claim,
    verify,
)

KEY, SECRET = "FTABCDEFGHIJKLMNOPQR", "a secret that nobody knows"
CREDENTIALS = Credentials(KEY, SECRET)
URL = "http://127.0.0.1:8080/"
BODY = b'{"ExperimentName": "e"}'
JSON_HEADERS = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "SageMaker.CreateExperiment"}


def received(request: AWSRequest) -> SignedRequest:
    """What a server gets of a request that botocore signed."""
    prepared = request.prepare()
    parts = urlsplit(prepared.url)
    headers = [
        (name.lower(), value.decode() if isinstance(value, bytes) else value)
        for name, value in prepared.headers.items()
    ]
    return SignedRequest(
        method=prepared.method,
        path=parts.path or "/",
        query=parts.query,
        headers=(("host", parts.netloc), ("user-agent", "test"), *headers),
    )


def signed(
    service: str = "sagemaker", *, method: str = "POST", url: str = URL, body: bytes = BODY, headers=None, by=None
):
    request = AWSRequest(method=method, url=url, data=body, headers=JSON_HEADERS if headers is None else headers)
    kind = by or (S3SigV4Auth if service == "s3" else SigV4Auth)
    kind(CREDENTIALS, service, "eu-west-1").add_auth(request)
    return received(request)


def presigned(url: str, *, by=S3SigV4QueryAuth, service: str = "s3", expires: int = 300) -> SignedRequest:
    request = AWSRequest(method="GET", url=url)
    by(CREDENTIALS, service, "us-east-1", expires=expires).add_auth(request)
    return received(request)


def check(
    request: SignedRequest, body: bytes = BODY, *, secret: str | None = SECRET, after: timedelta = timedelta()
) -> None:
    now = datetime.now(UTC) + after
    verify(request, read_claim(request), secret, now=now, body_sha256=hashlib.sha256(body).hexdigest())


def refusal(request: SignedRequest, body: bytes = BODY, **changes) -> Refusal:
    with pytest.raises(SignatureError) as caught:
        check(request, body, **changes)
    return caught.value.refusal


def with_header(request: SignedRequest, name: str, value: str | None) -> SignedRequest:
    kept = tuple((key, old) for key, old in request.headers if key != name)
    return replace(request, headers=kept if value is None else (*kept, (name, value)))


@pytest.mark.parametrize("service", ["sagemaker", "sagemaker-metrics", "sts"])
def test_a_request_that_botocore_signed_is_taken(service: str) -> None:
    request = signed(service, url="http://127.0.0.1:8080/BatchPutMetrics?b=2&a=1%20x&a=0")
    claim = read_claim(request)

    check(request)
    assert claimed_service(request) == service
    assert (claim.key_id, claim.region, claim.service, claim.is_presigned) == (KEY, "eu-west-1", service, False)


@pytest.mark.parametrize(
    "path", ["bucket/a%20b/../c", "bucket//two%2Fslashes", "bucket/%C3%A9~+x", "bucket/k?partNumber=1&uploadId=a%2Bb"]
)
def test_paths_of_objects_are_verified_as_they_were_sent(path: str) -> None:
    check(signed("s3", method="PUT", url=URL + path, headers={}))


def test_a_signed_url_is_taken_until_it_expires() -> None:
    request = presigned(f"{URL}bucket/key%20x?versionId=1", expires=300)

    check(request, b"")
    assert claimed_service(request) == "s3"
    check(request, b"", after=timedelta(seconds=290))
    assert refusal(request, b"", after=timedelta(seconds=310)) is Refusal.EXPIRED


def test_a_signed_url_of_another_service_covers_its_empty_body() -> None:
    request = presigned(f"{URL}?Action=GetCallerIdentity", by=SigV4QueryAuth, service="sts")

    check(request, b"")
    assert refusal(request, b"not empty") is Refusal.MISMATCH


def test_no_signed_url_is_good_for_longer_than_an_hour() -> None:
    longest = int(LONGEST_PRESIGNED.total_seconds())

    check(presigned(f"{URL}bucket/key", expires=longest), b"")
    assert refusal(presigned(f"{URL}bucket/key", expires=longest + 1), b"") is Refusal.EXPIRED


@pytest.mark.parametrize("minutes", [-16, 16])
def test_a_request_outside_the_clock_window_is_refused(minutes: int) -> None:
    request = signed()

    check(request, after=timedelta(minutes=minutes * 14 / 16))
    assert refusal(request, after=timedelta(minutes=minutes)) is Refusal.EXPIRED


def test_a_key_that_does_not_exist_and_a_wrong_secret_get_the_same_answer() -> None:
    answers = []
    for secret in (None, "another secret"):
        with pytest.raises(SignatureError) as caught:
            check(signed(), secret=secret, after=timedelta(days=3))  # nor does either learn about the clock
        answers.append((caught.value.refusal, caught.value.message))

    assert answers[0] == answers[1]
    assert answers[0][0] is Refusal.MISMATCH


def test_another_body_method_path_query_or_signed_header_is_refused() -> None:
    request = signed(url=f"{URL}?a=1")

    assert refusal(request, b"{}") is Refusal.MISMATCH
    assert refusal(replace(request, method="PUT")) is Refusal.MISMATCH
    assert refusal(replace(request, path="/BatchPutMetrics")) is Refusal.MISMATCH
    assert refusal(replace(request, query="a=2")) is Refusal.MISMATCH
    assert refusal(with_header(request, "x-amz-target", "SageMaker.DeleteExperiment")) is Refusal.MISMATCH
    assert refusal(with_header(request, "host", "example.com")) is Refusal.MISMATCH


def test_an_object_must_be_the_one_whose_hash_was_signed() -> None:
    request = signed("s3", method="PUT", url=f"{URL}bucket/key", headers={})

    assert refusal(request, b"another") is Refusal.PAYLOAD


@pytest.mark.parametrize("name", ["x-amz-target", "x-amz-date", "x-flowtrail-journal", "content-type", "host"])
def test_headers_that_decide_what_a_request_means_must_be_signed(name: str) -> None:
    request = signed(headers={**JSON_HEADERS, "X-Flowtrail-Journal": "j"})
    authorization = request.header("authorization")
    headers = authorization.partition("SignedHeaders=")[2].partition(",")[0]
    fewer = ";".join(header for header in headers.split(";") if header != name)

    assert refusal(with_header(request, "authorization", authorization.replace(headers, fewer))) is Refusal.MALFORMED


def test_a_header_that_was_added_on_the_way_is_refused_if_it_could_matter() -> None:
    request = signed()

    check(with_header(request, "x-forwarded-for", "10.0.0.1"))
    assert refusal(with_header(request, "x-amz-security-token", "t")) is Refusal.MALFORMED


@pytest.mark.parametrize("service", ["sagemaker", "sts"])
@pytest.mark.parametrize("payload", ["UNSIGNED-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"])
def test_only_objects_may_come_with_an_unsigned_payload(service: str, payload: str) -> None:
    assert refusal(signed(service, headers={**JSON_HEADERS, "X-Amz-Content-SHA256": payload})) is Refusal.MALFORMED


def test_an_object_whose_checksum_comes_behind_it_is_taken() -> None:
    request = AWSRequest(method="PUT", url=f"{URL}bucket/key", data=b"", headers={})
    request.context["checksum"] = {"request_algorithm": {"in": "trailer"}}
    S3SigV4Auth(CREDENTIALS, "s3", "us-east-1").add_auth(request)

    assert read_claim(received(request)).payload == "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
    check(received(request), b"whatever comes")


def test_chunks_that_are_signed_one_by_one_are_refused_since_they_are_not_verified() -> None:
    request = signed("s3", headers={})

    assert (
        refusal(with_header(request, "x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD")) is Refusal.MALFORMED
    )


def test_an_unsigned_request_is_told_that_it_is_not_signed() -> None:
    request = SignedRequest(method="POST", path="/", query="", headers=(("host", "127.0.0.1"),))

    assert claimed_service(request) is None
    assert refusal(request) is Refusal.MISSING


def test_what_stands_there_twice_is_refused() -> None:
    request = signed()
    url = presigned(f"{URL}bucket/key")

    for name in ("authorization", "x-amz-date"):
        twice = replace(request, headers=(*request.headers, (name, request.header(name))))
        assert refusal(twice) is Refusal.MALFORMED
    assert refusal(replace(url, query=f"{url.query}&X-Amz-Expires=9")) is Refusal.MALFORMED
    assert refusal(replace(request, query=url.query)) is Refusal.MALFORMED


@pytest.mark.parametrize("part", ["Signature=", f"Credential={KEY}/"])
def test_every_changed_byte_of_signature_and_scope_is_refused(part: str) -> None:
    request = signed()
    authorization = request.header("authorization")
    start = authorization.index(part) + len(part)
    end = authorization.find(",", start) if part != "Signature=" else len(authorization)
    for place in range(start, end):
        for bit in range(7):
            changed = authorization[:place] + chr(ord(authorization[place]) ^ 1 << bit) + authorization[place + 1 :]
            assert refusal(with_header(request, "authorization", changed)) in {Refusal.MISMATCH, Refusal.MALFORMED}


def test_every_changed_byte_of_the_date_is_refused() -> None:
    request = signed()
    stamp = request.header("x-amz-date")
    for place in range(len(stamp)):
        for bit in range(7):
            changed = stamp[:place] + chr(ord(stamp[place]) ^ 1 << bit) + stamp[place + 1 :]
            assert refusal(with_header(request, "x-amz-date", changed)) in {Refusal.MISMATCH, Refusal.MALFORMED}


def test_every_changed_byte_of_a_signed_url_is_refused() -> None:
    request = presigned(f"{URL}bucket/key?versionId=1")
    for place in range(len(request.query)):
        changed = request.query[:place] + chr(ord(request.query[place]) ^ 1) + request.query[place + 1 :]
        assert refusal(replace(request, query=changed), b"") in set(Refusal)


@given(st.text(max_size=200), st.text(max_size=40), st.text(max_size=200))
def test_no_header_and_no_url_can_do_more_than_be_refused(authorization: str, stamp: str, query: str) -> None:
    headers = (("host", "h"), ("authorization", f"AWS4-HMAC-SHA256 {authorization}"), ("x-amz-date", stamp))
    assert refusal(SignedRequest(method="POST", path="/", query=query, headers=headers)) in set(Refusal)
    assert refusal(
        SignedRequest(method="GET", path="/b/k", query=f"X-Amz-Signature=1&{query}", headers=headers[:1])
    ) in set(Refusal)
