"""`flowtrail run` records jobs and assets that know nothing of it, in all processes that Dagster starts."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from plugin_core.model.components import Kind, Status

PROGRAM = str(Path(__file__).with_name("programs") / "plain.py")
FLOWTRAIL = [sys.executable, "-m", "plugin_core.cli", "run"]
DAGSTER = [sys.executable, "-m", "dagster"]


@pytest.fixture
def environment(recorded, tmp_path: Path) -> dict[str, str]:
    home = tmp_path / "dagster"
    home.mkdir()
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "DAGSTER_HOME": str(home),
        **recorded.record.environment,
    }


def run(environment: dict[str, str], *command: str) -> str:
    done = subprocess.run(
        [*FLOWTRAIL, *command], env=environment, capture_output=True, text=True, check=False, timeout=200
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


@pytest.mark.versions
def test_dagster_job_execute_with_its_spawned_steps(recorded, environment):
    said = run(environment, *DAGSTER, "job", "execute", "-f", PROGRAM, "-j", "plain_job")
    root = recorded.execution("plain_job")
    assert (root.kind, root.status) == (Kind.JOB, Status.COMPLETED)
    assert recorded.step("total").metrics["total"].last == 1
    assert recorded.sources(recorded.step("total")) == {"measure_1"}
    assert f"flowtrail show {root.component_name}" in said


def test_dagster_asset_materialize(recorded, environment):
    run(environment, *DAGSTER, "asset", "materialize", "-f", PROGRAM, "--select", "*")
    root = recorded.execution("plain")
    assert {run.display_name: run.status for run in root.children} == {
        "numbers": Status.COMPLETED,
        "largest": Status.COMPLETED,
    }
    assert recorded.sources(recorded.step("largest")) == {"numbers"}


def test_a_script_that_materializes_by_itself(recorded, environment):
    run(environment, sys.executable, PROGRAM)
    assert {run.display_name for run in recorded.execution("plain").children} == {"numbers", "largest"}


class Webserver:
    """`dagster dev`, asked as its pages ask it."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}/graphql"

    def ask(self, query: str, **variables: Any) -> Any:
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(self._url, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)["data"]

    def wait_until(self, what: Any) -> Any:
        deadline = time.monotonic() + 200
        while time.monotonic() < deadline:
            try:
                if found := what():
                    return found
            except urllib.error.URLError:
                pass
            time.sleep(0.3)
        raise TimeoutError


@pytest.fixture
def webserver(environment) -> Iterator[Webserver]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [*FLOWTRAIL, *DAGSTER, "dev", "-f", PROGRAM, "-h", "127.0.0.1", "-p", str(port)]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    ) as process:
        try:
            yield Webserver(port)
            process.send_signal(signal.SIGTERM)
            process.wait(60)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # what did not end by itself, all of it in this session


REPOSITORIES = "{repositoriesOrError {... on RepositoryConnection {nodes {name location {name}}}}}"
LAUNCH = """
mutation Launch($params: ExecutionParams!) {
  launchRun(executionParams: $params) {__typename ... on LaunchRunSuccess {run {runId}}}
}
"""
STATUS = "query Status($run: ID!) {runOrError(runId: $run) {... on Run {status}}}"


def test_a_run_that_is_launched_from_the_pages_of_dagster_dev(recorded, webserver):
    def repositories():
        return webserver.ask(REPOSITORIES)["repositoriesOrError"].get("nodes")

    (repository,) = webserver.wait_until(repositories)
    selector = {
        "repositoryName": repository["name"],
        "repositoryLocationName": repository["location"]["name"],
        "jobName": "plain_job",
    }
    launched = webserver.ask(LAUNCH, params={"selector": selector, "runConfigData": {}})["launchRun"]
    run_id = launched["run"]["runId"]

    def ended():
        status = webserver.ask(STATUS, run=run_id)["runOrError"]["status"]
        return status in {"SUCCESS", "FAILURE"} and status

    assert webserver.wait_until(ended) == "SUCCESS"
    root = recorded.execution("plain_job")
    assert (root.status, root.properties["dagster_run_id"]) == (Status.COMPLETED, run_id)
    assert root.properties["dagster_location"] == repository["location"]["name"]
    assert {run.display_name for run in root.children} == {"measure_1", "total"}
