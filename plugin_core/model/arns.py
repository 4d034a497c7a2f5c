"""ARNs: how SageMaker's API names a node of the graph, and which node an ARN names.

The last part is the entity's name. An artifact has no name of its own there: content that is identified
by its sha256 has its hex digits, everything else the sha256 of its URI, which only a store can turn
back. Region and account are not looked at: this record is one region of one account.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from plugin_core.errors import InvalidValueError
from plugin_core.model import names
from plugin_core.model.lineage import NodeKind, NodeRef

CONTENT_PREFIX: Final = "sha256:"

WORDS: Final[Mapping[NodeKind, str]] = {
    NodeKind.EXPERIMENT: "experiment",
    NodeKind.TRIAL: "experiment-trial",
    NodeKind.COMPONENT: "experiment-trial-component",
    NodeKind.ARTIFACT: "artifact",
    NodeKind.ACTION: "action",
    NodeKind.CONTEXT: "context",
}
_KINDS: Final[Mapping[str, NodeKind]] = {word: kind for kind, word in WORDS.items()}
JOB_TYPES: Final[Mapping[str, str]] = {
    "training-job": "TrainingJob",
    "processing-job": "ProcessingJob",
    "transform-job": "TransformJob",
}
_ARN: Final = re.compile(r"arn:[\w-]+:sagemaker:[\w-]*:\d*:(?P<word>[a-z-]+)/(?P<name>.+)", re.DOTALL)
_HEX_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Arn:
    """An ARN taken apart. ``kind`` is None for what is no node of the graph (a job, a pipeline)."""

    word: str
    name: str
    kind: NodeKind | None


def is_arn(text: str) -> bool:
    """Whether ``text`` is an ARN of SageMaker's."""
    return _ARN.fullmatch(text) is not None


def to_arn(node: NodeRef) -> str:
    """The ARN of a node."""
    name = artifact_digest(node.key) if node.kind is NodeKind.ARTIFACT else node.key
    return names.arn(WORDS[node.kind], name)


def parse_arn(text: str) -> Arn:
    """Take an ARN apart; InvalidValueError for what is none."""
    found = _ARN.fullmatch(text)
    if found is None:
        raise InvalidValueError(
            f"{text!r} is not an ARN.", hint=f"One looks like {names.arn('experiment-trial-component', 'name')}."
        )
    return Arn(found["word"], found["name"], _KINDS.get(found["word"]))


def job_type(source_arn: str | None) -> str | None:
    """What a component that came from a job is in the graph; None for one that did not."""
    found = None if source_arn is None else _ARN.fullmatch(source_arn)
    return None if found is None else JOB_TYPES.get(found["word"])


def artifact_digest(source_uri: str) -> str:
    """The 64 hex digits that stand for an artifact in its ARN."""
    content = source_uri.removeprefix(CONTENT_PREFIX)
    if content != source_uri and _HEX_DIGEST.fullmatch(content):
        return content
    return hashlib.sha256(source_uri.encode("utf-8", "backslashreplace")).hexdigest()


def pipeline_execution_arn(experiment: str, execution_id: str) -> str:
    """The ARN by which SageMaker's clients know an orchestrator's execution: one of a pipeline named like the flow."""
    return names.arn("pipeline", f"{experiment}/execution/{names.id_suffix(execution_id)}")
