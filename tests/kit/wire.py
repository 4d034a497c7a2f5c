"""A server of the wire in this process, and boto3's clients of it."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import uvicorn
from botocore.config import Config
from botocore.validate import ParamValidator

from plugin_core.wire.app import json_api, operation_of
from plugin_core.wire.caller import CALLER, DEFAULT_TENANT, Caller, Role
from plugin_core.wire.s3.app import object_api

ADMIN = Caller(tenant=DEFAULT_TENANT, role=Role.ADMIN)


def authorised(app: Any, caller: Caller = ADMIN) -> Any:
    """The app behind something that lets everyone in, as one caller."""

    async def entered(scope: Any, receive: Any, send: Any) -> None:
        await app({**scope, CALLER: caller}, receive, send)

    return entered


def of_aws(store: Any, blobs: Any, staging: Path) -> Any:
    """An app of what AWS has of SageMaker and S3, over a store, for one caller."""
    api = json_api(store, blobs, secret=b"of the tests")
    objects = object_api(store.objects, blobs, staging=staging)

    async def routed(scope: Any, receive: Any, send: Any) -> None:
        is_object = scope["type"] == "http" and operation_of(scope["method"], scope["path"], "any") is None
        await (objects if is_object else api)(scope, receive, send)

    return authorised(routed)


@contextlib.contextmanager
def serving(app: Any, *, port: int = 0, **options: Any) -> Iterator[str]:
    """Serve an app over HTTP at a free port, or one that was chosen before; the server's URL.

    ``options`` are uvicorn's.
    """
    listening = socket.create_server(("127.0.0.1", port))
    config = uvicorn.Config(app, log_level="error", lifespan="off", access_log=False, **options)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(20)
        listening.close()
        assert not thread.is_alive()


def client(service: str, url: str, **options: Any) -> Any:
    """An unmodified boto3 client of the server."""
    session = boto3.Session(
        aws_access_key_id="AKIDEXAMPLEKEY000000",
        aws_secret_access_key="secret",
        region_name="us-east-1",
    )
    made = session.client(
        service, endpoint_url=url, config=Config(retries={"total_max_attempts": 1}, max_pool_connections=20, **options)
    )
    made.meta.events.register("after-call", _check_answer)
    return made


def _check_answer(http_response: Any, model: Any, **_: Any) -> None:
    """Every answer has the members, types and required parts that the service's model says; clients drop the rest."""
    is_json = model.metadata["protocol"] in {"json", "rest-json"}
    if http_response.status_code == 200 and is_json and model.output_shape is not None:
        problems = ParamValidator().validate(json.loads(http_response.content), model.output_shape)
        assert not problems.has_errors(), problems.generate_report()
