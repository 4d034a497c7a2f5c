"""Changes as bytes: the kind's name, a space, and one JSON object in ASCII. What has its default value is left out.

A field that a newer writer added is ignored; a kind or a word that it added raises UnknownChangeError, and the
reader keeps the frame for a newer one. Values of users go through the one encoding of ``model.parameters``.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, asdict, fields
from typing import Any, Final

from plugin_core.model import changes as c
from plugin_core.model.components import ArtifactValue, Kind, OrchestratorRef, Owner, Status
from plugin_core.model.lineage import NodeKind, NodeRef, SourceType
from plugin_core.model.metrics import Json
from plugin_core.model.parameters import compact, from_text, quoted, to_text
from plugin_core.model.provenance import Provenance


class UnknownChangeError(ValueError):
    """A frame holds a change that this version does not know."""


def _scalar_to(value: Any) -> str:
    if type(value) is int:
        return repr(value)
    return quoted(value) if isinstance(value, str) else compact(value)


def _mapping_to(mapping: Mapping[str, Any]) -> str:
    return compact(mapping if type(mapping) is dict else dict(mapping))


def _node_to(node: NodeRef) -> str:
    return f"[{quoted(node.kind)},{quoted(node.key)}]"


def _node_from(pair: list[str]) -> NodeRef:
    return NodeRef(NodeKind(pair[0]), pair[1])


def _data_to(data: Mapping[int, Json]) -> str:
    return to_text({str(position): value for position, value in data.items()})


def _data_from(data: dict[str, Json]) -> dict[int, Json]:
    return {int(position): value for position, value in data.items()}


def _numbers_to(numbers: array[int] | array[float]) -> str:
    return to_text(list(numbers))


def _known(cls: Callable[..., Any], content: dict[str, Any]) -> Any:
    names = {f.name for f in fields(cls)}  # type: ignore[arg-type]
    return cls(**{key: value for key, value in content.items() if key in names})


_latest_owner: tuple[Owner | None, str] = (None, "")


def _owner_to(owner: Owner) -> str:
    """A process says with each of its runs that they are its own."""
    global _latest_owner  # noqa: PLW0603 - a cache
    known, text = _latest_owner
    if known is not owner:
        text = compact(asdict(owner))
        _latest_owner = (owner, text)
    return text


def _provenance_to(provenance: Provenance) -> str:
    return compact(asdict(provenance))


def _orchestrator_to(ref: OrchestratorRef) -> str:
    execution = "null" if ref.execution_id is None else quoted(ref.execution_id)
    step = "null" if ref.step_id is None else quoted(ref.step_id)
    url = "null" if ref.url is None else quoted(ref.url)
    return f'{{"system":{quoted(ref.system)},"execution_id":{execution},"step_id":{step},"url":{url}}}'


_Pair = tuple[Callable[[Any], str], Callable[[Any], Any]]
_NODE: Final[_Pair] = (_node_to, _node_from)
_OWNER: Final[_Pair] = (_owner_to, lambda x: _known(Owner, x))
_TAGS: Final[_Pair] = (_mapping_to, dict)
_PROVENANCE: Final[_Pair] = (_provenance_to, lambda x: _known(Provenance, x))
_STATUS: Final[_Pair] = (quoted, Status)

# How the fields that are not plain JSON go in and out, by class.
_CODED: Final[dict[type[Any], dict[str, _Pair]]] = {
    c.PutExperiment: {"tags": _TAGS, "provenance": _PROVENANCE},
    c.PutTrial: {"tags": _TAGS, "provenance": _PROVENANCE},
    c.PutComponent: {
        "kind": (quoted, Kind),
        "orchestrator": (_orchestrator_to, lambda x: _known(OrchestratorRef, x)),
        "owner": _OWNER,
        "tags": _TAGS,
        "properties": _TAGS,
        "parameters": (to_text, lambda x: from_text(compact(x))),
        "provenance": _PROVENANCE,
    },
    c.SetStatus: {"status": _STATUS, "owner": _OWNER},
    c.SetParameters: {"parameters": (to_text, dict)},
    c.SetArtifactValues: {
        "values": (
            lambda x: compact({name: [v.value, v.media_type] for name, v in x.items()}),
            lambda x: {name: ArtifactValue(value=v[0], media_type=v[1]) for name, v in x.items()},
        )
    },
    c.PutArtifact: {
        "source_types": (
            lambda x: compact([[s.kind, s.value] for s in x]),
            lambda x: tuple(SourceType(kind=kind, value=value) for kind, value in x),
        ),
        "properties": _TAGS,
        "tags": _TAGS,
        "provenance": _PROVENANCE,
    },
    c.PutAction: {"properties": _TAGS, "tags": _TAGS, "provenance": _PROVENANCE},
    c.PutContext: {"properties": _TAGS, "tags": _TAGS, "provenance": _PROVENANCE},
    c.PutAssociation: {"source": _NODE, "destination": _NODE},
    c.SetTags: {"node": _NODE, "tags": _TAGS, "removed": (lambda x: compact(list(x)), tuple)},
    c.SetProperties: {"node": _NODE, "properties": _TAGS},
    c.AppendPoints: {
        "steps": (_numbers_to, lambda x: array("q", x)),
        "times": (_numbers_to, lambda x: array("q", x)),
        "values": (_numbers_to, lambda x: array("d", x)),
        "data": (_data_to, _data_from),
    },
    c.JournalSeen: {"owner": _OWNER},
}
_BY_KIND: Final = {cls.__name__: cls for cls in _CODED}
_USERS_VALUES: Final = frozenset({c.SetParameters, c.AppendPoints})  # NaN, huge integers: have the tagged form


_encoders: Final[dict[type[Any], Callable[[Any], bytes]]] = {}


def encode(change: c.Change) -> bytes:
    """The payload of a change's frame: a third of the time that json.dumps takes."""
    encoder = _encoders.get(type(change)) or _made_encoder(type(change))
    return encoder(change)


def _made_encoder(cls: type[Any]) -> Callable[[Any], bytes]:
    """What encodes changes of one class, with a line for each field, as dataclasses makes methods."""
    names: dict[str, Any] = {"quoted": quoted, "scalar": _scalar_to}
    names |= {f"to_{name}": to for name, (to, _) in _CODED[cls].items()}
    lines = ["def encode(change):", f" text = '{cls.__name__} {{'"]
    for place, f in enumerate(fields(cls)):
        lines += [f" value = change.{f.name}", *_field_lines(f, "," if place else "", is_coded=f.name in _CODED[cls])]
    lines.append(" return (text + '}').encode('ascii')")
    exec("\n".join(lines), names)  # noqa: S102 - of the names of our own fields, and nothing else
    encoder: Callable[[Any], bytes] = names["encode"]
    return _encoders.setdefault(cls, encoder)


def _field_lines(f: Field[Any], comma: str, *, is_coded: bool) -> list[str]:
    """Lines that add a field's ``value``. What has its default says nothing; "" and 0 do."""
    kind = str(f.type).partition(" ")[0]
    if is_coded:
        condition, text = "value", f"to_{f.name}(value)"
    elif kind == "bool":
        condition, text = "value", "scalar(value)"
    else:
        condition, text = "value is not None", "quoted(value)" if kind == "str" else "scalar(value)"
    line = f"text += '{comma}{quoted(f.name)}:' + {text}"
    if f.default is MISSING and f.default_factory is MISSING:
        return [f" {line}"]
    return [f" if {condition}:", f"  {line}"]


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
