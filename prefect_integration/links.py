"""Links between Prefect's pages and the record: none of them makes a task wait for the network."""

from __future__ import annotations

import atexit
import logging
import os
import queue
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from plugin_core.model import names
from plugin_core.model.plain import value
from prefect_integration import _compat

_log = logging.getLogger("flowtrail")
_NO_ID: Final = "00000000-0000-0000-0000-000000000000"
_WAIT_S: Final = 2.0
_GATHER_S: Final = 2.0  # as long as Prefect's own logs wait; the end of a flow sends at once
_GATHER_FOR_OTHERS_S: Final = 0.3  # in a worker of a pool, which no flow ends in, and which may end without notice
_BATCH_MAX: Final = 500
_KEY_PREFIX: Final = "flowtrail-"


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
    return surroundings().url_of("flow-run", flow_run_id)


def task_run_url(task_run_id: object) -> str | None:
    """The page of a task run in Prefect's UI."""
    return surroundings().url_of("task-run", task_run_id)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What Prefect's settings say that each task run needs to know; read once, which costs more than the rest."""

    in_force: Any
    logs_to_api: bool
    templates: dict[str, str | None]

    def url_of(self, kind: str, run_id: object) -> str | None:
        """Prefect's ``url_for``, asked once per kind: it takes longer than all else that a task costs us."""
        if kind not in self.templates:
            self.templates[kind] = _compat.url_of(kind, _NO_ID)
        template = self.templates[kind]
        return None if template is None else template.replace(_NO_ID, str(run_id))

    def log_task_link(self, flow_run_id: str, task_run_id: str) -> None:
        """Add a line with the record's address to the log of a flow's task run; the console stays as it is.

        Sent in bulk and not by Prefect's logger, which costs half as much again as the task itself.
        """
        if self.logs_to_api and _compat.wants_run_logs():
            _sender.add(Line(at_s=time.time(), flow_run_id=flow_run_id, task_run_id=task_run_id), self.in_force)


_latest: Surroundings | None = None


def surroundings() -> Surroundings:
    """What holds here."""
    global _latest  # noqa: PLW0603 - a cache; two threads with settings of their own replace each other's
    in_force, known = _compat.settings_in_force(), _latest
    if known is None or in_force is None or known.in_force is not in_force:
        known = _latest = Surroundings(in_force, _compat.settings().logging.to_api.enabled, {})
    return known


def publish_flow_link(engine: Any) -> None:
    """Give the flow run an artifact that links to its record."""
    link = Link(engine.flow.name, engine.flow_run.id, record_url(record_path(engine.flow_run.id)))
    _sender.add(link, _compat.settings_in_force())


def wait_for_links(timeout_s: float = _WAIT_S) -> bool:
    """Send what waits, since a process that ends would lose it; False if it took longer than that."""
    return _sender.hurry(timeout_s)


@value
class Line:
    """A line with the record's address in the log of a task run."""

    at_s: float
    flow_run_id: str
    task_run_id: str


@dataclass(frozen=True, slots=True)
class Link:
    """An artifact of a flow run."""

    flow_name: str
    flow_run_id: Any
    url: str


class _Sender:
    """Sends links to Prefect's API from a thread of its own, many in one request. Drops what it cannot send."""

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._queue: queue.SimpleQueue[Line | Link] = queue.SimpleQueue()
        self._settings: Any = None  # of Prefect, where the latest item was added
        self._hurried = threading.Event()
        self._idle = threading.Event()
        self._idle.set()
        self._gather_s = _GATHER_FOR_OTHERS_S
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def after_fork(self) -> None:
        """The thread stayed in the parent, and sends what waits there."""
        _api.forget()
        self._begin()

    def add(self, item: Line | Link, settings: Any) -> None:
        """Send this soon, with these settings of Prefect.

        Not with a copy of the context: that would keep a task's run and its arguments until they are sent.
        """
        if isinstance(item, Link):
            self._gather_s = _GATHER_S  # flows run in this process
        self._settings = settings
        if self._idle.is_set():
            self._idle.clear()
        self._queue.put(item)
        if self._thread is None:
            with self._lock:
                if self._thread is None:
                    self._thread = threading.Thread(target=self._run, name="flowtrail-links", daemon=True)
                    self._thread.start()

    def hurry(self, timeout_s: float) -> bool:
        """Send now what waits, and wait until it is sent; False if that took longer."""
        self._hurried.set()
        return self._idle.wait(timeout_s)

    def _run(self) -> None:
        while True:
            items = [self._queue.get()]
            self._idle.clear()  # also where the last of the ones before was sent just when this one came
            self._hurried.wait(self._gather_s)
            self._hurried.clear()
            while not self._queue.empty() and len(items) < _BATCH_MAX:
                items.append(self._queue.get())
            try:
                _compat.with_settings(self._settings, _send, items)
            except Exception as error:  # noqa: BLE001 - the edge of a thread: a missing link must not print a traceback
                _log.debug("flowtrail could not send links to Prefect: %s", type(error).__name__)
            items.clear()  # not to be kept until the next one comes
            if self._queue.empty():
                self._idle.set()


def _send(items: list[Line | Link]) -> None:
    links = [
        _compat.artifact(
            key=f"{_KEY_PREFIX}{names.slug(item.flow_name)}",
            markdown=f"[Record of this flow run]({item.url})",
            description="What this flow run did: parameters, metrics, artifacts and lineage.",
            flow_run_id=item.flow_run_id,
        )
        for item in items
        if isinstance(item, Link)
    ]
    task_records = record_url(task_record_path(""))
    lines = [
        _compat.log_line(
            f"flowtrail record: {task_records}{item.task_run_id}",
            at=datetime.fromtimestamp(item.at_s, UTC),
            flow_run_id=item.flow_run_id,
            task_run_id=item.task_run_id,
        )
        for item in items
        if isinstance(item, Line)
    ]
    _api.send(links, lines)


class _Api:
    """One open connection to Prefect's API, for the sender's thread."""

    def __init__(self) -> None:
        self._url: str | None = None
        self._client: Any = None

    def send(self, artifacts: list[Any], lines: list[dict[str, Any]]) -> None:
        """Send artifacts, a request each, and log lines, a request in all."""
        client = self._connected()
        try:
            for artifact in artifacts:
                client.create_artifact(artifact)
            if lines:
                client.create_logs(lines)
        except BaseException:
            self.close()
            raise

    def _connected(self) -> Any:
        url = _compat.api_url()
        if self._client is None or url != self._url:
            self.close()
            self._url, self._client = url, _compat.open_client()
        return self._client

    def close(self) -> None:
        """Let go of the connection."""
        client, self._client = self._client, None
        if client is not None:
            client.__exit__(None, None, None)

    def forget(self) -> None:
        """Leave the connection to the process that opened it."""
        self._client = None


_api: Final = _Api()
_sender: Final = _Sender()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_sender.after_fork)
atexit.register(_api.close)
atexit.register(wait_for_links)
