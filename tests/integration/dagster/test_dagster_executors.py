"""Each step finds its own run in whichever process its executor runs it."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.reconstruct import ReconstructableJob

from plugin_core.model.components import Status
from plugin_core.tracking.settings import configure

PROGRAMS = Path(__file__).with_name("programs")


@pytest.fixture(scope="module")
def instance() -> Iterator[dg.DagsterInstance]:
    with tempfile.TemporaryDirectory() as folder, dg.DagsterInstance.local_temp(folder) as found:
        yield found


def execute(instance: dg.DagsterInstance, name: str, *, program: str = "tracked.py", **config) -> None:
    """Execute a job, with the executor's config."""
    job = ReconstructableJob.for_file(str(PROGRAMS / program), name)
    quiet = {"loggers": {"console": {"config": {"log_level": "ERROR"}}}}
    execution = {"execution": {"config": config}} if config else {}
    assert dg.execute_job(job, instance, run_config=quiet | execution).success


def numbers(recorded) -> dict[str, float]:
    found = {run.display_name: run.metrics for run in recorded.all() if "number" in run.metrics}
    return {name: metrics["number"].last for name, metrics in found.items()}


def pids(recorded) -> list[float]:
    return [run.metrics["pid"].last for run in recorded.all() if "pid" in run.metrics]


def check_retry(recorded) -> None:
    first, second = recorded.steps("busy")
    assert (first.status, second.status) == (Status.FAILED, Status.COMPLETED)
    assert [run.metrics["tried"].count for run in (first, second)] == [1, 1]


PRELOADED = {"forkserver": {"preload_modules": ["dagster", "plugin_core.tracking.run"]}}


@pytest.mark.versions
def test_each_of_sixteen_steps_has_its_own_run_in_a_process_of_its_own(recorded, instance):
    configure(experiment="renamed")  # children are told what only this process was told
    execute(instance, "spawned", start_method=PRELOADED)
    assert recorded.execution("renamed").status is Status.COMPLETED
    assert numbers(recorded) == {f"measure_{i}": i for i in range(14)}
    assert len(set(pids(recorded))) == 14
    assert {run.status for run in recorded.all()} == {Status.COMPLETED, Status.FAILED}
    check_retry(recorded)


def test_spawned_steps_of_a_job_that_knows_nothing_of_it_are_recorded(autologged, instance):
    execute(instance, "plain_job", program="plain.py")
    (pid,) = pids(autologged)
    assert pid != os.getpid()
    assert autologged.step("total").metrics["total"].last == 1
    assert autologged.sources(autologged.step("total")) == {"measure_1"}


@pytest.mark.versions
def test_steps_with_a_nearly_empty_environment_find_the_store_by_the_tags_of_their_run(recorded, instance):
    execute(instance, "delegated")
    assert numbers(recorded) == {"measure_0": 0}
    check_retry(recorded)


def test_steps_on_dask_find_their_run(recorded, instance):
    execute(instance, "on_dask", cluster={"local": {"n_workers": 1, "dashboard_address": None}})
    assert numbers(recorded) == {"measure_0": 0, "measure_1": 1}
    assert recorded.step("total").metrics["total"].count == 1  # Dagster's Dask executor hands on no lists
    assert os.getpid() not in pids(recorded)


@pytest.fixture
def celery(tmp_path: Path, instance: dg.DagsterInstance) -> Iterator[dict[str, Any]]:
    """A worker that takes its work from a folder; gives the executor's config."""
    queue, results = tmp_path / "queue", tmp_path / "results"
    queue.mkdir()
    results.mkdir()
    transport = {"data_folder_in": str(queue), "data_folder_out": str(queue), "control_folder": str(tmp_path)}
    config = {"broker": "filesystem://", "backend": results.as_uri()}
    (tmp_path / "dagster_celery_config.py").write_text(
        f"broker_url, result_backend = {tuple(config.values())}\nbroker_transport_options = {transport}\n"
    )
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "PYTHONPATH": str(tmp_path),
        "DAGSTER_HOME": instance.root_directory,
    }
    command = [sys.executable, "-m", "celery", "-A", "dagster_celery.app", "worker", "-c", "1", "--loglevel", "ERROR"]
    worker = subprocess.Popen([*command, "-Q", "dagster"], env=environment, cwd=tmp_path)
    yield {**config, "config_source": {"broker_transport_options": transport}}
    worker.terminate()
    worker.wait(60)


@pytest.mark.filterwarnings("ignore::celery.exceptions.DuplicateTaskNameWarning")  # Dagster's, for each step
def test_steps_on_celery_find_their_run_and_its_store(recorded, instance, celery):
    execute(instance, "on_celery", **celery)
    assert numbers(recorded) == {"measure_0": 0, "measure_1": 1}
    assert os.getpid() not in pids(recorded)
    check_retry(recorded)
