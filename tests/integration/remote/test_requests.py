"""What is recorded and read behind a team's server costs few requests."""

import functools
import os
import subprocess
import sys

import pytest

from plugin_core import Run, configure, list_runs, load_run
from plugin_core.journal import Drainer
from plugin_core.model.changes import PutComponent, SetParameters
from plugin_core.model.names import RUN_SOURCE_TAG
from plugin_core.stores import open_blobs, open_store
from plugin_core.testing.contract.making import points
from plugin_core.tracking.engine import close_engine


@pytest.mark.parametrize("strict", [True, False])
def test_a_run_with_a_parameter_a_metric_and_a_confusion_matrix_takes_three_requests(team, strict, monkeypatch):
    # What is logged is drained each second. This run takes milliseconds, but on a busy machine more than that.
    monkeypatch.setattr("plugin_core.journal.Drainer", functools.partial(Drainer, interval_s=60.0))
    configure(strict=strict)
    with Run("ex", "one") as run:
        run.log_parameter("rate", 0.1)
        run.log_metric("loss", 0.5)
        run.log_confusion_matrix([0, 1, 1], [0, 1, 0], title="cm")
    close_engine()

    assert len(team.server.behind.asked) <= 3, team.server.behind.asked
    kept = open_store(team.kept)
    (blob,) = [artifact.blob for artifact in kept.artifacts()]
    assert open_blobs((team.folder / "server" / "blobs").as_uri()).size(blob)
    component = kept.component("ex-one")
    assert kept.parameters([component.id])[component.id] == {"rate": 0.1}
    assert kept.summaries([component.id])[component.id]["loss"].last == 0.5
    kept.close()


def test_a_thousand_runs_are_read_with_their_parameters_and_metrics_in_twelve_requests(team):
    kept = open_store(team.kept)
    names = [f"ex-run{number}" for number in range(1_000)]
    tags = dict([RUN_SOURCE_TAG])
    kept.write([PutComponent(at=n, name=name, experiment="ex", trial="t", tags=tags) for n, name in enumerate(names)])
    kept.write([SetParameters(at=1, component=name, parameters={"rate": n}) for n, name in enumerate(names)])
    kept.write([points(name, [float(n)]) for n, name in enumerate(names)])
    kept.close()
    team.server.behind.asked.clear()

    runs = list_runs("ex")
    read = {run.run_name: (run.parameters, run.metrics) for run in runs}

    assert len(read) == 1_000
    assert all(parameters and metrics for parameters, metrics in read.values())
    assert len(team.server.behind.asked) <= 12, team.server.behind.asked


def test_a_run_is_read_back_by_whoever_has_the_server_s_url(team):
    with Run("ex", "one") as run:
        run.log_parameters({"a": 1, "b": [1, "x"]})
        for step in range(5):
            run.log_metric("loss", 1.0 / (step + 1), step=step)
    close_engine()

    back = load_run("one", "ex")
    assert back.parameters["a"] == 1
    assert [point.step for point in back.metric_points("loss")] == list(range(5))
    close_engine()


LIGHT = """
import sys
from plugin_core import Run
from plugin_core.tracking.engine import close_engine
with Run("ex", "one") as run:
    run.log_parameter("rate", 0.1)
    run.log_metric("loss", 0.5)
close_engine()
print(sorted({"sqlalchemy", "botocore", "boto3", "urllib3", "starlette"} & sys.modules.keys()))
"""


def test_a_process_that_records_at_a_server_loads_neither_a_database_nor_aws_s_sdk(team):
    environment = {**os.environ, **team.environment, "FLOWTRAIL_BLOBS": team.folder.as_uri()}
    done = subprocess.run([sys.executable, "-c", LIGHT], env=environment, capture_output=True, text=True, check=True)

    assert (done.stdout, done.stderr) == ("[]\n", "")
    kept = open_store(team.kept)
    assert kept.component("ex-one").status.value == "completed"
    kept.close()
