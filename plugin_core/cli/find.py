"""From what people have in hand (a name, part of one, an orchestrator's id, a hash) to the one thing it means."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from plugin_core.errors import ConflictError, InvalidValueError, NotFoundError
from plugin_core.model import names
from plugin_core.model.components import Component
from plugin_core.model.lineage import NodeKind, NodeRef
from plugin_core.model.queries import ComponentQuery
from plugin_core.stores.protocol import TrackingStore

ANYTHING: Final = "experiment, execution, run or artifact"
_SCANNED: Final = 2_000  # so many of the latest runs and artifacts are compared by other names
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

    cause = "it is a name of several things, or the beginning of their names"

    def __init__(self, text: str, candidates: Sequence[str]) -> None:
        listed = "".join(f"\n    {candidate}" for candidate in candidates[:_LISTED])
        more = f"\n    and {len(candidates) - _LISTED} more" if len(candidates) > _LISTED else ""
        super().__init__(
            f"{text!r} can mean {len(candidates)} things:{listed}{more}", hint="Ask for one of them by the name above."
        )
        self.candidates = tuple(candidates)


def find(store: TrackingStore, text: str, *, kinds: Sequence[NodeKind] = ()) -> Found:
    """The one thing that ``text`` means. AmbiguousError with candidates, NotFoundError with what is close.

    InvalidValueError for no text at all.

    Exact names come before beginnings of names. ``experiment:``, ``execution:``, ``run:`` or ``artifact:``
    in front says which kind is meant.
    """
    word, colon, rest = text.partition(":")
    if colon and word in _KINDS and rest:
        text, kinds = rest, (_KINDS[word],)
    asked = text.strip()
    if not asked:
        raise InvalidValueError("An ID cannot be empty.", hint="`flowtrail ls` lists what there is.")
    wanted = tuple(kinds) or tuple(_WORDS)
    nodes = _nodes(store, asked, wanted)
    runs = _components(store, nodes)
    exact = [node for node in nodes if asked.casefold() in _names_of(node, runs)]
    chosen = _meanings(store, exact or nodes, asked, runs) or _by_other_names(store, asked, wanted)
    if len(chosen) > 1:
        chosen = _last_attempts(store, chosen)
    if len(chosen) > 1:
        raise AmbiguousError(asked, [f"{_WORDS[found.kind]}:{found.key}" for found in chosen])
    if not chosen:
        raise _not_found(store, asked, wanted)
    return chosen[0]


def _nodes(store: TrackingStore, text: str, kinds: Sequence[NodeKind]) -> list[NodeRef]:
    found = store.find_nodes(text, kinds=kinds)
    if not found and (slug := names.slug(text) if text else "") not in {"", text}:
        found = store.find_nodes(slug, kinds=kinds)
    return found


def _components(store: TrackingStore, nodes: Iterable[NodeRef]) -> dict[str, Component]:
    names_found = tuple(node.key for node in nodes if node.kind is NodeKind.COMPONENT)
    found = store.components(ComponentQuery(names=names_found)) if names_found else []
    return {component.name.casefold(): component for component in found}


def _names_of(node: NodeRef, runs: Mapping[str, Component]) -> set[str]:
    """All that a node is known by, without regard to case."""
    key = node.key.casefold()
    known = {key, key.removeprefix("sha256:")}
    if node.kind is NodeKind.COMPONENT and (run := runs.get(key)) is not None:
        ref = run.orchestrator
        others = (run.run_name, ref.execution_id if ref else None, ref.step_id if ref else None)
        known |= {other.casefold() for other in others if other}
    return known


def _meanings(store: TrackingStore, nodes: Iterable[NodeRef], text: str, runs: Mapping[str, Component]) -> list[Found]:
    """What nodes stand for: a trial for its root run, steps that were found by their execution's id for that."""
    found: dict[Found, None] = {}
    for node in nodes:
        if node.kind is NodeKind.TRIAL:
            root = store.trial(node.key).root_component
            found[Found(NodeKind.COMPONENT, root) if root else Found(NodeKind.TRIAL, node.key)] = None
        elif node.kind is NodeKind.COMPONENT:
            found[Found(NodeKind.COMPONENT, _run_meant(node.key, text, runs))] = None
        elif node.kind in _WORDS:
            found[Found(node.kind, node.key)] = None
    return _experiment_of_all(list(found))


def _experiment_of_all(found: list[Found]) -> list[Found]:
    """The beginning of an experiment's name is also that of all its runs: then the experiment is meant."""
    experiments = [f for f in found if f.kind is NodeKind.EXPERIMENT]
    if len(experiments) == 1 and all(f.key.startswith(f"{experiments[0].key}-") for f in found if f not in experiments):
        return experiments
    return found


def _run_meant(key: str, text: str, runs: Mapping[str, Component]) -> str:
    run = runs.get(key.casefold())
    if run is None or run.root is None or run.orchestrator is None:
        return key
    own = (key, run.run_name, run.orchestrator.step_id)
    by_itself = any(name.casefold().startswith(text.casefold()) for name in own if name)
    return key if by_itself else run.root


def _last_attempts(store: TrackingStore, found: list[Found]) -> list[Found]:
    """Of several attempts of a step the last is meant."""
    runs = tuple(f.key for f in found if f.kind is NodeKind.COMPONENT)
    components = store.components(ComponentQuery(names=runs)) if runs else []
    replaced = {c.previous_attempt.casefold() for c in components if c.previous_attempt}
    return [f for f in found if f.kind is not NodeKind.COMPONENT or f.key.casefold() not in replaced]


def _by_other_names(store: TrackingStore, text: str, kinds: Sequence[NodeKind]) -> list[Found]:
    """Names that identify nothing, whole or from their beginning: of experiments, recent runs and artifacts."""
    folded = text.casefold()
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
    if NodeKind.ARTIFACT in kinds:
        for artifact in store.artifacts(limit=_SCANNED):
            yield Found(NodeKind.ARTIFACT, artifact.source_uri), (artifact.name,)


def _not_found(store: TrackingStore, text: str, kinds: Sequence[NodeKind]) -> NotFoundError:
    known: dict[str, str] = {}
    for found, words in _other_names(store, kinds):
        known.update({word.casefold(): found.key for word in (found.key, *words) if word})
    close = difflib.get_close_matches(text.casefold(), list(known), n=3, cutoff=0.6)
    meant = list(dict.fromkeys(known[word] for word in close))
    listed = (
        f"`flowtrail ls {_WORDS[kinds[0]]}s` lists them." if len(kinds) == 1 else "`flowtrail ls` lists what there is."
    )
    hint = f"Did you mean {' or '.join(meant)}?" if meant else listed
    return NotFoundError(_WORDS[kinds[0]] if len(kinds) == 1 else ANYTHING, text, hint=hint)
