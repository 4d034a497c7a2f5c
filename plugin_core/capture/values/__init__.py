"""Describes any value that a step takes or returns: what it is, a hash of its content, and bytes to store.

Costs a microsecond or two for scalars and at most ``limits.budget_s`` for the rest. Runs no code of values it does
not know, consumes no iterator, changes nothing, raises nothing but KeyboardInterrupt, and lets no secret through.
"""

from __future__ import annotations

from typing import Any, Final

from plugin_core.capture.values.context import Context, Handler
from plugin_core.capture.values.description import Clock, DescribedArtifact, Description, Limits, Payload
from plugin_core.capture.values.opaque import described_by_type
from plugin_core.model.lineage import ArtifactType
from plugin_core.redaction import Redactor

__all__ = [
    "ArtifactType",
    "Clock",
    "Context",
    "DescribedArtifact",
    "Description",
    "Handler",
    "Limits",
    "Payload",
    "describe",
    "is_plain",
]

_FAST: Final = frozenset(map(id, (type(None), bool, int, float, str)))  # by id: a class may have a hash of its own
_PLAIN_BITS: Final = 64
_SHORT_TEXT: Final = 512
_NOTHING: Final = Description()


def describe(name: str, value: Any, *, limits: Limits, redactor: Redactor) -> Description:
    """Describe a value under a name. What cannot be described is described by its type.

    ``limits.level`` decides how much: ``off`` nothing, ``params`` scalars, ``meta`` no bytes, ``full`` all.
    """
    if limits.level == "off":
        return _NOTHING
    if is_plain(name, value, redactor):
        return Description({name: value})
    try:
        return _describe(name, value, Context(limits, redactor))
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - nothing of a value may reach the step that it belongs to
        return _by_type(name, value, error, limits, redactor)


def is_plain(name: str, value: Any, redactor: Redactor) -> bool:
    """Whether a value is a short scalar that hides nothing: a parameter as it is. Others need a closer look."""
    kind = type(value)
    if id(kind) not in _FAST:
        return False
    if kind is str:
        return not (
            len(value) > _SHORT_TEXT
            or not value.isascii()
            or "\0" in value
            or "://" in value
            or redactor.is_secret_name(name)
            or redactor.text(value) != value
        )
    if kind is int and value.bit_length() > _PLAIN_BITS:
        return False
    return not redactor.is_secret_name(name) or not redactor.hides(name, value)


def _describe(name: str, value: Any, context: Context) -> Description:
    from plugin_core.capture.values.walk import Walk

    walk = Walk(context)
    walk.visit(name, value)
    return Description(walk.parameters, tuple(walk.artifacts))


def _by_type(name: str, value: object, error: BaseException, limits: Limits, redactor: Redactor) -> Description:
    if limits.level == "params":
        return _NOTHING
    return described_by_type(name, value, Context(limits, redactor), error=error)
