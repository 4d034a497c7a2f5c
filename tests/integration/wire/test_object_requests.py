"""Requests for objects as no well-behaved client sends them, and bodies in AWS's chunks, byte by byte over HTTP."""

import base64
import http.client
import os
import socket
import time
import tracemalloc
import zlib

import pytest
from kit.wire import authorised, client, serving

from plugin_core.stores import open_blobs, open_store
from plugin_core.wire.s3.app import object_api

SIGNED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
UNSIGNED = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("objects")


@pytest.fixture(scope="module")
def endpoint(folder):
    store, blobs = open_store(f"sqlite:///{folder / 'record.db'}"), open_blobs((folder / "blobs").as_uri())
    api = object_api(store.objects, blobs, staging=folder / "staging", most_bytes=100 << 20)
    with serving(authorised(api)) as url:
        client("s3", url).create_bucket(Bucket="team")
        yield url.removeprefix("http://")
    store.close()


def ask(endpoint, method, path, body=None, **headers):
    connection = http.client.HTTPConnection(endpoint, timeout=30)
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, body=body, headers=given)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, content


def crc32(data):
    return base64.b64encode(zlib.crc32(data).to_bytes(4, "big"))


def chunked(data, size, *, signed=False, end=b"\r\n"):
    signature = b";chunk-signature=" + b"0" * 64 if signed else b""
    chunks = [data[i : i + size] for i in range(0, len(data), size)]
    framed = b"".join(b"%x%s\r\n%s\r\n" % (len(chunk), signature, chunk) for chunk in chunks)
    return framed + b"0%s\r\n" % signature + end


DATA = bytes(range(256)) * 40


@pytest.mark.parametrize("size", [1, 7, 4096, 65536])
@pytest.mark.parametrize("signed", [True, False])
def test_a_body_in_aws_s_chunks_is_decoded(endpoint, size, signed):
    end = b"\r\n" if signed else b"x-amz-checksum-crc32:" + crc32(DATA) + b"\r\n\r\n"
    status, _ = ask(
        endpoint,
        "PUT",
        "/team/chunked",
        chunked(DATA, size, signed=signed, end=end),
        x_amz_content_sha256=SIGNED if signed else UNSIGNED,
        x_amz_decoded_content_length=str(len(DATA)),
        content_encoding="aws-chunked",
        **({} if signed else {"x_amz_trailer": "x-amz-checksum-crc32"}),
    )

    assert status == 200
    assert ask(endpoint, "GET", "/team/chunked") == (200, DATA)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (chunked(DATA, 100, end=b"x-amz-checksum-crc32:AAAAAA==\r\n\r\n"), b"BadDigest"),
        (chunked(DATA, 100, end=b"x-amz-checksum-crc32:?\r\n\r\n"), b"InvalidDigest"),
        (chunked(DATA, 100)[:-20], b"IncompleteBody"),
        (chunked(DATA[:-1], 100), b"IncompleteBody"),
        (b"xyz\r\n" + DATA, b"InvalidRequest"),
        (b"-5\r\n" + DATA, b"InvalidRequest"),
        (b"ffffffffffffffffffff\r\n" + DATA, b"InvalidRequest"),
        (b"5\r\nhelloXX0\r\n\r\n", b"InvalidRequest"),
        (b"a" * 40_000, b"InvalidRequest"),
        (b"0\r\n" + b"x-a: b\r\n" * 100 + b"\r\n", b"InvalidRequest"),
        (b"", b"IncompleteBody"),
    ],
)
def test_a_body_whose_chunks_are_not_right_is_refused(endpoint, body, code):
    status, content = ask(
        endpoint,
        "PUT",
        "/team/never",
        body,
        x_amz_content_sha256=UNSIGNED,
        x_amz_decoded_content_length=str(len(DATA)),
        x_amz_trailer="x-amz-checksum-crc32",
    )

    assert (status, b"<Code>%s</Code>" % code in content) == (400, True), content
    assert ask(endpoint, "GET", "/team/never")[0] == 404


def test_a_body_that_is_not_the_signed_one_is_refused(endpoint):
    status, content = ask(endpoint, "PUT", "/team/never", b"data", x_amz_content_sha256="0" * 64)

    assert (status, b"XAmzContentSHA256Mismatch" in content) == (400, True)
    assert ask(endpoint, "GET", "/team/never")[0] == 404


def test_a_body_that_is_too_large_is_refused(endpoint):
    status, content = ask(endpoint, "PUT", "/team/never", iter([bytes(1 << 20)] * 101))

    assert (status, b"EntityTooLarge" in content) == (400, True)


def test_a_client_that_goes_away_leaves_nothing(endpoint, folder):
    host, port = endpoint.split(":")
    with socket.create_connection((host, int(port))) as raw:
        raw.sendall(b"PUT /team/never HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nhalf")
    deadline = time.monotonic() + 20
    while any((folder / "blobs" / "tmp").iterdir()):
        assert time.monotonic() < deadline
        time.sleep(0.02)

    assert ask(endpoint, "GET", "/team/never")[0] == 404


def test_a_large_upload_takes_little_memory(endpoint):
    piece = os.urandom(1 << 20)
    tracemalloc.start()
    status, _ = ask(endpoint, "PUT", "/team/large", iter([piece] * 64))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert status == 200
    assert peak < 16 << 20


BOMB = (
    b'<!DOCTYPE d [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    b"<Delete><Object><Key>&b;</Key></Object></Delete>"
)


@pytest.mark.parametrize(
    "body",
    [
        BOMB,
        b'<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/hostname">]><Delete><Object><Key>&x;</Key></Object></Delete>',
        b"",
        b"\xff\xfe",
        b"<Delete>",
        b"<Delete/>",
        b"<Delete><Object><Key></Key></Object></Delete>",
        b"<Remove><Object><Key>a</Key></Object></Remove>",
        b"<Delete>" + b"<Object><Key>a</Key></Object>" * 1001 + b"</Delete>",
        b"<Delete>" + b"<a>" * 60_000,
        b"x" * (5 << 20),
    ],
)
def test_a_document_that_is_not_one_is_refused(endpoint, body):
    status, content = ask(endpoint, "POST", "/team?delete", body)

    assert (status, b"<Code>MalformedXML</Code>" in content) == (400, True)


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/team/%ff", b"InvalidURI"),
        ("/team/a%00b", b"InvalidURI"),
        ("/team?list-type=2&max-keys=many", b"InvalidArgument"),
        ("/team?list-type=2&prefix=%ff", b"InvalidURI"),
        ("/team?list-type=2&prefix=a%00", b"InvalidArgument"),
        ("/team?list-type=2&prefix=a&prefix=b", b"InvalidArgument"),
        ("/team?list-type=2&encoding-type=other", b"InvalidArgument"),
        ("/team?acl", b"NotImplemented"),
        ("/team/k?torrent", b"NotImplemented"),
        ("/%2e%2e/%2e%2e/etc", b"NoSuchBucket"),
        ("/team/absent?response-content-type=a%0d%0ab", b"NoSuchKey"),
    ],
)
def test_a_path_or_query_that_means_nothing_is_refused(endpoint, path, code):
    status, content = ask(endpoint, "GET", path)

    assert 400 <= status < 500 or status == 501
    assert b"<Code>%s</Code>" % code in content


def test_headers_cannot_be_split_by_a_url(endpoint):
    ask(endpoint, "PUT", "/team/page", b"<script>", content_type="text/html")
    status, content = ask(endpoint, "GET", "/team/page?response-content-type=a%0d%0aSet-Cookie:b")

    assert (status, b"InvalidArgument" in content) == (400, True)


@pytest.mark.parametrize("method", ["POST", "PATCH", "OPTIONS", "TRACE", "DELETE"])
def test_a_method_that_is_not_served_is_refused(endpoint, method):
    status, content = ask(endpoint, method, "/")

    assert (status, b"MethodNotAllowed" in content) == (405, True)


def test_a_connection_survives_what_was_refused(endpoint):
    client_ = client("s3", f"http://{endpoint}")
    for _ in range(3):
        with pytest.raises(client_.exceptions.NoSuchBucket):
            client_.put_object(Bucket="absent", Key="k", Body=b"x" * 100_000)
        client_.put_object(Bucket="team", Key="k", Body=b"x")
