"""The wire: calls through unmodified boto3 over loopback, and a load of points held for a minute.

Beside the time of each call stand the server's CPU time and the statements that its store runs: the first says
little of a machine that has other things to do, the last is the same on all.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import psutil
from botocore.config import Config

from plugin_core.model.changes import PutComponent, PutExperiment
from plugin_core.server.gate import ANYONE
from plugin_core.stores import open_blobs, open_store
from plugin_core.wire.app import json_api
from plugin_core.wire.caller import CALLER

CALLS = 400
LOAD_S = float(os.environ.get("BENCH_WIRE_LOAD_S", "60"))
PER_S = 200


def show(what: str, value: float, unit: str, goal: float | None = None, peer: str = "") -> None:
    print(json.dumps({"what": what, "value": value, "unit": unit, "goal": goal, "peer": peer}), flush=True)


def client(service: str, url: str) -> Any:
    session = boto3.Session(aws_access_key_id="x" * 20, aws_secret_access_key="y", region_name="us-east-1")
    config = Config(retries={"total_max_attempts": 1}, max_pool_connections=32)
    return session.client(service, endpoint_url=url, config=config)


def requests() -> Iterator[tuple[str, str, str, Callable[[int], dict[str, Any]]]]:
    """Each call that is timed: what it does, boto3's service and method, and what it is given the n-th time."""
    yield "describe an experiment", "sagemaker", "describe_experiment", lambda _: {"ExperimentName": "e0"}
    yield "describe a component", "sagemaker", "describe_trial_component", lambda _: {"TrialComponentName": "bench"}
    yield "create an experiment", "sagemaker", "create_experiment", lambda i: {"ExperimentName": f"new{i}"}
    yield (
        "update a component",
        "sagemaker",
        "update_trial_component",
        lambda i: {
            "TrialComponentName": "bench",
            "Parameters": {"p": {"NumberValue": i}},
            "Status": {"PrimaryStatus": "InProgress"},
        },
    )
    yield "put 10 points", "sagemaker-metrics", "batch_put_metrics", lambda i: batch("bench", i)


def timed(call: Callable[[int], object], server: psutil.Process) -> tuple[float, float]:
    """The median of a call, and the server's CPU time for one, in milliseconds."""
    times = []
    for i in range(20):
        call(i)
    before = server.cpu_times()
    for i in range(20, CALLS + 20):
        start = time.perf_counter()
        call(i)
        times.append(time.perf_counter() - start)
    after = server.cpu_times()
    cpu_s = after.user + after.system - before.user - before.system
    return statistics.median(times) * 1000, cpu_s / CALLS * 1000


def calls(clients: dict[str, Any], server: psutil.Process) -> None:
    clients["sagemaker"].create_trial_component(TrialComponentName="bench")
    for what, service, method, given in requests():
        call = getattr(clients[service], method)
        median, cpu = timed(lambda i, call=call, given=given: call(**given(i)), server)
        show(f"a wire call through boto3: {what}", median, "ms", 1.5, "0.86 ms of a server without a store")
        show("... the server's CPU", cpu, "ms")
        show("... statements of its store", statements(service, method, given), "")


def statements(service: str, method: str, given: Callable[[int], dict[str, Any]]) -> int:
    """What a store on a fresh file runs for a call the third time, besides beginning and ending transactions."""
    with tempfile.TemporaryDirectory() as folder:
        counted: list[str] = []

        def connect(*arguments: Any, **options: Any) -> sqlite3.Connection:
            connection = sqlite3.Connection(*arguments, **options)
            connection.set_trace_callback(counted.append)
            return connection

        sqlite3.connect = connect  # this process has no other use for it
        store, blobs = open_store(f"sqlite:///{folder}/record.db"), open_blobs(Path(folder, "blobs").as_uri())
        store.write([PutExperiment(at=1, name="e0"), PutComponent(at=1, name="bench")])
        app = json_api(store, blobs, secret=b"secret")
        for i in range(3):
            counted.clear()
            asyncio.run(answered(app, service, method, given(i)))
        store.close()
        return sum(not text.startswith(("BEGIN", "COMMIT", "PRAGMA")) for text in counted)


async def answered(app: Any, service: str, method: str, given: dict[str, Any]) -> None:
    """Let the app answer a call, without a network."""
    operation = "".join(word.capitalize() for word in method.split("_"))
    path, verb = ("/", "POST") if service == "sagemaker" else (f"/{operation}", "PUT")
    body = json.dumps(given, default=lambda moment: moment.timestamp()).encode()
    headers = [(b"x-amz-target", f"SageMaker.{operation}".encode())]
    scope = {"type": "http", "method": verb, "path": path, "headers": headers, CALLER: ANYONE}
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await app(scope, receive, send)
    assert sent[0]["status"] == 200, sent


def batch(component: str, i: int) -> dict[str, Any]:
    now = datetime.now(UTC)
    points = [{"MetricName": "loss", "Timestamp": now, "Step": 10 * i + j, "Value": 0.5} for j in range(10)]
    return {"TrialComponentName": component, "MetricData": points}


def load(sagemaker: Any, url: str) -> None:
    """200 batches a second, sent when they are due and not when the one before is answered; late ones count."""
    writers = 8
    for i in range(writers):
        sagemaker.create_trial_component(TrialComponentName=f"load-{i}")
    own = threading.local()
    failures: list[str] = []
    began = time.perf_counter() + 0.5

    def put(i: int) -> float:
        if not hasattr(own, "metrics"):
            own.metrics = client("sagemaker-metrics", url)
        due = began + i / PER_S
        time.sleep(max(0.0, due - time.perf_counter()))
        try:
            own.metrics.batch_put_metrics(**batch(f"load-{i % writers}", i // writers))
        except Exception as error:
            failures.append(str(error))
        return time.perf_counter() - due

    with ThreadPoolExecutor(writers) as pool:
        late = sorted(pool.map(put, range(int(PER_S * LOAD_S))))
    show(f"{PER_S} batches of 10 points a second for {LOAD_S:g} s, from due to answered: p95", late[int(len(late) * 0.95)] * 1000, "ms", 50)  # fmt: skip  # noqa: E501
    show("... and failures", len(failures), "calls", 0)


def main() -> None:
    home = Path(tempfile.mkdtemp(prefix="flowtrail-bench-"))
    environment = {
        **os.environ,
        "FLOWTRAIL_STORE": f"sqlite:///{home / 'record.db'}",
        "FLOWTRAIL_BLOBS": (home / "blobs").as_uri(),
        "FLOWTRAIL_SPOOL_DIR": str(home / "spool"),
        "FLOWTRAIL_SERVER_DIR": str(home / "server"),
        "FLOWTRAIL_SERVER_REQUESTS_PER_S": "0",
    }
    server = subprocess.Popen(
        [sys.executable, "-m", "plugin_core.cli", "serve", "--port", "0"],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stderr is not None
        found = re.search(r"http://\S+\d", server.stderr.readline())
        assert found is not None
        clients = {service: client(service, found[0]) for service in ("sagemaker", "sagemaker-metrics")}
        clients["sagemaker"].create_experiment(ExperimentName="e0")
        calls(clients, psutil.Process(server.pid))
        load(clients["sagemaker"], found[0])
    finally:
        server.terminate()
        server.wait(30)


main()
