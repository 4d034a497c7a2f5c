"""JSON-like values read once: their content for a hash, and a plain copy that later changes do not touch.

The encoding under the hash is ours: typed, with lengths, in the order given; sets are sorted.
"""

from __future__ import annotations

import json
import struct
import sys
from array import array
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, cast

from plugin_core.capture.values.budget import Budget, BudgetSpentError
from plugin_core.capture.values.context import Context
from plugin_core.capture.values.inspection import is_a
from plugin_core.capture.values.scalars import converter
from plugin_core.capture.values.structures import elements, entries, length, shape_of
from plugin_core.model.metrics import Json
from plugin_core.model.parameters import to_text
from plugin_core.redaction import REDACTED, is_secret_type, secret_strings

_MAX_DEPTH: Final = 32
_MAX_ENTRIES: Final = 200_000  # of one list; larger ones are sampled without trying
_MAX_KEYS: Final = 30_000  # of one mapping
_SCANNED: Final = 8_192  # characters searched for secrets at once; what is stored is searched wholly, later
_UNCLOCKED: Final = 2_000  # entries read before the first look at the clock
_CLOCKED: Final = 500
_FORM: Final = 64  # keys of a record whose form is remembered
_FORMS: Final = 256
_SAMPLED: Final = 256
_PAIR: Final = 2
_DUMPED: Final = 1_000
# Types are told apart by id: a metaclass's own hash is never called.
_KEY_TYPES: Final = frozenset(map(id, (str, int, float, bool, type(None))))
_STR, _INT, _FLOAT = id(str), id(int), id(float)
_WHOLE_SHARE: Final = 0.75  # of the time: the rest is for a sample, should it not do
NAME_KEYS: Final = ("name", "key", "Name", "Key")
_NAME_KEYS: Final = frozenset(NAME_KEYS)
VALUE_KEYS: Final = ("value", "Value")


class NotJsonError(Exception):
    """The value holds something that is not JSON-like: data, an object, a cycle."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What was read. ``plain`` is a copy, None when only sampled; ``has_secret`` if anything was hidden."""

    plain: Json
    identity: str
    size: int
    whole: bool
    has_secret: bool


def read(name: str, value: Any, context: Context) -> Snapshot:
    """Read a JSON-like value: all of it if that fits the budget, else a sample.

    Raises NotJsonError, and BudgetSpentError where not even a sample fits.
    """
    try:
        stage = context.budget.stage(_WHOLE_SHARE)
        reader = Reader(context, stage)
        plain = reader.read(name, value)
        identity = reader.identity(whole=True)
        return Snapshot(plain, identity, reader.size, whole=True, has_secret=reader.has_secret)
    except BudgetSpentError:
        reader = Reader(context, context.budget)
        reader.sample(name, value)
        return Snapshot(None, reader.identity(whole=False), reader.size, whole=False, has_secret=reader.has_secret)


class Reader:
    """Reads JSON-like values into one hash."""

    def __init__(self, context: Context, budget: Budget) -> None:
        self._context = context
        self._redactor = context.redactor
        self._budget = budget
        self._scanned = 0
        self._read = 0
        self._check_at = _UNCLOCKED
        self._path: set[int] = set()
        self._parts: list[bytes] = []
        self._flushed = 0
        self._forms: dict[tuple[str, ...], list[bytes]] = {}
        self.has_secret = False

    @property
    def size(self) -> int:
        """Bytes read so far."""
        self._flush()
        return self._flushed

    def identity(self, *, whole: bool) -> str:
        """The hash of everything read so far."""
        digest = self._context.digest("json", self._budget)
        digest.update(b"".join(self._parts))
        return digest.identity(whole=whole)

    def read(self, name: str, value: Any, depth: int = 0) -> Json:
        """Read one value; return its plain copy."""
        cls = type(value)
        if cls is not dict and cls is not list:
            if id(cls) not in _ENCODERS and is_secret_type(value):
                return self._hide(value)
            convert = converter(cls)
            if convert is not None:
                return self._scalar(name, convert(value))
        shape = "mapping" if cls is dict else shape_of(cls)
        if shape is None or depth > _MAX_DEPTH or id(value) in self._path:
            raise NotJsonError
        self._count(1)
        if len(value) > _MAX_KEYS if cls is dict else length(value) > _MAX_ENTRIES:
            raise BudgetSpentError
        self._path.add(id(value))
        try:
            return self._sequence(name, value, depth) if shape == "sequence" else self._mapping(name, value, depth)
        finally:
            self._path.discard(id(value))

    def sample(self, name: str, value: Any) -> None:
        """Read the length of a container and some of what is in it, chosen by the length alone."""
        count = length(value)
        self._add(b"~%d;" % count)
        for item in _chosen(value, count, self._context.limits.items):
            try:
                self.read(name, item)
            except BudgetSpentError:
                self._budget.check()

    def _count(self, entries: int) -> None:
        """Look at the clock now and then; at the start not at all, so that small values are always read as a whole."""
        self._read += entries
        if self._read >= self._check_at:
            self._check_at = self._read + _CLOCKED
            self._budget.check()
            if self.size > self._context.limits.max_bytes:
                raise BudgetSpentError

    def _add(self, *parts: bytes) -> None:
        self._parts += parts

    def _flush(self) -> None:
        """Join what was read, so that it is counted once."""
        data = b"".join(self._parts)
        self._parts = [data]
        self._flushed = len(data)

    def _hide(self, value: object) -> Json:
        self.has_secret = True
        self._redactor.remember_all(secret_strings(value))
        self._add(b"x")
        return REDACTED

    def _scalar(self, name: str, plain: Json) -> Json:
        if self._redactor.hides(name, plain):
            return self._hide(plain)
        self._add_scalar(plain)
        return plain

    def _add_scalar(self, plain: Any) -> None:
        if type(plain) is str:
            self._scan(plain)
        self._parts.append(_ENCODERS[id(type(plain))](plain))

    def _scan(self, text: str) -> None:
        if self._scanned < _SCANNED:
            self._scanned += len(text)
            head = text[:_SCANNED]
            self.has_secret = self.has_secret or self._redactor.text(head) != head

    def _mapping(self, name: str, value: Any, depth: int) -> Json:
        pairs = list(value.items()) if type(value) is dict else entries(value, _MAX_KEYS)
        keys = [key for key, _ in pairs]
        names = keys if set(map(id, map(type, keys))) == {_STR} else [_key(key) for key in keys]
        form = self._form(name, tuple(names))
        self._parts.append(b"D%d;" % len(pairs))
        if form is None:
            return self._guarded(name, pairs, depth)
        plain: dict[str, Json] = {}
        encoders = _ENCODERS
        for start in range(0, len(pairs), _CLOCKED):
            part = slice(start, start + _CLOCKED)
            self._count(len(pairs[part]))
            add = self._parts.append  # counting may have joined the parts into a new list
            for (_, item), key, encoded in zip(pairs[part], names[part], form[part], strict=True):
                add(encoded)
                kind = type(item)
                encode = encoders.get(id(kind))
                if encode is None:
                    plain[key] = self.read(f"{name}.{key}", item, depth + 1)
                    add = self._parts.append
                    continue
                if kind is str and self._scanned < _SCANNED:
                    self._scan(item)
                add(encode(item))
                plain[key] = item
        return cast("Json", plain)

    def _form(self, name: str, keys: tuple[str, ...]) -> list[bytes] | None:
        """The encoded keys; None if keys need to be looked at one by one. Records of one form are asked once."""
        found = self._forms.get(keys) if len(keys) <= _FORM else None
        if found is None:
            names = "\n".join(keys)
            self._scan(names)
            suspect = self._redactor.may_name_secret(names) or not _NAME_KEYS.isdisjoint(keys)
            found = None if suspect else [_text(key) for key in keys]
            if found is not None and len(keys) <= _FORM and len(self._forms) < _FORMS:
                self._forms[keys] = found
        return None if self._redactor.is_secret_name(name) else found

    def _guarded(self, name: str, pairs: list[tuple[Any, Any]], depth: int) -> Json:
        """A mapping that may hold secrets by the names of its keys."""
        secret = named_secret(pairs, self._redactor.is_secret_name)
        plain: dict[str, Json] = {}
        for key, item in pairs:
            self._count(1)
            text = _key(key)
            self._parts.append(_text(text))
            child = f"{name}.{text}"
            hidden = text in secret or (self._redactor.hides(child, 0) and item is not None and type(item) is not bool)
            plain[text] = self._hide(item) if hidden else self.read(child, item, depth + 1)
        return cast("Json", plain)

    def _sequence(self, name: str, value: Any, depth: int) -> Json:
        items = elements(value, _MAX_ENTRIES)
        if is_a(type(value), set, frozenset):
            return self._set(name, items, depth)
        is_tuple = is_a(type(value), tuple)
        flat = None if is_tuple and len(items) == _PAIR else self._flat(name, items)
        if flat is not None:
            return flat
        self._add(b"L%d;" % len(items))
        hidden = hidden_positions(items, self._redactor.is_secret_name, is_tuple=is_tuple)
        self._count(len(items))
        return [
            self._hide(item) if position in hidden else self.read(name, item, depth + 1)
            for position, item in enumerate(items)
        ]

    def _set(self, name: str, items: list[Any], depth: int) -> Json:
        """Sets have no order: read apart, then sorted by their encoding."""
        self._add(b"L%d;" % len(items))
        outer, read = self._parts, list[tuple[bytes, Json]]()
        for item in items:
            self._parts = []
            plain = self.read(name, item, depth + 1)
            read.append((b"".join(self._parts), plain))
        read.sort(key=lambda pair: pair[0])
        self._parts = [*outer, *(data for data, _ in read)]
        return [plain for _, plain in read]

    def _flat(self, name: str, items: list[Any]) -> Json:
        """Lists of one plain type, at C speed; None for others."""
        kinds = set(map(id, map(type, items)))
        if len(kinds) != 1 or self._redactor.is_secret_name(name):
            return None
        kind = kinds.pop()
        if kind == _FLOAT:
            self._add(b"F", _packed("d", items))
        elif kind == _INT:
            try:
                self._add(b"Q", _packed("q", items))
            except OverflowError:
                return None
        elif kind == _STR and not any(map(_is_flag, items)):
            self._texts(items)
        else:
            return None
        return items

    def _texts(self, items: list[str]) -> None:
        if self._scanned < _SCANNED:
            self._scan("\n".join(items[:_SCANNED])[:_SCANNED])
        self._add(b"S", _packed("q", list(map(len, items))), "".join(items).encode("utf-8", "surrogatepass"))


def _text(text: str) -> bytes:
    data = text.encode("utf-8", "surrogatepass")
    return b"s%d;" % len(data) + data


# How a plain value is written into the hash; the order of the types does not matter.
_ENCODERS: Final[dict[int, Callable[[Any], bytes]]] = {
    id(str): _text,
    id(float): lambda value: b"f" + struct.pack("<d", value),
    id(int): lambda value: b"i%x;" % value,
    id(bool): lambda value: b"t" if value else b"u",
    id(type(None)): lambda _: b"n",
}


def _is_flag(text: str) -> bool:
    return text.startswith("-")


def _key(key: Any) -> str:
    """A key as JSON writes it. Raises NotJsonError for keys that are no scalars."""
    if type(key) is str:
        return key
    if is_a(type(key), str):
        return str.__str__(key)
    if id(type(key)) not in _KEY_TYPES:
        raise NotJsonError
    return str(key)


def _chosen(value: Any, count: int, items: int) -> list[Any]:
    """A fixed choice of a container's content: spread over a list, the beginning of others."""
    if is_a(type(value), list, tuple):
        return elements_at(value, [(count - 1) * i // (_SAMPLED - 1) for i in range(_SAMPLED)])
    if shape_of(type(value)) == "sequence":
        return elements(value, items)
    return [list(pair) for pair in entries(value, items)]


def _packed(code: str, items: list[Any]) -> bytes:
    packed = array(code, items)
    if sys.byteorder == "big":
        packed.byteswap()
    return len(items).to_bytes(8, "little") + packed.tobytes()


def elements_at(value: Any, positions: list[int]) -> list[Any]:
    """Elements of a list or tuple by position, past its own ``__getitem__``."""
    get = list.__getitem__ if is_a(type(value), list) else tuple.__getitem__
    return [get(value, position) for position in positions]


def named_secret(pairs: list[tuple[Any, Any]], is_secret: Any) -> frozenset[str]:
    """The keys hidden by a neighbour, as in ``{"name": "DB_PASSWORD", "value": "..."}``."""
    plain = {key: item for key, item in pairs if type(key) is str and type(item) is str}
    if any(key in plain and is_secret(plain[key]) for key in NAME_KEYS):
        return frozenset(VALUE_KEYS)
    return frozenset()


def hidden_positions(items: list[Any], is_secret: Any, *, is_tuple: bool) -> frozenset[int]:
    """Positions hidden by the element before: ``["--api-key", "..."]`` and ``("password", "...")``."""
    hidden: set[int] = set()
    for position, (before, item) in enumerate(pairwise(items), start=1):
        if type(before) is str and type(item) is str:
            is_flag = before.startswith("-") and not item.startswith("-")
            if (is_flag or (is_tuple and len(items) == _PAIR)) and is_secret(before[:128]):
                hidden.add(position)
    return frozenset(hidden)


def to_json_bytes(plain: Json) -> bytes:
    """A snapshot as JSON. Long lists are encoded in parts, so that other threads are not held up."""
    if isinstance(plain, list) and len(plain) > _DUMPED:
        parts = [to_json_bytes(plain[i : i + _DUMPED])[1:-1] for i in range(0, len(plain), _DUMPED)]
        return b"[" + b",".join(parts) + b"]"
    try:
        return json.dumps(plain, allow_nan=False, separators=(",", ":")).encode()
    except ValueError:
        return to_text(plain).encode()
