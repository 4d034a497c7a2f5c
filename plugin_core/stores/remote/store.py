"""The store of whoever has a server's URL: each method is one request, which the server's own store carries out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar

from plugin_core.errors import InvalidValueError, StoreReadOnlyError, StoreUnavailableError
from plugin_core.model import portable
from plugin_core.model.changes import Batch, Change, JournalSeen
from plugin_core.model.components import ArtifactValue, Component
from plugin_core.model.edits import Edit
from plugin_core.model.experiments import Experiment, Trial
from plugin_core.model.lineage import Action, Artifact, Association, Context, NodeKind, NodeRef, Subgraph
from plugin_core.model.metrics import Json, MetricPoint, MetricSummary, MetricWindows
from plugin_core.model.queries import ComponentQuery, LineageQuery, Listing, Page, Search, WindowQuery
from plugin_core.stores.addresses import remote_address
from plugin_core.stores.patience import Persistence
from plugin_core.stores.remote.calls import PointsPage, call_of
from plugin_core.stores.remote.transport import Question, Transport

V = TypeVar("V")

_WRITES: Final = frozenset({"apply", "write", "seen", "delete", "delete_association"})
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class RemoteStore:
    """A TrackingStore behind a server. Nothing is sent before something is asked. Safe to share between threads,
    and across a fork.
    """

    def __init__(self, url: str, *, read_only: bool = False, persistence: Persistence | None = None) -> None:
        address = remote_address(url)
        self.url = address.name
        self._is_read_only = read_only
        self._transport = Transport(address, persistence=persistence)

    def _ask(self, operation: str, *given: Any, **named: Any) -> Any:
        """What the server's store answers to a call that may be made twice."""
        return self._answer(operation, given, named, is_repeatable=True)

    def _answer(
        self, operation: str, given: Sequence[Any], named: Mapping[str, Any], *, is_repeatable: bool, journal: str = ""
    ) -> Any:
        if self._is_read_only and operation in _WRITES:
            raise StoreReadOnlyError(f"The record at {self.url} was opened to be read.")
        call = call_of(operation)
        question = Question(
            operation=operation,
            body=call.to_bytes(*given, **named),
            is_repeatable=is_repeatable,
            is_write=operation in _WRITES,
            journal=journal or None,
        )
        answer = self._transport.ask(question)
        try:
            return portable.from_bytes(call.answer_code(given), answer)
        except InvalidValueError as error:  # as such it would mean that what was asked is at fault
            raise StoreUnavailableError(f"The answer of {self.url} cannot be read.") from error

    # Writing

    def apply(self, batch: Batch, /) -> bool:
        """See TrackingStore. One request, and one transaction there; an answer that is lost leaves no doubt."""
        journal = f"{batch.journal}:{batch.start}-{batch.end}"
        is_new: bool = self._answer("apply", [batch], {}, is_repeatable=True, journal=_in_header(journal))
        return is_new

    def write(self, changes: Iterable[Change | Edit], /) -> None:
        """See TrackingStore. Edits and what is ``new`` are sent once: where the answer is lost, they may be done."""
        listed = list(changes)
        if all(isinstance(change, JournalSeen) for change in listed):
            self._ask("seen", listed)
            return
        is_repeatable = not any(isinstance(change, Edit) or getattr(change, "new", False) for change in listed)
        self._answer("write", [listed], {}, is_repeatable=is_repeatable)

    def watermark(self, journal: str, /) -> int:
        """See TrackingStore."""
        position: int = self._ask("watermark", journal)
        return position

    def leases(self, journals: Sequence[str], /) -> dict[str, datetime]:
        """See TrackingStore."""
        found: dict[str, datetime] = self._ask("leases", journals)
        return found

    def delete(self, node: NodeRef, /, *, cascade: bool = False, shared: bool = False) -> None:
        """See TrackingStore. As with ``write``, a lost answer says nothing."""
        self._answer("delete", [node], {"cascade": cascade, "shared": shared}, is_repeatable=False)

    def delete_association(self, source: NodeRef, destination: NodeRef, /, *, type: str | None = None) -> None:
        """See TrackingStore. As with ``write``, a lost answer says nothing."""
        self._answer("delete_association", [source, destination], {"type": type}, is_repeatable=False)

    def about(self) -> str:
        """See TrackingStore."""
        told: str = self._ask("about")
        return told

    def close(self) -> None:
        """See TrackingStore."""
        self._transport.close()

    # Experiments and trials

    def experiment(self, name: str, /) -> Experiment:
        """See TrackingStore."""
        found: Experiment = self._ask("experiment", name)
        return found

    def experiments(self) -> list[Experiment]:
        """See TrackingStore."""
        found: list[Experiment] = self._ask("experiments")
        return found

    def trial(self, name: str, /) -> Trial:
        """See TrackingStore."""
        found: Trial = self._ask("trial", name)
        return found

    def trials(self, *, experiment: str | None = None, limit: int | None = None) -> list[Trial]:
        """See TrackingStore."""
        found: list[Trial] = self._ask("trials", experiment=experiment, limit=limit)
        return found

    # Components

    def component(self, name: str, /) -> Component:
        """See TrackingStore."""
        found: Component = self._ask("component", name)
        return found

    def component_of_job(self, name: str, /) -> Component:
        """See TrackingStore."""
        found: Component = self._ask("component_of_job", name)
        return found

    def components(self, query: ComponentQuery, /) -> list[Component]:
        """See TrackingStore."""
        found: list[Component] = self._ask("components", query)
        return found

    def members(self, trials: Sequence[str], /) -> dict[str, list[Component]]:
        """See TrackingStore."""
        found: dict[str, list[Component]] = self._ask("members", trials)
        return found

    def parameters(self, components: Sequence[int], /) -> dict[int, dict[str, Json]]:
        """See TrackingStore."""
        found: dict[int, dict[str, Json]] = self._ask("parameters", components)
        return found

    def artifact_values(self, components: Sequence[int], /, *, is_output: bool) -> dict[int, dict[str, ArtifactValue]]:
        """See TrackingStore."""
        found: dict[int, dict[str, ArtifactValue]] = self._ask("artifact_values", components, is_output=is_output)
        return found

    def tags(self, components: Sequence[int], /) -> dict[int, dict[str, str | None]]:
        """See TrackingStore."""
        found: dict[int, dict[str, str | None]] = self._ask("tags", components)
        return found

    def parents(self, components: Sequence[int], /) -> dict[int, dict[str, str]]:
        """See TrackingStore."""
        found: dict[int, dict[str, str]] = self._ask("parents", components)
        return found

    def properties(self, components: Sequence[int], /) -> dict[int, dict[str, str]]:
        """See TrackingStore."""
        found: dict[int, dict[str, str]] = self._ask("properties", components)
        return found

    # Metrics

    def summaries(self, components: Sequence[int], /) -> dict[int, dict[str, MetricSummary]]:
        """See TrackingStore."""
        found: dict[int, dict[str, MetricSummary]] = self._ask("summaries", components)
        return found

    def points(self, component: int, metric: str, /) -> Iterator[MetricPoint]:
        """See TrackingStore. A long series comes in pages; what is logged meanwhile may be in it, never twice."""
        after: tuple[int, int] | None = None
        while True:
            page: PointsPage = self._ask("points_page", component, metric, after=after)
            columns = zip(page.steps, page.times, page.values, strict=True)
            for place, (step, time, value) in enumerate(columns):
                yield MetricPoint(step, _EPOCH + timedelta(microseconds=time), value, page.data.get(place))
            if page.next is None:
                return
            after = page.next

    def windows(self, component: int, metric: str, query: WindowQuery, /) -> MetricWindows:
        """See TrackingStore."""
        found: MetricWindows = self._ask("windows", component, metric, query)
        return found

    # Lineage

    def artifact(self, source_uri: str, /) -> Artifact:
        """See TrackingStore."""
        found: Artifact = self._ask("artifact", source_uri)
        return found

    def artifact_by_digest(self, digest: str, /) -> Artifact:
        """See TrackingStore."""
        found: Artifact = self._ask("artifact_by_digest", digest)
        return found

    def artifacts(
        self, *, source_uris: Sequence[str] = (), type: str | None = None, limit: int | None = None
    ) -> list[Artifact]:
        """See TrackingStore."""
        found: list[Artifact] = self._ask("artifacts", source_uris=source_uris, type=type, limit=limit)
        return found

    def action(self, name: str, /) -> Action:
        """See TrackingStore."""
        found: Action = self._ask("action", name)
        return found

    def context(self, name: str, /) -> Context:
        """See TrackingStore."""
        found: Context = self._ask("context", name)
        return found

    def associations(
        self, *, source: NodeRef | None = None, destination: NodeRef | None = None, type: str | None = None
    ) -> list[Association]:
        """See TrackingStore."""
        found: list[Association] = self._ask("associations", source=source, destination=destination, type=type)
        return found

    def lineage(self, start: NodeRef, query: LineageQuery, /) -> Subgraph:
        """See TrackingStore."""
        found: Subgraph = self._ask("lineage", start, query)
        return found

    def path(self, source: NodeRef, destination: NodeRef, /, *, max_depth: int = 100) -> Subgraph | None:
        """See TrackingStore."""
        found: Subgraph | None = self._ask("path", source, destination, max_depth=max_depth)
        return found

    # Finding

    def node(self, arn: str, /) -> NodeRef:
        """See TrackingStore."""
        found: NodeRef = self._ask("node", arn)
        return found

    def arn_tags(self, arn: str, /) -> dict[str, str | None]:
        """See TrackingStore."""
        found: dict[str, str | None] = self._ask("arn_tags", arn)
        return found

    def page(self, query: Listing[V], /) -> Page[V]:
        """See TrackingStore."""
        found: Page[V] = self._ask("page", query)
        return found

    def search(self, query: Search[V], /) -> Page[V]:
        """See TrackingStore."""
        found: Page[V] = self._ask("search", query)
        return found

    def find_nodes(self, text: str, /, *, kinds: Sequence[NodeKind] = (), limit: int = 20) -> list[NodeRef]:
        """See TrackingStore."""
        found: list[NodeRef] = self._ask("find_nodes", text, kinds=kinds, limit=limit)
        return found

    def counts(self) -> Mapping[str, int]:
        """See TrackingStore."""
        found: dict[str, int] = self._ask("counts")
        return found


def _in_header(text: str) -> str:
    """ASCII without line ends, whatever a journal is called."""
    return text.encode("unicode_escape").decode("ascii")
