"""The run that flowtrail hands out when it is switched off."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, Final, Self

from plugin_core.model.components import Component, Kind, Status
from plugin_core.model.metrics import MetricPoint
from plugin_core.tracking.carrier import RunAddress
from plugin_core.tracking.reading import Cohort
from plugin_core.tracking.run import Run


class _NothingRead(Cohort):
    """What there is to read where nothing is recorded."""

    def __init__(self) -> None:
        empty: dict[int, dict[str, Any]] = {0: {}}
        self._parameters = self._metrics = self._inputs = self._outputs = self._tags = self._properties = empty

    def points(self, component: int, metric: str) -> list[MetricPoint]:
        del component, metric
        return []


_NO_COMPONENT: Final = Component(
    id=0,
    name="disabled",
    display_name="disabled",
    kind=Kind.SCRIPT,
    status=Status.CREATED,
    created_at=datetime.fromtimestamp(0, UTC),
    modified_at=datetime.fromtimestamp(0, UTC),
)


class DisabledRun(Run):
    """The run that flowtrail hands out when it is switched off: accepts everything, records and reads nothing."""

    _nothing: ClassVar[RunAddress] = RunAddress(
        experiment="disabled", trial="disabled", run_name="disabled", component="disabled"
    )

    def __init__(self, *_args: Any, **_kwargs: Any) -> None:
        self._begin(self._nothing, loggable=True, owner=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        return None

    def __reduce__(self) -> tuple[Any, ...]:
        return DisabledRun, ()

    def __repr__(self) -> str:
        return "<Run: recording is switched off (FLOWTRAIL_DISABLED)>"

    def _repr_html_(self) -> str:
        return "<em>recording is switched off (FLOWTRAIL_DISABLED)</em>"

    def close(self) -> None:
        return None

    def log_parameters(self, parameters: Mapping[str, Any]) -> None:
        del parameters

    def log_metric(self, name: str, value: float, timestamp: Any = None, step: int | None = None) -> None:
        del name, value, timestamp, step

    def log_artifact(self, name: str, value: str, media_type: str | None = None, is_output: bool = True) -> None:
        del name, value, media_type, is_output

    def log_file(
        self,
        file_path: str | Path,
        name: str | None = None,
        media_type: str | None = None,
        is_output: bool = True,
        extra_args: Mapping[str, Any] | None = None,
    ) -> None:
        del file_path, name, media_type, is_output, extra_args

    def log_confusion_matrix(self, y_true: Any, y_pred: Any, title: str | None = None, is_output: bool = True) -> None:
        del y_true, y_pred, title, is_output

    def log_precision_recall(
        self,
        y_true: Any,
        predicted_probabilities: Any,
        positive_label: Any = None,
        title: str | None = None,
        is_output: bool = True,
        no_skill: float | None = None,
    ) -> None:
        del y_true, predicted_probabilities, positive_label, title, is_output, no_skill

    def log_roc_curve(self, y_true: Any, y_score: Any, title: str | None = None, is_output: bool = True) -> None:
        del y_true, y_score, title, is_output

    def set_tags(self, tags: Any) -> None:
        del tags

    @property
    def children(self) -> list[Run]:
        return []

    def _read(self) -> tuple[Component, Cohort]:
        return _NO_COMPONENT, _NothingRead()
