"""Trackers of the smexperiments dialect, on flowtrail's own record."""

import json
import math
import os
import random
import subprocess
import sys
from datetime import UTC, datetime

import pandas as pd
import pytest

from plugin_core import InvalidValueError, NotFoundError, Run, configure, list_runs
from plugin_core.dialects.smexperiments import Experiment, Tracker, TrialComponent
from plugin_core.model.lineage import NodeKind, NodeRef
from plugin_core.tracking.engine import close_engine, engine


@pytest.fixture(autouse=True)
def record(flowtrail_record):
    return flowtrail_record


def read(tracker):
    return TrialComponent.load(tracker.trial_component.trial_component_name)


def edges(tracker):
    ref = NodeRef(NodeKind.COMPONENT, tracker.trial_component.trial_component_name)
    store = engine().store
    return [(edge.type, edge.destination.key) for edge in store.associations(source=ref)], [
        (edge.type, edge.source.key) for edge in store.associations(destination=ref)
    ]


def content(entry):
    return json.loads(engine().blobs.open(entry.value).read())


def test_what_is_logged_is_kept_at_once():
    tracker = Tracker.create(display_name="Prepare")
    tracker.log_parameter("rate", 0.5)
    tracker.log_parameters({"mode": "fast", "depth": 3})
    tracker.log_input("raw", "s3://data/raw.csv", media_type="text/csv")
    tracker.log_output("clean", "s3://data/clean.csv")
    found = read(tracker)

    assert found.display_name == "Prepare"
    assert found.parameters == {"rate": 0.5, "mode": "fast", "depth": 3}
    assert (found.input_artifacts["raw"].value, found.input_artifacts["raw"].media_type) == (
        "s3://data/raw.csv",
        "text/csv",
    )
    assert found.output_artifacts["clean"].value == "s3://data/clean.csv"


def test_metrics_are_kept_outside_of_jobs_too():
    tracker = Tracker.create()
    moment = datetime(2020, 5, 1, tzinfo=UTC)
    tracker.log_metric("loss", 0.5)
    tracker.log_metric("loss", 0.25, iteration_number=1)
    tracker.log_metric("loss", 0.75, timestamp=moment, iteration_number=2)
    (loss,) = read(tracker).metrics

    assert (loss.metric_name, loss.count, loss.min, loss.max, loss.last) == ("loss", 3, 0.25, 0.75, 0.75)
    assert loss.time_stamp == moment
    assert loss.avg == 0.5


def test_numbers_that_are_none_are_kept_as_they_are():
    tracker = Tracker.create()
    tracker.log_parameter("rate", math.nan)
    tracker.log_metric("loss", math.inf)
    found = read(tracker)

    assert math.isnan(found.parameters["rate"])
    assert found.metrics[0].last == math.inf


def test_there_is_no_limit_to_artifacts_and_an_entry_can_be_overwritten():
    tracker = Tracker.create()
    for i in range(31):
        tracker.log_input(f"in{i}", f"s3://data/{i}")
    tracker.log_input("in0", "s3://data/other")

    assert len(read(tracker).input_artifacts) == 31
    assert read(tracker).input_artifacts["in0"].value == "s3://data/other"


def test_with_sets_status_and_times_that_others_see_meanwhile():
    with Tracker.create() as tracker:
        within = read(tracker)
    after = read(tracker)

    assert (within.status.primary_status, within.end_time) == ("InProgress", None)
    assert after.status.primary_status == "Completed"
    assert within.start_time == after.start_time <= after.end_time


def test_an_exception_marks_the_component_failed_and_goes_on():
    with pytest.raises(RuntimeError, match="no data"), Tracker.create() as tracker:
        raise RuntimeError("no data")

    status = read(tracker).status
    assert (status.primary_status, status.message) == ("Failed", "no data")


def test_a_message_is_cut_to_what_the_api_takes():
    with pytest.raises(RuntimeError), Tracker.create() as tracker:
        raise RuntimeError("x" * 5_000)

    assert len(read(tracker).status.message) == 1024


def test_what_is_set_on_the_component_itself_is_saved_when_the_tracker_closes():
    with Tracker.create() as tracker:
        tracker.trial_component.parameters["rate"] = 0.5
        tracker.trial_component.display_name = "Fit"

    assert (read(tracker).parameters, read(tracker).display_name) == ({"rate": 0.5}, "Fit")


def test_a_tracker_is_loaded_by_the_name_of_its_component():
    component = TrialComponent.create("prepare")
    component.parameters = {"rate": 0.5}
    component.save()
    tracker = Tracker.load("prepare")
    tracker.log_parameter("depth", 3)

    assert tracker.trial_component.parameters == read(tracker).parameters == {"rate": 0.5, "depth": 3}
    with pytest.raises(NotFoundError):
        Tracker.load("none")


def test_two_trackers_of_a_component_do_not_undo_each_others_values():
    TrialComponent.create("prepare")
    with Tracker.load("prepare") as mine:
        mine.log_parameter("rate", 0.1)
        Tracker.load("prepare").log_parameter("rate", 0.9)
        mine.log_parameter("depth", 3)

    assert read(mine).parameters == {"rate": 0.9, "depth": 3}


def test_a_tracker_is_loaded_by_the_name_of_a_job():
    TrialComponent.create("train-7-aws-training-job")
    TrialComponent.create("clean-7-aws-processing-job")

    trained = Tracker.load(training_job_name="train-7").trial_component
    cleaned = Tracker.load(processing_job_name="clean-7").trial_component
    assert trained.trial_component_name == "train-7-aws-training-job"
    assert cleaned.trial_component_name == "clean-7-aws-processing-job"


def test_inside_a_run_load_finds_it_and_leaves_its_status_alone():
    with Run("churn", "fit") as run:
        with Tracker.load() as tracker:
            tracker.log_parameter("rate", 0.5)
            tracker.log_metric("loss", 0.25)
        within = run.refresh().status.value

    assert tracker.trial_component.trial_component_name == run.component_name
    assert (within, run.refresh().status.value) == ("running", "completed")
    assert (run.parameters, run.metrics["loss"].last) == ({"rate": 0.5}, 0.25)


def test_in_no_run_load_says_that_there_is_none():
    with pytest.raises(ValueError, match="Could not load a trial component"):
        Tracker.load()


def test_a_tracked_component_is_a_run_of_its_trials_experiment():
    trial = Experiment.create("churn").create_trial("first")
    with Tracker.create("prepare") as tracker:
        tracker.log_parameter("rate", 0.5)
        trial.add_trial_component(tracker)
    (run,) = list_runs("churn")

    assert run.component_name == tracker.trial_component.trial_component_name
    assert (run.parameters, run.status.value) == ({"rate": 0.5}, "completed")


def test_a_store_that_cannot_be_opened_costs_nothing_that_was_logged(tmp_path):
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where a folder should be")
    configure(store=f"sqlite:///{blocked}/record.db", strict=False)
    with Tracker.create() as tracker:
        tracker.log_parameter("rate", 0.5)
        tracker.log_metric("loss", 0.25)
    with Run("churn", "fit"):
        Tracker.load().log_parameter("depth", 3)
    close_engine()
    blocked.unlink()
    blocked.mkdir()

    assert read(tracker).parameters == {"rate": 0.5}
    assert read(tracker).status.primary_status == "Completed"
    assert TrialComponent.load("churn-fit").parameters == {"depth": 3}


def test_what_was_logged_survives_the_end_of_its_process(record):
    program = """
import os
from plugin_core.dialects.smexperiments.tracker import Tracker
tracker = Tracker.create("killed").__enter__()
tracker.log_parameter("rate", 0.5)
tracker.log_metric("loss", 0.25)
print(tracker.trial_component.trial_component_name, flush=True)
os._exit(9)
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **record.environment},
    )
    found = TrialComponent.load(done.stdout.strip())

    assert (found.parameters, found.metrics[0].last) == ({"rate": 0.5}, 0.25)
    assert found.status.primary_status == "Failed"


def test_a_secret_is_not_recorded():
    tracker = Tracker.create()
    tracker.log_parameter("api_key", "hunter2hunter2")
    component = tracker.trial_component
    component.parameters["password"] = "hunter2hunter2"
    component.save()

    assert "hunter2hunter2" not in str(read(tracker).parameters)


def test_files_are_stored_with_their_lineage(tmp_path):
    data = tmp_path / "clean.csv"
    data.write_text("a,b\n1,2\n")
    tracker = Tracker.create()
    tracker.log_artifact(str(data))
    tracker.log_input_artifact(str(data), name="raw", media_type="text/plain")
    found = read(tracker)
    out, raw = found.output_artifacts["clean.csv"], found.input_artifacts["raw"]

    assert engine().blobs.open(out.value).read() == b"a,b\n1,2\n"
    assert (out.media_type, raw.media_type) == ("text/csv", "text/plain")
    assert edges(tracker) == ([("Produced", out.value)], [("ContributedTo", out.value)])
    node = engine().store.artifact(out.value)
    assert (node.type, node.size_bytes, node.properties["location"]) == ("DataSet", 8, str(data))


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ValueError, match="does not exist or is not a file"):
        Tracker.create().log_artifact(str(tmp_path / "none.csv"))


def test_all_files_of_a_directory_are_stored_and_folders_passed_over(tmp_path):
    (tmp_path / "inner").mkdir()
    for name in ("b.csv", "a.csv"):
        (tmp_path / name).write_text(name)
    tracker = Tracker.create()
    tracker.log_artifacts(str(tmp_path))

    assert sorted(read(tracker).output_artifacts) == ["a", "b"]


def test_a_confusion_matrix_is_recorded():
    tracker = Tracker.create()
    tracker.log_confusion_matrix([2, 0, 2, 2, 0, 1], [0, 0, 2, 2, 0, 2], title="cm")
    entry = read(tracker).output_artifacts["cm"]

    assert content(entry) == {
        "type": "ConfusionMatrix",
        "version": 0,
        "title": "cm",
        "confusionMatrix": [[2, 0, 0], [0, 0, 1], [1, 0, 2]],
    }
    assert edges(tracker)[0] == [("Produced", entry.value)]
    assert engine().store.artifact(entry.value).type == "ConfusionMatrix"


def test_a_chart_may_be_an_input_and_needs_no_title():
    tracker = Tracker.create()
    tracker.log_roc_curve([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8], output_artifact=False)
    tracker.log_precision_recall([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8], no_skill=0.1, output_artifact=False)
    charts = {name.split("-")[0]: content(entry) for name, entry in read(tracker).input_artifacts.items()}

    assert charts["ROCCurve"]["areaUnderCurve"] == 0.75
    assert charts["PrecisionRecallCurve"]["noSkill"] == 0.1
    assert [kind for kind, _ in edges(tracker)[1]] == ["ContributedTo"] * 2


def test_the_positive_label_is_passed_on():
    tracker = Tracker.create()
    tracker.log_precision_recall(["no", "no", "yes", "yes"], [0.1, 0.4, 0.35, 0.8], positive_label="yes", title="pr")

    assert content(read(tracker).output_artifacts["pr"])["averagePrecisionScore"] == pytest.approx(0.8333333)


def test_lengths_that_differ_are_refused():
    tracker = Tracker.create()

    for log in (tracker.log_confusion_matrix, tracker.log_roc_curve, tracker.log_precision_recall):
        with pytest.raises(ValueError, match="mismatch"):
            log([0, 1], [1])


def test_tables_are_recorded_from_lists_and_from_a_frame():
    tracker = Tracker.create()
    tracker.log_table("lists", {"x": [1, 2.5, None]})
    frame = pd.DataFrame({"n": [1, 2], "ok": [True, False], "at": pd.to_datetime(["2026-01-01", "2026-01-02"])})
    tracker.log_table("frame", data_frame=frame)
    outputs = read(tracker).output_artifacts

    assert content(outputs["lists"]) == {
        "type": "Table",
        "version": 0,
        "title": "lists",
        "fields": [{"name": "x", "type": "string"}],
        "data": {"x": [1, 2.5, None]},
    }
    table = content(outputs["frame"])
    assert [(field["name"], field["type"]) for field in table["fields"]] == [
        ("n", "number"),
        ("ok", "boolean"),
        ("at", "datetime"),
    ]
    assert table["data"]["n"] == [1, 2]
    assert table["data"]["at"][0].startswith("2026-01-01")


@pytest.mark.parametrize(
    ("given", "said"), [({}, "None of"), ({"values": {"x": 1}}, "list"), ({"values": {}, "data_frame": 1}, "Both of")]
)
def test_a_table_of_nothing_of_both_or_of_no_lists_is_refused(given, said):
    with pytest.raises(InvalidValueError, match=said):
        Tracker.create().log_table("t", **given)


def test_names_differ_where_a_user_has_seeded_python():
    made = set()
    for _ in range(2):
        random.seed(1)
        made.add(Tracker.create().trial_component.trial_component_name.rsplit("-", 1)[1])

    assert len(made) == 2


def test_switched_off_everything_is_accepted_and_nothing_recorded(record, tmp_path):
    data = tmp_path / "clean.csv"
    data.write_text("a")
    configure(disabled=True)
    experiment = Experiment.create("churn")
    trial = experiment.create_trial()
    with Tracker.create() as tracker, Tracker.load() as inner:
        tracker.log_parameter("rate", 0.5)
        tracker.log_metric("loss", 0.25)
        inner.log_artifact(str(data))
        inner.log_table("t", {"x": [1]})
        trial.add_trial_component(tracker)
    experiment.save()
    experiment.delete_all("--force")

    assert list(Experiment.list()) == list(trial.list_trial_components()) == []
    assert tracker.trial_component.parameters == {"rate": 0.5}
    assert not record.folder.exists()
