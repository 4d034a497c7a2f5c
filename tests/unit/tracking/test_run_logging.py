"""What a Run records, and what it refuses. Behaviour is SageMaker Experiments' but for the named differences."""

import math
import re
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from plugin_core import InvalidValueError, Run, RunStateError
from plugin_core.model.components import Status


def test_parameters_are_kept_with_their_types(flowtrail_record):
    values = {"i": 3, "f": 0.5, "s": "x", "b": True, "n": None, "l": [1, "a"], "d": {"k": 1.5}}
    with Run("exp", "r1") as run:
        run.log_parameters(values)

    assert run.parameters == values
    assert type(run.parameters["b"]) is bool


def test_numbers_of_numpy_are_kept_as_python_numbers(flowtrail_record):
    with Run("exp") as run:
        run.log_parameter("n", np.int64(3))
        run.log_parameter("x", np.float32(0.5))

    assert run.parameters == {"n": 3, "x": 0.5}


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_kept_as_it_was_logged(flowtrail_record, value):
    with Run("exp") as run:
        run.log_parameter("p", value)
        run.log_metric("m", value)

    assert repr(run.parameters["p"]) == repr(value)
    assert repr(run.metric_points("m")[0].value) == repr(value)


def test_an_integer_of_any_size_is_kept(flowtrail_record):
    with Run("exp") as run:
        run.log_parameter("huge", 10**5000)

    assert run.parameters["huge"] == 10**5000


def test_a_later_value_of_a_parameter_replaces_the_earlier(flowtrail_record):
    with Run("exp") as run:
        run.log_parameter("lr", 0.1)
        run.log_parameter("lr", 0.2)

    assert run.parameters == {"lr": 0.2}


def test_metrics_come_back_as_points_and_summaries(flowtrail_record):
    with Run("exp") as run:
        for step, value in enumerate([0.9, 0.5, 0.7]):
            run.log_metric("loss", value, step=step)

    assert [(p.step, p.value) for p in run.metric_points("loss")] == [(0, 0.9), (1, 0.5), (2, 0.7)]
    summary = run.metrics["loss"]
    assert (summary.count, summary.last, summary.minimum, summary.maximum) == (3, 0.7, 0.5, 0.9)
    assert summary.mean == pytest.approx(0.7)
    assert summary.std_dev == pytest.approx(np.std([0.9, 0.5, 0.7]))


def test_without_a_step_points_are_counted_from_zero(flowtrail_record):
    with Run("exp") as run:
        for value in (3.0, 2.0, 1.0):
            run.log_metric("loss", value)

    assert [p.step for p in run.metric_points("loss")] == [0, 1, 2]


def test_a_timestamp_is_kept_to_the_microsecond(flowtrail_record):
    with Run("exp") as run:
        run.log_metric("loss", 1, timestamp=1_700_000_000.123456, step=np.int64(4))

    point = run.metric_points("loss")[0]
    assert (point.step, point.time.timestamp()) == (4, 1_700_000_000.123456)


@pytest.mark.parametrize("step", [1.5, "1", True, -1, 2**63])
def test_a_step_that_is_no_count_is_refused(flowtrail_record, step):
    with Run("exp") as run, pytest.raises(ValueError, match="step must be"):
        run.log_metric("loss", 1.0, step=step)


def test_a_metric_that_is_no_number_is_refused_by_name(flowtrail_record):
    with Run("exp") as run, pytest.raises(InvalidValueError, match="metric 'loss' must be a number, not str"):
        run.log_metric("loss", "high")


def test_logging_outside_of_with_is_refused_in_sagemakers_words(flowtrail_record):
    run = Run("exp", "r1")

    expected = re.escape("This method should be called inside context of 'with' statement.")
    for log in (lambda: run.log_parameter("a", 1), lambda: run.log_metric("m", 1.0)):
        with pytest.raises(RuntimeError, match=expected):
            log()


def test_logging_after_the_outermost_with_is_refused(flowtrail_record):
    with Run("exp") as run:
        run.log_metric("m", 1.0)

    with pytest.raises(RunStateError):
        run.log_metric("m", 2.0)


@pytest.mark.parametrize(
    ("experiment", "run", "message"),
    [
        ("e" * 60, "r", r"experiment_name \(length: 60\) must have length less than or equal to 59"),
        ("e", "r" * 60, r"run_name \(length: 60\) must have length less than or equal to 59"),
        ("my_exp", "r", "experiment_name 'my_exp' must match"),
        ("e", "-r", "run_name '-r' must match"),
        ("", "r", "experiment_name '' must match"),
        (3, "r", "experiment_name must be a str, not int"),
    ],
)
def test_names_beyond_the_limits_are_refused_with_limit_and_value(flowtrail_record, experiment, run, message):
    with pytest.raises(ValueError, match=message):
        Run(experiment, run)


def test_names_are_lower_cased(flowtrail_record):
    with Run("MyExp", "RunA") as run:
        pass

    assert run.experiment_config == {
        "ExperimentName": "myexp",
        "TrialName": "Default-Run-Group-myexp",
        "RunName": "myexp-runa",
    }


def test_generated_names_have_sagemakers_form_and_differ(flowtrail_record):
    run_names = {Run("exp").run_name for _ in range(50)}

    assert len(run_names) == 50
    assert all(re.fullmatch(r"sagemaker-run-\d{10}-[0-9a-f]{12}", name) for name in run_names)


def test_the_callers_tags_are_not_changed(flowtrail_record):
    tags = [{"Key": "team", "Value": "a"}]
    with Run("exp", tags=tags) as run:
        pass

    assert tags == [{"Key": "team", "Value": "a"}]
    assert run.tags == {"team": "a", "sagemaker:trial-component-source": "run"}
    assert flowtrail_record.store.experiment("exp").tags == {"team": "a"}


def test_status_is_running_inside_and_completed_after(flowtrail_record):
    with Run("exp") as run:
        assert run.status is Status.RUNNING
        assert run.status_message == "Within a run context"

    assert run.status is Status.COMPLETED
    assert run.ended_at >= run.started_at


def test_an_exception_fails_the_run_and_goes_on(flowtrail_record):
    error = KeyError("lost")
    with pytest.raises(KeyError) as caught, Run("exp") as run:
        raise error

    assert caught.value is error
    assert (run.status, run.status_message) == (Status.FAILED, "'lost'")


def test_a_secret_that_is_logged_by_name_is_not_kept(flowtrail_record):
    with Run("exp") as run:
        run.log_parameter("db_password", "hunter2-hunter2")

    assert run.parameters == {"db_password": "[redacted]"}


@pytest.mark.parametrize(
    "timestamp",
    [math.nan, math.inf, 1e30, pytest.param(10**5000, id="huge"), 1_700_000_000_000, -62_135_596_801, "today", True],
)
def test_a_timestamp_that_is_no_time_is_refused(flowtrail_record, timestamp):
    with Run("exp", "r1") as run:
        with pytest.raises(InvalidValueError, match="timestamp"):
            run.log_metric("loss", 1, timestamp=timestamp)
        run.log_metric("loss", 2)

    assert [point.value for point in run.metric_points("loss")] == [2]


@pytest.mark.parametrize("timestamp", [datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC), -1, 0])
def test_any_time_that_a_datetime_holds_is_kept(flowtrail_record, timestamp):
    with Run("exp", "r1") as run:
        run.log_metric("loss", 1, timestamp=timestamp)

    (point,) = run.metric_points("loss")
    moment = timestamp if isinstance(timestamp, datetime) else datetime.fromtimestamp(timestamp, UTC)
    assert (point.time, run.metrics["loss"].last_time) == (moment, moment)


REFUSED = {
    "no mapping": (lambda run: run.log_parameters(3), "parameters must be a mapping of names to values, not int"),
    "pairs": (lambda run: run.log_parameters([("lr", 0.1)]), "not list. Pass a dict"),
    "a class": (lambda run: run.log_parameters(dict), "not type"),
    "a metric's name": (lambda run: run.log_metric([], 1.0), "metric name must be a str, not list"),
    "a metric to read": (lambda run: run.metric_points(3), "metric name must be a str, not int"),
    "a media type": (lambda run: run.log_artifact("a", "x", media_type=3), "media_type must be a str, not int"),
    "of a URI": (lambda run: run.log_artifact("a", "s3://b/k", media_type=3), "media_type must be a str, not int"),
    "of a file": (lambda run: run.log_file(__file__, media_type=3), "media_type must be a str, not int"),
    "a file": (lambda run: run.log_file(None), "file_path must be a str or Path, not NoneType. Give a file's path"),
    "a title": (lambda _: Run("exp", run_display_name=3), "run_display_name must be a str, not int"),
    "an experiment's title": (lambda _: Run("exp", experiment_display_name=3), "must be a str, not int"),
    "a prefix": (lambda _: Run("exp", artifact_prefix=3), "artifact_prefix must be a str, not int"),
}


@pytest.mark.parametrize(("call", "said"), REFUSED.values(), ids=REFUSED)
def test_what_is_of_another_type_is_refused_with_what_to_do(flowtrail_record, call, said):
    with Run("exp", "r1") as run, pytest.raises(InvalidValueError, match=re.escape(said)):
        call(run)

    assert (run.parameters, run.metrics, run.output_artifacts) == ({}, {}, {})


def test_what_has_items_is_taken_for_a_mapping(flowtrail_record):
    with Run("exp") as run:
        run.log_parameters(pd.Series({"lr": 0.1, "depth": 3}))

    assert run.parameters == {"lr": 0.1, "depth": 3}


def test_tags_become_text_in_both_forms(flowtrail_record):
    run = Run("exp", tags=[{"Key": 1, "Value": 2}])
    run.set_tags({3: 4})

    assert {key: run.tags[key] for key in ("1", "3")} == {"1": "2", "3": "4"}
