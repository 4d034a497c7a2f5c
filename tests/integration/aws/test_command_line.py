"""The command line records into SageMaker and shows what is there."""

import os
import subprocess
import sys

from plugin_core.stores.aws.address import SageMakerAddress

PROGRAM = """
from plugin_core import Run
with Run("told", "one") as run:
    run.log_parameter("rate", 0.5)
    run.log_metric("loss", 0.25)
"""


def flowtrail(folder, endpoint, *arguments):
    store = SageMakerAddress(region="eu-west-1", bucket="team", endpoint=endpoint).url
    environ = {**os.environ, "FLOWTRAIL_STORE": store, "FLOWTRAIL_SPOOL_DIR": str(folder / "spool")}
    done = subprocess.run(
        [sys.executable, "-m", "plugin_core.cli", *arguments],
        cwd=folder, env=environ, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done


def test_what_a_command_recorded_is_told_at_its_end_and_shown(endpoint, tmp_path):
    told = flowtrail(tmp_path, endpoint, "run", sys.executable, "-c", PROGRAM)
    assert "nothing was recorded" not in told.stderr
    assert "told-one" in told.stderr

    shown = flowtrail(tmp_path, endpoint, "show", "told-one").stdout
    assert "rate" in shown
    assert "0.25" in shown
