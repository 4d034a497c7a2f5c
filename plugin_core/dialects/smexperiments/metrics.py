"""A file of metrics as SageMaker's agent in training jobs reads it: a JSON object a line."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, Self

from plugin_core.errors import InvalidValueError, RunStateError
from plugin_core.tracking.values import to_float, to_micros, to_step

_FOLDER_VARIABLE: Final = "SAGEMAKER_METRICS_DIRECTORY"
_AGE_MAX_S: Final = 14 * 24 * 3600  # SageMaker takes no others
_AHEAD_MAX_S: Final = 2 * 3600


class SageMakerFileMetricsWriter:
    """Writes points to a file, by default one of the process in the folder that SageMaker names.

    Trackers do not need one: what they log is kept without an agent.
    """

    def __init__(self, metrics_file_path: str | None = None) -> None:
        self._path = metrics_file_path
        self._file: IO[str] | None = None
        self._closed = False

    def log_metric(
        self, metric_name: str, value: float, timestamp: Any = None, iteration_number: int | None = None
    ) -> None:
        """Write one point. RunStateError once it is closed, a ValueError for a time that SageMaker does not take."""
        if self._closed:
            raise RunStateError("log_metric was called on a writer that is closed.")
        point: dict[str, Any] = {
            "MetricName": metric_name,
            "Value": to_float(metric_name, value),
            "Timestamp": _seconds(timestamp),
        }
        step = to_step(iteration_number)
        if step is not None:
            point["IterationNumber"] = step
        if self._file is None:
            self._file = self._where().open("a", buffering=1, encoding="utf-8")
        self._file.write(json.dumps(point) + "\n")

    def close(self) -> None:
        """Close the file; closing again does nothing."""
        if self._file is not None:
            self._file.close()
            self._file = None
        self._closed = True

    def _where(self) -> Path:
        folder = os.environ.get(_FOLDER_VARIABLE, ".")
        return Path(self._path or f"{folder}/{os.getpid()}.json")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, type: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the file."""
        self.close()


def _seconds(timestamp: Any) -> float:
    micros, now = to_micros(timestamp), time.time()
    seconds = now if micros is None else micros / 1_000_000
    if not now - _AGE_MAX_S <= seconds <= now + _AHEAD_MAX_S:
        raise InvalidValueError(
            f"The timestamp {seconds} is not one that SageMaker takes.",
            hint="It must be at most two weeks old, and at most two hours ahead.",
        )
    return seconds
