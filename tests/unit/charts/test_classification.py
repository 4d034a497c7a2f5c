"""Evaluations have scikit-learn's values and SageMaker's payload keys."""

import json
import sys

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from plugin_core.charts import confusion_matrix, precision_recall, roc_curve
from plugin_core.errors import FlowtrailError, InvalidValueError

TRUE = [0, 1, 1, 0, 1, 0, 1, 1]
SCORES = [0.1, 0.9, 0.8, 0.6, 0.4, 0.2, 0.7, 0.55]


def test_a_confusion_matrix_counts_true_by_row_and_predicted_by_column():
    result = confusion_matrix(["cat", "dog", "dog"], ["cat", "dog", "fish"], title="pets")

    assert result.labels == ("cat", "dog", "fish")
    assert result.matrix == ((1, 0, 0), (0, 1, 1), (0, 0, 0))
    assert result.to_payload() == {
        "type": "ConfusionMatrix",
        "version": 0,
        "title": "pets",
        "confusionMatrix": [[1, 0, 0], [0, 1, 1], [0, 0, 0]],
    }


def test_a_roc_curve_has_the_rates_and_area_of_scikit_learn():
    result = roc_curve(TRUE, SCORES, title="roc")

    false_positive, true_positive, _ = metrics.roc_curve(TRUE, SCORES)
    assert result.false_positive_rate == tuple(false_positive)
    assert result.true_positive_rate == tuple(true_positive)
    assert result.area == pytest.approx(metrics.roc_auc_score(TRUE, SCORES))
    assert set(result.to_payload()) == {
        "type",
        "version",
        "title",
        "falsePositiveRate",
        "truePositiveRate",
        "areaUnderCurve",
    }


def test_precision_recall_has_the_micro_averaged_precision_and_the_share_of_positives():
    result = precision_recall(TRUE, SCORES, title="pr")

    precision, recall, _ = metrics.precision_recall_curve(TRUE, SCORES)
    assert (result.precision, result.recall) == (tuple(precision), tuple(recall))
    assert result.average_precision == pytest.approx(metrics.average_precision_score(TRUE, SCORES, average="micro"))
    assert result.no_skill == 5 / 8
    assert set(result.to_payload()) == {
        "type",
        "version",
        "title",
        "precision",
        "recall",
        "averagePrecisionScore",
        "noSkill",
    }


def test_a_positive_label_chooses_the_class_and_its_share():
    words = ["benign" if label else "malignant" for label in TRUE]

    result = precision_recall(words, [1 - s for s in SCORES], positive_label="malignant", title="pr")

    expected = metrics.average_precision_score([1 - t for t in TRUE], [1 - s for s in SCORES])
    assert result.average_precision == pytest.approx(expected)
    assert result.no_skill == 3 / 8


def test_a_positive_label_of_zero_is_not_taken_for_none():
    result = precision_recall(TRUE, [1 - s for s in SCORES], positive_label=0, title="pr")

    assert result.no_skill == 3 / 8


def test_a_given_no_skill_is_kept():
    assert precision_recall(TRUE, SCORES, title="pr", no_skill=0.25).no_skill == 0.25


@pytest.mark.parametrize("kind", [np.array, pd.Series, pl.Series, tuple], ids=["numpy", "pandas", "polars", "tuple"])
def test_any_array_like_gives_what_a_list_gives(kind):
    assert roc_curve(kind(TRUE), kind(SCORES), title="t") == roc_curve(TRUE, SCORES, title="t")
    assert precision_recall(kind(TRUE), kind(SCORES), title="t") == precision_recall(TRUE, SCORES, title="t")
    assert confusion_matrix(kind(TRUE), kind(TRUE), title="t") == confusion_matrix(TRUE, TRUE, title="t")


@pytest.mark.parametrize(
    ("evaluate", "what"),
    [
        (confusion_matrix, "predicted labels"),
        (roc_curve, "predicted scores"),
        (precision_recall, "predicted probabilities"),
    ],
)
def test_lengths_that_differ_are_named(evaluate, what):
    with pytest.raises(ValueError, match=rf"Lengths mismatch between true labels and {what}: \(1 vs 2\)\."):
        evaluate([1], [1, 0], title="t")
    with pytest.raises(InvalidValueError, match="no true labels"):
        evaluate([], [], title="t")
    with pytest.raises(InvalidValueError, match="must have a length"):
        evaluate(iter([1]), iter([1]), title="t")


@pytest.mark.parametrize(
    ("evaluate", "y_true", "predicted"),
    [
        (confusion_matrix, [0, 1], ["a", "b"]),
        (roc_curve, [0, 1], [float("nan"), 1.0]),
        (roc_curve, [0, 1, 2], [0.1, 0.2, 0.3]),
        (precision_recall, ["yes", "no"], [0.1, 0.2]),
        (precision_recall, [0, 1], [None, object()]),
    ],
)
def test_what_scikit_learn_refuses_is_our_error_with_its_words(evaluate, y_true, predicted):
    with pytest.raises(InvalidValueError, match="scikit-learn cannot evaluate") as caught:
        evaluate(y_true, predicted, title="t")

    assert caught.value.__cause__ is not None


@pytest.mark.filterwarnings("ignore:No negative samples")
def test_a_single_class_gives_strict_json_without_nan():
    result = roc_curve([1, 1], [0.2, 0.3], title="t")

    assert np.isnan(result.area)
    assert json.loads(json.dumps(result.to_payload(), allow_nan=False))["areaUnderCurve"] is None


def test_without_scikit_learn_the_error_says_what_to_install(monkeypatch):
    for module in ("sklearn", "sklearn.metrics"):
        monkeypatch.setitem(sys.modules, module, None)

    with pytest.raises(FlowtrailError, match=r'pip install "flowtrail\[sklearn\]"'):
        roc_curve(TRUE, SCORES, title="t")


@pytest.mark.filterwarnings("ignore:A single label was found")
@settings(deadline=None)  # the first example pays for scikit-learn's import
@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), min_size=1))
def test_every_pair_is_counted_once(pairs):
    y_true, y_pred = zip(*pairs, strict=True)

    matrix = confusion_matrix(y_true, y_pred, title="t").matrix

    assert sum(sum(row) for row in matrix) == len(pairs)
