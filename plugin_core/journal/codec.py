"""Changes as bytes: the kind's name, a space, and one JSON object in ASCII. What has its default value is left out.

A field that a newer writer added is ignored; a kind or a word that it added raises UnknownChangeError, and the
reader keeps the frame for a newer one. Values of users go through the one encoding of ``model.parameters``.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields
from operator import attrgetter
from typing import Any, Final

from plugin_core.model import changes as c
from plugin_core.model.components import ArtifactValue, Kind, OrchestratorRef, Owner, Status
from plugin_core.model.lineage import NodeKind, NodeRef, SourceType
from plugin_core.model.metrics import Json
from plugin_core.model.parameters import compact, from_text, tagged, to_text
from plugin_core.model.provenance import Provenance


class UnknownChangeError(ValueError):
    """A frame holds a change that this version does not know."""


def _node_to(node: NodeRef) -> list[str]:
    return [node.kind, node.key]


def _node_from(pair: list[str]) -> NodeRef:
    return NodeRef(NodeKind(pair[0]), pair[1])


def _data_to(data: Mapping[int, Json]) -> dict[str, Json]:
    return {str(position): value for position, value in data.items()}


def _data_from(data: dict[str, Json]) -> dict[int, Json]:
    return {int(position): value for position, value in data.items()}


def _known(cls: Callable[..., Any], content: dict[str, Any]) -> Any:
    names = {f.name for f in fields(cls)}  # type: ignore[arg-type]
    return cls(**{key: value for key, value in content.items() if key in names})


def _flat(value: Any) -> dict[str, Any]:
    """The fields of a value that holds plain ones; ``dataclasses.asdict`` takes ten times as long."""
    return {name: getattr(value, name) for name in value.__slots__}


_Pair = tuple[Callable[[Any], Any], Callable[[Any], Any]]
_NODE: Final[_Pair] = (_node_to, _node_from)
_OWNER: Final[_Pair] = (_flat, lambda x: _known(Owner, x))
_TAGS: Final[_Pair] = (dict, dict)
_PROVENANCE: Final[_Pair] = (_flat, lambda x: _known(Provenance, x))
_STATUS: Final[_Pair] = (str, Status)

# How the fields that are not plain JSON go in and out, by class.
_CODED: Final[dict[type[Any], dict[str, _Pair]]] = {
    c.PutExperiment: {"tags": _TAGS, "provenance": _PROVENANCE},
    c.PutTrial: {"tags": _TAGS, "provenance": _PROVENANCE},
    c.PutComponent: {
        "kind": (str, Kind),
        "orchestrator": (_flat, lambda x: _known(OrchestratorRef, x)),
        "owner": _OWNER,
        "tags": _TAGS,
        "properties": _TAGS,
        "parameters": (tagged, lambda x: from_text(compact(x))),
        "provenance": _PROVENANCE,
    },
    c.SetStatus: {"status": _STATUS, "owner": _OWNER},
    c.SetParameters: {"parameters": (tagged, dict)},
    c.SetArtifactValues: {
        "values": (
            lambda x: {name: [v.value, v.media_type] for name, v in x.items()},
            lambda x: {name: ArtifactValue(value=v[0], media_type=v[1]) for name, v in x.items()},
        )
    },
    c.PutArtifact: {
        "source_types": (
            lambda x: [[s.kind, s.value] for s in x],
            lambda x: tuple(SourceType(kind=kind, value=value) for kind, value in x),
        ),
        "properties": _TAGS,
        "tags": _TAGS,
        "provenance": _PROVENANCE,
    },
    c.PutAction: {"properties": _TAGS, "tags": _TAGS, "provenance": _PROVENANCE},
    c.PutContext: {"properties": _TAGS, "tags": _TAGS, "provenance": _PROVENANCE},
    c.PutAssociation: {"source": _NODE, "destination": _NODE},
    c.SetTags: {"node": _NODE, "tags": _TAGS, "removed": (list, tuple)},
    c.SetProperties: {"node": _NODE, "properties": _TAGS},
    c.AppendPoints: {
        "steps": (list, lambda x: array("q", x)),
        "times": (list, lambda x: array("q", x)),
        "values": (list, lambda x: array("d", x)),
        "data": (_data_to, _data_from),
    },
    c.JournalSeen: {"owner": _OWNER},
}
_BY_KIND: Final = {cls.__name__: cls for cls in _CODED}
_USERS_VALUES: Final = frozenset({c.SetParameters, c.AppendPoints})  # NaN, huge integers: have the tagged form


_Plan = tuple[Callable[[Any], Sequence[Any]], tuple[tuple[str, bool, Callable[[Any], Any] | None], ...]]


def _plan(cls: type[Any]) -> _Plan:
    """What gets all fields at once; and for each its name, whether it must be given, and how it goes in."""
    coded = _CODED[cls]
    how = tuple(
        (f.name, f.default is MISSING and f.default_factory is MISSING, coded[f.name][0] if f.name in coded else None)
        for f in fields(cls)
    )
    return attrgetter(*(name for name, _, _ in how)), how


_PLANS: Final = {cls: _plan(cls) for cls in _CODED}


def encode(change: c.Change) -> bytes:
    """The payload of a change's frame."""
    cls = type(change)
    values, how = _PLANS[cls]
    content: dict[str, Any] = {}
    for (name, required, to), value in zip(how, values(change), strict=True):
        if value or required:
            content[name] = value if to is None else to(value)
        elif value is not None and value is not False and to is None:
            content[name] = value  # "" and 0 say something, None and an empty mapping are the defaults
    text = to_text(content) if cls is c.AppendPoints else compact(content)
    return f"{cls.__name__} {text}".encode("ascii")


def decode(payload: bytes) -> c.Change:
    """The change of a frame; UnknownChangeError for one that only a newer version knows."""
    try:
        kind, _, text = payload.decode("ascii").partition(" ")
        cls = _BY_KIND[kind]
        content: Any = from_text(text) if cls in _USERS_VALUES else json.loads(text)
        for name, (_, back) in _CODED[cls].items():
            if content.get(name) is not None:
                content[name] = back(content[name])
        change: c.Change = _known(cls, content)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError) as e:
        raise UnknownChangeError(f"{payload[:80]!r} is not a change that this version knows.") from e
    return change


def encode_data_point(number: int, step: int, time_us: int, data: Json) -> bytes:
    """The payload of a point that is not a number."""
    return to_text([number, step, time_us, data]).encode("ascii")


def decode_data_point(payload: bytes) -> tuple[int, int, int, Json]:
    """Series number, step, time and data of such a point; UnknownChangeError."""
    try:
        content: Any = from_text(payload.decode("ascii"))
        number, step, time_us, data = content
        return int(number), int(step), int(time_us), data
    except (ValueError, TypeError, RecursionError) as e:
        raise UnknownChangeError("A point's data cannot be read.") from e
