"""Confusion matrix, ROC and precision-recall of a classifier, with the values that SageMaker's SDK computes.

Labels and scores are lists, numpy arrays, pandas or polars series: anything with a length that numpy
reads. What scikit-learn refuses is an InvalidValueError; its warnings (a class that never occurs) pass.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from plugin_core.errors import FlowtrailError, InvalidValueError
from plugin_core.model.evaluations import ConfusionMatrix, PrecisionRecallCurve, RocCurve

_DEFAULT_POSITIVE = 1  # scikit-learn's


def confusion_matrix(y_true: Any, y_pred: Any, *, title: str) -> ConfusionMatrix:
    """Count pairs of true and predicted label, n of each; both hold labels, in one type.

    Raises InvalidValueError for lengths that differ or labels that do not compare, FlowtrailError
    without scikit-learn.
    """
    _check_lengths(y_true, y_pred, "predicted labels")
    with _scikit_learn():
        from sklearn.metrics import confusion_matrix as count
        from sklearn.utils.multiclass import unique_labels

        labels = unique_labels(y_true, y_pred)
        rows = count(y_true, y_pred, labels=labels).tolist()
    return ConfusionMatrix(
        title=title,
        matrix=tuple(tuple(int(cell) for cell in row) for row in rows),
        labels=tuple(str(label) for label in labels.tolist()),
    )


def roc_curve(y_true: Any, y_score: Any, *, title: str) -> RocCurve:
    """Rates of false and true positives at every threshold, and the area under them by the trapezoidal rule.

    ``y_true`` holds two classes, 0 or -1 and 1; ``y_score`` n scores or probabilities of class 1. With
    one class only, the rates of the other are NaN. Raises like ``confusion_matrix``.
    """
    _check_lengths(y_true, y_score, "predicted scores")
    with _scikit_learn():
        from sklearn.metrics import auc
        from sklearn.metrics import roc_curve as rates

        # The thresholds are left out: no payload has them, and the first is infinite.
        false_positive, true_positive, _ = rates(y_true, y_score)
        area = float(auc(false_positive, true_positive))
    return RocCurve(
        title=title,
        false_positive_rate=tuple(false_positive.tolist()),
        true_positive_rate=tuple(true_positive.tolist()),
        area=area,
    )


def precision_recall(
    y_true: Any,
    predicted_probabilities: Any,
    *,
    title: str,
    positive_label: Any = None,
    no_skill: float | None = None,
) -> PrecisionRecallCurve:
    """Precision against recall at every threshold, and the micro-averaged average precision.

    ``y_true`` holds n labels of two classes, ``predicted_probabilities`` n probabilities of
    ``positive_label`` (1 if it is None). ``no_skill`` is the precision of a classifier that knows
    nothing: by default the share of positives. Raises like ``confusion_matrix``.
    """
    _check_lengths(y_true, predicted_probabilities, "predicted probabilities")
    chosen = {} if positive_label is None else {"pos_label": positive_label}
    with _scikit_learn():
        from sklearn.metrics import average_precision_score, precision_recall_curve

        precision, recall, _ = precision_recall_curve(y_true, predicted_probabilities, **chosen)
        average = float(average_precision_score(y_true, predicted_probabilities, average="micro", **chosen))
    return PrecisionRecallCurve(
        title=title,
        precision=tuple(precision.tolist()),
        recall=tuple(recall.tolist()),
        average_precision=average,
        no_skill=_share_of(y_true, positive_label) if no_skill is None else float(no_skill),
    )


def _share_of(y_true: Any, positive_label: Any) -> float:
    import numpy as np

    positive = _DEFAULT_POSITIVE if positive_label is None else positive_label
    return float(np.mean(np.asarray(y_true) == positive))


def _check_lengths(y_true: Any, predicted: Any, what: str) -> None:
    try:
        expected, given = len(y_true), len(predicted)
    except TypeError as error:
        raise InvalidValueError(
            f"The true labels and {what} must have a length.", hint="Pass lists, arrays or series, not iterators."
        ) from error
    if expected != given:
        raise InvalidValueError(f"Lengths mismatch between true labels and {what}: ({expected} vs {given}).")
    if not expected:
        raise InvalidValueError(f"There are no true labels and no {what} to evaluate.")


@contextmanager
def _scikit_learn() -> Generator[None]:
    """Turn what comes of scikit-learn into our errors: that it is not there, and what it refuses."""
    try:
        yield
    except ImportError as error:
        raise FlowtrailError(
            "Evaluations need scikit-learn, which cannot be imported.", hint='Run: pip install "flowtrail[sklearn]".'
        ) from error
    except (ValueError, TypeError) as error:
        raise InvalidValueError(f"scikit-learn cannot evaluate these labels: {error}") from error
