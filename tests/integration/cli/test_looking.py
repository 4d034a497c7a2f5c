"""`ls`, `show`, `lineage` and `config` over a real store: what is found, what is printed, and with which status."""

import json
import os
import subprocess
import sys

import pytest

from plugin_core.model.changes import SetTags
from plugin_core.model.lineage import NodeKind, NodeRef
from plugin_core.stores import open_store

EXECUTION = "breast-cancer-167a5b6c7d8e"
TRAIN = "breast-cancer-train-8f14e45fceea-a2"


def test_nothing_recorded_yet_is_said_and_creates_nothing(folder, flowtrail):
    answer = flowtrail("ls")

    assert (answer.status, answer.out) == (0, "")
    assert "flowtrail run python" in answer.err
    assert flowtrail("ls", "--json").json == []
    assert flowtrail("show", "x").status == 1
    assert list(folder.iterdir()) == []


def test_executions_are_listed_newest_first_with_their_best_metric(record, flowtrail):
    lines = flowtrail("ls").out.splitlines()

    assert [line.split()[2] for line in lines[1:]] == ["iris-first", EXECUTION]
    assert lines[2].startswith("✕ failed")
    assert lines[2].endswith("4  test_accuracy 0.97")


def test_listings_have_stable_keys_in_json(record, flowtrail):
    rows = flowtrail("ls", "--json", "-n", "1").json

    assert len(rows) == 1
    assert rows[0]["run"]["component"] == "iris-first"
    assert rows[0]["run"]["started_at"] == "2026-03-01T12:01:00Z"
    assert rows[0]["headline"] == {"metric": "auc", "value": 0.7, "aggregate": "last"}


@pytest.mark.parametrize("name", ["breast-cancer", "Breast Cancer!", "breast"])
def test_executions_of_one_experiment_by_any_of_its_names(record, flowtrail, name):
    assert [row["run"]["component"] for row in flowtrail("ls", "-e", name, "--json").json] == [EXECUTION]


def test_an_experiment_that_is_not_there_is_an_error(record, flowtrail):
    answer = flowtrail("ls", "-e", "irsi")
    assert (answer.status, "Did you mean iris" in answer.err) == (1, True)


def test_executions_and_runs_are_listed_by_tag(record, flowtrail):
    tags = {EXECUTION: {"dagster/backfill": "spring"}, TRAIN: {"dagster/backfill": "spring", "slow": None}}
    store = open_store(f"sqlite:///{record / 'record.db'}")
    store.write([SetTags(at=1, node=NodeRef(NodeKind.COMPONENT, name), tags=each) for name, each in tags.items()])
    store.close()

    def listed(*command):
        return [row["run"]["component"] for row in flowtrail("ls", *command, "--json").json]

    assert listed("--tag", "dagster/backfill=spring") == [EXECUTION]
    assert set(listed("runs", "--tag", "dagster/backfill=spring")) == {EXECUTION, TRAIN}
    assert listed("runs", "-t", "slow") == [TRAIN]
    assert listed("-t", "dagster/backfill=autumn") == []
    assert flowtrail("ls", "artifacts", "-t", "slow").status == 2


@pytest.mark.parametrize(("what", "count"), [("experiments", 2), ("runs", 7), ("artifacts", 2), ("executions", 2)])
def test_everything_can_be_listed(record, flowtrail, what, count):
    assert len(flowtrail("ls", what, "--json").json) == count
    assert len(flowtrail("ls", what).out.splitlines()) == count + 1


@pytest.mark.parametrize(
    ("identifier", "component"),
    [
        (EXECUTION, EXECUTION),
        ("breast-cancer-167a", EXECUTION),
        ("167a5b6c7d8e", EXECUTION),
        ("curious-otter", EXECUTION),
        ("11111111-2222-4333-8444-167a5b6c7d8e", EXECUTION),
        ("11111111", EXECUTION),
        ("execution:breast-cancer-167a5b6c7d8e", EXECUTION),
        (TRAIN, TRAIN),
        (TRAIN.upper(), TRAIN),
        ("train-8f14e45fceea-a2", TRAIN),
        ("train", TRAIN),
        ("aaaaaaaa-bbbb-4ccc-8ddd-8f14e45fceea", TRAIN),
        ("run:train-8f14e45fceea", "breast-cancer-train-8f14e45fceea"),
        ("first", "iris-first"),
    ],
)
def test_a_run_is_found_by_whatever_is_in_hand(record, flowtrail, identifier, component):
    answer = flowtrail("show", identifier, "--json")
    assert answer.json["run"]["component"] == component


@pytest.mark.parametrize("identifier", ["breast-cancer", "Breast Cancer!", "experiment:breast", "breast"])
def test_an_experiment_is_found_by_its_name(record, flowtrail, identifier):
    shown = flowtrail("show", identifier, "--json").json
    assert (shown["kind"], shown["name"], len(shown["executions"])) == ("experiment", "breast-cancer", 1)


@pytest.mark.parametrize("identifier", ["3fa9c1d2", "sha256:3fa9", "frame", "artifact:3fa9"])
def test_an_artifact_is_found_by_hash_or_name(record, flowtrail, identifier):
    shown = flowtrail("show", identifier, "--json").json

    assert (shown["kind"], shown["artifact"]["name"]) == ("artifact", "frame")
    assert [run["name"] for run in shown["produced_by"]] == ["load"]
    assert [run["component"] for run in shown["used_by"]] == [TRAIN]


def test_an_ambiguous_id_lists_what_it_can_mean(record, flowtrail):
    answer = flowtrail("show", "b")

    assert answer.status == 1
    assert "experiment:breast-cancer" in answer.err
    assert f"run:{TRAIN}" in answer.err


def test_an_unknown_id_gets_what_is_close(record, flowtrail):
    answer = flowtrail("show", "breast-cancr")

    assert (answer.status, answer.out) == (1, "")
    assert "Did you mean breast-cancer" in answer.err
    assert "flowtrail-E002" in answer.err
    assert "Traceback" not in answer.err


def test_errors_are_json_where_json_was_asked_for(record, flowtrail):
    error = json.loads(flowtrail("show", "breast-cancr", "--json").err)["error"]
    assert set(error) == {"code", "message", "cause", "fix"}


def test_an_execution_shows_its_steps_and_why_they_failed(record, flowtrail):
    text = flowtrail("show", EXECUTION).out

    assert "http://localhost/runs/1" in text
    assert "git 0123456789ab" in text
    assert "rate  NaN" in text
    assert "Steps (4)" in text
    assert "  score" in text
    assert "report: ValueError: no data   in report" in text


def test_steps_are_nested_and_are_their_last_attempts(record, flowtrail):
    steps = flowtrail("show", EXECUTION, "--json").json["steps"]
    told = [(row["run"]["name"], row["depth"], row["run"]["attempt"], row["run"]["status"]) for row in steps]

    assert told == [
        ("load", 0, 1, "completed"),
        ("train", 0, 2, "completed"),
        ("score", 1, 1, "cached"),
        ("report", 0, 1, "failed"),
    ]


def test_a_step_shows_its_data_with_makers_and_users(record, flowtrail):
    shown = flowtrail("show", TRAIN, "--json").json

    assert shown["parameters"] == {"depth": 3, "model": "forest"}
    assert shown["metrics"]["loss"]["minimum"] == 0.25
    assert shown["inputs"][0]["others"] == ["breast-cancer-load-0cc175b9c0f1"]
    assert shown["outputs"][0]["artifact"]["type"] == "Model"
    assert shown["outputs"][0]["others"] == ["breast-cancer-report-2"]


def test_points_of_a_metric_are_printed_nan_by_name(record, flowtrail):
    points = flowtrail("show", TRAIN, "--metrics", "test_accuracy", "--json").json["points"]

    assert [point["value"] for point in points] == [0.9, "NaN", 0.97]
    assert flowtrail("show", TRAIN, "--metrics", "loss").out.split("\n")[1].split()[:2] == ["0", "1"]


def test_a_metric_that_is_not_there_lists_those_that_are(record, flowtrail):
    answer = flowtrail("show", TRAIN, "--metrics", "los")
    assert (answer.status, "loss, test_accuracy" in answer.err) == (1, True)
    assert flowtrail("show", "breast-cancer", "--metrics", "loss").status == 2


def test_lineage_is_drawn_both_ways(record, flowtrail):
    lines = flowtrail("lineage", "frame").out.splitlines()

    assert lines[0] == "Came from"
    assert lines[2].startswith("└─ load  ✓ completed")
    assert lines[4] == "Went into"
    assert lines[-1].strip().startswith("└─ report  ✕ failed")


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (("--up",), {"frame", "load", "train", "model"}),
        (("--down",), {"model", "report"}),
        (("--up", "--depth", "1"), {"train", "model"}),
        ((), {"frame", "load", "train", "model", "report"}),
    ],
)
def test_direction_and_depth_choose_what_is_walked(record, flowtrail, options, names):
    graph = flowtrail("lineage", "model", *options, "--json").json

    assert {node["name"] for node in graph["nodes"]} == names
    assert graph["start"] == [{"kind": "artifact", "key": "sha256:" + "b0b1b2b3b4b5b6b7" * 4}]
    assert {"source", "destination", "type"} == set(graph["edges"][0])


def test_the_lineage_of_an_execution_is_the_graph_of_its_steps(record, flowtrail):
    text = flowtrail("lineage", EXECUTION).out
    assert [word for word in text.split() if word in {"load", "frame", "train", "model", "report"}] == [
        "load",
        "frame",
        "train",
        "model",
        "report",
    ]


def test_mermaid_has_a_node_and_an_edge_a_line(record, flowtrail):
    lines = flowtrail("lineage", "model", "--format", "mermaid").out.splitlines()

    assert lines[0] == "flowchart LR"
    assert sum("-->" in line for line in lines) == 4
    assert '  n0[("model<br/>sha256:b0b1b2b3b4b5")]' in lines


def test_the_lineage_of_an_experiment_is_wrong_usage(record, flowtrail):
    assert flowtrail("lineage", "breast-cancer").status == 2


def test_settings_are_shown_with_their_origin_and_without_passwords(folder, flowtrail, monkeypatch):
    monkeypatch.setenv("FLOWTRAIL_UI_URL", "https://me:hunter2@host/")
    from plugin_core.tracking.settings import configure

    configure(strict=True)
    answer = flowtrail("config", "show", "--origin")
    content = flowtrail("config", "show", "--origin", "--json").json

    assert "hunter2" not in answer.out
    assert content["ui_url"] == {"value": "https://me:***@host/", "source": "environment", "origin": "FLOWTRAIL_UI_URL"}
    assert content["strict"]["source"] == "argument"
    assert flowtrail("config", "show", "--json").json["durability"] == "1s"


@pytest.mark.parametrize(
    "arguments", [("nonsense",), ("ls", "--nonsense"), ("ls", "cats"), ("show",), ("ls", "--store", "record.db")]
)
def test_wrong_usage_has_status_2(folder, flowtrail, arguments):
    answer = flowtrail(*arguments)
    assert (answer.status, bool(answer.err)) == (2, True)


def test_a_store_that_cannot_be_used_has_status_3(folder, flowtrail):
    (folder / "record.db").write_bytes(b"not a database, and long enough to be seen as one" * 100)
    answer = flowtrail("ls")

    assert answer.status == 3
    assert "fix:" in answer.err
    assert "Traceback" not in answer.err


def test_the_version_is_printed(flowtrail):
    assert flowtrail("--version").out.startswith("flowtrail 0.")


def real(*arguments, cwd, **environ):
    command = [sys.executable, "-m", "plugin_core.cli", *arguments]
    return subprocess.run(command, cwd=cwd, env={**os.environ, **environ}, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("command", [("ls",), ("show", EXECUTION), ("lineage", "frame"), ("config", "show")])
def test_the_real_command_prints_ascii_where_nothing_else_can_be_shown(record, command):
    done = real(*command, cwd=record, PYTHONIOENCODING="ascii", FLOWTRAIL_STORE=f"sqlite:///{record}/record.db")

    assert done.returncode == 0
    assert done.stdout.isascii()
    assert done.stderr == ""


def test_a_debug_log_level_shows_where_an_error_came_from(record):
    store = {"FLOWTRAIL_STORE": f"sqlite:///{record}/record.db"}
    assert "Traceback" in real("show", "zzz", cwd=record, FLOWTRAIL_LOG_LEVEL="debug", **store).stderr
    assert "Traceback" not in real("show", "zzz", cwd=record, **store).stderr


def test_a_reader_that_goes_away_is_no_error(record):
    command = f"{sys.executable} -m plugin_core.cli ls --json --store sqlite:///record.db | head -c 1"
    done = subprocess.run(command, shell=True, cwd=record, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("[", "")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("ls", "foo"), "'foo' is not one of 'executions', 'experiments', 'runs', 'artifacts'"),
        (("ls", "--limit", "0"), "'--limit'"),
        (("lineage", "x", "--format", "png"), "'--format'"),
        (("show",), "Missing argument"),
        (("nope",), "No such command 'nope'"),
        (("show", ""), "An ID cannot be empty"),
    ],
)
def test_wrong_usage_is_told_as_text_or_as_json(record, flowtrail, arguments, told):
    text, asked = flowtrail(*arguments), flowtrail(*arguments, "--json")
    error = json.loads(asked.err)["error"]

    assert (text.status, asked.status, text.out, asked.out) == (2, 2, "", "")
    assert told in text.err
    assert told in error["message"]
    assert error["code"] == "flowtrail-E001"
    assert "Value error" not in text.err


@pytest.mark.parametrize(
    ("arguments", "what", "fix"),
    [
        (("ls", "-e", "nope"), "experiment 'nope'", "flowtrail ls experiments"),
        (("get", "nope"), "artifact 'nope'", "flowtrail ls artifacts"),
        (("show", "nope"), "experiment, execution, run or artifact 'nope'", "flowtrail ls"),
        (("ls", "-e", "frame"), "experiment 'frame'", "flowtrail ls experiments"),
    ],
)
def test_what_is_not_found_is_told_with_where_it_was_looked_for(record, flowtrail, arguments, what, fix):
    answer = flowtrail(*arguments)

    assert answer.status == 1
    assert fix in answer.err
    assert f"{what} does not exist" in answer.err
    assert f"not recorded in sqlite:///{record}/record.db" in answer.err


@pytest.mark.parametrize("command", ["show", "lineage", "get"])
def test_asking_of_a_store_that_is_not_there_tells_which_one_that_is(folder, flowtrail, command):
    answer = flowtrail(command, "x")

    assert answer.status == 1
    assert f"nothing is recorded yet in sqlite:///{folder}/record.db" in answer.err
    assert "flowtrail run python" in answer.err
    assert not (folder / "record.db").exists()


def test_bytes_that_are_gone_are_not_called_misspelt(record, flowtrail):
    gone, never = flowtrail("get", "frame"), flowtrail("get", "model")

    assert (gone.status, never.status) == (1, 1)
    assert "its bytes are gone from" in gone.err
    assert "only its description was recorded" in never.err
    assert "/models/m.pkl" in never.err
