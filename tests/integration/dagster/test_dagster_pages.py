"""Runs that are started and ended from Dagster's pages, by its own webserver, daemon and launcher."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from plugin_core.model.components import Status
from plugin_core.model.queries import ComponentQuery
from plugin_core.tracking.run import Run

PROGRAM = str(Path(__file__).with_name("programs") / "pages.py")
DEV = [sys.executable, "-m", "plugin_core.cli", "run", sys.executable, "-m", "dagster", "dev", "-f", PROGRAM]
REPOSITORIES = "{repositoriesOrError {... on RepositoryConnection {nodes {name location {name}}}}}"
LAUNCH = """
mutation Launch($params: ExecutionParams!) {
  launchRun(executionParams: $params) {__typename ... on LaunchRunSuccess {run {runId}}}
}
"""
BACKFILL = """
mutation Backfill($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {__typename ... on LaunchBackfillSuccess {backfillId}}
}
"""
AGAIN = """
mutation Again($params: ReexecutionParams!) {
  reexecutePartitionBackfill(reexecutionParams: $params) {__typename ... on LaunchBackfillSuccess {backfillId}}
}
"""
TERMINATE = "mutation Terminate($run: String!) {terminateRun(runId: $run) {__typename}}"
RUN = "query Run($run: ID!) {runOrError(runId: $run) {... on Run {status startTime endTime}}}"
RUNS = "query Runs($filter: RunsFilter!) {runsOrError(filter: $filter) {... on Runs {results {runId status}}}}"
ENDS = {"SUCCESS", "FAILURE", "CANCELED"}


def wait_until(what: Any) -> Any:
    deadline = time.monotonic() + 200
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            if found := what():
                return found
        time.sleep(0.3)
    raise TimeoutError


class Pages:
    """`dagster dev`, asked as its pages ask it."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}/graphql"
        self.repository: dict[str, Any] = {}

    def ask(self, query: str, **variables: Any) -> Any:
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(self._url, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            (said,) = json.load(answer)["data"].values()
            return said

    def open(self) -> None:
        (self.repository,) = wait_until(lambda: self.ask(REPOSITORIES).get("nodes"))

    @property
    def location(self) -> str:
        return self.repository["location"]["name"]

    @property
    def selector(self) -> dict[str, str]:
        return {"repositoryName": self.repository["name"], "repositoryLocationName": self.location}

    def launch(self, job: str) -> str:
        return self.ask(LAUNCH, params={"selector": {**self.selector, "jobName": job}})["run"]["runId"]

    def backfill(self, assets: list[str], partitions: list[str]) -> str:
        selected = {"assetSelection": [{"path": [name]} for name in assets], "partitionNames": partitions}
        return self.ask(BACKFILL, params=selected)["backfillId"]

    def backfill_of_job(self, job: str, partitions: list[str]) -> str:
        of = {"partitionSetName": f"{job}_partition_set", "repositorySelector": self.selector}
        return self.ask(BACKFILL, params={"selector": of, "partitionNames": partitions})["backfillId"]

    def again_from_failure(self, backfill: str) -> str:
        """Ask until the daemon has seen that all runs of the backfill have ended: before, it is an error."""
        params = {"parentRunId": backfill, "strategy": "FROM_FAILURE"}
        return wait_until(lambda: self.ask(AGAIN, params=params).get("backfillId"))

    def end_of(self, run_id: str) -> dict[str, Any]:
        return wait_until(lambda: (run := self.ask(RUN, run=run_id))["status"] in ENDS and run)

    def ends_of_backfill(self, backfill: str, count: int) -> dict[str, str]:
        def ended():
            filters = {"tags": [{"key": "dagster/backfill", "value": backfill}]}
            runs = {each["runId"]: each["status"] for each in self.ask(RUNS, filter=filters)["results"]}
            return len(runs) == count and ENDS.issuperset(runs.values()) and runs

        return wait_until(ended)


@pytest.fixture(scope="module")
def pages(shared_record, tmp_path_factory):
    """The pages of definitions that know nothing of being recorded, under `flowtrail run`."""
    home = tmp_path_factory.mktemp("dagster")
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "DAGSTER_HOME": str(home)}
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with subprocess.Popen(
        [*DEV, "-h", "127.0.0.1", "-p", str(port)],
        env={**environment, **shared_record.record.environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        try:
            opened = Pages(port)
            opened.open()
            yield opened
            process.send_signal(signal.SIGTERM)
            process.wait(60)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # what did not end by itself, all of it in this session


@pytest.fixture(scope="module")
def launched(pages):
    """All that the tests look at, begun at once: the daemon looks for backfills every half a minute."""
    return {
        "backfill": pages.backfill(["sales", "report"], ["monday", "tuesday"]),
        "daily": pages.backfill_of_job("daily_job", ["monday", "tuesday"]),
        "short": pages.launch("short_job"),
        "endless": pages.launch("endless_job"),
    }


def test_a_run_that_is_launched_from_the_pages_is_recorded(shared_record, pages, launched):
    assert pages.end_of(launched["short"])["status"] == "SUCCESS"
    root = shared_record.execution("short_job")
    assert (root.status, root.properties["dagster_run_id"]) == (Status.COMPLETED, launched["short"])
    assert root.properties["dagster_location"] == pages.location
    assert {run.display_name for run in root.children} == {"one", "total"}


def test_a_run_that_is_terminated_from_the_pages_is_cancelled_at_that_time(shared_record, pages, launched):
    wait_until(lambda: shared_record.steps("endless"))
    asked = datetime.now(UTC)
    assert pages.ask(TERMINATE, run=launched["endless"])["__typename"] == "TerminateRunSuccess"
    told = pages.end_of(launched["endless"])

    root = shared_record.execution("endless_job")
    assert told["status"] == "CANCELED"
    assert (root.status, root.status_message) == (Status.CANCELLED, "The run was terminated.")
    assert shared_record.states("endless_job") == {
        "endless": (Status.CANCELLED, "Interrupted"),
        "never": (Status.CANCELLED, "NotStarted"),
    }
    step = shared_record.step("endless")
    began, ended = (datetime.fromtimestamp(told[name], UTC) for name in ("startTime", "endTime"))
    assert began <= root.started_at <= step.started_at < asked < step.ended_at <= root.ended_at <= ended


def test_the_runs_of_a_backfill_are_recorded_and_grouped(shared_record, pages, launched):
    runs = pages.ends_of_backfill(launched["backfill"], 2)
    assert set(runs.values()) == {"SUCCESS"}

    tag = ("dagster/backfill", launched["backfill"])
    grouped = shared_record.record.store.components(ComponentQuery(tag=tag))
    roots = [run for run in shared_record.executions("pages") if run.tags.get(tag[0]) == tag[1]]
    assert {each.name for each in grouped} == {run.component_name for run in roots}
    assert {run.properties["dagster_run_id"] for run in roots} == set(runs)
    assert {run.properties["dagster_partition"] for run in roots} == {"monday", "tuesday"}
    for root in roots:
        assert root.status is Status.COMPLETED
        steps = {run.display_name: run for run in root.children}
        assert set(steps) == {"sales", "report"}
        assert shared_record.makers(steps["report"]) == {steps["sales"]}


def test_a_backfill_of_a_job_that_fails_in_part_is_done_again_from_where_it_failed(shared_record, pages, launched):
    first = launched["daily"]
    assert sorted(pages.ends_of_backfill(first, 2).values()) == ["FAILURE", "SUCCESS"]
    again = pages.again_from_failure(first)
    (repeated,) = pages.ends_of_backfill(again, 1)

    found = shared_record.executions("daily_job")
    runs = {(run.properties["dagster_backfill"], run.properties["dagster_partition"]): run for run in found}
    monday, tuesday, mended = runs[first, "monday"], runs[first, "tuesday"], runs[again, "tuesday"]
    assert len(runs) == 3
    assert [run.status for run in (monday, tuesday, mended)] == [Status.COMPLETED, Status.FAILED, Status.COMPLETED]
    assert {run.tags["dagster/backfill"] for run in (monday, tuesday)} == {first}
    assert (mended.tags["dagster/backfill"], mended.properties["dagster_run_id"]) == (again, repeated)
    assert [states_of(run) for run in (monday, tuesday, mended)] == [
        {"extract": Status.COMPLETED, "load": Status.COMPLETED},
        {"extract": Status.COMPLETED, "load": Status.FAILED},
        {"load": Status.COMPLETED},
    ]
    assert shared_record.attempt_before(mended) == tuesday
    (load,) = mended.children
    assert {run.parent for run in shared_record.makers(load)} == {tuesday}


def states_of(run: Run) -> dict[str, Status]:
    return {step.display_name: step.status for step in run.children}
