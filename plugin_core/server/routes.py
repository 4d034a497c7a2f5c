"""Every route there is, with what it asks of its caller. What is not in here is refused.

A request is for objects if its credential's scope says so, whatever its path: buckets may have any name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_plus

from plugin_core.model.portable import MAX_BYTES
from plugin_core.server.refusals import Dialect, Reason, RefusedError
from plugin_core.stores.remote import calls
from plugin_core.wire.caller import Permission
from plugin_core.wire.record import record_permission
from plugin_core.wire.signature import SignedRequest

Permitted = Callable[[str], "Permission | str | None"]
ROUTE: Final = "flowtrail.route"  # where a scope has the name; the app behind goes by it, not by the path
_MB: Final = 1 << 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Route:
    """A path, or all paths of a service, and what may be asked there.

    ``permission`` is that of each method; None where the operation decides, or where any key will do.
    """

    name: str
    path: str | None
    methods: dict[str, Permission | None]
    dialect: Dialect
    services: frozenset[str] = frozenset()
    content_types: tuple[str, ...] = ()
    is_public: bool = False
    is_streamed: bool = False
    max_body: int = 8 * _MB


_SAGEMAKER: Final = frozenset({"sagemaker", "sagemaker-metrics"})
_JSON: Final = ("application/json", "application/x-amz-json-1.1")

HEALTH: Final = Route(
    name="healthz", path="/healthz", methods={"GET": None, "HEAD": None}, dialect=Dialect.PLAIN, is_public=True
)
METRICS: Final = Route(
    name="metrics",
    path="/metrics",
    methods={"GET": Permission.ADMIN},
    dialect=Dialect.PLAIN,
    services=_SAGEMAKER,
)
OPERATIONS: Final = Route(
    name="operations",
    path="/",
    methods={"POST": None},
    dialect=Dialect.JSON,
    services=frozenset({"sagemaker"}),
    content_types=_JSON[1:],
)
IDENTITY: Final = Route(
    name="identity",
    path="/",
    methods={"POST": None},
    dialect=Dialect.STS,
    services=frozenset({"sts"}),
    content_types=("application/x-www-form-urlencoded",),
    max_body=64 << 10,
)
PUT_METRICS: Final = Route(
    name="BatchPutMetrics",
    path="/BatchPutMetrics",
    methods={"PUT": Permission.PUT},
    dialect=Dialect.JSON,
    services=_SAGEMAKER,
    content_types=_JSON,
)
GET_METRICS: Final = Route(
    name="BatchGetMetrics",
    path="/BatchGetMetrics",
    methods={"POST": Permission.READ},
    dialect=Dialect.JSON,
    services=_SAGEMAKER,
    content_types=_JSON,
)
OBJECTS: Final = Route(
    name="objects",
    path=None,
    methods={
        "GET": Permission.READ,
        "HEAD": Permission.READ,
        "PUT": Permission.PUT,
        "POST": Permission.PUT,
        "DELETE": Permission.WRITE,
    },
    dialect=Dialect.S3,
    services=frozenset({"s3"}),
    is_streamed=True,
    max_body=5 << 30,
)
RECORD: Final = Route(
    name="record",
    path=calls.PATH,
    methods={"POST": None},
    dialect=Dialect.JSON,
    services=frozenset({"sagemaker"}),
    content_types=(calls.MEDIA_TYPE,),
    is_streamed=True,
    max_body=MAX_BYTES,
)
ROUTES: Final = (HEALTH, METRICS, OPERATIONS, IDENTITY, PUT_METRICS, GET_METRICS, RECORD, OBJECTS)
_TARGET: Final = "SageMaker."


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request asks for: a route, an action by name, and the permission it takes; None if any key will do."""

    route: Route
    action: str
    permission: Permission | None


def route_of(request: SignedRequest, service: str | None) -> Route:
    """The route of a request. RefusedError where there is none."""
    if service == "s3":
        return OBJECTS
    found = [route for route in ROUTES if route.path == request.path]
    if not found:
        raise RefusedError(Reason.NOT_FOUND, "There is nothing at this path.")
    return next((route for route in found if service in route.services), _by_content(found, request))


def _by_content(found: list[Route], request: SignedRequest) -> Route:
    """Of several routes at one path, the one that an unsigned request's content is for; it decides on words only."""
    content_type = media_type(request)
    return next((route for route in found if content_type in route.content_types), found[0])


def asked(route: Route, request: SignedRequest, permitted: Permitted) -> Asked:
    """What a request asks of a route. RefusedError for a method or an operation that is in no table."""
    if request.method not in route.methods:
        allow = ", ".join(sorted(route.methods)).encode()
        raise RefusedError(Reason.METHOD, "This path does not take this method.", headers=((b"allow", allow),))
    _require_media_type(route, request)
    if route is OPERATIONS:
        return _operation(request, permitted)
    if route is RECORD:
        return _of_record(request)
    if route is OBJECTS:
        return _on_object(request)
    return Asked(route, route.name, route.methods[request.method])


def media_type(request: SignedRequest) -> str:
    """The media type of the body, without its parameters."""
    given = next((value for name, value in request.headers if name == "content-type"), "")
    return given.partition(";")[0].strip().lower()


def _require_media_type(route: Route, request: SignedRequest) -> None:
    """Forms and text are what a foreign page can make a browser send without being asked."""
    if route.content_types and media_type(request) not in route.content_types:
        raise RefusedError(Reason.MEDIA_TYPE, f"The content type must be {' or '.join(route.content_types)}.")


def _operation(request: SignedRequest, permitted: Permitted) -> Asked:
    targets = [value for name, value in request.headers if name == "x-amz-target"]
    name = targets[0].removeprefix(_TARGET) if len(targets) == 1 and targets[0].startswith(_TARGET) else None
    permission = None if name is None else permitted(name)
    if name is None or permission is None:
        raise RefusedError(Reason.UNKNOWN, "There is no such operation here.")
    return Asked(OPERATIONS, name, Permission(permission))


def _of_record(request: SignedRequest) -> Asked:
    names = [value for name, value in request.headers if name == calls.OPERATION]
    permission = record_permission(names[0]) if len(names) == 1 else None
    if permission is None:
        raise RefusedError(Reason.UNKNOWN, "There is no such operation here.")
    return Asked(RECORD, f"record:{names[0]}", permission)


def _on_object(request: SignedRequest) -> Asked:
    """Objects' requests say what they do by method, by members of the query, and by one header."""
    members = {unquote_plus(pair.partition("=")[0]) for pair in request.query.split("&")}
    permission = OBJECTS.methods[request.method]
    action = f"{request.method.capitalize()}Object"
    if request.method == "POST" and "delete" in members:
        action, permission = "DeleteObjects", Permission.WRITE
    elif request.method == "DELETE" and "uploadId" in members:
        action, permission = "AbortUpload", Permission.PUT
    elif any(name == "x-amz-copy-source" for name, _ in request.headers):
        action, permission = "CopyObject", Permission.WRITE  # it reads, too
    elif members & {"uploads", "uploadId"}:
        action = f"{request.method.capitalize()}Upload"
    return Asked(OBJECTS, action, permission)
