"""SageMaker's words for what a lineage query speaks of, and the store's words for the same."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Final

from plugin_core.errors import InvalidValueError
from plugin_core.model import queries
from plugin_core.model.lineage import NodeKind


class LineageEntityEnum(enum.Enum):
    """Kinds of nodes, in SageMaker's words."""

    TRIAL = "Trial"
    ACTION = "Action"
    ARTIFACT = "Artifact"
    CONTEXT = "Context"
    TRIAL_COMPONENT = "TrialComponent"


class LineageSourceEnum(enum.Enum):
    """Types of artifacts, actions, contexts and jobs that a query may filter by; any other text does, too."""

    CHECKPOINT = "Checkpoint"
    DATASET = "DataSet"
    ENDPOINT = "Endpoint"
    IMAGE = "Image"
    MODEL = "Model"
    MODEL_DATA = "ModelData"
    MODEL_DEPLOYMENT = "ModelDeployment"
    MODEL_GROUP = "ModelGroup"
    MODEL_REPLACE = "ModelReplaced"
    TENSORBOARD = "TensorBoard"
    TRAINING_JOB = "TrainingJob"
    APPROVAL = "Approval"
    PROCESSING_JOB = "ProcessingJob"
    TRANSFORM_JOB = "TransformJob"


class LineageQueryDirectionEnum(enum.Enum):
    """Which way a query walks."""

    BOTH = "Both"
    ASCENDANTS = "Ascendants"
    DESCENDANTS = "Descendants"


_KINDS: Final[Mapping[str, NodeKind]] = {
    LineageEntityEnum.TRIAL.value: NodeKind.TRIAL,
    LineageEntityEnum.ACTION.value: NodeKind.ACTION,
    LineageEntityEnum.ARTIFACT.value: NodeKind.ARTIFACT,
    LineageEntityEnum.CONTEXT.value: NodeKind.CONTEXT,
    LineageEntityEnum.TRIAL_COMPONENT.value: NodeKind.COMPONENT,
}
ENTITY_OF: Final[Mapping[NodeKind, str]] = {kind: entity for entity, kind in _KINDS.items()}


def to_text(member: enum.Enum | str) -> str:
    """An enum's value, and any other text as it is."""
    return str(member.value) if isinstance(member, enum.Enum) else member


def to_kind(entity: LineageEntityEnum | str) -> NodeKind:
    """The store's kind of an entity, given as the enum or its value; InvalidValueError."""
    try:
        return _KINDS[to_text(entity)]
    except KeyError:
        raise InvalidValueError(
            f"{entity!r} is no lineage entity.", hint=f"One of {', '.join(sorted(_KINDS))}."
        ) from None


def to_direction(direction: LineageQueryDirectionEnum | str) -> queries.Direction:
    """The store's word for a direction, given as the enum or its value; InvalidValueError."""
    try:
        return queries.Direction(to_text(direction))
    except ValueError:
        known = ", ".join(member.value for member in LineageQueryDirectionEnum)
        raise InvalidValueError(f"{direction!r} is no direction.", hint=f"One of {known}.") from None
