"""Where a tracker's metrics, files and lineage go in this process's own record: the journal and the blobs."""

from __future__ import annotations

import json
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from plugin_core.dialects.smexperiments.backend import TrackedComponent, with_extension
from plugin_core.errors import InvalidValueError
from plugin_core.model import names
from plugin_core.model.changes import PutArtifact, PutAssociation
from plugin_core.model.lineage import AssociationType, NodeKind, NodeRef
from plugin_core.tracking.engine import engine, now_us
from plugin_core.tracking.files import Stored, artifact_type_of, named, store_bytes, store_file
from plugin_core.tracking.values import to_float, to_micros, to_step


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of stored content: the file it is as, how long it is, what became of it and where it was seen."""

    file_name: str = ""
    size_bytes: int | None = None
    stored: Stored | None = None
    properties: Mapping[str, str] = field(default_factory=dict[str, str])


_NOTHING_KNOWN: Final = Facts()


class EngineMetrics:
    """Points, each kept when the call returns."""

    def __init__(self, component: TrackedComponent) -> None:
        self._component = component

    def log_metric(
        self, metric_name: str, value: float, timestamp: Any = None, iteration_number: int | None = None
    ) -> None:
        """See MetricsWriter."""
        names.check_key("metric name", metric_name, names.METRIC_NAME_MAX)
        series = engine().series(self._component.name, metric_name)
        series.log(to_float(metric_name, value), to_step(iteration_number), to_micros(timestamp))

    def close(self) -> None:
        """See MetricsWriter."""


class EngineUploader:
    """Files and objects by their content: the URI is ``sha256:<digest>``. ``facts`` are what is known of each."""

    def __init__(self, component: TrackedComponent) -> None:
        self._component = component
        self.facts: dict[str, Facts] = {}

    def upload_artifact(self, file_path: str) -> tuple[str, str | None]:
        """See ArtifactUploader."""
        path = Path(file_path).expanduser()
        if not path.is_file():
            raise InvalidValueError(f"{path} does not exist or is not a file.", hint="Give the path of a file.")
        stored = store_file(engine(), path)
        properties = {"location": str(path.absolute()), "key": self._component.key(path.name)}
        self.facts[stored.uri] = Facts(path.name, path.stat().st_size, stored, properties)
        return stored.uri, stored.digest

    def upload_object_artifact(
        self, artifact_name: str, obj: Any, file_extension: str | None = None
    ) -> tuple[str, str | None]:
        """See ArtifactUploader."""
        payload = json.dumps(obj, separators=(",", ":")).encode()
        stored = store_bytes(engine(), payload)
        file_name = with_extension(artifact_name, file_extension)
        self.facts[stored.uri] = Facts(file_name, len(payload), stored, {"key": self._component.key(file_name)})
        return stored.uri, stored.digest


class EngineLineage:
    """Artifacts and their edges to a component, each kept when the call returns."""

    def __init__(self, component: TrackedComponent, facts: Mapping[str, Facts]) -> None:
        self._component = NodeRef(NodeKind.COMPONENT, component.name)
        self._facts = facts

    def add_input_artifact(self, name: str, source_uri: str, etag: str | None, artifact_type: str | None) -> None:
        """See LineageArtifactTracker."""
        del etag  # the URI says as much
        artifact = self._artifact(name, source_uri, artifact_type)
        node = NodeRef(NodeKind.ARTIFACT, source_uri)
        edge = AssociationType.CONTRIBUTED_TO
        engine().record(artifact, PutAssociation(at=artifact.at, source=node, destination=self._component, type=edge))

    def add_output_artifact(self, name: str, source_uri: str, etag: str | None, artifact_type: str | None) -> None:
        """See LineageArtifactTracker."""
        del etag  # the URI says as much
        artifact = self._artifact(name, source_uri, artifact_type)
        node = NodeRef(NodeKind.ARTIFACT, source_uri)
        edge = AssociationType.PRODUCED
        engine().record(artifact, PutAssociation(at=artifact.at, source=self._component, destination=node, type=edge))

    def save(self) -> None:
        """See LineageArtifactTracker."""

    def _artifact(self, name: str, source_uri: str, artifact_type: str | None) -> PutArtifact:
        known = self._facts.get(source_uri, _NOTHING_KNOWN)
        artifact = PutArtifact(
            at=now_us(),
            source_uri=source_uri,
            type=artifact_type or artifact_type_of(None, known.file_name or name),
            name=name,
            media_type=mimetypes.guess_type(known.file_name, strict=False)[0],
            size_bytes=known.size_bytes,
            properties=known.properties,
        )
        return artifact if known.stored is None else named(engine(), artifact, known.stored)
