"""Files, URIs and evaluations: stored by content, joined to the run in the graph, in SageMaker's payloads."""

import json

import numpy as np
import pytest
from sklearn import metrics

from plugin_core import InvalidValueError, Run, configure
from plugin_core.lineage import ancestors
from plugin_core.model.lineage import NodeKind, NodeRef
from plugin_core.tracking.engine import engine

TRUE, PREDICTED, SCORES = [0, 0, 1, 1], [0, 1, 1, 1], [0.1, 0.6, 0.7, 0.9]


def payload_of(record, run, title):
    artifact = record.store.artifact(run.output_artifacts[title].value)
    with engine().blobs.open(artifact.blob) as stored:
        return artifact, json.load(stored)


def edges(record, run):
    node = NodeRef(NodeKind.COMPONENT, run.component_name)
    out = [(edge.type, edge.destination.key) for edge in record.store.associations(source=node)]
    return out + [(edge.type, edge.source.key) for edge in record.store.associations(destination=node)]


def test_a_file_is_stored_by_its_content_and_joined_to_the_run(flowtrail_record, tmp_path):
    file = tmp_path / "model.joblib"
    file.write_bytes(b"weights")
    with Run("exp", "r1") as run:
        run.log_file(file)

    entry = run.output_artifacts["model.joblib"]
    artifact = flowtrail_record.store.artifact(entry.value)
    assert (artifact.type, artifact.size_bytes, artifact.blob) == ("Model", 7, entry.value)
    assert artifact.properties["key"] == "trial-component-artifacts/exp-r1/model.joblib"
    assert edges(flowtrail_record, run) == [("Produced", entry.value)]
    with engine().blobs.open(artifact.blob) as stored:
        assert stored.read() == b"weights"


def test_the_same_bytes_logged_by_two_runs_are_one_artifact(flowtrail_record, tmp_path):
    file = tmp_path / "data.csv"
    file.write_text("a\n1\n")
    with Run("exp", "maker") as maker:
        maker.log_file(file, name="made")
    with Run("exp", "user") as user:
        user.log_file(file, name="used", is_output=False)

    assert maker.output_artifacts["made"].value == user.input_artifacts["used"].value
    found = {vertex.ref.key for vertex in ancestors(user, kinds=(NodeKind.COMPONENT,)).vertices}
    assert found == {"exp-maker"}


def test_a_compressed_file_is_of_the_type_of_what_is_in_it(flowtrail_record, tmp_path):
    types = {}
    with Run("exp", "r1") as run:
        for name in ("table.csv.gz", "rows.jsonl.xz", "model.joblib.bz2", "notes.txt.gz"):
            file = tmp_path / name
            file.write_bytes(name.encode())
            run.log_file(file)
    for name, entry in run.output_artifacts.items():
        types[name] = flowtrail_record.store.artifact(entry.value).type

    assert types == {
        "table.csv.gz": "DataSet",
        "rows.jsonl.xz": "DataSet",
        "model.joblib.bz2": "Model",
        "notes.txt.gz": "Document",
    }


def test_a_file_that_is_not_there_is_refused_in_sagemakers_words(flowtrail_record, tmp_path):
    with Run("exp") as run, pytest.raises(ValueError, match="does not exist or is not a file"):
        run.log_file(tmp_path / "nothing")


def test_a_file_that_cannot_be_stored_is_recorded_by_reference(flowtrail_record, tmp_path, caplog):
    file, blocked = tmp_path / "data.csv", tmp_path / "blocked"
    file.write_text("a")
    blocked.write_text("a file where a folder should be")
    configure(blobs=blocked.as_uri(), strict=False)
    with Run("exp") as run:
        run.log_file(file)

    assert run.output_artifacts["data.csv"].value == file.as_uri()
    assert "records where it is instead" in caplog.text


def test_more_than_thirty_artifacts_and_a_change_of_one_are_taken(flowtrail_record):
    with Run("exp") as run:
        for i in range(40):
            run.log_artifact(f"a{i}", f"s3://bucket/{i}")
        run.log_artifact("a0", "s3://bucket/new", media_type="text/csv")

    assert len(run.output_artifacts) == 40
    assert (run.output_artifacts["a0"].value, run.output_artifacts["a0"].media_type) == ("s3://bucket/new", "text/csv")


def test_a_uri_is_a_node_of_the_graph_and_a_short_text_is_not(flowtrail_record):
    with Run("exp") as run:
        run.log_artifact("data", "s3://bucket/data.csv", is_output=False)
        run.log_artifact("note", "seen by a person")

    assert edges(flowtrail_record, run) == [("ContributedTo", "s3://bucket/data.csv")]
    assert run.output_artifacts["note"].value == "seen by a person"


def test_a_password_in_a_uri_is_not_kept(flowtrail_record):
    with Run("exp") as run:
        run.log_artifact("data", "https://user:hunter2hunter2@host/data.csv")

    assert "hunter2" not in run.output_artifacts["data"].value


def test_a_confusion_matrix_is_kept_in_sagemakers_payload(flowtrail_record):
    with Run("exp", "r1") as run:
        run.log_confusion_matrix(TRUE, PREDICTED, title="matrix")

    artifact, payload = payload_of(flowtrail_record, run, "matrix")
    assert payload == {
        "type": "ConfusionMatrix",
        "version": 0,
        "title": "matrix",
        "confusionMatrix": metrics.confusion_matrix(TRUE, PREDICTED).tolist(),
    }
    assert (artifact.type, artifact.name) == ("ConfusionMatrix", "matrix")
    assert edges(flowtrail_record, run) == [("Produced", artifact.source_uri)]


def test_a_roc_curve_and_a_precision_recall_curve_are_scikit_learns(flowtrail_record):
    with Run("exp") as run:
        run.log_roc_curve(TRUE, SCORES, title="roc")
        run.log_precision_recall(TRUE, SCORES, positive_label=1, title="pr", is_output=True)

    _, roc = payload_of(flowtrail_record, run, "roc")
    _, pr = payload_of(flowtrail_record, run, "pr")
    assert roc["areaUnderCurve"] == pytest.approx(metrics.roc_auc_score(TRUE, SCORES))
    assert set(roc) == {"type", "version", "title", "falsePositiveRate", "truePositiveRate", "areaUnderCurve"}
    assert pr["averagePrecisionScore"] == pytest.approx(metrics.average_precision_score(TRUE, SCORES, average="micro"))
    assert pr["noSkill"] == pytest.approx(0.5)


def test_without_a_title_one_is_made(flowtrail_record):
    with Run("exp") as run:
        run.log_confusion_matrix(np.array(TRUE), np.array(PREDICTED))
        run.log_confusion_matrix(TRUE, TRUE, is_output=False)

    (made,) = run.output_artifacts
    (read,) = run.input_artifacts
    assert made.startswith("confusion-matrix-")
    assert read.startswith("confusion-matrix-")


def test_labels_that_do_not_match_in_number_are_refused_in_sagemakers_words(flowtrail_record):
    with Run("exp") as run, pytest.raises(ValueError, match="Lengths mismatch between true labels and predicted"):
        run.log_confusion_matrix([1], [1, 0])


@pytest.mark.parametrize("name", ["", "n" * 129, 3])
def test_an_artifacts_name_beyond_the_limit_is_refused(flowtrail_record, name):
    with Run("exp") as run, pytest.raises(InvalidValueError, match="artifact name"):
        run.log_artifact(name, "s3://bucket/x")
