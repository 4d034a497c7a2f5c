"""`journal verify` and `journal cat` over what a killed process left behind."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

DIES = """
import math, os
from plugin_core import Run
run = Run("exp", "first").__enter__()
run.log_parameters({"lr": math.nan, "name": "x\\x1b[2J"})
for step in range(20):
    run.log_metric("loss", 1 / (step + 1), step=step)
os._exit(0)
"""


@pytest.fixture
def left(tmp_path) -> Path:
    """The file of a process that is gone."""
    environment = {"FLOWTRAIL_STORE": f"sqlite:///{tmp_path / 'record.db'}", "FLOWTRAIL_SPOOL_DIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", DIES], env={**os.environ, **environment}, check=True)
    (file,) = tmp_path.glob("*.jrn")
    return file


@pytest.fixture
def damaged(left) -> Path:
    data = bytearray(left.read_bytes())
    data[-120:-110] = b"x" * 10
    left.write_bytes(data)
    return left


def test_a_whole_file_is_verified(left, flowtrail):
    answer = flowtrail("journal", "verify", str(left))
    (told,) = flowtrail("journal", "verify", str(left), "--json").json

    assert answer.status == 0
    assert answer.out.startswith(f"ok  {left}  ")
    assert (told["damaged"], told["bad_regions"], told["lost_events"]) == (False, [], 0)
    assert told["events"] >= 22
    assert told["owner"]["pid"] > 0


def test_a_damaged_file_fails_the_check_and_the_damage_is_told(damaged, flowtrail):
    answer = flowtrail("journal", "verify", str(damaged))
    asked = flowtrail("journal", "verify", str(damaged), "--json")

    assert (answer.status, asked.status) == (1, 1)
    assert answer.out.startswith(f"damaged  {damaged}  ")
    assert "missing from the sequence" in answer.out
    ((start, end),) = asked.json[0]["bad_regions"]
    assert start < damaged.stat().st_size - 110 <= end


def test_the_changes_are_printed_one_a_line(left, flowtrail):
    answer = flowtrail("journal", "cat", str(left))
    lines = answer.out.splitlines()

    assert answer.status == 0
    assert any("SetParameters  exp-first" in line and '"lr": "NaN"' in line for line in lines)
    assert any("AppendPoints  exp-first  loss  20 points, last at step 19: 0.05" in line for line in lines)
    assert "\x1b" not in answer.out


def test_the_changes_are_printed_whole_as_json_lines(left, flowtrail):
    changes = [json.loads(line) for line in flowtrail("journal", "cat", str(left), "--json").out.splitlines()]
    (points,) = (change for change in changes if change["change"] == "AppendPoints")

    assert (points["component"], points["metric"], points["steps"]) == ("exp-first", "loss", list(range(20)))
    assert {"PutExperiment", "PutTrial", "PutComponent", "SetStatus"} <= {change["change"] for change in changes}


def test_what_is_whole_of_a_damaged_file_is_printed(damaged, flowtrail):
    answer = flowtrail("journal", "cat", str(damaged), "--json")

    assert answer.status == 1
    assert "SetParameters" in answer.out
    assert answer.err.startswith("damaged  ")


def test_a_file_that_is_no_journal_is_wrong_usage(tmp_path, flowtrail):
    (tmp_path / "notes.txt").write_text("hello")

    assert flowtrail("journal", "verify", str(tmp_path / "notes.txt")).status == 2
    assert flowtrail("journal", "cat", str(tmp_path / "missing")).status == 2


def test_looking_changes_nothing(left, flowtrail):
    before = left.read_bytes()
    flowtrail("journal", "verify", str(left))
    flowtrail("journal", "cat", str(left))

    assert left.read_bytes() == before
    assert [path.name for path in left.parent.iterdir()] == [left.name]
