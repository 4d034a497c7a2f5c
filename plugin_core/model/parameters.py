"""Parameter values: JSON, kept with their types; what JSON cannot hold has a tagged form.

A tag is a key that begins with ``$``; such a key of the user's own gets one more.

``to_text`` and ``from_text`` are the one encoding used by journal and store.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from json import encoder
from typing import Any, Final

from plugin_core.model.metrics import Json

_FLOAT_TAG: Final = "$float"
_INT_TAG: Final = "$int"  # integers past 4,300 digits, which Python refuses to print in decimal
_SAFE_INT_BITS: Final = 8_192
_SURE_LENGTH: Final = 512  # of a text that holds no integer of more digits than any Python reads


def _encoder(*, allow_nan: bool) -> Callable[[Any], str]:
    """JSONEncoder.encode, which makes an encoder in C for each call, with one made beforehand where there is C."""
    plain = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"), allow_nan=allow_nan).encode
    make = vars(encoder).get("c_make_encoder")
    if make is None:
        return plain
    parts = make(None, _refuse, encoder.encode_basestring_ascii, None, ":", ",", False, False, allow_nan)

    def encode(value: Any) -> str:
        return "".join(parts(value, 0)) if type(value) is dict else plain(value)

    return encode


def _refuse(value: object) -> Any:
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


compact: Final = _encoder(allow_nan=True)
_strict: Final = _encoder(allow_nan=False)
quoted: Final[Callable[[str], str]] = encoder.encode_basestring_ascii  # a text as JSON, in C where there is C


def to_text(value: Json) -> str:
    """Encode a parameter's value as compact JSON in ASCII-safe UTF-8; never raises for a Json value."""
    if type(value) is float and math.isfinite(value):
        return repr(value)
    if type(value) is dict and (text := _as_it_is(value)) is not None:
        return text
    return compact(tagged(value))


def _as_it_is(value: dict[str, Any]) -> str | None:
    """A mapping that needs no tags, as most do not: asked first, it takes a fifth of the tagging."""
    try:
        text = _strict(value)
    except (ValueError, TypeError):
        return None
    return text if len(text) <= _SURE_LENGTH and '"$' not in text else None


def tagged(value: Any) -> Any:
    """The value with what JSON cannot hold in its tagged form."""
    if type(value) is str or isinstance(value, bool) or value is None:
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {_FLOAT_TAG: repr(value)}
    if isinstance(value, int):
        return int(value) if value.bit_length() <= _SAFE_INT_BITS else {_INT_TAG: hex(value)}
    if isinstance(value, dict):
        return {f"${k}" if k.startswith("$") else k: tagged(v) for k, v in value.items()}
    if isinstance(value, list):
        return [tagged(v) for v in value]
    return value


def from_text(text: str) -> Json:
    """Decode what ``to_text`` made."""
    value: Json = _decode(text)
    return value


def _untagged(value: dict[str, Any]) -> Any:
    if len(value) == 1:
        if _FLOAT_TAG in value:
            return float(value[_FLOAT_TAG])
        if _INT_TAG in value:
            return int(value[_INT_TAG], 16)
    return {k.removeprefix("$"): v for k, v in value.items()}


# Made once: json.loads makes a decoder for each call that has a hook.
_decode: Final = json.JSONDecoder(object_hook=_untagged).decode


def number_of(value: Json) -> float | None:
    """The number to sort and compare a parameter by; None for what is not a finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None
