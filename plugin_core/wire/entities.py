"""Parts that AWS's answers share: names and ARNs, tags, times; what has no value is left out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from plugin_core.model.arns import to_arn
from plugin_core.model.lineage import NodeRef


def described(**members: Any) -> dict[str, Any]:
    """Members of an answer, without those that have no value."""
    return {name: value for name, value in members.items() if value is not None}


def arn_of(node: NodeRef) -> str:
    """The ARN of a node."""
    return to_arn(node)


def tags_given(members: Mapping[str, Any]) -> dict[str, str | None]:
    """The tags of a request."""
    return {tag["Key"]: tag["Value"] for tag in members.get("Tags", ())}
