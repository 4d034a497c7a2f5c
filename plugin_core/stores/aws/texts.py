"""Texts and values in the forms that SageMaker's API takes, and back. What fits as it is stays as it is.

A tag's key or value may hold letters, digits, spaces and ``_.:/=+-@``: any other text is quoted (``=q=``, then
``=HH`` for each byte of what is not allowed); a tag without a value is ``=n=``. A parameter is a number or a text:
other JSON is the text ``json:...``, and so is a text that begins like that. Numbers without a fraction come back as
int.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping
from typing import Any, Final

from plugin_core.model.components import ArtifactValue
from plugin_core.model.metrics import Json
from plugin_core.model.names import ENTITY_NAME_MAX
from plugin_core.model.parameters import from_text, to_text

TAG_KEY_MAX: Final = 128
TAG_VALUE_MAX: Final = 256
TEXT_MAX: Final = 2500
ENTRY_MAX: Final = 2048
PARAMETER_KEY_MAX: Final = 320
ENTRY_KEY_MAX: Final = 128

_QUOTED: Final = "=q="
_NOTHING: Final = "=n="
_RESERVED: Final = ("=q=", "=n=", "flowtrail:", "aws:")
_PUNCTUATION: Final = frozenset("_.:/=+-@")
_CATEGORIES: Final = frozenset("LZN")
_BYTE: Final = re.compile(rb"=([0-9A-F]{2})")
_JSON: Final = "json:"
_EXACT_INT: Final = 2**53
_ENTITY_NAME: Final = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,119}")
_MEDIA_TYPE: Final = re.compile(r"[-\w]+/[-\w+]+")
_MEDIA_TYPE_MAX: Final = 64


def quoted(text: str) -> str:
    """A text as a tag's key or value."""
    if all(map(_is_allowed, text)) and not text.startswith(_RESERVED):
        return text
    return _QUOTED + "".join(c if c != "=" and _is_plain(c) else _hex(c) for c in text)


def unquoted(text: str) -> str:
    """What ``quoted`` was given."""
    if not text.startswith(_QUOTED):
        return text
    body = text.removeprefix(_QUOTED).encode("utf-8", "surrogatepass")
    return _BYTE.sub(lambda found: bytes([int(found[1], 16)]), body).decode("utf-8", "surrogatepass")


def tag_value(value: str | None) -> str:
    """A tag's value."""
    return _NOTHING if value is None else quoted(value)


def from_tag_value(text: str) -> str | None:
    """What ``tag_value`` was given."""
    return None if text == _NOTHING else unquoted(text)


def fits_tag(key: str, value: str) -> bool:
    """Whether a key and value, in their forms, are within AWS's limits."""
    return 1 <= len(key) <= TAG_KEY_MAX and len(value) <= TAG_VALUE_MAX


def _is_allowed(char: str) -> bool:
    return char in _PUNCTUATION or (unicodedata.category(char)[0] in _CATEGORIES)


def _is_plain(char: str) -> bool:
    """Whether a character needs no quoting within a quoted text: of spaces, only those that are never trimmed."""
    return char.isascii() and _is_allowed(char)


def _hex(char: str) -> str:
    return "".join(f"={byte:02X}" for byte in char.encode("utf-8", "surrogatepass"))


def parameter(value: Json) -> dict[str, Any]:
    """A parameter's value as the API has it; its text may be longer than the API takes."""
    if isinstance(value, str) and not value.startswith(_JSON) and _is_printable(value):
        return {"StringValue": value}
    if isinstance(value, int | float) and not isinstance(value, bool) and _is_number(value):
        return {"NumberValue": float(value)}
    return {"StringValue": _JSON + to_text(value)}


def _is_printable(text: str) -> bool:
    return "\0" not in text and not any("\ud800" <= c <= "\udfff" for c in text)


def _is_number(value: float) -> bool:
    """Whether a number survives the way there and back."""
    if isinstance(value, int):
        return abs(value) < _EXACT_INT
    return math.isfinite(value) and not (value == 0 and math.copysign(1.0, value) < 0)


def from_parameter(given: Mapping[str, Any]) -> Json:
    """The value of a parameter that the API gave."""
    if "NumberValue" in given:
        number = float(given["NumberValue"])
        return int(number) if number.is_integer() and abs(number) < _EXACT_INT else number
    text = str(given.get("StringValue", ""))
    if not text.startswith(_JSON):
        return text
    try:
        return from_text(text.removeprefix(_JSON))
    except ValueError:  # cut short, or somebody else's
        return text


def entry(value: ArtifactValue) -> dict[str, str]:
    """An input or output as the API has it. A media type that AWS does not take is left out."""
    shown = {"Value": value.value}
    if value.media_type is not None and is_media_type(value.media_type):
        shown["MediaType"] = value.media_type
    return shown


def is_media_type(text: str) -> bool:
    """Whether AWS takes a media type."""
    return len(text) <= _MEDIA_TYPE_MAX and _MEDIA_TYPE.fullmatch(text) is not None


def is_entity_name(text: str) -> bool:
    """Whether AWS takes a text for a name or display name."""
    return len(text) <= ENTITY_NAME_MAX and _ENTITY_NAME.fullmatch(text) is not None


def is_key(text: str, most: int) -> bool:
    """Whether AWS takes a text for a parameter's or entry's name."""
    return 1 <= len(text) <= most and _is_printable(text)
