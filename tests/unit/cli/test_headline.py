"""Which metric stands for an execution."""

import math

import pytest
import sample_views as sample

from plugin_core.cli.headline import headline


def found(*runs):
    made = headline([{name: sample.summary(name, last) for name, last in run.items()} for run in runs])
    return None if made is None else (made.metric, made.value, made.aggregate)


def test_nothing_logged_has_no_headline():
    assert found() is None
    assert found({}, {}) is None


@pytest.mark.parametrize(
    ("metrics", "chosen"),
    [
        ({"loss": 1.0, "accuracy": 0.9}, "accuracy"),
        ({"train_accuracy": 0.99, "val_accuracy": 0.8, "test_accuracy": 0.7}, "test_accuracy"),
        ({"epoch": 3.0, "rmse": 0.1}, "rmse"),
        ({"test_f1": 0.8, "accuracy": 0.9}, "accuracy"),
        ({"b": 1.0, "a": 2.0}, "a"),
        ({"max_tokens": 5.0, "val.auc": 0.8}, "val.auc"),
    ],
)
def test_quality_comes_before_losses_before_the_rest(metrics, chosen):
    assert found(metrics)[0] == chosen


def test_the_best_of_several_runs_is_the_highest_quality_or_lowest_loss():
    assert found({"accuracy": 0.7}, {"accuracy": 0.9}, {"accuracy": 0.8}) == ("accuracy", 0.9, "max")
    assert found({"loss": 0.7}, {"loss": 0.2}, {"loss": 0.8}) == ("loss", 0.2, "min")
    assert found({"rows": 7.0}, {"rows": 2.0}) == ("rows", 2.0, "last")


def test_what_is_not_finite_is_not_the_best():
    assert found({"accuracy": math.nan}, {"accuracy": 0.5}) == ("accuracy", 0.5, "max")
    assert found({"loss": -math.inf}, {"loss": 0.5}) == ("loss", 0.5, "min")
    assert math.isnan(found({"loss": math.nan})[1])
