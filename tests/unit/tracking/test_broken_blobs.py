"""A blob store that cannot be written costs the bytes, not the record of them, nor the run."""

import logging
import re

import pytest

from plugin_core import Run, configure
from plugin_core.errors import StoreError


@pytest.fixture
def blobs(flowtrail_record):
    """Where bytes should go, and none can: a file stands in the way of the folder."""
    place = flowtrail_record.folder / "blobs"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text("in the way")
    return place


@pytest.fixture
def report(tmp_path):
    file = tmp_path / "report.txt"
    file.write_bytes(b"42")
    return file


def test_a_file_that_cannot_be_stored_is_recorded_by_where_it_is(blobs, report, flowtrail_record, caplog):
    configure(strict=False)
    with caplog.at_level(logging.WARNING, "flowtrail"), Run("exp", "r1") as run:
        run.log_file(report, name="report")

    assert [entry.value for entry in run.output_artifacts.values()] == [report.as_uri()]
    assert flowtrail_record.store.artifact(report.as_uri()).blob is None
    assert [record.message.partition(":")[0] for record in caplog.records if "report.txt" in record.message] == [
        f"flowtrail could not store {report}, and records where it is instead"
    ]


def test_a_chart_that_cannot_be_stored_is_recorded_by_its_checksum(blobs, flowtrail_record, caplog):
    configure(strict=False)
    with caplog.at_level(logging.WARNING, "flowtrail"), Run("exp", "r1") as run:
        run.log_confusion_matrix([0, 1], [0, 1])

    (artifact,) = flowtrail_record.store.artifacts()
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", artifact.source_uri)
    assert artifact.blob is None


def test_strict_says_so_at_once(blobs, report):
    with Run("exp", "r1") as run, pytest.raises(StoreError, match="blobs"):
        run.log_file(report)
