"""Links between Prefect's pages and the record: none of them makes a task wait for the network."""

from __future__ import annotations

import contextvars
import logging
import threading
from typing import Any, Final

from plugin_core.model import names
from prefect_integration import _compat

_log = logging.getLogger("flowtrail")
_NO_ID: Final = "00000000-0000-0000-0000-000000000000"
_WAIT_S: Final = 2.0
_KEY_PREFIX: Final = "flowtrail-"
_sending: list[threading.Thread] = []
_templates: dict[tuple[str, str | None], str | None] = {}


def record_path(flow_run_id: object) -> str:
    """The stable path of a flow run's record."""
    return f"/o/prefect/{flow_run_id}"


def task_record_path(task_run_id: object) -> str:
    """The stable path of a task run's record."""
    return f"/o/prefect/task/{task_run_id}"


def record_url(path: str) -> str:
    """The address of a page of the record: below FLOWTRAIL_UI_URL where that is set, else the path alone."""
    from plugin_core.tracking.settings import current_settings

    base = current_settings().ui_url
    return f"{base.rstrip('/')}{path}" if base else path


def flow_run_url(flow_run_id: object) -> str | None:
    """The page of a flow run in Prefect's UI."""
    return _prefect_url("flow-run", flow_run_id)


def task_run_url(task_run_id: object) -> str | None:
    """The page of a task run in Prefect's UI."""
    return _prefect_url("task-run", task_run_id)


def _prefect_url(kind: str, run_id: object) -> str | None:
    """Prefect's ``url_for``, asked once per kind and UI: it takes longer than all else that a task costs us."""
    from prefect.settings import get_current_settings

    key = (kind, get_current_settings().ui_url)
    if key not in _templates:
        _templates[key] = _compat.url_of(kind, _NO_ID)
    template = _templates[key]
    return None if template is None else template.replace(_NO_ID, str(run_id))


def log_task_link(engine: Any) -> None:
    """Add a line with the record's address to the task run's log in Prefect; the console stays as it is."""
    if engine.task_run.flow_run_id is None:
        return  # Prefect keeps the logs of flow runs
    _compat.log_to_api(
        f"flowtrail record: {record_url(task_record_path(engine.task_run.id))}",
        flow_run_id=engine.task_run.flow_run_id,
        task_run_id=engine.task_run.id,
    )


def publish_flow_link(engine: Any) -> None:
    """Give the flow run an artifact that links to its record, from a thread of its own."""
    url = record_url(record_path(engine.flow_run.id))
    context = contextvars.copy_context()
    thread = threading.Thread(
        target=context.run,
        args=(_send_link, engine.flow.name, engine.flow_run.id, url),
        name="flowtrail-link",
        daemon=True,
    )
    _sending.append(thread)
    thread.start()


def _send_link(flow_name: str, flow_run_id: object, url: str) -> None:
    try:
        _compat.create_artifact(
            key=f"{_KEY_PREFIX}{names.slug(flow_name)}",
            markdown=f"[Record of this flow run]({url})",
            description="What this flow run did: parameters, metrics, artifacts and lineage.",
            flow_run_id=flow_run_id,
        )
    except Exception as error:  # noqa: BLE001 - the edge of a thread: a missing link must not print a traceback
        _log.debug("flowtrail could not link the flow run to its record: %s", type(error).__name__)


def wait_for_links() -> None:
    """Let the links of this process be sent, for a bounded time; a process that ends would lose them."""
    for thread in tuple(_sending):
        thread.join(_WAIT_S)
        if thread in _sending:
            _sending.remove(thread)
