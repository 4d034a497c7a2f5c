"""Links between Dagster's pages and the record. Dagster stores ours beside what it stores anyway."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from dagster_integration.arrival import ORIGIN_TAG, origin_tag

if TYPE_CHECKING:
    from dagster import AssetKey, DagsterInstance
    from dagster._core.execution.context.system import StepExecutionContext

URL_KEY: Final = "flowtrail/url"
EXPERIMENT_KEY: Final = "flowtrail/experiment"


def run_path(run_id: str) -> str:
    """The stable path of a run's record."""
    return f"/o/dagster/{run_id}"


def step_path(run_id: str, step_key: str) -> str:
    """The stable path of a step's record."""
    return f"/o/dagster/{run_id}/{quote(step_key, safe='')}"


def asset_path(key: AssetKey) -> str:
    """The stable path of an asset's record."""
    return f"/o/dagster/asset/{'/'.join(quote(part, safe='') for part in key.path)}"


def record_url(path: str) -> str:
    """The address of a page of the record: below FLOWTRAIL_UI_URL where that is set, else the path alone."""
    from plugin_core.tracking.settings import current_settings, redacted_url

    base = current_settings().ui_url
    return f"{redacted_url(base).rstrip('/')}{path}" if base else path


def link(path: str) -> Any:
    """A link to the record as Dagster's metadata; text where there are no pages to link to."""
    from dagster import MetadataValue

    address = record_url(path)
    return MetadataValue.text(address) if address == path else MetadataValue.url(address)


def dagster_run_url(run_id: str) -> str | None:
    """The page of a run in Dagster's UI, whose address Dagster itself does not know."""
    from plugin_core.tracking.settings import current_settings, redacted_url

    base = current_settings().dagster_url
    return None if base is None else f"{redacted_url(base).rstrip('/')}/runs/{run_id}"


def dagster_step_url(run_id: str, step_key: str) -> str | None:
    """The page of a run in Dagster's UI, at a step."""
    page = dagster_run_url(run_id)
    if page is None:
        return None
    selected = quote(f'name:"{step_key}"', safe="")
    return f"{page}?selection={selected}"


def dagster_asset_url(key: AssetKey) -> str | None:
    """The page of an asset in Dagster's UI."""
    from plugin_core.tracking.settings import current_settings

    base = current_settings().dagster_url
    return None if base is None else f"{base.rstrip('/')}/assets/{'/'.join(quote(part, safe='') for part in key.path)}"


def tag_run(instance: DagsterInstance, run_id: str, *, experiment: str | None) -> None:
    """Give the run in Dagster the address of its record, and tell its steps' processes where to record.

    Also what it is recorded under, if told.
    """
    tags = {URL_KEY: record_url(run_path(run_id)), ORIGIN_TAG: origin_tag()}
    instance.add_run_tags(run_id, tags if experiment is None else {**tags, EXPERIMENT_KEY: experiment})


def link_output(context: StepExecutionContext, name: str, mapping_key: str | None) -> None:
    """Add the address of the step's record to an output that is about to be stored."""
    metadata = {URL_KEY: link(step_path(context.run_id, context.step.key))}
    context.add_output_metadata(metadata, output_name=name, mapping_key=mapping_key)
