"""Run: what user code logs to, and reads back. Signatures and behaviour are SageMaker Experiments'.

Deliberate differences, each pinned by a test: values are recorded at once and not at the end, with
their types (NaN and infinities too); runs nest, and may be used from threads and asyncio tasks; a Run
can be pickled and resolves where it lands; ``title=None`` generates a title; there is no cap on
artifacts; the caller's tags are not changed.
"""

from __future__ import annotations

import functools
import json
import mimetypes
import os
import secrets
import time
from collections.abc import Mapping
from contextvars import Token
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from plugin_core.errors import InvalidValueError, RunStateError
from plugin_core.model import names
from plugin_core.model.changes import (
    PutArtifact,
    PutAssociation,
    PutComponent,
    PutExperiment,
    PutTrial,
    SetArtifactValues,
    SetParameters,
    SetStatus,
    SetTags,
)
from plugin_core.model.components import ArtifactValue, Component, Kind, Status
from plugin_core.model.lineage import AssociationType, NodeKind, NodeRef
from plugin_core.model.metrics import Json, MetricPoint, MetricSummary
from plugin_core.tracking import lifecycle
from plugin_core.tracking.carrier import RunAddress
from plugin_core.tracking.current import attach, current_run, detach
from plugin_core.tracking.engine import engine, now_us
from plugin_core.tracking.files import artifact_type_of
from plugin_core.tracking.settings import is_disabled
from plugin_core.tracking.values import to_float, to_items, to_json, to_micros, to_path, to_step, to_tags, to_text

if TYPE_CHECKING:
    from plugin_core.journal import Series
    from plugin_core.model.evaluations import Evaluation
    from plugin_core.tracking.elsewhere import Elsewhere
    from plugin_core.tracking.engine import Engine
    from plugin_core.tracking.files import Stored
    from plugin_core.tracking.reading import Cohort

_DEFAULT_RUN_NAME: Final = "sagemaker-run"
_DEFAULT_ARTIFACT_PREFIX: Final = "trial-component-artifacts"
_MESSAGE_MAX: Final = 1024
_OUTSIDE_WITH: Final = "This method should be called inside context of 'with' statement."


class Run:
    """One run of an experiment: parameters, metrics and artifacts, logged inside ``with`` and read back anywhere.

    ``experiment_name`` and ``run_name`` are lower-cased, at most 59 characters of letters, digits and
    inner hyphens; a missing run name is generated. What does not exist is created, what exists is
    taken up. ``tags`` is a mapping or SageMaker's list of Key and Value. With a ``sagemaker_session`` the run is
    kept in SageMaker, by the session's clients; with an ``artifact_bucket`` files go there, under
    ``artifact_prefix`` and the component's name.
    """

    _loggable: bool = False
    _owner_pid: int = 0
    _artifact_prefix: str = _DEFAULT_ARTIFACT_PREFIX
    _component: Component | None = None
    _cohort: Cohort | None = None
    _elsewhere: Elsewhere | None = None

    def __new__(cls, *_args: Any, **_kwargs: Any) -> Self:
        """Make a run, or one that does nothing where FLOWTRAIL_DISABLED is set."""
        if cls is Run and is_disabled():
            from plugin_core.tracking.disabled import DisabledRun

            return object.__new__(DisabledRun)  # type: ignore[return-value]
        return object.__new__(cls)

    def __init__(
        self,
        experiment_name: str,
        run_name: str | None = None,
        experiment_display_name: str | None = None,
        run_display_name: str | None = None,
        tags: Mapping[str, str] | list[dict[str, str]] | None = None,
        sagemaker_session: Any = None,
        artifact_bucket: str | None = None,
        artifact_prefix: str | None = None,
    ) -> None:
        if not (sagemaker_session is None and artifact_bucket is None):
            from plugin_core.tracking.elsewhere import elsewhere

            self._elsewhere = elsewhere(sagemaker_session, artifact_bucket)
        experiment = names.check_entity_name("experiment_name", experiment_name, max_length=names.RUN_NAME_MAX).lower()
        name = _generated_name() if run_name is None else run_name
        run = names.check_entity_name("run_name", name, max_length=names.RUN_NAME_MAX).lower()
        self._begin(
            _address_of(experiment, run, self._elsewhere), loggable=False, owner=True, artifact_prefix=artifact_prefix
        )
        self._create(
            to_text("experiment_display_name", experiment_display_name),
            to_text("run_display_name", run_display_name),
            self._engine.redactor.tags(to_tags(tags)),
        )

    @classmethod
    def _resolved(cls, address: RunAddress, *, loggable: bool) -> Run:
        """A handle on a run that exists or is being made elsewhere; it creates nothing and ends nothing."""
        run = object.__new__(Run)
        run._begin(address, loggable=loggable, owner=False)
        return run

    @classmethod
    def _listed(cls, component: Component, cohort: Cohort, owner_pid: int, at: Elsewhere | None = None) -> Run:
        """A handle on a run that was read. Made by the ten thousand: what is not needed to read comes later."""
        run = object.__new__(Run)
        run._component, run._cohort, run._owner_pid = component, cohort, owner_pid
        if at is not None:
            run._elsewhere = at
        return run

    def _begin(self, address: RunAddress, *, loggable: bool, owner: bool, artifact_prefix: str | None = None) -> None:
        self._address = address
        self._loggable = loggable
        self._owner_pid = os.getpid() if owner else 0  # a forked copy does not begin or end its parent's run
        self._artifact_prefix = to_text("artifact_prefix", artifact_prefix) or _DEFAULT_ARTIFACT_PREFIX

    @functools.cached_property
    def _address(self) -> RunAddress:
        assert self._component is not None
        return _address_read(self._component)

    @property
    def _engine(self) -> Engine:
        return engine() if self._elsewhere is None else self._elsewhere.engine

    @functools.cached_property
    def _series(self) -> dict[str, Series]:
        return {}

    @functools.cached_property
    def _tokens(self) -> list[Token[Run | None]]:
        return []

    def _create(
        self, experiment_display_name: str | None, run_display_name: str | None, tags: dict[str, str | None]
    ) -> None:
        at, address, outer = now_us(), self._address, current_run()
        self._engine.record_once(
            (address.experiment, experiment_display_name, address.trial, *sorted(tags.items())),
            PutExperiment(at=at, name=address.experiment, display_name=experiment_display_name, tags=tags),
            PutTrial(at=at, name=address.trial, experiment=address.experiment, tags=tags),
        )
        self._engine.record(
            PutComponent(
                at=at,
                name=address.component,
                experiment=address.experiment,
                trial=address.trial,
                run_name=address.run_name,
                display_name=run_display_name,
                parent=None if outer is None else outer.component_name,
                owner=self._engine.journal.owner,
                tags={**tags, names.RUN_SOURCE_TAG[0]: names.RUN_SOURCE_TAG[1]},
            )
        )

    # Where it is

    @property
    def experiment_name(self) -> str:
        """The experiment's name."""
        return self._address.experiment

    @property
    def run_name(self) -> str:
        """The run's name within its experiment."""
        return self._address.run_name

    @property
    def component_name(self) -> str:
        """The name of the trial component that holds the run: ``<experiment>-<run>``."""
        return self._address.component

    @property
    def trial_name(self) -> str:
        """The name of the trial the run belongs to."""
        return self._address.trial

    @property
    def experiment_config(self) -> dict[str, str]:
        """What SageMaker's jobs take as ``experiment_config``: ExperimentName, TrialName and RunName."""
        return {
            "ExperimentName": self._address.experiment,
            "TrialName": self._address.trial,
            "RunName": self._address.component,
        }

    @property
    def address(self) -> RunAddress:
        """What a child process needs to find this run."""
        return self._address

    # with

    def __enter__(self) -> Self:
        """Make this the current run here, and its status running if it is the outermost ``with`` on it."""
        self._tokens.append(attach(self))
        self._loggable = True
        if lifecycle.enter(self._address) and self._owns_lifecycle:
            at = now_us()
            self._engine.record(
                SetStatus(
                    at=at,
                    component=self._address.component,
                    status=Status.RUNNING,
                    message="Within a run context",
                    started_at=at,
                    owner=self._engine.journal.owner,
                )
            )
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        exc_traceback: TracebackType | None,
    ) -> None:
        """Leave; the outermost ``with`` records Completed, or Failed with the exception's text. It swallows nothing."""
        if self._tokens:
            detach(self._tokens.pop())
        if not self._tokens and self._owner_pid:
            self._loggable = False
        if lifecycle.leave(self._address) and self._owns_lifecycle:
            failed = exc_value is not None and not lifecycle.is_clean_exit(exc_value)
            message = self._engine.redactor.text(lifecycle.text_of(exc_value))[:_MESSAGE_MAX] if failed else None
            at = now_us()
            self._engine.record(
                SetStatus(
                    at=at,
                    component=self._address.component,
                    status=Status.FAILED if failed else Status.COMPLETED,
                    message=message,
                    ended_at=at,
                )
            )

    @property
    def _owns_lifecycle(self) -> bool:
        return self._owner_pid == os.getpid()

    def close(self) -> None:
        """Wait (at most the flush time-out) until what was logged is in the store; it is safe before, too."""
        self._engine.flush(self._engine.settings.flush_timeout_s)

    # Logging

    def log_parameter(self, name: str, value: Any) -> None:
        """Record one parameter, with its type. A later value replaces it. NaN and infinities are kept."""
        self.log_parameters({name: value})

    def log_parameters(self, parameters: Mapping[str, Any]) -> None:
        """Record several parameters at once."""
        self._check_loggable()
        redact = self._engine.redactor
        values: dict[str, Json] = {}
        for name, value in to_items(parameters):
            names.check_key("parameter name", name, names.PARAMETER_NAME_MAX)
            values[name] = redact.parameter(name, to_json(value))
        self._engine.record(SetParameters(at=now_us(), component=self._address.component, parameters=values))

    def log_metric(
        self, name: str, value: float, timestamp: datetime | float | None = None, step: int | None = None
    ) -> None:
        """Record one point of a metric. Without ``step``, one past this series' last; the first is 0.

        ``timestamp`` is a datetime or seconds since the epoch, now by default. NaN and infinities are kept.
        """
        if not self._loggable:
            raise RunStateError(_OUTSIDE_WITH)
        try:
            series = self._series.get(name)
        except TypeError:  # not hashable, so no name: refused below
            series = None
        if series is None:
            series = self._open_series(name)
        if type(value) is not float:
            value = to_float(name, value)
        if timestamp is None and (step is None or (type(step) is int and 0 <= step < 2**63)):
            series.log(value, step)
        else:
            series.log(value, to_step(step), to_micros(timestamp))

    def _open_series(self, name: str) -> Series:
        names.check_key("metric name", name, names.METRIC_NAME_MAX)
        series = self._series[name] = self._engine.series(self._address.component, name)
        return series

    def log_artifact(self, name: str, value: str, media_type: str | None = None, is_output: bool = True) -> None:
        """Record a named input or output by its URI (or short text). A URI becomes a node of the lineage graph."""
        self._check_loggable()
        names.check_key("artifact name", name, names.ARTIFACT_NAME_MAX)
        to_text("media_type", media_type)
        text = self._engine.redactor.text(str(value))
        if "://" in text:
            self._link(
                PutArtifact(
                    at=now_us(),
                    source_uri=text,
                    type=artifact_type_of(media_type, text),
                    name=name,
                    media_type=media_type,
                ),
                is_output=is_output,
            )
        self._set_artifact(name, ArtifactValue(value=text, media_type=media_type), is_output=is_output)

    def log_file(
        self,
        file_path: str | Path,
        name: str | None = None,
        media_type: str | None = None,
        is_output: bool = True,
        extra_args: Mapping[str, Any] | None = None,
    ) -> None:
        """Store a file's bytes by their content and record them as an input or output named ``name`` (its file name).

        InvalidValueError if there is no such file. Where the bytes cannot be stored the file is recorded by
        reference, with a warning (in strict mode the error is raised).
        """
        self._check_loggable()
        path = to_path("file_path", file_path)
        if not path.is_file():
            raise InvalidValueError(f"{path} does not exist or is not a file.", hint="Give the path of a file.")
        label = names.check_key("artifact name", path.name if name is None else name, names.ARTIFACT_NAME_MAX)
        kind = to_text("media_type", media_type) or mimetypes.guess_type(path.name, strict=False)[0]
        from plugin_core.tracking.elsewhere import stored as stored_at

        stored = stored_at(self._elsewhere, self._key(path.name), path, extra_args)
        artifact = PutArtifact(
            at=now_us(),
            source_uri=stored.uri,
            source_types=stored.source_types,
            type=artifact_type_of(kind, path.name),
            name=label,
            media_type=kind,
            size_bytes=path.stat().st_size,
            properties={"location": str(path.absolute()), "key": self._key(path.name)},
        )
        self._log_stored(label, artifact, stored, is_output=is_output)

    def log_confusion_matrix(self, y_true: Any, y_pred: Any, title: str | None = None, is_output: bool = True) -> None:
        """Compute a confusion matrix and record it as an artifact. Needs scikit-learn."""
        self._check_loggable()
        from plugin_core.charts import confusion_matrix

        self._log_evaluation(confusion_matrix(y_true, y_pred, title=title or _title("confusion-matrix")), is_output)

    def log_precision_recall(
        self,
        y_true: Any,
        predicted_probabilities: Any,
        positive_label: Any = None,
        title: str | None = None,
        is_output: bool = True,
        no_skill: float | None = None,
    ) -> None:
        """Compute a precision-recall curve and record it as an artifact. Needs scikit-learn.

        ``no_skill`` is the baseline's precision, by default the share of positives.
        """
        self._check_loggable()
        from plugin_core.charts import precision_recall

        self._log_evaluation(
            precision_recall(
                y_true,
                predicted_probabilities,
                positive_label=positive_label,
                title=title or _title("precision-recall"),
                no_skill=no_skill,
            ),
            is_output,
        )

    def log_roc_curve(self, y_true: Any, y_score: Any, title: str | None = None, is_output: bool = True) -> None:
        """Compute a ROC curve and the area under it, and record it as an artifact. Needs scikit-learn."""
        self._check_loggable()
        from plugin_core.charts import roc_curve

        self._log_evaluation(roc_curve(y_true, y_score, title=title or _title("roc-curve")), is_output)

    def _log_evaluation(self, evaluation: Evaluation, is_output: bool) -> None:
        from plugin_core.tracking.elsewhere import stored as stored_at

        payload = json.dumps(evaluation.to_payload(), separators=(",", ":")).encode()
        stored = stored_at(self._elsewhere, self._key(f"{evaluation.title}.json"), payload)
        title = names.check_key("title", evaluation.title, names.ENTITY_NAME_MAX)
        artifact = PutArtifact(
            at=now_us(),
            source_uri=stored.uri,
            source_types=stored.source_types,
            type=evaluation.type,
            name=title,
            media_type="application/json",
            size_bytes=len(payload),
            properties={"key": self._key(f"{title}.json")},
        )
        self._log_stored(title, artifact, stored, is_output=is_output)

    def set_tags(self, tags: Mapping[str, str | None] | list[dict[str, str]]) -> None:
        """Add tags to the run, or change their values."""
        clean = self._engine.redactor.tags(to_tags(tags))
        self._engine.record(SetTags(at=now_us(), node=self._node, tags=clean))

    def _check_loggable(self) -> None:
        if not self._loggable:
            raise RunStateError(_OUTSIDE_WITH)

    def _link(self, artifact: PutArtifact, *, is_output: bool) -> None:
        node = NodeRef(NodeKind.ARTIFACT, artifact.source_uri)
        edge = (
            PutAssociation(at=artifact.at, source=self._node, destination=node, type=AssociationType.PRODUCED)
            if is_output
            else PutAssociation(
                at=artifact.at, source=node, destination=self._node, type=AssociationType.CONTRIBUTED_TO
            )
        )
        self._engine.record(artifact, edge)

    def _log_stored(self, name: str, artifact: PutArtifact, stored: Stored, *, is_output: bool) -> None:
        from plugin_core.tracking.files import named

        self._link(named(self._engine, artifact, stored), is_output=is_output)
        value = ArtifactValue(value=artifact.source_uri, media_type=artifact.media_type)
        self._set_artifact(name, value, is_output=is_output)

    def _set_artifact(self, name: str, value: ArtifactValue, *, is_output: bool) -> None:
        component = self._address.component
        self._engine.record(
            SetArtifactValues(at=now_us(), component=component, is_output=is_output, values={name: value})
        )

    def _key(self, file_name: str) -> str:
        return f"{self._artifact_prefix}/{self._address.component}/{file_name}"

    @property
    def _node(self) -> NodeRef:
        return NodeRef(NodeKind.COMPONENT, self._address.component)

    # Reading back

    @property
    def parameters(self) -> dict[str, Json]:
        """Parameters by name, as they were logged."""
        component, cohort = self._read()
        return cohort.parameters(component.id)

    @property
    def metrics(self) -> dict[str, MetricSummary]:
        """Metric summaries by name: count, last, minimum, maximum, mean, std_dev."""
        component, cohort = self._read()
        return cohort.metrics(component.id)

    def metric_points(self, name: str) -> list[MetricPoint]:
        """All points of a metric, by step and then in the order they were logged; empty for an unknown name."""
        names.check_key("metric name", name, names.METRIC_NAME_MAX)
        component, cohort = self._read()
        return cohort.points(component.id, name)

    @property
    def input_artifacts(self) -> dict[str, ArtifactValue]:
        """Inputs by name."""
        component, cohort = self._read()
        return cohort.input_artifacts(component.id)

    @property
    def output_artifacts(self) -> dict[str, ArtifactValue]:
        """Outputs by name."""
        component, cohort = self._read()
        return cohort.output_artifacts(component.id)

    @property
    def tags(self) -> dict[str, str | None]:
        """Tags of the run."""
        component, cohort = self._read()
        return cohort.tags(component.id)

    @property
    def properties(self) -> dict[str, str]:
        """Facts that do not change: code version, orchestrator's ids."""
        component, cohort = self._read()
        return cohort.properties(component.id)

    @property
    def status(self) -> Status:
        """The run's state."""
        return self._read()[0].status

    @property
    def status_message(self) -> str | None:
        """Why the run is in its state: the exception's text of a failed one."""
        return self._read()[0].status_message

    @property
    def display_name(self) -> str:
        """The name for people."""
        return self._read()[0].display_name

    @property
    def kind(self) -> Kind:
        """What the run stands for: a flow, a task, a script ..."""
        return self._read()[0].kind

    @property
    def attempt(self) -> int:
        """Which attempt of its step this is; 1 is the first."""
        return self._read()[0].attempt

    @property
    def created_at(self) -> datetime:
        """When the run was made, UTC."""
        return self._read()[0].created_at

    @property
    def started_at(self) -> datetime | None:
        """When the run was first entered, UTC."""
        return self._read()[0].started_at

    @property
    def ended_at(self) -> datetime | None:
        """When the run ended, UTC; None while it has not."""
        return self._read()[0].ended_at

    @property
    def url(self) -> str | None:
        """The orchestrator's page of this run."""
        orchestrator = self._read()[0].orchestrator
        return None if orchestrator is None else orchestrator.url

    @property
    def parent(self) -> Run | None:
        """The run that this one belongs to: a task's flow, a nested run's outer run."""
        from plugin_core.tracking.listing import find_runs

        parent = self._read()[0].parent
        return next(iter(find_runs(component_names=(parent,), at=self._elsewhere)), None) if parent else None

    @property
    def children(self) -> list[Run]:
        """The runs whose parent this is, oldest first."""
        from plugin_core.tracking.listing import find_runs

        return find_runs(parent=self._address.component, at=self._elsewhere)

    def refresh(self) -> Self:
        """Forget what was read, so that the next reading is of now."""
        _ = self._address  # of a listed run it is known by what was read
        self._component = self._cohort = None
        return self

    def _read(self) -> tuple[Component, Cohort]:
        if self._component is not None and self._cohort is not None:
            return self._component, self._cohort
        from plugin_core.tracking.reading import Cohort

        store = self._engine.store
        component = store.component(self._address.component)
        return component, Cohort(store, [component])

    # In other places

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the address only; where it lands, the run logs to that process's journal."""
        return _landed, (self._address, self._loggable)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Run) and other._address.component == self._address.component

    def __hash__(self) -> int:
        return hash(self._address.component)

    def __repr__(self) -> str:
        from plugin_core.tracking.display import summary_line

        return summary_line(self)

    def _repr_html_(self) -> str:
        from plugin_core.tracking.display import to_html

        return to_html(self)


def _landed(address: RunAddress, loggable: bool) -> Run:
    if is_disabled():
        from plugin_core.tracking.disabled import DisabledRun

        return DisabledRun()
    return Run._resolved(address, loggable=loggable)  # noqa: SLF001 - unpickling makes what pickling took apart


def _address_of(experiment: str, run: str, elsewhere: Elsewhere | None) -> RunAddress:
    eng = engine() if elsewhere is None else elsewhere.engine
    return RunAddress(
        experiment=experiment,
        trial=names.run_group_name(experiment),
        run_name=run,
        component=names.component_name(experiment, run),
        store=(None if elsewhere is None else elsewhere.address_of_store) or eng.settings.store,
        blobs=eng.settings.blobs,
        spool=str(eng.settings.spool_dir),
        journal=eng.journal.id,
    )


def _address_read(component: Component) -> RunAddress:
    experiment = component.experiment or ""
    return RunAddress(
        experiment=experiment,
        trial=component.trial or "",
        run_name=component.run_name or component.name.removeprefix(f"{experiment}-"),
        component=component.name,
        attempt=component.attempt,
    )


def _generated_name() -> str:
    """SageMaker's form, with twelve random digits: its four collide among the runs of one second."""
    return f"{_DEFAULT_RUN_NAME}-{int(time.time())}-{secrets.token_hex(6)}"


def _title(kind: str) -> str:
    return f"{kind}-{time.time_ns() // 1000}"
