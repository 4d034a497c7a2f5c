"""Tables and lists of views: what is shown, on a terminal and piped."""

import io

import pytest
import sample_views as sample
from rich.text import Text

from plugin_core.cli import render
from plugin_core.cli.terminal import Terminal
from plugin_core.model.components import Status


def text_of(make, width=None) -> str:
    """What a terminal of a width would show, without its styles; None is a pipe."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
    terminal = Terminal(stream, width=width, now=sample.NOW, environ={"TERM": "dumb"})
    made = make(terminal)
    terminal.print(*(made if isinstance(made, list) else [made]))
    return Text.from_ansi(stream.buffer.getvalue().decode()).plain


@pytest.mark.parametrize("width", [80, 120])
def test_the_list_of_executions_fits_and_keeps_ids_whole(width):
    text = text_of(lambda t: render.executions([sample.execution(), sample.execution(Status.RUNNING)], t), width)

    assert max(map(len, text.splitlines())) <= width
    assert "✓ completed  breast-cancer-167a5b6c7d8e" in text
    assert "5 min ago" in text
    assert "● running" in text


def test_piped_executions_have_all_columns_and_whole_times():
    lines = text_of(lambda t: render.executions([sample.execution()], t)).splitlines()

    assert lines[0].split() == ["STATUS", "EXECUTION", "NAME", "STARTED", "DURATION", "STEPS", "METRIC"]
    assert "2026-03-01 11:55:00 UTC" in lines[1]
    assert lines[1].endswith("test_accuracy 0.97368")


def test_an_experiment_shows_its_latest_states():
    text = text_of(lambda t: render.experiments([sample.experiment_row()], t))
    assert "✓✕●" in text
    assert "Breast cancer" in text


def test_a_run_shows_parameters_metrics_data_and_code():
    text = text_of(lambda t: render.run_detail(sample.detail(), t), 100)

    assert "rate    0.1" in text
    assert "layers  [1,2]" in text
    assert "loss           0.25  0.25  2.5     1    100" in text
    assert "frame  DataSet  DataFrame (569, 31)  124 kB  sha256:3fa9c1d2e4b5  load-0cc175b9c0f1" in text
    assert "choose-1 +1" in text
    assert "git 0123456789ab on main with uncommitted changes" in text
    assert "nightly, team=risk" in text
    assert "sagemaker" not in text


def test_nan_is_shown_by_name():
    assert "test_accuracy   NaN" in text_of(lambda t: render.metrics(sample.detail().metrics, t))


def test_a_failed_execution_shows_why_and_leads_to_the_failed_step():
    failed = sample.run_view("flow", Status.FAILED, message="ValueError: no\ndata", status_inferred=True)
    text = text_of(lambda t: render.run_detail(sample.detail(run=failed, steps=sample.steps()), t), 120)

    assert "✕ failed (inferred)" in text
    assert "ValueError: no\ndata" in text
    assert "Steps (4)" in text
    assert "  fetch" in text
    assert "flowtrail show breast-cancer-report-8f14e45fceea" in text


def test_a_retried_step_shows_its_attempt():
    line = next(line for line in text_of(lambda t: render.steps(sample.steps(), t)).splitlines() if "train" in line)
    assert line.split() == ["✓", "completed", "train", "12.3", "s", "2", "loss", "0.25", "train-8f14e45fceea"]


def test_a_thousand_steps_are_cut_on_a_terminal_and_whole_in_a_pipe():
    many = sample.steps() * 250
    assert "and 940 more" in text_of(lambda t: render.steps(many, t), 120)
    assert len(text_of(lambda t: render.steps(many, t)).splitlines()) == 1001


def test_hints_are_for_people_only():
    assert "Look further" not in text_of(lambda t: render.run_detail(sample.detail(), t))


def test_data_that_nobody_described_is_shown_by_its_uri():
    bare = sample.Link(name="x", value="s3://bucket/key", artifact=None, others=())
    assert "s3://bucket/key" in text_of(lambda t: render.links([bare], t, "MADE BY", "e"))
