"""What stands around a node: walks that end in artifacts, components, trials and executions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from plugin_core.lineage.nodes import store
from plugin_core.lineage.words import LineageQueryDirectionEnum, to_direction
from plugin_core.model import arns
from plugin_core.model.components import Component
from plugin_core.model.lineage import Artifact, NodeKind, NodeRef
from plugin_core.model.queries import ComponentQuery, LineageQuery

if TYPE_CHECKING:
    from plugin_core.stores.protocol import TrackingStore

PIPELINE_EXECUTION_TAG: Final = "sagemaker:pipeline-execution-arn"
_MAX_DEPTH: Final = 10  # SageMaker's
_AT_ONCE: Final = 500  # names in one query; databases bound the variables of a statement


def artifacts_around(node: NodeRef, direction: LineageQueryDirectionEnum, type: str) -> list[Artifact]:
    """The artifacts of a type within ten edges, nearest first."""
    record = store()
    uris = _keys_around(record, node, direction, NodeKind.ARTIFACT, types=(type,))
    found = {artifact.source_uri: artifact for some in _chunks(uris) for artifact in record.artifacts(source_uris=some)}
    return [found[uri] for uri in uris if uri in found]


def components_around(
    node: NodeRef, direction: LineageQueryDirectionEnum, *, max_depth: int = _MAX_DEPTH
) -> list[Component]:
    """The components within ``max_depth`` edges, nearest first."""
    record = store()
    keys = _keys_around(record, node, direction, NodeKind.COMPONENT, max_depth=max_depth)
    found = {
        component.name.casefold(): component
        for some in _chunks(keys)
        for component in record.components(ComponentQuery(names=tuple(some)))
    }
    return [found[key.casefold()] for key in keys if key.casefold() in found]


def trials_around(node: NodeRef, direction: LineageQueryDirectionEnum, *, max_depth: int = _MAX_DEPTH) -> list[str]:
    """The names of the trials that those components belong to, each once, nearest first."""
    components = components_around(node, direction, max_depth=max_depth)
    return list(dict.fromkeys(component.trial for component in components if component.trial))


def execution_arn(component: Component) -> str | None:
    """The execution that a component ran in: as it was tagged, else by its orchestrator's id, else None."""
    tagged = component.tags.get(PIPELINE_EXECUTION_TAG)
    if tagged:
        return tagged
    orchestrator = component.orchestrator
    if orchestrator is None or orchestrator.execution_id is None or component.experiment is None:
        return None
    return arns.pipeline_execution_arn(component.experiment, orchestrator.execution_id)


def _keys_around(
    record: TrackingStore,
    node: NodeRef,
    direction: LineageQueryDirectionEnum,
    kind: NodeKind,
    *,
    types: tuple[str, ...] = (),
    max_depth: int = _MAX_DEPTH,
) -> list[str]:
    query = LineageQuery(
        direction=to_direction(direction), max_depth=max_depth, kinds=(kind,), types=types, include_edges=False
    )
    return [vertex.ref.key for vertex in record.lineage(node, query).vertices]


def _chunks(keys: Sequence[str]) -> Iterator[Sequence[str]]:
    for begin in range(0, len(keys), _AT_ONCE):
        yield keys[begin : begin + _AT_ONCE]
