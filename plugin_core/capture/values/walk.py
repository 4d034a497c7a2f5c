"""Takes a value apart: scalars become parameters with dotted names, data becomes artifacts."""

from __future__ import annotations

from typing import Any, Final, cast

from plugin_core.capture.values import references
from plugin_core.capture.values.budget import BudgetSpentError
from plugin_core.capture.values.content import (
    NotJsonError,
    Snapshot,
    hidden_positions,
    named_secret,
    read,
    to_json_bytes,
)
from plugin_core.capture.values.context import PAYLOAD_WITHHELD, Context
from plugin_core.capture.values.description import DescribedArtifact, Description, Payload
from plugin_core.capture.values.inspection import is_a, type_name
from plugin_core.capture.values.opaque import contained, described_by_type
from plugin_core.capture.values.preview import hide, is_wholly_hidden, key_text, preview
from plugin_core.capture.values.registry import handler_of
from plugin_core.capture.values.scalars import converter
from plugin_core.capture.values.structures import elements, entries, length, shape_of
from plugin_core.capture.values.texts import describe_bytes, describe_text
from plugin_core.model.lineage import ArtifactType
from plugin_core.model.metrics import Json
from plugin_core.redaction import REDACTED, is_secret_type

_SMALL: Final = 256  # bytes; equal values that small are not the same data
_MAX_PARAMETERS: Final = 300
_MAX_LIST: Final = 4_096  # characters of a list that is one parameter
_BYTES: Final = (bytes, bytearray, memoryview)


class Walk:
    """Collects the parameters and artifacts of one value."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._limits = context.limits
        self._path: set[int] = set()
        self.parameters: dict[str, Json] = {}
        self.artifacts: list[DescribedArtifact] = []

    def visit(self, name: str, value: Any, depth: int = 0) -> None:
        """Describe one value under a name."""
        if is_secret_type(value) or is_wholly_hidden(name, value, self._context):
            self.parameters[name] = hide(value, self._context)
            return
        convert = converter(type(value))
        if convert is not None:
            self._scalar(name, convert(value))
        elif self._limits.level == "params" and shape_of(type(value)) is None:
            return
        else:
            self._compound(name, value, depth)

    def _compound(self, name: str, value: Any, depth: int) -> None:
        cls = type(value)
        started = self._limits.clock()
        handler = handler_of(cls)
        self._context.budget.extend(self._limits.clock() - started)
        shape = shape_of(cls)
        if handler is not None:
            self._add(contained(handler, name, value, self._context))
        elif is_a(cls, *_BYTES):
            self._add(describe_bytes(name, value, self._context))
        elif references.is_path(cls):
            self._add(references.describe_path(name, value, self._context))
        elif shape is None:
            self._add(described_by_type(name, value, self._context))
        elif id(value) in self._path:
            self.parameters[name] = "<cycle>"
        else:
            self._path.add(id(value))
            self._container(name, value, shape, depth)
            self._path.discard(id(value))

    def _container(self, name: str, value: Any, shape: str, depth: int) -> None:
        if shape == "sequence":
            self._sequence(name, value, depth)
        elif length(value) == 0:
            self.parameters[name] = {}
        elif depth >= self._limits.depth:
            self.parameters[name] = f"<{type_name(value)} of {length(value)}>"
        elif _is_wide(value, self._limits.items) and self._json(name, value):
            pass
        else:
            self._mapping(name, value, depth)

    def _scalar(self, name: str, plain: Json) -> None:
        redactor = self._context.redactor
        if redactor.hides(name, plain):
            self.parameters[name] = hide(plain, self._context)
        elif type(plain) is str and len(plain) > self._limits.text:
            self._add(describe_text(name, plain, self._context))
        elif type(plain) is str:
            self.parameters[name] = redactor.text(plain)
            if references.is_uri(plain):
                self._add(references.describe_uri(name, plain, self._context))
        else:
            self.parameters[name] = plain

    def _mapping(self, name: str, value: Any, depth: int) -> None:
        pairs = entries(value, self._limits.items)
        secret = named_secret(pairs, self._context.redactor.is_secret_name)
        for position, (key, item) in enumerate(pairs):
            if len(self.parameters) + len(self.artifacts) >= _MAX_PARAMETERS:
                self._rest(name, value)
                return
            child = f"{name}.{key_text(key, position, self._context)}"
            if type(key) is str and key in secret:
                self.parameters[child] = hide(item, self._context)
            else:
                self.visit(child, item, depth + 1)
        if length(value) > len(pairs):
            self._rest(name, value)

    def _sequence(self, name: str, value: Any, depth: int) -> None:
        if self._short_list(name, value) or self._json(name, value):
            return
        if depth >= self._limits.depth:
            self.parameters[name] = f"<{type_name(value)} of {length(value)}>"
            return
        items = elements(value, self._limits.items)
        hidden = hidden_positions(items, self._context.redactor.is_secret_name, is_tuple=is_a(type(value), tuple))
        for position, item in enumerate(items):
            child = f"{name}.{position}"
            if position in hidden:
                self.parameters[child] = hide(item, self._context)
            else:
                self.visit(child, item, depth + 1)
        if length(value) > len(items):
            self._rest(name, value)

    def _short_list(self, name: str, value: Any) -> bool:
        """A short list of scalars is one parameter."""
        if length(value) > self._limits.items or is_a(type(value), set, frozenset):
            return False
        items = elements(value, self._limits.items)
        converters = [converter(type(item)) for item in items]
        if not all(converters):
            return False
        plain = [convert(item) for convert, item in zip(converters, items, strict=True) if convert is not None]
        if sum(len(item) for item in plain if type(item) is str) > _MAX_LIST:
            return False
        self._set_list(
            name,
            plain,
            hidden_positions(plain, self._context.redactor.is_secret_name, is_tuple=is_a(type(value), tuple)),
        )
        return True

    def _set_list(self, name: str, plain: list[Json], hidden: frozenset[int]) -> None:
        redactor = self._context.redactor
        for position in hidden:
            redactor.remember(cast("str", plain[position]))
        self.parameters[name] = [
            REDACTED if position in hidden else redactor.parameter(name, item) for position, item in enumerate(plain)
        ]

    def _json(self, name: str, value: Any) -> bool:
        """A JSON-like value: a parameter if it is small, else a Value artifact. False if it is not JSON-like."""
        try:
            snapshot = read(name, value, self._context)
        except (NotJsonError, RecursionError):
            return False
        except BudgetSpentError:
            self._rest(name, value)
            return True
        if snapshot.size < _SMALL and snapshot.whole:
            self.parameters[name] = self._context.redactor.parameter(name, snapshot.plain)
        elif self._limits.level != "params":
            self.artifacts.append(self._json_artifact(name, value, snapshot))
        return True

    def _json_artifact(self, name: str, value: Any, snapshot: Snapshot) -> DescribedArtifact:
        context = self._context
        properties = {
            **context.type_of(value),
            "items": str(length(value)),
            "preview": preview(name, value, context),
            **(PAYLOAD_WITHHELD if snapshot.has_secret else {}),
        }
        stored = snapshot.whole and not snapshot.has_secret and context.stores(snapshot.size)
        return DescribedArtifact(
            name=name,
            type=ArtifactType.VALUE,
            media_type="application/json",
            identity=None if snapshot.has_secret else snapshot.identity,
            size_bytes=snapshot.size if snapshot.whole else None,
            properties=properties,
            payload=_json_payload(snapshot.plain, context) if stored else None,
        )

    def _rest(self, name: str, value: Any) -> None:
        """A container that is only partly described says so."""
        if self._limits.level != "params":
            properties = {**self._context.type_of(value), "items": str(length(value)), "truncated": "true"}
            self.artifacts.append(DescribedArtifact(name=name, type=ArtifactType.VALUE, properties=properties))

    def _add(self, found: Description) -> None:
        self.parameters |= found.parameters
        if self._limits.level != "params":
            self.artifacts += found.artifacts


def _is_wide(value: Any, items: int, depth: int = 6) -> bool:
    """Whether a mapping has more leaves than are good for parameters."""
    count, pending = 0, [(value, depth)]
    while pending:
        current, left = pending.pop()
        if length(current) > items:
            return True
        for _, item in entries(current, items):
            if left and shape_of(type(item)) in {"mapping", "fields"}:
                pending.append((item, left - 1))
            else:
                count += 1
        if count > _MAX_PARAMETERS or len(pending) > _MAX_PARAMETERS:
            return True
    return False


def _json_payload(plain: Json, context: Context) -> Payload:
    def write() -> bytes | None:
        data = to_json_bytes(plain)
        return data if context.is_clean(data.decode()) else None

    return Payload("application/json", ".json", write)
