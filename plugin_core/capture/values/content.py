"""JSON-like values read once: their content for a hash, and a plain copy that later changes do not touch.

The encoding under the hash is ours: typed, with lengths, in the order given; sets are sorted.
"""

from __future__ import annotations

import json
import sys
from array import array
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, cast

from plugin_core.capture.values.budget import Budget, BudgetSpentError, sample_positions
from plugin_core.capture.values.context import Context
from plugin_core.capture.values.inspection import is_a
from plugin_core.capture.values.scalars import converter
from plugin_core.capture.values.structures import elements, entries, length, shape_of
from plugin_core.model.metrics import Json
from plugin_core.model.parameters import to_text
from plugin_core.redaction import REDACTED, is_secret_type, secret_strings

_MAX_DEPTH: Final = 32
_MAX_ENTRIES: Final = 200_000  # of one container; larger ones are sampled without trying
_SCANNED: Final = 8_192  # characters searched for secrets at once; what is stored is searched wholly, later
_UNCLOCKED: Final = 500  # containers read without a look at the clock: small values are always read as a whole
_DUMPED: Final = 1_000
_KEY_TYPES: Final = frozenset({str, int, float, bool, type(None)})
_WHOLE_SHARE: Final = 0.6  # of the time: the rest is for a sample, should it not do
NAME_KEYS: Final = ("name", "key", "Name", "Key")
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
        self._nodes = 0
        self._path: set[int] = set()
        self._parts: list[bytes] = []
        self.size = 0
        self.has_secret = False

    def identity(self, *, whole: bool) -> str:
        """The hash of everything read so far."""
        digest = self._context.digest("json", self._budget)
        digest.update(b"".join(self._parts))
        return digest.identity(whole=whole)

    def read(self, name: str, value: Any, depth: int = 0) -> Json:
        """Read one value; return its plain copy."""
        cls = type(value)
        convert = converter(cls)
        if is_secret_type(value):
            return self._hide(value)
        if convert is not None:
            return self._scalar(name, convert(value))
        if is_a(cls, bytes, bytearray):
            raise NotJsonError
        shape = shape_of(cls)
        if shape is None or depth > _MAX_DEPTH or id(value) in self._path:
            raise NotJsonError
        self._nodes += 1
        if self._nodes > _UNCLOCKED:
            self._budget.check()
        if length(value) > _MAX_ENTRIES or self.size > self._context.limits.max_bytes:
            raise BudgetSpentError
        self._path.add(id(value))
        try:
            return self._sequence(name, value, depth) if shape == "sequence" else self._mapping(name, value, depth)
        finally:
            self._path.discard(id(value))

    def sample(self, name: str, value: Any) -> None:
        """Read the length of a container and some of what is in it, chosen by the length alone."""
        count = length(value)
        self._add(b"~", count.to_bytes(8, "little"))
        if is_a(type(value), list, tuple):
            chosen = elements_at(value, sample_positions(count))
        else:
            chosen = elements(value, self._context.limits.items) if shape_of(type(value)) == "sequence" else []
            chosen += [list(pair) for pair in entries(value, self._context.limits.items)] if not chosen else []
        for item in chosen:
            try:
                self.read(name, item)
            except BudgetSpentError:
                self._budget.check()

    def _add(self, *parts: bytes) -> None:
        self._parts += parts
        self.size += sum(map(len, parts))

    def _hide(self, value: object) -> Json:
        self.has_secret = True
        self._redactor.remember_all(secret_strings(value))
        self._add(b"x")
        return REDACTED

    def _scalar(self, name: str, plain: Json) -> Json:
        if self._redactor.hides(name, plain):
            return self._hide(plain)
        if type(plain) is str:
            self._scan(plain)
            data = plain.encode("utf-8", "surrogatepass")
            self._add(b"s", len(data).to_bytes(8, "little"), data)
        else:
            self._add(to_text(plain).encode(), b";")
        return plain

    def _scan(self, text: str) -> None:
        if self._scanned < _SCANNED:
            self._scanned += len(text)
            head = text[:_SCANNED]
            self.has_secret = self.has_secret or self._redactor.text(head) != head

    def _mapping(self, name: str, value: Any, depth: int) -> Json:
        pairs = entries(value, _MAX_ENTRIES)
        self._add(b"D", len(pairs).to_bytes(8, "little"))
        secret = named_secret(pairs, self._redactor.is_secret_name)
        plain: dict[str, Json] = {}
        for key, item in pairs:
            if type(key) not in _KEY_TYPES and not is_a(type(key), str):
                raise NotJsonError
            text = str.__str__(key) if is_a(type(key), str) else str(key)
            self._scalar("", text if type(key) is str else cast("Json", key))
            child = f"{name}.{text}"
            plain[text] = self._hide(item) if key in secret else self._child(child, item, depth)
        return cast("Json", plain)

    def _child(self, name: str, item: Any, depth: int) -> Json:
        if self._redactor.hides(name, 0):  # a strongly secret name hides whatever stands under it
            return None if item is None else item if type(item) is bool else self._hide(item)
        return self.read(name, item, depth + 1)

    def _sequence(self, name: str, value: Any, depth: int) -> Json:
        items = elements(value, _MAX_ENTRIES)
        flat = self._flat(name, items)
        if flat is not None:
            return flat
        self._add(b"L", len(items).to_bytes(8, "little"))
        if is_a(type(value), set, frozenset):
            return self._set(name, items, depth)
        hidden = hidden_positions(items, self._redactor.is_secret_name, is_tuple=is_a(type(value), tuple))
        return [
            self._hide(item) if position in hidden else self.read(name, item, depth + 1)
            for position, item in enumerate(items)
        ]

    def _set(self, name: str, items: list[Any], depth: int) -> Json:
        """Sets have no order: read apart, then sorted by their encoding."""
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
        kinds = set(map(type, items))
        if len(kinds) != 1 or self._redactor.is_secret_name(name):
            return None
        kind = kinds.pop()
        if kind is float:
            self._add(b"F", _packed("d", items))
        elif kind is int:
            try:
                self._add(b"Q", _packed("q", items))
            except OverflowError:
                return None
        else:
            return None
        return items


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
            if (is_flag or (is_tuple and len(items) == 2)) and is_secret(before[:128]):  # noqa: PLR2004 - a pair
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
