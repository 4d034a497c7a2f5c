"""Requests that botocore signs, sent as they are: with any method, header and body, right or wrong."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials


@dataclass(frozen=True)
class Response:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Sender:
    """Sends to one server, signed with one key; without a key, unsigned."""

    url: str
    key: str | None = None
    secret: str = ""

    def send(
        self,
        method: str,
        path: str,
        *,
        service: str = "sagemaker",
        body: bytes = b"",
        headers: dict[str, str] | None = None,
        unsigned: dict[str, str] | None = None,
        host: str | None = None,
    ) -> Response:
        """Send a request; ``unsigned`` headers are added after signing."""
        sent = self.signed(method, path, service=service, body=body, headers=headers, host=host)
        return exchange(self.url, method, path, {**sent, **(unsigned or {})}, body)

    def signed(
        self,
        method: str,
        path: str,
        *,
        service: str = "sagemaker",
        body: bytes = b"",
        headers: dict[str, str] | None = None,
        host: str | None = None,
    ) -> dict[str, str]:
        """The headers of a request, with its signature."""
        netloc = host or urlsplit(self.url).netloc
        plain = {**(headers or {}), "Host": netloc}
        if self.key is None:
            return plain
        request = AWSRequest(method=method, url=f"http://{netloc}{path}", data=body, headers=plain)
        kind = S3SigV4Auth if service == "s3" else SigV4Auth
        kind(Credentials(self.key, self.secret), service, "us-east-1").add_auth(request)
        return dict(request.headers.items())

    def operation(self, name: str, body: bytes = b"{}", **options: Any) -> Response:
        """Send an operation of SageMaker's."""
        headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": f"SageMaker.{name}"}
        return self.send("POST", "/", body=body, headers={**headers, **options.pop("headers", {})}, **options)

    def signed_path(self, path: str, expires: int = 60) -> str:
        """A path of an object's with a signature in it."""
        request = AWSRequest(method="GET", url=f"{self.url}{path}")
        S3SigV4QueryAuth(Credentials(self.key, self.secret), "s3", "us-east-1", expires=expires).add_auth(request)
        return request.url.removeprefix(self.url)


def exchange(url: str, method: str, path: str, headers: dict[str, str], body: bytes = b"") -> Response:
    """One request on a connection of its own."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
    try:
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        if "Content-Length" not in headers and "Transfer-Encoding" not in headers:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        got = connection.getresponse()
        return Response(got.status, {name.lower(): value for name, value in got.getheaders()}, got.read())
    finally:
        connection.close()
