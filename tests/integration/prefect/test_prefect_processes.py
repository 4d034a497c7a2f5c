"""Tasks that run in other processes: pools, Dask, Ray, children of a task."""

import json
import subprocess
import sys
import textwrap

import pytest
from kit.programs import Programs, finished
from prefect import flow, task

from plugin_core.model.components import Status

CHILD = "from plugin_core import load_run; import sys; load_run().log_parameter('child', int(sys.argv[1]))"

SPREADS = """
import json
from prefect import flow, task
from plugin_core import load_run

@task
def where(n):
    load_run().log_parameter("logged", n)
    return load_run().run_name

@task
def make(n):
    return [n]

@task
def where_of(rows):
    return load_run().run_name

def runner():
    {runner}

@flow(task_runner=runner())
def spreads():
    rows = make.submit(7)
    return where.map([1, 2]).result(), where_of.submit(rows).result()

if __name__ == "__main__":
    print(json.dumps(spreads()))
"""


def check_workers(record, folder, runner):
    """Run in a program of its own: the threads of clusters outlive them."""
    script = folder / "spreads.py"
    script.write_text(SPREADS.format(runner=textwrap.indent(textwrap.dedent(runner), "    ").strip()))
    output = finished(Programs(folder, record.record.environment)(str(script)))
    found, last = json.loads(next(line for line in output.splitlines() if line.startswith("[[")))

    runs = record.runs("where")
    assert sorted(found) == sorted(run.run_name for run in runs)
    assert sorted(run.parameters["logged"] for run in runs) == [1, 2]
    assert all(run.parameters["logged"] == run.parameters["n"] for run in runs)
    assert {run.properties["map_index"] for run in runs} == {"0", "1"}
    assert {run.status for run in record.all()} == {Status.COMPLETED}
    assert {run.parent.component_name for run in runs} == {record.run("spreads").component_name}
    after = record.run("where_of")
    assert after.run_name == last
    assert record.run("make").run_name in record.producers(after)


@pytest.mark.slow
@pytest.mark.versions
@pytest.mark.since("prefect", "3.4.25")
def test_tasks_in_a_process_pool_are_recorded(record, tmp_path):
    check_workers(
        record,
        tmp_path,
        """
        from prefect.task_runners import ProcessPoolTaskRunner
        return ProcessPoolTaskRunner(max_workers=1)
        """,
    )


@pytest.mark.slow
def test_tasks_on_dask_workers_are_recorded(record, tmp_path):
    check_workers(
        record,
        tmp_path,
        """
        from prefect_dask import DaskTaskRunner
        return DaskTaskRunner(cluster_kwargs={"n_workers": 1, "threads_per_worker": 2, "dashboard_address": None})
        """,
    )


@pytest.mark.slow
def test_tasks_on_ray_workers_are_recorded(record, tmp_path):
    check_workers(
        record,
        tmp_path,
        """
        from prefect_ray import RayTaskRunner
        return RayTaskRunner(init_kwargs={"num_cpus": 2, "include_dashboard": False})
        """,
    )


@pytest.mark.slow
def test_children_of_64_concurrent_tasks_log_to_the_run_of_their_own_task(record):
    @task
    def starts_child(n):
        subprocess.run([sys.executable, "-c", CHILD, str(n)], check=True)

    @flow
    def starts_children(count):
        starts_child.map(range(count)).wait()

    starts_children(64)
    runs = record.runs("starts_child")
    assert [run.parameters["child"] for run in runs] == [run.parameters["n"] for run in runs]
    assert sorted(run.parameters["n"] for run in runs) == list(range(64))
