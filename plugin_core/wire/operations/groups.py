"""Lineage groups: all of a record is one, which nobody shares."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from plugin_core.wire.caller import Permission
from plugin_core.wire.entities import LINEAGE_GROUP, LINEAGE_GROUP_ARN
from plugin_core.wire.faults import not_found
from plugin_core.wire.registry import Answer, operation
from plugin_core.wire.request import Request

_SINCE: Final = datetime(1970, 1, 1, tzinfo=UTC)
_GROUP: Final[dict[str, Any]] = {
    "LineageGroupName": LINEAGE_GROUP,
    "LineageGroupArn": LINEAGE_GROUP_ARN,
    "DisplayName": LINEAGE_GROUP,
    "CreationTime": _SINCE,
    "LastModifiedTime": _SINCE,
}


@operation(Permission.READ)
def describe_lineage_group(request: Request) -> Answer:
    """The one that there is."""
    _require(request)
    return {**_GROUP, "CreatedBy": {}, "LastModifiedBy": {}}


@operation(Permission.READ)
def list_lineage_groups(request: Request) -> Answer:
    """The one that there is, if it lies between the times that are asked for."""
    after, before = request.members.get("CreatedAfter"), request.members.get("CreatedBefore")
    is_within = (after is None or after <= _SINCE) and (before is None or before >= _SINCE)
    return {"LineageGroupSummaries": [dict(_GROUP)] if is_within else []}


@operation(Permission.READ)
def get_lineage_group_policy(request: Request) -> Answer:
    """Nobody is let in from another account."""
    _require(request)
    return {"LineageGroupArn": LINEAGE_GROUP_ARN, "ResourcePolicy": "{}"}


def _require(request: Request) -> None:
    given = request.members["LineageGroupName"]
    if given not in {LINEAGE_GROUP, LINEAGE_GROUP_ARN}:
        raise not_found("LineageGroup", given)
