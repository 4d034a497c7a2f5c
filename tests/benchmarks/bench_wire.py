"""The wire: calls through unmodified boto3 over loopback, and a load of points held for a minute."""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

CALLS = 400
LOAD_S = float(os.environ.get("BENCH_WIRE_LOAD_S", "60"))
PER_S = 200


def show(what: str, value: float, unit: str, goal: float | None = None, peer: str = "") -> None:
    print(json.dumps({"what": what, "value": value, "unit": unit, "goal": goal, "peer": peer}), flush=True)


def client(service: str, url: str) -> Any:
    session = boto3.Session(aws_access_key_id="x" * 20, aws_secret_access_key="y", region_name="us-east-1")
    config = Config(retries={"total_max_attempts": 1}, max_pool_connections=32)
    return session.client(service, endpoint_url=url, config=config)


def timed(call: Callable[[int], object], count: int = CALLS) -> float:
    """The median of a call in milliseconds."""
    times = []
    for i in range(count + 20):
        start = time.perf_counter()
        call(i)
        times.append(time.perf_counter() - start)
    return statistics.median(times[20:]) * 1000


def calls(sagemaker: Any, metrics: Any) -> None:
    sagemaker.create_trial_component(TrialComponentName="bench")
    described = timed(lambda _: sagemaker.describe_experiment(ExperimentName="e0"))
    made = timed(lambda i: sagemaker.create_experiment(ExperimentName=f"new{i}"))
    updated = timed(
        lambda i: sagemaker.update_trial_component(
            TrialComponentName="bench", Parameters={"p": {"NumberValue": i}}, Status={"PrimaryStatus": "InProgress"}
        )
    )
    peer = "0.86 ms of a server without a store"
    show("a wire call through boto3: describe an experiment", described, "ms", 1.5, peer)
    show("... create one", made, "ms", 1.5, peer)
    show("... update a trial component", updated, "ms", 1.5, peer)
    show("... put 10 points", timed(lambda i: metrics.batch_put_metrics(**batch("bench", i))), "ms", 1.5, peer)


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
        sagemaker = client("sagemaker", found[0])
        sagemaker.create_experiment(ExperimentName="e0")
        calls(sagemaker, client("sagemaker-metrics", found[0]))
        load(sagemaker, found[0])
    finally:
        server.terminate()
        server.wait(30)


main()
