"""The record in SageMaker itself: ``sagemaker://REGION``, by AWS's own operations and nothing else.

What AWS promises is what this promises: no transactions, each change at least once, searches a little late
(docs/aws.md). Its ids of components are this process's.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from plugin_core.errors import ConflictError, InvalidValueError, NotFoundError
from plugin_core.model import arns
from plugin_core.model import edits as e
from plugin_core.model.changes import Batch, Change
from plugin_core.model.components import ArtifactValue, Component
from plugin_core.model.experiments import Experiment, Trial
from plugin_core.model.lineage import Action, Artifact, Association, Context, NodeKind, NodeRef, Subgraph
from plugin_core.model.metrics import Json, MetricPoint, MetricSummary, MetricWindows
from plugin_core.model.queries import (
    ArtifactQuery,
    ComponentQuery,
    LineageQuery,
    Listing,
    Page,
    Search,
    TrialQuery,
    WindowQuery,
)
from plugin_core.stores.aws import nodes, points
from plugin_core.stores.aws.address import SageMakerAddress, sagemaker_address
from plugin_core.stores.aws.calls import Calls
from plugin_core.stores.aws.deleting import Deleting
from plugin_core.stores.aws.fetching import Fetching
from plugin_core.stores.aws.finding import Finding, searched
from plugin_core.stores.aws.graph import Graph
from plugin_core.stores.aws.held import HeldDocuments
from plugin_core.stores.aws.image import split
from plugin_core.stores.aws.journals import Journals
from plugin_core.stores.aws.listing import Listings, bare
from plugin_core.stores.aws.numbers import Numbers
from plugin_core.stores.aws.points import Progress
from plugin_core.stores.aws.searching import Searching, equal
from plugin_core.stores.aws.state import ComponentState
from plugin_core.stores.aws.writing import Writing

T = TypeVar("T")
V = TypeVar("V")

_EDITS = (
    e.UpdateExperiment, e.UpdateTrial, e.UpdateComponent, e.UpdateArtifact, e.UpdateAction, e.UpdateContext,
    e.AddToTrial, e.RemoveFromTrial, e.TagArn,
)  # fmt: skip


class SageMakerStore:
    """A TrackingStore in SageMaker. Safe to share between threads, and across a fork."""

    def __init__(self, url: str, *, calls: Calls | None = None) -> None:
        self.url = url
        self._address: SageMakerAddress = sagemaker_address(url)
        self._calls = calls or Calls(self._address)
        held = HeldDocuments(self._calls)
        self._fetching = Fetching(self._calls, held)
        self._numbers = Numbers()
        self._searching = Searching(self._calls, self._fetching)
        self._graph = Graph(self._calls, self._fetching)
        self._listings = Listings(self._calls, self._fetching, self._searching, self._graph, self._numbers)
        self._finding = Finding(self._calls, self._searching, self._listings)
        self._journals = Journals(self._calls)
        self._writing = Writing(self._fetching)
        self._deleting = Deleting(self._calls, self._fetching, self._searching, self._graph, self._writing)
        self._lock = threading.RLock()
        self._progress: OrderedDict[tuple[str, int, int], Progress] = OrderedDict()

    # Experiments and trials

    def experiment(self, name: str, /) -> Experiment:
        """See ExperimentStore."""
        return nodes.experiment_of(self._fetching.node(NodeRef(NodeKind.EXPERIMENT, name)))

    def experiments(self) -> list[Experiment]:
        """See ExperimentStore."""
        found = sorted(self._searching.nodes(NodeKind.EXPERIMENT), key=lambda each: each.used, reverse=True)
        return [nodes.experiment_of(each) for each in found]

    def trial(self, name: str, /) -> Trial:
        """See ExperimentStore."""
        return nodes.trial_of(self._fetching.node(NodeRef(NodeKind.TRIAL, name)))

    def trials(self, *, experiment: str | None = None, limit: int | None = None) -> list[Trial]:
        """See ExperimentStore."""
        return list(self.page(TrialQuery(experiment=experiment, limit=limit)).items)

    def delete(self, node: NodeRef, /, *, cascade: bool = False, shared: bool = False) -> None:
        """See ExperimentStore, but in many calls: what fails on the way leaves the rest."""
        with self._lock:
            self._writing.forget(is_deleted=True)
            self._deleting.delete(node, cascade=cascade, shared=shared)
            if node.kind is NodeKind.COMPONENT:
                self._numbers.forget(node.key)

    # Components

    def component(self, name: str, /) -> Component:
        """See ComponentStore."""
        return self._fetching.component(name)[0].component(self._numbers.of(name))

    def component_of_job(self, name: str, /) -> Component:
        """See ComponentStore."""
        found = self._finding.component_of_job(name)
        return found.component(self._numbers.of(found.name))

    def components(self, query: ComponentQuery, /) -> list[Component]:
        """See ComponentStore."""
        return self._listings.components(query)

    def members(self, trials: Sequence[str], /) -> dict[str, list[Component]]:
        """See ComponentStore."""
        filters = [equal("Parents.TrialName", trial) for trial in trials]
        found: list[ComponentState] = []
        for first in range(0, len(filters), 20):
            found += self._searching.components({"Filters": filters[first : first + 20], "Operator": "Or"})
        found = sorted({each.name: each for each in found}.values(), key=lambda each: each.created)
        return {trial: [self._bare(each) for each in found if _is_in(each, trial)] for trial in trials}

    def _bare(self, state: ComponentState) -> Component:
        return bare(state.component(self._numbers.of(state.name)))

    def _of(self, components: Sequence[int], read: Any) -> dict[int, Any]:
        """Something of each component, {} for one that is not there: by name for one, by search for several."""
        names = {number: name for number in components if (name := self._numbers.name(number)) is not None}
        found = {state.name.casefold(): state for state in self._states(list(names.values()))}
        return {
            number: read(found[names[number].casefold()]) if names.get(number, "").casefold() in found else {}
            for number in components
        }

    def _states(self, names: Sequence[str]) -> Iterable[ComponentState]:
        if len(names) != 1:
            return self._searching.named(names)
        try:
            return [self._fetching.component(names[0])[0]]
        except NotFoundError:
            return []

    def parameters(self, components: Sequence[int], /) -> dict[int, dict[str, Json]]:
        """See ComponentStore."""
        return self._of(components, lambda state: dict(sorted(state.parameters.items())))

    def artifact_values(self, components: Sequence[int], /, *, is_output: bool) -> dict[int, dict[str, ArtifactValue]]:
        """See ComponentStore."""
        return self._of(components, lambda state: dict(sorted((state.outputs if is_output else state.inputs).items())))

    def tags(self, components: Sequence[int], /) -> dict[int, dict[str, str | None]]:
        """See ComponentStore."""
        return self._of(components, lambda state: dict(sorted(state.tags.items())))

    def parents(self, components: Sequence[int], /) -> dict[int, dict[str, str]]:
        """See ComponentStore."""
        found: dict[int, dict[str, str]] = {}
        for number in components:
            name = self._numbers.name(number)
            found[number] = {} if name is None else self._fetching.parents_of(name)
        return found

    def properties(self, components: Sequence[int], /) -> dict[int, dict[str, str]]:
        """See ComponentStore."""
        return self._of(components, lambda state: dict(sorted(state.properties.items())))

    # Metrics

    def summaries(self, components: Sequence[int], /) -> dict[int, dict[str, MetricSummary]]:
        """See MetricStore. Of series that this store did not write, the last step is guessed from their length."""
        return self._of(components, points.summaries)

    def points(self, component: int, metric: str, /) -> Iterator[MetricPoint]:
        """See MetricStore: as far as AWS gives them back, the last of each step, and times to the minute."""
        for state in self._states([self._numbers.name(component) or ""] if self._numbers.name(component) else []):
            yield from points.Series(self._calls, state).points(metric)

    def windows(self, component: int, metric: str, query: WindowQuery, /) -> MetricWindows:
        """See MetricStore. AWS knows steps, minutes, five minutes and hours: InvalidValueError for other periods."""
        name = self._numbers.name(component)
        if name is None:
            raise NotFoundError("component", str(component))
        return points.Series(self._calls, self._fetching.component(name)[0]).windows(metric, query)

    # Lineage

    def artifact(self, source_uri: str, /) -> Artifact:
        """See LineageStore."""
        return nodes.artifact_of(self._fetching.node(NodeRef(NodeKind.ARTIFACT, source_uri)))

    def artifact_by_digest(self, digest: str, /) -> Artifact:
        """See LineageStore. What AWS calls an artifact says nothing of its source; a server of ours is asked by it."""
        try:
            return self.artifact(f"{arns.CONTENT_PREFIX}{digest}")
        except NotFoundError:
            return self.artifact(self._fetching.artifact_called(digest))

    def artifacts(
        self, *, source_uris: Sequence[str] = (), type: str | None = None, limit: int | None = None
    ) -> list[Artifact]:
        """See LineageStore."""
        if not source_uris:
            return list(self.page(ArtifactQuery(type=type, limit=limit)).items)
        found = [artifact for uri in source_uris for artifact in self._listings.artifacts(uri, type)]
        return sorted(found, key=lambda each: each.created_at, reverse=True)[:limit]

    def action(self, name: str, /) -> Action:
        """See LineageStore."""
        return nodes.action_of(self._fetching.node(NodeRef(NodeKind.ACTION, name)))

    def context(self, name: str, /) -> Context:
        """See LineageStore."""
        return nodes.context_of(self._fetching.node(NodeRef(NodeKind.CONTEXT, name)))

    def associations(
        self, *, source: NodeRef | None = None, destination: NodeRef | None = None, type: str | None = None
    ) -> list[Association]:
        """See LineageStore."""
        return self._graph.edges(source=source, destination=destination, type=type)

    def delete_association(self, source: NodeRef, destination: NodeRef, /, *, type: str | None = None) -> None:
        """See LineageStore."""
        with self._lock:
            self._writing.forget()
            self._deleting.disassociate(source, destination, type)

    def lineage(self, start: NodeRef, query: LineageQuery, /) -> Subgraph:
        """See LineageStore."""
        return self._graph.lineage(start, query)

    def path(self, source: NodeRef, destination: NodeRef, /, *, max_depth: int = 100) -> Subgraph | None:
        """See LineageStore."""
        return self._graph.path(source, destination, max_depth)

    # Finding

    def node(self, arn: str, /) -> NodeRef:
        """See SearchStore."""
        ref = self._fetching.ref(arn)
        members = self._fetching.described(ref)
        word = nodes.WORDS[ref.kind]
        return ref if ref.kind is NodeKind.ARTIFACT else NodeRef(ref.kind, str(members[f"{word}Name"]))

    def arn_tags(self, arn: str, /) -> dict[str, str | None]:
        """See SearchStore."""
        try:
            found = self._fetching.tags(arn.lower())
        except (NotFoundError, InvalidValueError):
            return {}
        return dict(sorted(split({tag["Key"]: tag["Value"] for tag in found})[1].items()))

    def page(self, query: Listing[V], /) -> Page[V]:
        """See SearchStore: from as many calls as all that there is takes."""
        return self._listings.page(query)

    def search(self, query: Search[V], /) -> Page[V]:
        """See SearchStore. Times are those of AWS."""
        return searched(self._searching, self._fetching, self._numbers, query)

    def find_nodes(self, text: str, /, *, kinds: Sequence[NodeKind] = (), limit: int = 20) -> list[NodeRef]:
        """See SearchStore; artifacts are found by their whole URI or digest only."""
        return self._finding.nodes(text, kinds, limit)

    def counts(self) -> Mapping[str, int]:
        """See SearchStore."""
        return self._finding.counts()

    # Writing

    def apply(self, batch: Batch, /) -> bool:
        """See TrackingStore, but in many calls: where one fails, what came before it stays, and comes again."""
        with self._lock:
            position = self._journals.watermark(batch.journal)
            if batch.start > position:
                raise ConflictError(f"Journal {batch.journal} is at {position}, and the batch begins at {batch.start}.")
            if batch.start < position:
                return False
            plan = self._writing.write(batch.changes, self._progress_of(batch))
            self._journals.move(batch.journal, batch.end, plan.journals)
            self._progress.pop((batch.journal, batch.start, batch.end), None)
            return True

    def _progress_of(self, batch: Batch) -> Progress:
        progress = self._progress.setdefault((batch.journal, batch.start, batch.end), Progress())
        if len(self._progress) > 100:  # noqa: PLR2004 - batches that somebody else brought in meanwhile
            self._progress.popitem(last=False)
        return progress

    def write(self, changes: Iterable[Change | e.Edit], /) -> None:
        """See TrackingStore, but in many calls: where one is refused, what came before it stays."""
        with self._lock:
            self._writing.forget()
            asked = tuple(changes)
            self._writing.check(asked)
            together: list[Change] = []
            for change in asked:
                if isinstance(change, _EDITS):
                    self._write(together)
                    together = []
                    self._writing.edit(change)
                    self._writing.forget()
                else:
                    together.append(change)
            self._write(together)

    def _write(self, changes: Sequence[Change]) -> None:
        if changes:
            self._journals.see(self._writing.write(changes, Progress(), may_refuse=True).journals)

    def watermark(self, journal: str, /) -> int:
        """See TrackingStore."""
        return self._journals.watermark(journal)

    def leases(self, journals: Sequence[str], /) -> dict[str, datetime]:
        """See TrackingStore."""
        return self._journals.leases(journals)

    def about(self) -> str:
        """See TrackingStore."""
        account = f", account {self._address.account}" if self._address.account else ""
        return f"SageMaker in {self._address.region}{account}"

    def close(self) -> None:
        """See TrackingStore. Clients of AWS need no closing."""


def _is_in(state: ComponentState, trial: str) -> bool:
    return trial.casefold() in {each.casefold() for each in state.parents}
