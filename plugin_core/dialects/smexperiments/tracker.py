"""Trackers: what user code logs to, one trial component each."""

from __future__ import annotations

import logging
import mimetypes
import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from plugin_core.dialects.smexperiments.api_types import TrialComponentArtifact, TrialComponentStatus
from plugin_core.dialects.smexperiments.backend import (
    TRIAL_COMPONENT,
    ArtifactUploader,
    Backend,
    LineageArtifactTracker,
    Members,
    MetricsWriter,
    TrackedComponent,
    backend_of,
)
from plugin_core.dialects.smexperiments.naming import unique_name
from plugin_core.dialects.smexperiments.trial_component import TrialComponent
from plugin_core.errors import InvalidValueError
from plugin_core.tracking.files import artifact_type_of

if TYPE_CHECKING:
    from plugin_core.model.evaluations import Evaluation

_log = logging.getLogger("flowtrail")
_MESSAGE_MAX: Final = 1024
_JSON: Final = "application/json"
_MEDIA_TYPE: Final = re.compile(r"[-\w]+/[-\w+]+")


class Tracker:
    """Logs to a trial component: a new one (``create``), one that exists or the one this code runs in (``load``).

    On flowtrail's own record what is logged is kept when the call returns, metrics included, wherever the code runs.
    Through a client it is sent when the tracker is closed, metrics ten at a time. As a context manager it sets the
    component's status and times; those of a recorded step are the orchestrator's, and are left alone.
    """

    trial_component: TrialComponent = None  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
    _is_own: bool = True

    def __init__(
        self,
        trial_component: TrialComponent,
        metrics_writer: MetricsWriter | None,
        artifact_uploader: ArtifactUploader,
        lineage_artifact_tracker: LineageArtifactTracker,
    ) -> None:
        self.trial_component = trial_component
        trial_component.parameters = trial_component.parameters or {}
        trial_component.input_artifacts = trial_component.input_artifacts or {}
        trial_component.output_artifacts = trial_component.output_artifacts or {}
        self._metrics_writer = metrics_writer
        self._artifact_uploader = artifact_uploader
        self._lineage_artifact_tracker = lineage_artifact_tracker

    @classmethod
    def load(
        cls,
        trial_component_name: str | None = None,
        artifact_bucket: str | None = None,
        artifact_prefix: str | None = None,
        boto3_session: Any = None,
        sagemaker_boto_client: Any = None,
        training_job_name: str | None = None,
        processing_job_name: str | None = None,
    ) -> Tracker:
        """Track a trial component that exists, by its name or by its job's.

        Without a name it is the one that this code runs in: the recorded step of ``load_run()``, or SageMaker's job.
        A ValueError where there is none.
        """
        backend = backend_of(sagemaker_boto_client)
        members: Members | None
        current = None
        if trial_component_name:
            members = backend.describe(TRIAL_COMPONENT, trial_component_name)
        elif training_job_name:
            members = backend.of_job(training_job_name, "-aws-training-job")
        elif processing_job_name:
            members = backend.of_job(processing_job_name, "-aws-processing-job")
        else:
            members = current = backend.current()
        if members is None:
            raise InvalidValueError(
                "Could not load a trial component: none was named, and this code runs in none.",
                hint='Specify a trial_component_name, or use "create".',
            )
        component = TrialComponent(sagemaker_boto_client).with_boto(members)
        return cls._of(component, artifact_bucket, artifact_prefix, boto3_session, is_own=current is None)

    @classmethod
    def create(
        cls,
        base_trial_component_name: str = "TrialComponent",
        display_name: str | None = None,
        artifact_bucket: str | None = None,
        artifact_prefix: str | None = None,
        boto3_session: Any = None,
        sagemaker_boto_client: Any = None,
    ) -> Tracker:
        """Track a new trial component, named by a beginning, the time and four letters."""
        name = unique_name(base_trial_component_name)
        component = TrialComponent(sagemaker_boto_client, trial_component_name=name, display_name=display_name)
        component.with_boto(backend_of(sagemaker_boto_client).begin(name, display_name))
        return cls._of(component, artifact_bucket, artifact_prefix, boto3_session, is_own=True)

    @classmethod
    def _of(
        cls, component: TrialComponent, bucket: str | None, prefix: str | None, session: Any, *, is_own: bool
    ) -> Tracker:
        tracked = TrackedComponent(
            name=str(component.trial_component_name),
            arn=str(component.trial_component_arn),
            artifact_bucket=bucket,
            artifact_prefix=prefix,
            boto3_session=session,
        )
        tracker = cls(component, *backend_of(component.sagemaker_boto_client).writers(tracked))
        tracker._is_own = is_own
        return tracker

    @property
    def _backend(self) -> Backend:
        return backend_of(self.trial_component.sagemaker_boto_client)

    # Logging

    def log_parameter(self, name: str, value: Any) -> None:
        """Record a parameter; a later value replaces it."""
        self.log_parameters({name: value})

    def log_parameters(self, parameters: Mapping[str, Any]) -> None:
        """Record several parameters at once. NaN and infinities are kept; through a client they are left out."""
        assert self.trial_component.parameters is not None
        loggable = {name: value for name, value in parameters.items() if self._is_loggable("parameter", name, value)}
        self.trial_component.parameters.update(loggable)
        self._keep()

    def log_input(self, name: str, value: str, media_type: str | None = None) -> None:
        """Record an input by its URI, or a short text. There is no limit to how many."""
        self._set_artifact(name, value, media_type, is_output=False)

    def log_output(self, name: str, value: str, media_type: str | None = None) -> None:
        """Record an output by its URI, or a short text. There is no limit to how many."""
        self._set_artifact(name, value, media_type, is_output=True)

    def log_artifacts(self, directory: str, media_type: str | None = None) -> None:
        """Store all files in a directory and record them as outputs, named as the files are without extension.

        What is no file (a folder in it) is passed over.
        """
        for path in sorted(Path(directory).iterdir()):
            if path.is_file():
                self.log_output_artifact(str(path), name=path.stem, media_type=media_type)

    def log_artifact(self, file_path: str, name: str | None = None, media_type: str | None = None) -> None:
        """As ``log_output_artifact``."""
        self.log_output_artifact(file_path, name, media_type)

    def log_output_artifact(self, file_path: str, name: str | None = None, media_type: str | None = None) -> None:
        """Store a file and record it as an output, named as the file is by default; a ValueError if there is none."""
        self._log_file(file_path, name, media_type, is_output=True)

    def log_input_artifact(self, file_path: str, name: str | None = None, media_type: str | None = None) -> None:
        """Store a file and record it as an input, named as the file is by default; a ValueError if there is none."""
        self._log_file(file_path, name, media_type, is_output=False)

    def log_metric(
        self, metric_name: str, value: float, timestamp: Any = None, iteration_number: int | None = None
    ) -> None:
        """Record one point of a metric, in any process and not only in training jobs.

        ``timestamp`` is a datetime or seconds since the epoch, now by default, of any age. Without
        ``iteration_number`` it is one past the metric's last.
        """
        if self._metrics_writer is not None and self._is_loggable("metric", metric_name, value):
            self._metrics_writer.log_metric(metric_name, value, timestamp, iteration_number)

    def log_table(
        self,
        title: str | None = None,
        values: Mapping[str, list[Any]] | None = None,
        data_frame: Any = None,
        output_artifact: bool = True,
    ) -> None:
        """Record a table, of a mapping of lists or of a data frame; a ValueError for both or none."""
        from plugin_core.dialects.smexperiments.tables import table_of

        self._log_evaluation(table_of(title or _title("Table"), values, data_frame), output_artifact)

    def log_precision_recall(
        self,
        y_true: Any,
        predicted_probabilities: Any,
        positive_label: Any = None,
        title: str | None = None,
        output_artifact: bool = True,
        no_skill: float | None = None,
    ) -> None:
        """Compute a precision-recall curve and record it. Needs scikit-learn; a ValueError for lengths that differ."""
        from plugin_core.charts import precision_recall

        curve = precision_recall(
            y_true,
            predicted_probabilities,
            title=title or _title("PrecisionRecallCurve"),
            positive_label=positive_label,
            no_skill=no_skill,
        )
        self._log_evaluation(curve, output_artifact)

    def log_roc_curve(self, y_true: Any, y_score: Any, title: str | None = None, output_artifact: bool = True) -> None:
        """Compute a ROC curve and record it. Needs scikit-learn; a ValueError for lengths that differ."""
        from plugin_core.charts import roc_curve

        self._log_evaluation(roc_curve(y_true, y_score, title=title or _title("ROCCurve")), output_artifact)

    def log_confusion_matrix(
        self, y_true: Any, y_pred: Any, title: str | None = None, output_artifact: bool = True
    ) -> None:
        """Compute a confusion matrix and record it. Needs scikit-learn; a ValueError for lengths that differ."""
        from plugin_core.charts import confusion_matrix

        matrix = confusion_matrix(y_true, y_pred, title=title or _title("ConfusionMatrix"))
        self._log_evaluation(matrix, output_artifact)

    def _log_evaluation(self, evaluation: Evaluation, is_output: bool) -> None:
        """Record an evaluation, also among the component's outputs (or inputs), where people look for it."""
        title = evaluation.title
        uri, etag = self._artifact_uploader.upload_object_artifact(title, evaluation.to_payload(), "json")
        self._tie(title, uri, etag, evaluation.type, is_output=is_output)
        self._set_artifact(title, uri, _JSON, is_output=is_output)

    def _log_file(self, file_path: str, name: str | None, media_type: str | None, *, is_output: bool) -> None:
        uri, etag = self._artifact_uploader.upload_artifact(file_path)
        file_name = Path(file_path).name
        kind = media_type or _guessed_type(file_name)
        label = name or file_name
        self._tie(label, uri, etag, artifact_type_of(kind, file_name), is_output=is_output)
        self._set_artifact(label, uri, kind, is_output=is_output)

    def _tie(self, name: str, uri: str, etag: str | None, artifact_type: str, *, is_output: bool) -> None:
        lineage = self._lineage_artifact_tracker
        add = lineage.add_output_artifact if is_output else lineage.add_input_artifact
        add(name, uri, etag, artifact_type)

    def _set_artifact(self, name: str, value: str, media_type: str | None, *, is_output: bool) -> None:
        entries = self.trial_component.output_artifacts if is_output else self.trial_component.input_artifacts
        assert entries is not None
        entries[name] = TrialComponentArtifact(value, media_type=media_type)
        self._keep()

    def _is_loggable(self, what: str, name: str, value: object) -> bool:
        if self._backend.is_loggable(value):
            return True
        _log.warning("Failed to log %s %s. Received invalid value: %s.", what, name, value)
        return False

    # with

    def __enter__(self) -> Self:
        """Begin: the component is InProgress from now, and seen so at once."""
        if self._is_own:
            component = self.trial_component
            component.start_time = datetime.now(UTC)
            component.status = TrialComponentStatus(primary_status="InProgress")
            if not self._keep():
                component.save()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        exc_traceback: TracebackType | None,
    ) -> None:
        """End: Completed, or Failed with the exception's text. It swallows nothing."""
        if self._is_own:
            self.trial_component.end_time = datetime.now(UTC)
            self.trial_component.status = _final_status(exc_value)
        self.close()

    def close(self) -> None:
        """Send what is not kept yet."""
        try:
            if not self._keep():
                self.trial_component.save()
            self._lineage_artifact_tracker.save()
        finally:
            if self._metrics_writer is not None:
                self._metrics_writer.close()

    def _keep(self) -> bool:
        """Have what is new taken up at once, where the record does that."""
        return self.trial_component._keep()  # noqa: SLF001 - one dialect


def _guessed_type(file_name: str) -> str | None:
    """A media type that the API takes: it would refuse all of a component for one with a dot in it."""
    kind = mimetypes.guess_type(file_name, strict=False)[0]
    return kind if kind is not None and _MEDIA_TYPE.fullmatch(kind) else None


def _final_status(error: BaseException | None) -> TrialComponentStatus:
    if error is None:
        return TrialComponentStatus(primary_status="Completed")
    return TrialComponentStatus(primary_status="Failed", message=str(error)[:_MESSAGE_MAX])


def _title(kind: str) -> str:
    return f"{kind}-{time.time_ns() // 1_000}"
