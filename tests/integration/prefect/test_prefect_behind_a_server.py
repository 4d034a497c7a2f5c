"""A flow whose record is kept by a team's server: its tasks, what a process of theirs logs, and the bytes."""

import logging
import os
import subprocess
import sys
import time

from kit.faulty import Fault
from prefect import flow, task

from plugin_core import configure, list_runs
from plugin_core.stores import open_blobs, open_store
from plugin_core.tracking.engine import close_engine, engine

LOGS = 'from plugin_core import load_run; run = load_run(); run.log_parameter("child", 1); run.log_metric("loss", 0.5)'


def test_a_flow_is_recorded_at_the_server_with_what_its_processes_log(record, team):
    @task
    def make():
        return b"some bytes"

    @task
    def train(data):
        subprocess.run([sys.executable, "-c", LOGS], check=True, env={**os.environ})
        return len(data)

    @flow(name="at-a-team-s")
    def pipeline():
        return train(make())

    assert pipeline() == 10
    runs = {run.run_name.partition("-")[0]: run for run in list_runs("at-a-team-s")}
    assert runs["train"].parameters["child"] == 1
    assert runs["train"].metrics["loss"].last == 0.5
    assert {run.status.value for run in runs.values()} == {"completed"}
    close_engine()

    kept = open_store(team.kept)
    (stored,) = {artifact.blob for artifact in kept.artifacts() if artifact.size_bytes == 10} - {None}
    assert kept.experiment("at-a-team-s").display_name == "at-a-team-s"
    with open_blobs((team.folder / "server" / "blobs").as_uri()).open(stored) as content:
        assert content.read() == b"some bytes"
    kept.close()


def until_flushed():
    while not engine().flush(10):  # a server is left alone for a while after failures
        time.sleep(0.1)


def test_a_server_that_fails_within_a_flow_costs_it_nothing_and_the_record_arrives(record, team, caplog):
    configure(strict=False)
    faults = team.server.faulty.faults

    def warned():
        return [r.getMessage() for r in caplog.records if r.name == "flowtrail" and r.levelno >= logging.WARNING]

    @task
    def double(x):
        return x * 2

    @flow(name="through-a-fault")
    def through_a_fault():
        before = double(1)
        assert engine().flush(20)
        faults.extend([Fault("POST", "reset"), Fault("PUT", "reset")])
        meanwhile = double(before)
        assert not engine().flush(0.5)
        while not warned():  # how soon the server is given up on is drawn by lot
            time.sleep(0.01)
        faults.clear()
        return double(meanwhile)

    assert through_a_fault() == 8
    until_flushed()

    assert len(warned()) == 1
    assert team.server.url in warned()[0]
    recorded = sorted((run.kind.value, run.status.value) for run in list_runs("through-a-fault"))
    assert recorded == [("flow", "completed")] + [("task", "completed")] * 3
    close_engine()
