"""Properties of actions and contexts, with the parts of their source that the record has no other place for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from plugin_core.wire.entities import described
from plugin_core.wire.registry import Answer

_SOURCE_TYPE: Final = "sagemaker:source-type"
_SOURCE_ID: Final = "sagemaker:source-id"
_HIDDEN: Final = frozenset({_SOURCE_TYPE, _SOURCE_ID})


def given(members: Mapping[str, Any]) -> dict[str, str]:
    """A request's properties, and its source's type and id."""
    source = members.get("Source", {})
    own = described(**{_SOURCE_TYPE: source.get("SourceType"), _SOURCE_ID: source.get("SourceId")})
    return {**members.get("Properties", {}), **own}


def shown(properties: Mapping[str, str]) -> dict[str, str]:
    """Those that are properties for AWS, too."""
    return {name: value for name, value in properties.items() if name not in _HIDDEN}


def source(uri: str | None, properties: Mapping[str, str]) -> Answer:
    """The source of an action or context."""
    return described(SourceUri=uri or "", SourceType=properties.get(_SOURCE_TYPE), SourceId=properties.get(_SOURCE_ID))
