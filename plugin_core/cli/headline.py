"""Which of many metrics says most about an execution. Pure: names and values in, one of them out."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Final

from plugin_core.cli.views import Headline
from plugin_core.model.metrics import MetricSummary

_HIGHER: Final = (
    "accuracy",
    "acc",
    "auc",
    "f1",
    "map",
    "ndcg",
    "r2",
    "iou",
    "dice",
    "bleu",
    "precision",
    "recall",
    "score",
)
_LOWER: Final = ("loss", "rmse", "mae", "mse", "mape", "error", "err", "perplexity")
_SPLITS: Final = ("test", "holdout", "val", "valid", "validation", "eval")
_WORDS: Final = re.compile(r"[a-z]+\d?")


def headline(summaries: Iterable[Mapping[str, MetricSummary]]) -> Headline | None:
    """The best of the runs' last values of the most telling metric; None without a metric.

    Known measures of quality come before losses, those before other names; measures on test data before
    those on validation data, those before the rest.
    """
    lasts: dict[str, list[float]] = {}
    for metrics in summaries:
        for name, summary in metrics.items():
            lasts.setdefault(name, []).append(summary.last)
    if not lasts:
        return None
    name = min(lasts, key=lambda candidate: (_rank(candidate), candidate))
    return _aggregate(name, lasts[name])


def _rank(name: str) -> tuple[int, int]:
    words = _WORDS.findall(name.lower())
    goals = [i for i, goal in enumerate((*_HIGHER, *_LOWER)) if goal in words]
    splits = [i for i, split in enumerate(_SPLITS) if split in words]
    return (goals[0] if goals else 99, splits[0] if splits else 99)


def _aggregate(name: str, values: list[float]) -> Headline:
    words = set(_WORDS.findall(name.lower()))
    finite = [value for value in values if math.isfinite(value)]
    if len(values) == 1 or not finite:
        return Headline(metric=name, value=values[-1], aggregate="last")
    if words & set(_LOWER):
        return Headline(metric=name, value=min(finite), aggregate="min")
    if words & set(_HIGHER):
        return Headline(metric=name, value=max(finite), aggregate="max")
    return Headline(metric=name, value=values[-1], aggregate="last")
