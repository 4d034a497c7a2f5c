"""Finding by what people have in hand, counting, and searches as the model has them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, TypeVar

from plugin_core.errors import NotFoundError
from plugin_core.model.lineage import NodeKind, NodeRef
from plugin_core.model.names import JOB_NAME_MAX, job_slug
from plugin_core.model.queries import ComponentSearch, ExperimentSearch, Page, Search
from plugin_core.stores.aws import nodes, points
from plugin_core.stores.aws.calls import Calls
from plugin_core.stores.aws.fetching import Fetching
from plugin_core.stores.aws.image import MARK
from plugin_core.stores.aws.listing import Listings, bare
from plugin_core.stores.aws.numbers import Numbers
from plugin_core.stores.aws.searching import Searching, equal
from plugin_core.stores.aws.state import ComponentState

V = TypeVar("V")

_NAMES: Final = {
    NodeKind.EXPERIMENT: ("ExperimentName",),
    NodeKind.TRIAL: ("TrialName",),
    NodeKind.COMPONENT: (
        "TrialComponentName",
        f"Tags.{MARK}execution",
        f"Tags.{MARK}step",
        f"Tags.{MARK}run",
    ),
}
_VALUE_MAX: Final = 1024
_DIGEST: Final = "sha256:"


class Finding:
    """Finds. Safe to share between threads."""

    def __init__(self, calls: Calls, searching: Searching, listings: Listings) -> None:
        self._calls, self._searching, self._listings = calls, searching, listings

    def nodes(self, text: str, kinds: Sequence[NodeKind], limit: int) -> list[NodeRef]:
        """Nodes that are called so, exact matches first."""
        found = [pair for kind in _NAMES if not kinds or kind in kinds for pair in self._called(kind, text)]
        if not kinds or NodeKind.ARTIFACT in kinds:
            found += self._artifacts(text)
        found.sort(key=lambda pair: (not pair[0], pair[1].key.casefold()))
        return list(dict.fromkeys(ref for _, ref in found))[:limit]

    def _called(self, kind: NodeKind, text: str) -> Iterable[tuple[bool, NodeRef]]:
        """Whether it is called just so, and what is."""
        if not 1 <= len(text) <= _VALUE_MAX:
            return
        filters = [{"Name": name, "Operator": "Contains", "Value": text} for name in _NAMES[kind]]
        word = nodes.WORDS[kind]
        for found in self._searching.all(kind, {"Filters": filters, "Operator": "Or"}):
            name = str(found[f"{word}Name"])
            tags = {tag["Key"]: tag["Value"] for tag in found.get("Tags") or ()}
            known = [name, *(tags.get(each.removeprefix("Tags."), "") for each in _NAMES[kind][1:])]
            begins = [each.casefold() for each in known if each.casefold().startswith(text.casefold())]
            if begins:
                yield text.casefold() in begins, NodeRef(kind, name)

    def _artifacts(self, text: str) -> Iterable[tuple[bool, NodeRef]]:
        if not text:
            return
        digest = f"{_DIGEST}{text.lower()}"
        for each in self._calls.pages("list_artifacts", "ArtifactSummaries"):
            uri = str(each["Source"]["SourceUri"])
            if uri.startswith((text, digest, text.lower())):
                yield uri in {text, digest}, NodeRef(NodeKind.ARTIFACT, uri)

    def component_of_job(self, name: str) -> ComponentState:
        """The component that is called so as a job; NotFoundError. Of a long name, its beginning is looked for."""
        head = name if len(name) < JOB_NAME_MAX else name[: name.rfind("-")]
        filters = [
            equal("TrialComponentName", name),
            {"Name": "TrialComponentName", "Operator": "Contains", "Value": head},
        ]
        for found in self._searching.components({"Filters": filters, "Operator": "Or"}):
            if job_slug(found.name) == name.casefold():
                return found
        raise NotFoundError("component", name)

    def counts(self) -> dict[str, int]:
        """How many there are of what. Experiments and trials are one call each; the rest is gone through."""
        states = list(self._searching.components())
        series = [summary for state in states for summary in points.summaries(state).values()]
        return {
            "experiments": sum(1 for _ in self._searching.all(NodeKind.EXPERIMENT)),
            "trials": sum(1 for _ in self._searching.all(NodeKind.TRIAL)),
            "components": len(states),
            "artifacts": sum(1 for _ in self._calls.pages("list_artifacts", "ArtifactSummaries")),
            "associations": sum(1 for _ in self._calls.pages("list_associations", "AssociationSummaries")),
            "series": len(series),
            "points": sum(summary.count for summary in series),
        }


def searched(searching: Searching, fetching: Fetching, numbers: Numbers, search: Search[V]) -> Page[V]:
    """A page of a search."""
    items: tuple[Any, ...]
    if isinstance(search, ComponentSearch):
        found, token, total = searching.page(NodeKind.COMPONENT, search)
        states = [fetching.read(each, each.get("Tags") or [])[0] for each in found]
        items = tuple(bare(state.component(numbers.of(state.name))) for state in states)
    elif isinstance(search, ExperimentSearch):
        found, token, total = searching.page(NodeKind.EXPERIMENT, search)
        items = tuple(nodes.experiment_of(_node(NodeKind.EXPERIMENT, each)) for each in found)
    else:
        found, token, total = searching.page(NodeKind.TRIAL, search)
        items = tuple(nodes.trial_of(_node(NodeKind.TRIAL, each)) for each in found)
    return Page(items=items, next=None if token is None else (token,), total=total)


def _node(kind: NodeKind, found: dict[str, Any]) -> nodes.NodeState:
    return nodes.state_from(kind, found, found.get("Tags") or ())
