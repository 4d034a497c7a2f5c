"""A flow whose record is in a PostgreSQL database, also while that is restarted under it."""

import logging
import time

import pytest
from prefect import flow, task

from plugin_core import configure, list_runs
from plugin_core.tracking.engine import close_engine, engine


@pytest.fixture
def database(postgres):
    name = postgres.create_database()
    yield name
    close_engine()
    postgres.drop_database(name)


def test_a_server_that_stops_within_a_flow_costs_it_nothing_and_the_record_arrives(record, postgres, database, caplog):
    configure(store=postgres.url_with_password(database), spool_dir=record.record.spool, strict=False)

    @task
    def double(x):
        return x * 2

    @task
    def stop():
        assert engine().flush(20)
        postgres.stop()

    @task
    def start():
        assert not engine().flush(0.5)
        postgres.start()

    @flow(name="on-a-server")
    def through_a_restart():
        before = double(1)
        stop()
        meanwhile = double(before)
        start()
        return double(meanwhile)

    assert through_a_restart() == 8
    while not engine().flush(10):  # a store that failed several times in a row is not waited for: it is tried again
        time.sleep(0.1)

    warned = [r for r in caplog.records if r.name.startswith("flowtrail") and r.levelno >= logging.WARNING]
    assert len(warned) == 1
    assert "postgresql://127.0.0.1" in warned[0].getMessage()
    recorded = sorted((run.kind.value, run.status.value) for run in list_runs("on-a-server"))
    assert recorded == [("flow", "completed")] + [("task", "completed")] * 5
