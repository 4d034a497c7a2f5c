"""FLOWTRAIL_DISABLED turns everything into nothing."""

import os
import pickle
import subprocess
import sys

import pytest

from plugin_core import Run, list_runs, load_run


@pytest.fixture
def disabled(monkeypatch, tmp_path):
    monkeypatch.setenv("FLOWTRAIL_DISABLED", "1")
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    assert list(tmp_path.iterdir()) == []


def test_a_run_accepts_everything_and_records_nothing(disabled):
    with Run("not a valid name at all", tags=3) as run:
        run.log_parameter("a", object())
        run.log_metric("m", "text")
        run.log_file("/no/such/file")
        run.log_artifact("a", "b")
        run.log_confusion_matrix([1], [1, 2])
        run.log_roc_curve(None, None)
        run.log_precision_recall(None, None)
        run.set_tags({"a": "b"})
        run.close()

    assert isinstance(run, Run)
    assert "switched off" in repr(run)
    assert "switched off" in run._repr_html_()


def test_reading_gives_what_an_empty_record_gives(disabled):
    run = load_run()

    assert (run.parameters, run.metrics, run.metric_points("m"), run.tags) == ({}, {}, [], {})
    assert (run.input_artifacts, run.output_artifacts, run.properties) == ({}, {}, {})
    assert (run.parent, run.children, run.url, run.started_at) == (None, [], None, None)
    assert list_runs("anything") == []


def test_a_disabled_run_can_be_pickled(disabled):
    assert isinstance(pickle.loads(pickle.dumps(Run("exp"))), Run)


def test_an_exception_passes_through(disabled):
    with pytest.raises(KeyError), Run("exp"):
        raise KeyError


def test_children_get_no_address(disabled):
    with Run("exp"):
        code = "import os; print('FLOWTRAIL_RUN_CONTEXT' in os.environ)"
        out = subprocess.run(
            [sys.executable, "-c", code], check=True, capture_output=True, text=True, env=dict(os.environ)
        )

    assert out.stdout == "False\n"
