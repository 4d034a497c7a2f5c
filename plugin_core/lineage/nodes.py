"""From whatever a user has in hand (a run, a name, a URI, a hash, an ARN) to a node of the graph."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias, runtime_checkable

from plugin_core.errors import InvalidValueError, NotFoundError
from plugin_core.model import arns
from plugin_core.model.components import Component
from plugin_core.model.lineage import Action, Context, NodeKind, NodeRef
from plugin_core.model.queries import ComponentQuery
from plugin_core.tracking.run import Run

if TYPE_CHECKING:
    from plugin_core.stores.protocol import TrackingStore

_GRAPH_KINDS: Final = (NodeKind.COMPONENT, NodeKind.ARTIFACT, NodeKind.ACTION, NodeKind.CONTEXT)
_CANDIDATES: Final = 50
_SHOWN: Final = 5
_FULL_ID: Final = 32  # hex digits of a UUID: nobody types as much by accident


@runtime_checkable
class HasRef(Protocol):
    """Anything that knows its place in the graph."""

    @property
    def ref(self) -> NodeRef:
        """The node."""
        ...


Start: TypeAlias = "str | Run | NodeRef | HasRef | Component | Action | Context"


def store() -> TrackingStore:
    """The store of this process, holding all that was logged until now."""
    from plugin_core.tracking.engine import engine

    return engine().store


def to_node(start: Start, /) -> NodeRef:
    """The node that ``start`` means.

    A text may be an ARN, a component's, action's or context's name, a run's name, an artifact's URI or content
    hash, an orchestrator's id, the path of a file, or the beginning of a name or hash that begins nothing else.
    NotFoundError with the nearest names; InvalidValueError where a text could mean several nodes.
    """
    if isinstance(start, NodeRef):
        return start
    if isinstance(start, str):
        return _from_arn(store(), start) if arns.is_arn(start) else _from_text(store(), start)
    if isinstance(start, Run):
        return NodeRef(NodeKind.COMPONENT, start.component_name)
    if isinstance(start, Component):
        return NodeRef(NodeKind.COMPONENT, start.name)
    if isinstance(start, Action | Context):
        return NodeRef(NodeKind.ACTION if isinstance(start, Action) else NodeKind.CONTEXT, start.name)
    if isinstance(start, HasRef):
        return start.ref
    raise InvalidValueError(
        f"A {type(start).__name__} is no node of the lineage graph.",
        hint="Pass a run, the name of one, an artifact's URI or hash, or an ARN.",
    )


def _from_arn(store: TrackingStore, text: str) -> NodeRef:
    arn = arns.parse_arn(text)
    if arn.kind is NodeKind.ARTIFACT:
        return store.artifact_by_digest(arn.name).ref
    if arn.kind is not None:
        return NodeRef(arn.kind, arn.name)
    for component in store.components(ComponentQuery(source_arn=text, limit=1)):
        return NodeRef(NodeKind.COMPONENT, component.name)
    raise NotFoundError("The trial component of the job", text)


def _from_text(store: TrackingStore, text: str) -> NodeRef:
    found = store.find_nodes(text, kinds=_GRAPH_KINDS, limit=_CANDIDATES) if text else []
    exact = [node for node in found if _names(text, node)]
    if exact or (found and _is_full_id(text)):
        return (exact or found)[0]
    found = [node for node in found if _runs(text, node)] or found
    if len(found) == 1:
        return found[0]
    if found:
        shown = ", ".join(node.key for node in found[:_SHOWN])
        raise InvalidValueError(f"{text!r} could be any of {len(found)} nodes.", hint=f"Say more of it: {shown}.")
    as_file = _file_uri(text)
    if as_file and store.artifacts(source_uris=(as_file,)):
        return NodeRef(NodeKind.ARTIFACT, as_file)
    raise NotFoundError("The node", text, hint=did_you_mean(store, text, kinds=_GRAPH_KINDS))


def _names(text: str, node: NodeRef) -> bool:
    if node.kind is NodeKind.ARTIFACT:
        return node.key in {text, arns.CONTENT_PREFIX + text}
    return node.key.casefold() == text.casefold()


def _runs(text: str, node: NodeRef) -> bool:
    """Whether ``text`` may be the run name of a component, which ends with it."""
    return node.kind is NodeKind.COMPONENT and node.key.casefold().endswith(f"-{text.casefold()}")


def _is_full_id(text: str) -> bool:
    digits = text.replace("-", "").lower()
    return len(digits) == _FULL_ID and all(c in "0123456789abcdef" for c in digits)


def _file_uri(text: str) -> str | None:
    try:
        path = Path(text)
        return path.absolute().as_uri() if path.exists() else None
    except (OSError, ValueError):
        return None


def did_you_mean(store: TrackingStore, text: str, *, kinds: tuple[NodeKind, ...]) -> str | None:
    """A hint with the names nearest to ``text`` among those that begin like it; None without any."""
    for length in (len(text) // 2, 3):
        nodes = store.find_nodes(text[:length], kinds=kinds, limit=_CANDIDATES) if text[:length] else []
        close = get_close_matches(text, [node.key for node in nodes], n=3, cutoff=0.5)
        if close:
            return f"Did you mean {' or '.join(close)}?"
    return None
