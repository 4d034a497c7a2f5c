"""Reading runs back. Runs that were listed together share a cohort: what one is asked for is read for all at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from plugin_core.model.components import ArtifactValue, Component
from plugin_core.model.metrics import Json, MetricPoint, MetricSummary

if TYPE_CHECKING:
    from plugin_core.stores.protocol import TrackingStore


class Cohort:
    """Components read together, and what was read of them: at most one query per kind of thing."""

    def __init__(self, store: TrackingStore, components: Sequence[Component]) -> None:
        self._store = store
        self._ids = [component.id for component in components]
        self._parameters: dict[int, dict[str, Json]] | None = None
        self._metrics: dict[int, dict[str, MetricSummary]] | None = None
        self._inputs: dict[int, dict[str, ArtifactValue]] | None = None
        self._outputs: dict[int, dict[str, ArtifactValue]] | None = None
        self._tags: dict[int, dict[str, str | None]] | None = None
        self._properties: dict[int, dict[str, str]] | None = None

    def parameters(self, component: int) -> dict[str, Json]:
        """Parameters of one component."""
        if self._parameters is None:
            self._parameters = self._store.parameters(self._ids)
        return dict(self._parameters[component])

    def metrics(self, component: int) -> dict[str, MetricSummary]:
        """Metric summaries of one component."""
        if self._metrics is None:
            self._metrics = self._store.summaries(self._ids)
        return dict(self._metrics[component])

    def input_artifacts(self, component: int) -> dict[str, ArtifactValue]:
        """Input artifact entries of one component."""
        if self._inputs is None:
            self._inputs = self._store.artifact_values(self._ids, is_output=False)
        return dict(self._inputs[component])

    def output_artifacts(self, component: int) -> dict[str, ArtifactValue]:
        """Output artifact entries of one component."""
        if self._outputs is None:
            self._outputs = self._store.artifact_values(self._ids, is_output=True)
        return dict(self._outputs[component])

    def tags(self, component: int) -> dict[str, str | None]:
        """Tags of one component."""
        if self._tags is None:
            self._tags = self._store.tags(self._ids)
        return dict(self._tags[component])

    def properties(self, component: int) -> dict[str, str]:
        """Properties of one component."""
        if self._properties is None:
            self._properties = self._store.properties(self._ids)
        return dict(self._properties[component])

    def points(self, component: int, metric: str) -> list[MetricPoint]:
        """All points of one metric; read anew at each call."""
        return list(self._store.points(component, metric))
