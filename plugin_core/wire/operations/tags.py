"""Tags of anything that has an ARN, also of what is none of ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Protocol

from plugin_core.errors import NotFoundError
from plugin_core.model import arns
from plugin_core.model.changes import SetTags
from plugin_core.model.edits import TagArn
from plugin_core.model.lineage import NodeRef
from plugin_core.wire import entities, faults
from plugin_core.wire.caller import Permission
from plugin_core.wire.registry import Answer, operation
from plugin_core.wire.request import Request

PIPELINE_EXECUTION_TAG: Final = "sagemaker:pipeline-execution-arn"
_MOST_TAGS: Final = 50


class Tagged(Protocol):
    """Whatever has tags."""

    @property
    def tags(self) -> Mapping[str, str | None]:
        """By key."""
        ...


@operation(Permission.PUT)
def add_tags(request: Request) -> Answer:
    """Add tags or change their values; the answer has all that there are."""
    arn = request.members["ResourceArn"]
    node = _node(request, arn)
    there, added = _tags(request, arn, node), entities.tags_given(request.members)
    if request.settings.limits and len(there.keys() | added.keys()) > _MOST_TAGS:
        raise faults.WireError(faults.LIMIT, f"A resource may have {_MOST_TAGS} tags.")
    if node is None:
        request.store.write([TagArn(at=request.at, arn=arn, tags=added)])
    else:
        request.store.write([SetTags(at=request.at, node=node, tags=added)])
    return {"Tags": entities.tag_list({**there, **added})}


@operation(Permission.READ)
def list_tags(request: Request) -> Answer:
    """All tags: no more than fit in a page."""
    arn = request.members["ResourceArn"]
    return {"Tags": entities.tag_list(_tags(request, arn, _node(request, arn)))}


@operation(Permission.WRITE)
def delete_tags(request: Request) -> Answer:
    """Remove tags; those that are not there stay away."""
    arn = request.members["ResourceArn"]
    removed, node = tuple(request.members["TagKeys"]), _node(request, arn)
    if node is None:
        request.store.write([TagArn(at=request.at, arn=arn, removed=removed)])
    else:
        request.store.write([SetTags(at=request.at, node=node, removed=removed)])
    return {}


def _node(request: Request, arn: str) -> NodeRef | None:
    """The node that an ARN names; None for a thing of another service; NotFoundError for a node that is missing."""
    if arns.parse_arn(arn).kind is None:
        return None
    return request.store.node(arn)


def _tags(request: Request, arn: str, node: NodeRef | None) -> Mapping[str, str | None]:
    if node is None:
        return {**_of_job(request, arn), **request.store.arn_tags(arn)}
    found: Tagged = getattr(request.store, node.kind.value)(node.key)
    return found.tags


def _of_job(request: Request, arn: str) -> dict[str, str | None]:
    """The job that a step of an orchestrator counts as is tagged with the execution that it belongs to."""
    arn_parts = arns.parse_arn(arn)
    if not arn_parts.word.endswith("-job"):
        return {}
    try:
        component = request.store.component_of_job(arn_parts.name)
    except NotFoundError:
        return {}
    if component.experiment is None or component.orchestrator is None or not component.orchestrator.execution_id:
        return {}
    execution = arns.pipeline_execution_arn(component.experiment, component.orchestrator.execution_id)
    return {PIPELINE_EXECUTION_TAG: execution}
