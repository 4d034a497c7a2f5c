"""What importing us costs and brings along: a promise, since every step process pays it."""

import json
import subprocess
import sys

import pytest

HEAVY = (
    "sqlalchemy",
    "alembic",
    "boto3",
    "starlette",
    "sklearn",
    "pandas",
    "numpy",
    "prefect",
    "dagster",
    "pydantic",
    "rich",
    "typer",
)


def loaded_after(code):
    program = f"import sys, json\n{code}\nprint(json.dumps(sorted(m for m in sys.modules if '.' not in m)))"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize(
    "code",
    [
        "import plugin_core",
        "from plugin_core import Run, load_run, list_runs, configure, FlowtrailError",
        "import plugin_core.capture.recorder, plugin_core.capture.values",
    ],
)
def test_importing_brings_no_heavy_library(code):
    assert loaded_after(code).isdisjoint(HEAVY)


def test_logging_a_run_brings_no_heavy_library_until_something_is_drained(tmp_path):
    code = f"""
from plugin_core import Run, configure
configure(store='sqlite:///{tmp_path}/record.db')
with Run("exp") as run:
    run.log_parameter("a", 1)
    run.log_metric("m", 1.0)
import os
names = sorted(m for m in sys.modules if '.' not in m)
print(json.dumps(names), flush=True)
os._exit(0)
"""
    program = f"import sys, json\n{code}"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert set(json.loads(done.stdout)).isdisjoint(set(HEAVY) - {"sqlalchemy"})


def test_the_adapter_imports_no_prefect_by_itself():
    assert "prefect" not in loaded_after("import prefect_integration")
