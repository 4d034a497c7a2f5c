"""What events come to, piece by piece: artifacts, edges, previews and times as changes carry them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

from plugin_core.capture.events import StepFinished, StepStarted
from plugin_core.model.changes import PutArtifact, PutAssociation
from plugin_core.model.lineage import ArtifactType, AssociationType, NodeKind, NodeRef
from plugin_core.model.parameters import to_text
from plugin_core.tracking.carrier import RunAddress

if TYPE_CHECKING:
    from plugin_core.capture.values import DescribedArtifact, Description

PREVIEW_MAX: Final = 1024


def put_artifact(artifact: DescribedArtifact, uri: str, at: int) -> PutArtifact:
    """What was described as an artifact, under the URI that identifies it."""
    location = {} if artifact.location is None else {"location": artifact.location}
    of_its_own = {f"parameter.{key}": to_text(value) for key, value in artifact.parameters.items()}
    return PutArtifact(
        at=at,
        source_uri=uri,
        type=artifact.type,
        name=artifact.name,
        media_type=artifact.media_type,
        size_bytes=artifact.size_bytes,
        properties={**artifact.properties, **of_its_own, **location},
    )


def type_of_whole(described: Description) -> str:
    """What a result is that is not, or not wholly, in the graph by its content: data if all of it is data."""
    types = {artifact.type for artifact in described.artifacts}
    return types.pop() if len(types) == 1 and not described.parameters else ArtifactType.VALUE


def ends_with_this_process(event: StepStarted | StepFinished) -> bool:
    """Whether a step that was not heard of again ended when this process did."""
    return not (isinstance(event, StepStarted) and event.supervised)


def preview_of(described: Description, name: str) -> dict[str, str]:
    """A few words on a result that has no content identity: its value, or its type."""
    if described.parameters:
        shown = ", ".join(f"{key.removeprefix(f'{name}.')}={value!r}" for key, value in described.parameters.items())
        return {"preview": shown.removeprefix(f"{name}=")[:PREVIEW_MAX]}
    if described.artifacts:
        return {key: value for key, value in described.artifacts[0].properties.items() if key in {"preview", "type"}}
    return {}


def step_properties(event: StepStarted) -> dict[str, str]:
    """Which of its mapped calls a step is, and since when it could have begun."""
    found: dict[str, str] = {}
    if event.map_index is not None:
        found["map_index"] = str(event.map_index)
    if event.scheduled_at is not None:
        found["scheduled_at"] = event.scheduled_at.isoformat()
    return found


def edge(source: NodeRef, destination: NodeRef, type: AssociationType, at: int) -> PutAssociation:
    """Data went from one node to the other."""
    return PutAssociation(at=at, source=source, destination=destination, type=type)


def node_of(address: RunAddress) -> NodeRef:
    """A run's place in the graph."""
    return NodeRef(NodeKind.COMPONENT, address.component)


def artifact_node(uri: str) -> NodeRef:
    """An artifact's place in the graph."""
    return NodeRef(NodeKind.ARTIFACT, uri)


def micros(moment: datetime) -> int:
    """A moment as changes say it."""
    return round(moment.timestamp() * 1_000_000)
