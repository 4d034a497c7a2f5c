"""Values of the model as bytes and back, by what their annotations say: how a record's server and its clients talk.

One line of JSON, then the columns of numbers as they lie in memory, little end first; all of it compressed where that
pays. What has its default value is left out, a field that is not known is passed over. Reading makes what the
annotation names and nothing else; InvalidValueError for all that does not fit it.
"""

from __future__ import annotations

import functools
import json
import sys
import zlib
from array import array
from collections import abc
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Final, Generic, TypeVar, Union, get_args, get_origin, get_type_hints

from plugin_core.errors import InvalidValueError, StoreVersionError
from plugin_core.model.parameters import compact, from_text, tagged

N = TypeVar("N")
MAX_BYTES: Final = 64 << 20  # of one value, when it is not compressed
_COMPRESSED_FROM: Final = 16 << 10
_PLAIN, _COMPRESSED = b"\x00", b"\x01"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_NUMBER_BYTES: Final = 8
_MAPPINGS: Final = frozenset({dict, abc.Mapping})
_CONTAINERS: Final = frozenset({tuple, list, abc.Sequence, abc.Iterable}) | _MAPPINGS


class JsonValue:
    """Stands for ``model.metrics.Json`` in annotations, which names itself."""


class Numbers(Generic[N]):
    """Stands for ``array`` in annotations, which Python 3.11 cannot subscribe."""


NAMES: Final[dict[str, Any]] = {"Json": JsonValue, "array": Numbers}  # what annotations mean by these names


class Columns:
    """The part of a message behind its line of JSON."""

    def __init__(self, data: memoryview | None = None) -> None:
        self.parts: list[bytes] = []
        self._size = 0
        self._data = data if data is not None else memoryview(b"")

    def add(self, numbers: array[Any]) -> list[int]:
        """Put an array in, and say where it is."""
        at, self._size = self._size, self._size + _NUMBER_BYTES * len(numbers)
        self.parts.append(_little(numbers).tobytes())
        return [at, len(numbers)]

    def get(self, place: Any, typecode: str) -> array[Any]:
        """The array at a place."""
        at, count = (_int(number) for number in place)
        end = at + _NUMBER_BYTES * count
        if at < 0 or count < 0 or end > len(self._data):
            raise ValueError("a column that is not there")
        numbers: array[Any] = array(typecode)
        numbers.frombytes(self._data[at:end])
        return _little(numbers)


@dataclass(frozen=True, slots=True)
class Code:
    """How values of one annotation go into JSON and come back."""

    to: Callable[[Any, Columns], Any]
    back: Callable[[Any, Columns], Any]


def to_bytes(code: Code, value: Any) -> bytes:
    """A value as a message. InvalidValueError for one that is not of its annotation, or too large."""
    columns = Columns()
    try:
        head = compact(code.to(value, columns)).encode("ascii")
    except (TypeError, ValueError, AttributeError, RecursionError) as error:
        raise InvalidValueError(f"This cannot be sent: {error}.") from error
    content = b"".join((head, b"\n", *columns.parts))
    if len(content) > MAX_BYTES:
        raise InvalidValueError(f"{len(content)} bytes at once are too many to send: {MAX_BYTES} are the most.")
    if len(content) < _COMPRESSED_FROM:
        return _PLAIN + content
    return _COMPRESSED + zlib.compress(content, 1)


def from_bytes(code: Code, message: bytes) -> Any:
    """The value of a message. InvalidValueError; StoreVersionError for a kind of value that only newer ones know."""
    try:
        head, rest = _divided(_content(message))
        return code.back(json.loads(head), Columns(rest))
    except InvalidValueError:
        raise
    except (TypeError, ValueError, KeyError, AttributeError, OverflowError, RecursionError, zlib.error) as error:
        raise InvalidValueError(f"This message cannot be read: {type(error).__name__}: {error}.") from error


def _content(message: bytes) -> bytes:
    if message[:1] == _PLAIN:
        return message[1:]
    if message[:1] != _COMPRESSED:
        raise ValueError("a message of another kind")
    inflating = zlib.decompressobj()
    content = inflating.decompress(memoryview(message)[1:], MAX_BYTES)
    if not inflating.eof:
        raise ValueError("a message that is too long or ends early")
    return content


def _divided(content: bytes) -> tuple[bytes, memoryview]:
    """The line of JSON, and the columns without a copy of them."""
    at = content.index(b"\n")
    return content[:at], memoryview(content)[at + 1 :]


def code_of(annotation: Any, variables: Mapping[Any, Any] | None = None) -> Code:
    """The code of an annotation; ``variables`` says what type variables stand for. TypeError for what has none."""
    return _code(annotation, tuple((variables or {}).items()))


@functools.cache
def _code(annotation: Any, variables: tuple[tuple[Any, Any], ...]) -> Code:
    if isinstance(annotation, TypeVar):
        return _code(dict(variables)[annotation], ())
    if annotation in _SIMPLE:
        return _SIMPLE[annotation]
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in {Union, UnionType}:
        return _union(arguments, variables)
    if origin is Numbers:
        return _column("q" if arguments[0] is int else "d")
    if origin in _CONTAINERS:
        inner = [_code(one, variables) for one in arguments if one is not Ellipsis]
        return _container(origin, arguments, inner)
    return _of_class(annotation, origin, variables)


def _container(origin: Any, arguments: tuple[Any, ...], inner: Sequence[Code]) -> Code:
    if origin is tuple:
        return _listed(inner[0], tuple) if Ellipsis in arguments else _row(inner)
    return _mapping(arguments[0], inner[1]) if origin in _MAPPINGS else _listed(inner[0], list)


def _of_class(annotation: Any, origin: Any, variables: tuple[tuple[Any, Any], ...]) -> Code:
    cls = origin or annotation
    if isinstance(cls, type) and issubclass(cls, Enum):
        return Code(lambda value, _: value.value, lambda content, _: cls(content))
    if not is_dataclass(cls):
        raise TypeError(f"{annotation!r} cannot be sent")
    if kinds := kinds_of(cls):
        return _kinds([*kinds.values()], variables)
    given = dict(variables)
    parameters = getattr(cls, "__parameters__", ())
    bound = {p: given.get(a, a) for p, a in zip(parameters, get_args(annotation), strict=False)}
    return _record(cls, tuple(bound.items()))


def kinds_of(cls: Any) -> dict[str, Any]:
    """The kinds of a thing that its module has."""
    found = vars(sys.modules[cls.__module__]).values()
    return {c.__name__: c for c in found if isinstance(c, type) and c is not cls and issubclass(c, cls)}


# One for each form of annotation


def _exactly(*types: type[Any]) -> Callable[[Any, Columns], Any]:
    def back(content: Any, _: Columns) -> Any:
        if type(content) not in types:
            raise TypeError(f"{types[0].__name__} was expected, not {type(content).__name__}")
        return content

    return back


def _same(value: Any, _: Columns) -> Any:
    return value


def _float(content: Any, _: Columns) -> float:
    if type(content) not in {float, int}:
        raise TypeError(f"a number was expected, not {type(content).__name__}")
    return float(content)


def _int(content: Any) -> int:
    if type(content) is not int:
        raise TypeError("a whole number was expected")
    return content


def _moment(content: Any, _: Columns) -> datetime:
    return _EPOCH + timedelta(microseconds=_int(content))


def _json(content: Any, _: Columns) -> Any:
    return from_text(compact(content)) if type(content) in {dict, list} else content


_SIMPLE: Final[dict[Any, Code]] = {
    str: Code(_same, _exactly(str)),
    int: Code(_same, _exactly(int)),
    bool: Code(_same, _exactly(bool)),
    float: Code(_same, _float),
    None: Code(_same, _exactly(NoneType)),
    NoneType: Code(_same, _exactly(NoneType)),
    datetime: Code(lambda value, _: (value - _EPOCH) // _MICROSECOND, _moment),
    JsonValue: Code(lambda value, _: tagged(value), _json),
}


def _listed(inner: Code, kind: Callable[[Iterable[Any]], Any]) -> Code:
    to, back = inner.to, inner.back

    def back_all(content: Any, columns: Columns) -> Any:
        if type(content) is not list:
            raise TypeError("a list was expected")
        return kind(back(each, columns) for each in content)

    if to is _same:
        return Code(lambda value, _: list(value), back_all)
    return Code(lambda value, columns: [to(each, columns) for each in value], back_all)


def _row(inner: Sequence[Code]) -> Code:
    def to(value: Any, columns: Columns) -> Any:
        return [code.to(each, columns) for code, each in zip(inner, value, strict=True)]

    def back(content: Any, columns: Columns) -> Any:
        return tuple(code.back(each, columns) for code, each in zip(inner, content, strict=True))

    return Code(to, back)


def _mapping(key: Any, inner: Code) -> Code:
    to, back = inner.to, inner.back
    name: Callable[[str], Any] = int if key is int else str

    def back_all(content: Any, columns: Columns) -> Any:
        if type(content) is not dict:
            raise TypeError("a mapping was expected")
        return {name(each): back(value, columns) for each, value in content.items()}

    def to_all(value: Any, columns: Columns) -> Any:
        return {_key(each, key): to(one, columns) for each, one in value.items()}

    return Code(to_all, back_all)


def _key(value: Any, key: type[Any]) -> str:
    if not isinstance(value, key):
        raise TypeError(f"{value!r} is no key of this mapping")
    return value if key is str else str(value)


def _column(typecode: str) -> Code:
    def to(value: Any, columns: Columns) -> Any:
        if type(value) is not array or value.typecode != typecode:
            raise TypeError(f"an array of {typecode!r} was expected")
        return columns.add(value)

    return Code(to, lambda content, columns: columns.get(content, typecode))


def _little(numbers: array[Any]) -> array[Any]:
    if sys.byteorder == "big":
        numbers = numbers[:]
        numbers.byteswap()
    return numbers


def _union(members: Sequence[Any], variables: tuple[tuple[Any, Any], ...]) -> Code:
    """Something or nothing; one of several plain types; or one of several classes, told apart by name."""
    rest = [member for member in members if member is not NoneType]
    is_optional = len(rest) < len(members)
    if len(rest) == 1:
        code = _code(rest[0], variables)
    elif all(member in {str, int, float, bool} for member in rest):
        code = Code(_same, _exactly(*rest))
    else:
        code = _kinds(rest, variables)
    return _optional(code) if is_optional else code


def _optional(code: Code) -> Code:
    to, back = code.to, code.back
    if to is _same:
        return Code(to, lambda content, columns: None if content is None else back(content, columns))
    return Code(
        lambda value, columns: None if value is None else to(value, columns),
        lambda content, columns: None if content is None else back(content, columns),
    )


def _kinds(classes: Sequence[Any], variables: tuple[tuple[Any, Any], ...]) -> Code:
    codes = {cls: _record(cls, variables) for cls in classes}
    named = {cls.__name__: code for cls, code in codes.items()}

    def to(value: Any, columns: Columns) -> Any:
        code = codes.get(type(value))
        if code is None:
            raise TypeError(f"{type(value).__name__} is none of {', '.join(named)}")
        return [type(value).__name__, code.to(value, columns)]

    def back(content: Any, columns: Columns) -> Any:
        if type(content) is not list:
            raise TypeError("a name and a value were expected")
        name, inner = content
        if name not in named:
            raise StoreVersionError(f"{name!a} is nothing that this flowtrail knows.", hint="Update flowtrail here.")
        return named[name].back(inner, columns)

    return Code(to, back)


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    to: Callable[[Any, Columns], Any]
    back: Callable[[Any, Columns], Any]
    default: Any


@functools.cache
def _fields(cls: Any, variables: tuple[tuple[Any, Any], ...]) -> Mapping[str, _Field]:
    """How the fields of a class go in and out; found when it is first met, since a class may hold its like."""
    hints = get_type_hints(cls, localns=NAMES)
    codes = [(f, _code(hints[f.name], variables)) for f in fields(cls)]
    return {f.name: _Field(f.name, code.to, code.back, _default(f)) for f, code in codes}


def _record(cls: Any, variables: tuple[tuple[Any, Any], ...]) -> Code:
    """A frozen dataclass, as the mapping of what differs from its defaults."""

    def to(value: Any, columns: Columns) -> Any:
        known = _fields(cls, variables)
        if type(value) is not cls:
            raise TypeError(f"{cls.__name__} was expected, not {type(value).__name__}")
        given = [(field, getattr(value, field.name)) for field in known.values()]
        return {field.name: field.to(one, columns) for field, one in given if not _is_default(one, field.default)}

    def back(content: Any, columns: Columns) -> Any:
        known = _fields(cls, variables)
        return cls(**{name: known[name].back(one, columns) for name, one in content.items() if name in known})

    return Code(to, back)


def _default(field: Any) -> Any:
    return field.default_factory() if field.default_factory is not MISSING else field.default


def _is_default(value: Any, default: Any) -> bool:
    return value is default or (default is not MISSING and type(value) is type(default) and bool(value == default))
