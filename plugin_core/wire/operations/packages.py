"""Model packages: no registry is here, but approvals in the lineage say of which package they are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from plugin_core.model.lineage import Action
from plugin_core.model.queries import ActionQuery
from plugin_core.wire import entities
from plugin_core.wire.caller import Permission
from plugin_core.wire.faults import invalid
from plugin_core.wire.registry import Answer, operation
from plugin_core.wire.request import Request

_APPROVAL: Final = "Approval"  # the type of action that SageMaker writes and its SDK looks for
_PACKAGE: Final = re.compile(r"arn:[^/]*:model-package/(?P<name>[^/]+)(?:/(?P<version>\d+))?", re.IGNORECASE)
_STATUS: Final = "ModelApprovalStatus"
_STATUSES: Final = frozenset({"Approved", "Rejected", "PendingManualApproval"})
_OF_ACTION: Final = {"Completed": "Approved", "Failed": "Rejected", "Stopped": "Rejected"}
_AT_ONCE: Final = 100


@operation(Permission.READ)
def describe_model_package(request: Request) -> Answer:
    """What its latest approval says of a package: by its ARN, by a name and a version, or by a name alone."""
    asked = request.members["ModelPackageName"]
    for approval in _approvals(request):
        package = _PACKAGE.fullmatch(approval.source_uri)
        if package is not None and asked.casefold() in _names(package):
            return _described(approval, package)
    raise invalid(f"ModelPackage {asked} does not exist.")


def _approvals(request: Request) -> Iterator[Action]:
    query = ActionQuery(type=_APPROVAL, limit=_AT_ONCE)
    while True:
        page = request.store.page(query)
        yield from page.items
        if page.next is None:
            return
        query = replace(query, after=page.next)


def _names(package: re.Match[str]) -> set[str]:
    """What a package is asked for by."""
    versioned = package[0].partition("/")[2]
    return {each.casefold() for each in (package[0], versioned, package["name"])}


def _described(approval: Action, package: re.Match[str]) -> Answer:
    version = package["version"]
    said = approval.properties.get(_STATUS)
    return entities.described(
        ModelPackageName=package["name"],
        ModelPackageArn=package[0],
        ModelPackageGroupName=None if version is None else package["name"],
        ModelPackageVersion=None if version is None else int(version),
        ModelPackageDescription=approval.description,
        ModelPackageStatus="Completed",
        ModelPackageStatusDetails={"ValidationStatuses": []},
        ModelApprovalStatus=said
        if said in _STATUSES
        else _OF_ACTION.get(approval.status or "", "PendingManualApproval"),
        MetadataProperties=entities.metadata(approval.provenance),
        **entities.times(approval),
    )
