"""``track(defs)``: one call records all that a ``Definitions`` holds."""

from __future__ import annotations

import warnings
from typing import Any

from dagster import AssetsDefinition, AssetSpec, Definitions, JobDefinition, PreviewWarning, SourceAsset

from dagster_integration import _compat, links
from dagster_integration.instrumentor import instrument
from dagster_integration.marks import Mark, mark_graph, mark_node
from dagster_integration.resource import FlowtrailResource
from plugin_core.tracking.settings import is_disabled


def track(defs: Definitions, *, experiment: str | None = None) -> Definitions:
    """Record every run of the jobs, assets and checks in ``defs``, and link each asset to its record.

    Jobs, ops, schedules and sensors stay the objects that they are; only assets get one more entry in
    their metadata, so what comes back is to be used instead of ``defs``. ``experiment`` is the name to record
    runs of assets under that have no job of their own; else it is that of the code location.
    """
    if is_disabled():
        return defs
    instrument(reason="tracked")
    for resource in (defs.resources or {}).values():
        if isinstance(resource, FlowtrailResource):
            resource.activate()
    mark = Mark(experiment)
    for part in (*(defs.assets or ()), *(defs.asset_checks or ()), *(defs.jobs or ())):
        _mark(part, mark)
    for automation in (*(defs.schedules or ()), *(defs.sensors or ())):
        for job in _compat.jobs_of(automation):
            _mark(job, mark)
    return _with_links(defs) if defs.assets else defs


def _mark(part: Any, mark: Mark) -> None:
    if isinstance(part, JobDefinition):
        mark_graph(part.graph, mark)
        mark_node(part.graph, mark)
    elif isinstance(part, AssetsDefinition) and part.is_executable:
        mark_node(part.node_def, mark)
    elif isinstance(part, SourceAsset) and part.is_observable:
        mark_node(part.op, mark)  # of which each job gets a copy


def _with_links(defs: Definitions) -> Definitions:
    with warnings.catch_warnings():
        # That this method may change is for us to follow, and nothing that whoever calls track() can act on.
        warnings.simplefilter("ignore", PreviewWarning)
        return _compat.with_asset_specs(defs, _linked)


def _linked(spec: AssetSpec) -> AssetSpec:
    return spec.merge_attributes(metadata={links.URL_KEY: links.link(links.asset_path(spec.key))})
