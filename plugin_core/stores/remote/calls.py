"""What can be asked of a record's server: the methods of the store's seams, in bytes that both ends make of them.

How a request and its answer look follows from the method's signature. A failure travels as the class of the error and
what it says; of failures of the server's own store, whose words name its files, as the class alone.
"""

from __future__ import annotations

import functools
import inspect
import json
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TypeVar, get_args, get_type_hints

from plugin_core import errors
from plugin_core.model import portable
from plugin_core.model.changes import JournalSeen
from plugin_core.model.metrics import Json
from plugin_core.model.portable import Code, Columns, code_of
from plugin_core.stores.protocol import TrackingStore

PATH: Final = "/record"
MEDIA_TYPE: Final = "application/x-flowtrail-1"  # the number changes when older ends would misunderstand
OPERATION: Final = "x-flowtrail-operation"
JOURNAL: Final = "x-flowtrail-journal"


@dataclass(frozen=True, kw_only=True, slots=True)
class PointsPage:
    """A part of a series, as columns. ``next`` is where the rest begins: a step, and how many points of it were given.

    Points that arrive meanwhile come at their place or not at all; none comes twice.
    """

    steps: array[int]
    times: array[int]
    values: array[float]
    data: Mapping[int, Json] = field(default_factory=dict[int, Json])
    next: tuple[int, int] | None = None


class Beside(Protocol):
    """What is asked in another form than a store's own."""

    def points_page(self, component: int, metric: str, /, *, after: tuple[int, int] | None = None) -> PointsPage:
        """A page of ``points``."""
        ...

    def seen(self, journals: Sequence[JournalSeen], /) -> None:
        """Write that journals are alive: all that a key may write that has no permission to ``write``."""
        ...


_ELSEWHERE: Final = frozenset({"close", "points"})
NAMES: Final = frozenset(
    name for cls in (TrackingStore, Beside) for name, _ in inspect.getmembers(cls, inspect.isfunction) if name[0] != "_"
).difference(_ELSEWHERE)


@dataclass(frozen=True, slots=True)
class Call:
    """One operation: the codes of its arguments by name, and of its answer."""

    signature: inspect.Signature
    arguments: Mapping[str, Code]
    returned: Any

    def to_bytes(self, *given: Any, **named: Any) -> bytes:
        """A request. InvalidValueError for arguments that are not of their annotations."""
        return portable.to_bytes(Code(self._to, self._back), self.signature.bind(None, *given, **named).arguments)

    def from_bytes(self, message: bytes) -> tuple[list[Any], dict[str, Any]]:
        """The arguments of a request, by place and by name. InvalidValueError, StoreVersionError."""
        found: dict[str, Any] = portable.from_bytes(Code(self._to, self._back), message)
        placed = [name for name in self.signature.parameters if name in found and self._is_placed(name)]
        named = {name: value for name, value in found.items() if name not in placed}
        try:
            bound = self.signature.bind(None, *(found[name] for name in placed), **named)
            if placed != [name for name in bound.arguments if self._is_placed(name)][1:]:
                raise TypeError("one is missing")  # noqa: TRY301 - as bind does
        except TypeError as error:
            raise errors.InvalidValueError(f"The arguments do not fit: {error}.") from error
        return list(bound.args[1:]), bound.kwargs

    def answer_code(self, arguments: Sequence[Any]) -> Code:
        """The code of the answer; that of a page depends on what it was asked for."""
        return code_of(self.returned, {V: item_of(type(one)) for V in _variables(self.returned) for one in arguments})

    def _to(self, arguments: Any, columns: Columns) -> Any:
        return {n: self.arguments[n].to(value, columns) for n, value in arguments.items() if n in self.arguments}

    def _back(self, content: Any, columns: Columns) -> Any:
        if unknown := content.keys() - self.arguments.keys():
            raise errors.StoreVersionError(f"{min(unknown)!a} is no argument that this flowtrail knows.")
        return {name: self.arguments[name].back(value, columns) for name, value in content.items()}

    def _is_placed(self, name: str) -> bool:
        return self.signature.parameters[name].kind is inspect.Parameter.POSITIONAL_ONLY


@functools.cache
def call_of(name: str) -> Call:
    """The operation of a name in ``NAMES``."""
    method = getattr(Beside if hasattr(Beside, name) else TrackingStore, name)
    hints = get_type_hints(method, localns=portable.NAMES)
    returned = hints.pop("return")
    codes = {parameter: code_of(hint) for parameter, hint in hints.items()}
    return Call(inspect.signature(method), codes, returned)


def item_of(query: Any) -> Any:
    """What a kind of listing or search lists: the argument of the generic class that it is a kind of."""
    bases = getattr(query, "__orig_bases__", ())
    return next((get_args(base)[0] for base in bases if get_args(base)), None)


def _variables(annotation: Any) -> tuple[TypeVar, ...]:
    return getattr(annotation, "__parameters__", ())


# Failures

_TOLD: Final = {cls.__name__: cls for cls in (errors.InvalidValueError, errors.NotFoundError, errors.ConflictError)}
_STORES: Final[dict[str, tuple[type[errors.StoreError], str]]] = {
    "StoreReadOnlyError": (errors.StoreReadOnlyError, "cannot write its record"),
    "StoreVersionError": (errors.StoreVersionError, "is of another version: it does not know what was asked"),
    "StoreUnavailableError": (errors.StoreUnavailableError, "cannot reach its record at the moment"),
}
_TEXTS: Final = ("message", "hint", "kind", "name")
_STATUS: Final = {
    "InvalidValueError": 400,
    "StoreReadOnlyError": 403,
    "NotFoundError": 404,
    "ConflictError": 409,
    "StoreVersionError": 501,  # a 5xx that is not tried again
    "StoreUnavailableError": 503,
}


def failure_to(error: errors.FlowtrailError) -> tuple[int, bytes]:
    """An error as a status and a body."""
    name = next((n for n, cls in _TOLD.items() if isinstance(error, cls)), None)
    if name is not None:
        content = {key: value for key in _TEXTS if isinstance(value := getattr(error, key, None), str)}
    else:
        content = {}
        name = next((n for n, (cls, _) in _STORES.items() if isinstance(error, cls)), "StoreError")
    return _STATUS.get(name, 500), json.dumps({"flowtrail": name, **content}).encode("ascii")


def failure_from(content: Mapping[str, Any], server: str) -> errors.FlowtrailError | None:
    """The error of a body, None for one that ``failure_to`` did not make."""
    name = str(content.get("flowtrail"))
    texts = {key: str(content[key]) for key in _TEXTS if content.get(key) is not None}
    if name in _STORES:
        cls, words = _STORES[name]
        return cls(f"The server {server} {words}.")
    if name not in _TOLD:
        return None
    if name == "NotFoundError":
        return errors.NotFoundError(texts.get("kind", ""), texts.get("name", ""), hint=texts.get("hint"))
    if name == "ConflictError":
        parts = {key: texts.get(key) for key in ("kind", "name", "hint")}
        return errors.ConflictError(texts.get("message", ""), **parts)
    return errors.InvalidValueError(texts.get("message", ""), hint=texts.get("hint"))
