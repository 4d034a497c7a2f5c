"""From what people have in hand (a name, part of one, an orchestrator's id, a hash) to the one thing it means."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from plugin_core.errors import ConflictError, NotFoundError
from plugin_core.model import names
from plugin_core.model.lineage import NodeKind, NodeRef
from plugin_core.model.queries import ComponentQuery
from plugin_core.stores.protocol import TrackingStore

_SCANNED: Final = 2_000  # the latest runs whose run names and display names are compared
_LISTED: Final = 10
_KINDS: Final[dict[str, NodeKind]] = {
    "experiment": NodeKind.EXPERIMENT,
    "run": NodeKind.COMPONENT,
    "execution": NodeKind.TRIAL,
    "artifact": NodeKind.ARTIFACT,
}
_WORDS: Final = {kind: word for word, kind in _KINDS.items()}


@dataclass(frozen=True, slots=True)
class Found:
    """What an id means: ``run`` (a component; of an execution its root), ``experiment`` or ``artifact``."""

    kind: NodeKind
    key: str


class AmbiguousError(ConflictError):
    """Several things fit what was asked for; ``candidates`` are what each can be asked for as."""

    def __init__(self, text: str, candidates: Sequence[str]) -> None:
        listed = "".join(f"\n    {candidate}" for candidate in candidates[:_LISTED])
        more = f"\n    and {len(candidates) - _LISTED} more" if len(candidates) > _LISTED else ""
        super().__init__(
            f"{text!r} can mean {len(candidates)} things:{listed}{more}", hint="Ask for one of them by the name above."
        )
        self.candidates = tuple(candidates)


def find(store: TrackingStore, text: str, *, kinds: Sequence[NodeKind] = ()) -> Found:
    """The one thing that ``text`` means. AmbiguousError with candidates, NotFoundError with what is close.

    Exact names come before beginnings of names. ``experiment:``, ``execution:``, ``run:`` or ``artifact:``
    in front says which kind is meant.
    """
    word, colon, rest = text.partition(":")
    if colon and word in _KINDS and rest:
        text, kinds = rest, (_KINDS[word],)
    asked = text.strip()
    wanted = tuple(kinds) or tuple(_WORDS)
    candidates = _meanings(store, _nodes(store, asked, wanted))
    exact = [found for found in candidates if _is_exactly(found, asked)]
    chosen = exact or candidates or _by_other_names(store, asked, wanted)
    if len(chosen) > 1:
        raise AmbiguousError(asked, [f"{_WORDS[found.kind]}:{found.key}" for found in chosen])
    if not chosen:
        raise _not_found(store, asked)
    return chosen[0]


def _nodes(store: TrackingStore, text: str, kinds: Sequence[NodeKind]) -> list[NodeRef]:
    found = store.find_nodes(text, kinds=kinds)
    if not found and (slug := names.slug(text) if text else "") not in {"", text}:
        found = store.find_nodes(slug, kinds=kinds)
    return found


def _meanings(store: TrackingStore, nodes: Iterable[NodeRef]) -> list[Found]:
    """What nodes stand for: an execution is its root run; steps found by their execution's id mean the execution."""
    found: dict[Found, None] = {}
    for node in nodes:
        if node.kind is NodeKind.TRIAL:
            root = store.trial(node.key).root_component
            found[Found(NodeKind.COMPONENT, root) if root else Found(NodeKind.TRIAL, node.key)] = None
        elif node.kind in _WORDS:
            found[Found(node.kind, node.key)] = None
    return _without_steps(store, list(found))


def _without_steps(store: TrackingStore, found: list[Found]) -> list[Found]:
    runs = tuple(f.key for f in found if f.kind is NodeKind.COMPONENT)
    if len(runs) < 2:  # noqa: PLR2004 - one run stands for itself
        return found
    components = {c.name.casefold(): c for c in store.components(ComponentQuery(names=runs))}
    present = set(components)
    redundant = {
        name
        for name, c in components.items()
        if (c.root is not None and c.root.casefold() != name and c.root.casefold() in present)
        or (c.root is None and c.parent is not None and c.parent.casefold() in present)
    }
    return [f for f in found if f.kind is not NodeKind.COMPONENT or f.key.casefold() not in redundant]


def _is_exactly(found: Found, text: str) -> bool:
    folded = text.casefold()
    return found.key.casefold() in {folded, f"sha256:{folded}", names.slug(text) if text else ""}


def _by_other_names(store: TrackingStore, text: str, kinds: Sequence[NodeKind]) -> list[Found]:
    """Run names and display names of recent runs, whole or from their beginning; display names of experiments."""
    folded = text.casefold()
    if not folded:
        return []
    whole: dict[Found, None] = {}
    begun: dict[Found, None] = {}
    for found, words in _other_names(store, kinds):
        folded_words = [word.casefold() for word in words if word]
        if folded in folded_words:
            whole[found] = None
        elif any(word.startswith(folded) for word in folded_words):
            begun[found] = None
    return list(whole) or list(begun)


def _other_names(store: TrackingStore, kinds: Sequence[NodeKind]) -> Iterable[tuple[Found, tuple[str | None, ...]]]:
    if NodeKind.EXPERIMENT in kinds:
        for experiment in store.experiments():
            yield Found(NodeKind.EXPERIMENT, experiment.name), (experiment.display_name,)
    if NodeKind.COMPONENT in kinds:
        for component in store.components(ComponentQuery(limit=_SCANNED)):
            yield Found(NodeKind.COMPONENT, component.name), (component.run_name, component.display_name)


def _not_found(store: TrackingStore, text: str) -> NotFoundError:
    known: dict[str, str] = {}
    for found, words in _other_names(store, (NodeKind.EXPERIMENT, NodeKind.COMPONENT)):
        known.update({word.casefold(): found.key for word in (found.key, *words) if word})
    close = difflib.get_close_matches(text.casefold(), list(known), n=3, cutoff=0.6)
    meant = list(dict.fromkeys(known[word] for word in close))
    hint = f"Did you mean {' or '.join(meant)}?" if meant else "`flowtrail ls` lists what there is."
    return NotFoundError("experiment, execution, run or artifact", text, hint=hint)
