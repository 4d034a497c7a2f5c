"""Where a tracker's metrics, files and lineage go through boto3: BatchPutMetrics, a bucket, associations."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from plugin_core.dialects.smexperiments.backend import Members, TrackedComponent, with_extension
from plugin_core.errors import FlowtrailError, InvalidValueError
from plugin_core.model import names
from plugin_core.model.lineage import AssociationType
from plugin_core.tracking.values import to_float, to_micros, to_step

_POINTS_A_CALL: Final = 10


class ClientMetrics:
    """Sends points in the batches that the protocol takes."""

    def __init__(self, client: Any, component: TrackedComponent) -> None:
        self._client = client
        self._component = component
        self._held: list[Members] = []
        self._metrics: Any = None

    def log_metric(
        self, metric_name: str, value: float, timestamp: Any = None, iteration_number: int | None = None
    ) -> None:
        """See MetricsWriter."""
        micros, step = to_micros(timestamp), to_step(iteration_number)
        at = datetime.now(UTC) if micros is None else datetime.fromtimestamp(micros / 1_000_000, UTC)
        point = {"MetricName": metric_name, "Value": to_float(metric_name, value), "Timestamp": at}
        self._held.append(point if step is None else {**point, "Step": step})
        if len(self._held) >= _POINTS_A_CALL:
            self.close()

    def close(self) -> None:
        """See MetricsWriter."""
        if not self._held:
            return
        sent, self._held = self._held, []
        if self._metrics is None:
            self._metrics = _sibling(self._client, self._component, "sagemaker-metrics")
        # The metrics service knows components by their names in lower case only.
        answer = self._metrics.batch_put_metrics(TrialComponentName=self._component.name.lower(), MetricData=sent)
        if errors := answer.get("Errors"):
            raise FlowtrailError(f"{len(errors)} of {len(sent)} points of metrics were refused: {errors[0]}.")


class BucketUploader:
    """Puts files where SageMaker's clients look for them, in the bucket of the user's or SageMaker's default one."""

    def __init__(self, client: Any, component: TrackedComponent) -> None:
        self._client = client
        self._component = component
        self._s3: Any = None
        self._bucket = component.artifact_bucket

    def upload_artifact(self, file_path: str) -> tuple[str, str | None]:
        """See ArtifactUploader."""
        path = Path(file_path).expanduser()
        if not path.is_file():
            raise InvalidValueError(f"{path} does not exist or is not a file.", hint="Give the path of a file.")
        bucket, key = self._ready(), self._component.key(path.name)
        self._s3.upload_file(str(path), bucket, key)
        return self._located(bucket, key)

    def upload_object_artifact(
        self, artifact_name: str, obj: Any, file_extension: str | None = None
    ) -> tuple[str, str | None]:
        """See ArtifactUploader."""
        bucket, key = self._ready(), self._component.key(with_extension(artifact_name, file_extension))
        self._s3.put_object(Bucket=bucket, Key=key, Body=json.dumps(obj).encode())
        return self._located(bucket, key)

    def _ready(self) -> str:
        if self._s3 is None:
            self._s3 = _sibling(self._client, self._component, "s3")
        if self._bucket is None:
            from plugin_core.stores.aws.sessions import default_bucket

            sts = _sibling(self._client, self._component, "sts")
            self._bucket = default_bucket(self._s3, sts, region=self._client.meta.region_name)
        return self._bucket

    def _located(self, bucket: str, key: str) -> tuple[str, str | None]:
        return f"s3://{bucket}/{key}", self._etag(bucket, key)

    def _etag(self, bucket: str, key: str) -> str | None:
        try:
            etag: str = self._s3.head_object(Bucket=bucket, Key=key)["ETag"]
        except self._s3.exceptions.ClientError:  # who may write need not be allowed to read
            return None
        return etag


@dataclass(frozen=True, slots=True)
class _Tie:
    name: str
    source_uri: str
    etag: str | None
    type: str
    is_output: bool


class ClientLineage:
    """Makes artifacts and their associations with a component, when the tracker is closed."""

    def __init__(self, client: Any, component_arn: str) -> None:
        self._client = client
        self._component_arn = component_arn
        self._ties: list[_Tie] = []

    def add_input_artifact(self, name: str, source_uri: str, etag: str | None, artifact_type: str | None) -> None:
        """See LineageArtifactTracker."""
        self._ties.append(_Tie(name, source_uri, etag, artifact_type or "Tracker", is_output=False))

    def add_output_artifact(self, name: str, source_uri: str, etag: str | None, artifact_type: str | None) -> None:
        """See LineageArtifactTracker."""
        self._ties.append(_Tie(name, source_uri, etag, artifact_type or "Tracker", is_output=True))

    def save(self) -> None:
        """See LineageArtifactTracker. Each is made once, however often this is called."""
        while self._ties:
            self._make(self._ties[0])
            del self._ties[0]

    def _make(self, tie: _Tie) -> None:
        source: Members = {"SourceUri": tie.source_uri}
        if tie.etag is not None:
            source["SourceTypes"] = [{"SourceIdType": "S3ETag", "Value": tie.etag}]
        made = self._client.create_artifact(ArtifactName=_artifact_name(tie.name), ArtifactType=tie.type, Source=source)
        ends = (self._component_arn, made["ArtifactArn"])
        origin, destination = ends if tie.is_output else reversed(ends)
        kind = AssociationType.PRODUCED if tie.is_output else AssociationType.CONTRIBUTED_TO
        self._client.add_association(SourceArn=origin, DestinationArn=destination, AssociationType=kind.value)


def _artifact_name(name: str) -> str:
    """The name as the protocol takes it: of a file's name, with its dot, it would refuse the call."""
    try:
        return names.check_entity_name("artifact name", name)
    except InvalidValueError:
        return names.slug(name, max_length=names.ENTITY_NAME_MAX)


def _sibling(client: Any, component: TrackedComponent, service: str) -> Any:
    from plugin_core.stores.aws.sessions import sibling

    return sibling(client, service, session=component.boto3_session)
