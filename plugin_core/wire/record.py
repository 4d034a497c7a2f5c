"""What flowtrail's own clients ask for: the record itself, method by method of the store's seams (``stores.remote``).

An operation is in the table with what its caller must be permitted, or it does not exist. A batch of a journal says
in a signed header which part it is, besides in its body.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from array import array
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import dropwhile, islice
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from plugin_core import errors
from plugin_core.model import portable
from plugin_core.model.changes import Batch, JournalSeen
from plugin_core.model.metrics import Json, MetricPoint
from plugin_core.stores.remote import calls
from plugin_core.stores.remote.calls import PointsPage
from plugin_core.wire.app import AsgiApp, Receive, Scope, Send
from plugin_core.wire.caller import CALLER, REQUEST_ID, Caller, Permission
from plugin_core.wire.request import micros

if TYPE_CHECKING:
    from plugin_core.stores.protocol import TrackingStore

_PUT: Final = frozenset({"apply", "watermark", "seen"})
_WRITE: Final = frozenset({"write", "delete", "delete_association"})
_READ: Final = frozenset({
    "about", "action", "arn_tags", "artifact", "artifact_by_digest", "artifact_values", "artifacts", "associations",
    "component", "component_of_job", "components", "context", "counts", "experiment", "experiments", "find_nodes",
    "leases", "lineage", "members", "node", "page", "parameters", "parents", "path", "points_page", "properties",
    "search", "summaries", "tags", "trial", "trials", "windows",
})  # fmt: skip
PERMISSIONS: Final = MappingProxyType(
    dict.fromkeys(_PUT, Permission.PUT)
    | dict.fromkeys(_WRITE, Permission.WRITE)
    | dict.fromkeys(_READ, Permission.READ)
)
_PAGE_POINTS: Final = 500_000
_OK: Final = 200
_FAULT: Final = 500
_MEDIA_TYPE: Final = calls.MEDIA_TYPE.encode()
_log: Final = logging.getLogger("flowtrail.wire")


def record_permission(operation: str) -> Permission | None:
    """What an operation's caller must be permitted; None for an operation that there is not."""
    return PERMISSIONS.get(operation)


def record_api(store: TrackingStore, *, about: str = "", threads: int = 8) -> AsgiApp:
    """An ASGI app of the record in ``store``. ``about`` is what the server says of itself, before its store does.

    What stands in front bounds and verifies the body, and puts the ``Caller`` into the scope.
    """
    return _RecordApi(store, about, threads)


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    content_type: bytes
    body: bytes


class _RecordApi:
    def __init__(self, store: TrackingStore, about: str, threads: int) -> None:
        self._store = store
        self._beside: dict[str, Callable[..., Any]] = {
            "about": lambda: f"{about}{store.about()}",
            "points_page": lambda *given, **named: points_page(store, *given, **named),
            "seen": lambda journals: _seen(store, journals),
        }
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="flowtrail-record")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await _body(receive)
        if body is None:
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        operation, journal = headers.get(calls.OPERATION, ""), headers.get(calls.JOURNAL, "")
        caller = scope.get(CALLER)
        request_id = str(scope.get(REQUEST_ID) or uuid.uuid4())
        loop = asyncio.get_running_loop()
        answer = await loop.run_in_executor(self._pool, self._answered, operation, journal, body, caller, request_id)
        await _send(send, answer)

    def _answered(self, operation: str, journal: str, body: bytes, caller: Any, request_id: str) -> _Answer:
        try:
            return _Answer(_OK, _MEDIA_TYPE, self._perform(operation, journal, body, caller))
        except errors.FlowtrailError as error:
            status, content = calls.failure_to(error)
            if status >= _FAULT:
                _log.warning("request %s: %s", request_id, error, exc_info=error)
        except Exception:  # noqa: BLE001 - the edge of the process: a client learns no more than that it failed
            _log.exception("request %s failed", request_id)
            status, content = calls.failure_to(errors.StoreError("failed"))
        return _Answer(status, b"application/json", content)

    def _perform(self, operation: str, journal: str, body: bytes, caller: Any) -> bytes:
        permission = record_permission(operation)
        if permission is None or not isinstance(caller, Caller) or not caller.may(permission):
            raise errors.StoreReadOnlyError("This was not permitted.")  # the gate has said so before, in its words
        call = calls.call_of(operation)
        given, named = call.from_bytes(body)
        if operation == "apply":
            _require_position(given[0], journal)
        perform = self._beside.get(operation) or getattr(self._store, operation)
        return portable.to_bytes(call.answer_code(given), perform(*given, **named))


def _require_position(batch: Batch, journal: str) -> None:
    named = f"{batch.journal}:{batch.start}-{batch.end}".encode("unicode_escape").decode("ascii")
    if journal != named:
        raise errors.InvalidValueError(f"The header {calls.JOURNAL} is not about the batch in the body.")


def _seen(store: TrackingStore, journals: Sequence[JournalSeen]) -> None:
    store.write(journals)


def points_page(
    store: TrackingStore, component: int, metric: str, *, after: tuple[int, int] | None = None, most: int = _PAGE_POINTS
) -> PointsPage:
    """The points behind ``after`` (a step, and how many points of it were given), no more than ``most``."""
    rest = _behind(store.points(component, metric), after)
    steps, times, values = array("q"), array("q"), array("d")
    data: dict[int, Json] = {}
    for point in islice(rest, most):
        if point.data is not None:
            data[len(steps)] = point.data
        steps.append(point.step)
        times.append(micros(point.time))
        values.append(point.value)
    is_last = next(rest, None) is None
    following = None if is_last or not steps else _place(steps, after)
    return PointsPage(steps=steps, times=times, values=values, data=data, next=following)


def _behind(points: Iterator[MetricPoint], after: tuple[int, int] | None) -> Iterator[MetricPoint]:
    if after is None:
        return points
    step, given = after
    rest = dropwhile(lambda point: point.step < step, points)
    of_step = 0

    def is_given(point: MetricPoint) -> bool:
        nonlocal of_step
        of_step += point.step == step
        return point.step == step and of_step <= given

    return dropwhile(is_given, rest)


def _place(steps: array[int], after: tuple[int, int] | None) -> tuple[int, int]:
    """Where a page of these steps ended."""
    last, count = steps[-1], 0
    for step in reversed(steps):
        if step != last:
            return last, count
        count += 1
    return last, count + (after[1] if after is not None and after[0] == last else 0)


async def _body(receive: Receive) -> bytes | None:
    """The whole body; None for one that does not come to its end. What stands in front bounds it."""
    parts: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


async def _send(send: Send, answer: _Answer) -> None:
    headers = [(b"content-type", answer.content_type), (b"content-length", str(len(answer.body)).encode())]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
