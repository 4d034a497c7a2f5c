"""Evaluations: one payload type for what is computed of labels and scores, with SageMaker's JSON.

Payload keys are SageMaker Experiments' (version 0 of each type); other dialects convert from here.
JSON has no NaN and no infinity: in a payload they are null.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

from plugin_core.model.metrics import Json


@dataclass(frozen=True, kw_only=True, slots=True)
class ConfusionMatrix:
    """Counts; rows are true classes and columns predicted ones, in the order of ``labels``."""

    type: ClassVar[str] = "ConfusionMatrix"
    title: str
    matrix: tuple[tuple[int, ...], ...]
    labels: tuple[str, ...] = ()

    def to_payload(self) -> dict[str, Json]:
        """SageMaker's JSON object."""
        return {
            "type": self.type,
            "version": 0,
            "title": self.title,
            "confusionMatrix": [list(row) for row in self.matrix],
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class RocCurve:
    """A receiver operating characteristic and the area under it."""

    type: ClassVar[str] = "ROCCurve"
    title: str
    false_positive_rate: tuple[float, ...]
    true_positive_rate: tuple[float, ...]
    area: float

    def to_payload(self) -> dict[str, Json]:
        """SageMaker's JSON object."""
        return {
            "type": self.type,
            "version": 0,
            "title": self.title,
            "falsePositiveRate": _numbers(self.false_positive_rate),
            "truePositiveRate": _numbers(self.true_positive_rate),
            "areaUnderCurve": _number(self.area),
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class PrecisionRecallCurve:
    """Precision against recall, the average precision, and the share of positives as the baseline."""

    type: ClassVar[str] = "PrecisionRecallCurve"
    title: str
    precision: tuple[float, ...]
    recall: tuple[float, ...]
    average_precision: float
    no_skill: float | None = None

    def to_payload(self) -> dict[str, Json]:
        """SageMaker's JSON object."""
        return {
            "type": self.type,
            "version": 0,
            "title": self.title,
            "precision": _numbers(self.precision),
            "recall": _numbers(self.recall),
            "averagePrecisionScore": _number(self.average_precision),
            "noSkill": _number(self.no_skill),
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """Columns of equal length, in order; ``fields`` has their names and types: string, number, boolean, datetime."""

    type: ClassVar[str] = "Table"
    title: str
    fields: tuple[tuple[str, str], ...]
    columns: Mapping[str, Sequence[Json]]

    def to_payload(self) -> dict[str, Json]:
        """SageMaker's JSON object."""
        return {
            "type": self.type,
            "version": 0,
            "title": self.title,
            "fields": [{"name": name, "type": kind} for name, kind in self.fields],
            "data": {name: [_cell(value) for value in self.columns[name]] for name, _ in self.fields},
        }


Evaluation: TypeAlias = ConfusionMatrix | RocCurve | PrecisionRecallCurve | Table


def _cell(value: Json) -> Json:
    return _number(value) if isinstance(value, float) else value


def _number(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _numbers(values: Iterable[float]) -> list[Json]:
    return [_number(value) for value in values]
