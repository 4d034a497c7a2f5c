"""The seams of storage: what any store must do, split by topic.

Implementations are safe to share between threads and raise only the errors of ``plugin_core.errors``.
``plugin_core.testing.contract`` is the suite that every implementation passes.

Names of components, trials and experiments are matched without regard to case.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import IO, Protocol, TypeVar, runtime_checkable

from plugin_core.model.changes import Batch, Change
from plugin_core.model.components import ArtifactValue, Component
from plugin_core.model.edits import Edit
from plugin_core.model.experiments import Experiment, Trial
from plugin_core.model.lineage import Action, Artifact, Association, Context, NodeKind, NodeRef, Subgraph
from plugin_core.model.metrics import Json, MetricPoint, MetricSummary, MetricWindows
from plugin_core.model.queries import ComponentQuery, LineageQuery, Listing, Page, Search, WindowQuery

V = TypeVar("V")


class ExperimentStore(Protocol):
    """Experiments and trials."""

    def experiment(self, name: str, /) -> Experiment:
        """Return an experiment with its tags; NotFoundError."""
        ...

    def experiments(self) -> list[Experiment]:
        """All experiments, the one used last first."""
        ...

    def trial(self, name: str, /) -> Trial:
        """Return a trial with its tags; NotFoundError."""
        ...

    def trials(self, *, experiment: str | None = None, limit: int | None = None) -> list[Trial]:
        """Trials, newest first."""
        ...

    def delete(self, node: NodeRef, /, *, cascade: bool = False, shared: bool = False) -> None:
        """Delete a node and its edges, in one transaction; NotFoundError.

        Without ``cascade``, ConflictError where others belong to it (an experiment's trials and components,
        a trial's components) or a component is in a trial. With it they go too, but for components that are
        in a trial that stays: these are at home there, unless ``shared`` has them go as well.
        """
        ...


class ComponentStore(Protocol):
    """Components and what was logged of them. Maps for several components come from one query each."""

    def component(self, name: str, /) -> Component:
        """Return a component with tags and properties; NotFoundError."""
        ...

    def component_of_job(self, name: str, /) -> Component:
        """Return the component that is called ``name`` as a job (``model.names.job_slug``); NotFoundError."""
        ...

    def components(self, query: ComponentQuery, /) -> list[Component]:
        """Components without tags and properties, in the order asked for, from one query."""
        ...

    def members(self, trials: Sequence[str], /) -> dict[str, list[Component]]:
        """Components of trials without tags and properties, oldest first, by the names as given, from one query.

        A trial that is not known has none.
        """
        ...

    def parameters(self, components: Sequence[int], /) -> dict[int, dict[str, Json]]:
        """Parameters by component id, in name order; every id asked for is in the answer."""
        ...

    def artifact_values(self, components: Sequence[int], /, *, is_output: bool) -> dict[int, dict[str, ArtifactValue]]:
        """Input or output artifact entries by component id; every id asked for is in the answer."""
        ...

    def tags(self, components: Sequence[int], /) -> dict[int, dict[str, str | None]]:
        """Tags by component id; every id asked for is in the answer."""
        ...

    def parents(self, components: Sequence[int], /) -> dict[int, dict[str, str]]:
        """The experiments of the trials that components are in, by component id and trial, oldest first; every id
        asked for is in the answer. A trial that was only mentioned has "" for its experiment.
        """
        ...

    def properties(self, components: Sequence[int], /) -> dict[int, dict[str, str]]:
        """Properties by component id; every id asked for is in the answer."""
        ...


class MetricStore(Protocol):
    """Series of points, kept in the order they were logged."""

    def summaries(self, components: Sequence[int], /) -> dict[int, dict[str, MetricSummary]]:
        """Metric summaries by component id and metric name; every id asked for is in the answer."""
        ...

    def points(self, component: int, metric: str, /) -> Iterator[MetricPoint]:
        """Yield one series, ordered by step and then by arrival; nothing for a series that does not exist."""
        ...

    def windows(self, component: int, metric: str, query: WindowQuery, /) -> MetricWindows:
        """A series cut into windows, points that are no numbers left out; no windows for one that does not exist."""
        ...


class LineageStore(Protocol):
    """The graph."""

    def artifact(self, source_uri: str, /) -> Artifact:
        """Return an artifact by its identity; NotFoundError."""
        ...

    def artifact_by_digest(self, digest: str, /) -> Artifact:
        """Return the artifact whose ARN has these digits for a name (``model.arns``); NotFoundError."""
        ...

    def artifacts(
        self, *, source_uris: Sequence[str] = (), type: str | None = None, limit: int | None = None
    ) -> list[Artifact]:
        """Artifacts, newest first."""
        ...

    def action(self, name: str, /) -> Action:
        """Return an action; NotFoundError."""
        ...

    def context(self, name: str, /) -> Context:
        """Return a context; NotFoundError."""
        ...

    def associations(
        self, *, source: NodeRef | None = None, destination: NodeRef | None = None, type: str | None = None
    ) -> list[Association]:
        """Edges out of ``source`` and into ``destination``, oldest first."""
        ...

    def delete_association(self, source: NodeRef, destination: NodeRef, /, *, type: str | None = None) -> None:
        """Delete the edges from one node to another, of one type or of any; NotFoundError for none."""
        ...

    def lineage(self, start: NodeRef, query: LineageQuery, /) -> Subgraph:
        """Walk from ``start`` (not in the answer), breadth first; each vertex once, at its least depth.

        Cycles end by themselves. NotFoundError if ``start`` is not known.
        """
        ...

    def path(self, source: NodeRef, destination: NodeRef, /, *, max_depth: int = 100) -> Subgraph | None:
        """A shortest path along the edges' direction, both ends included in order; None if there is none."""
        ...


class SearchStore(Protocol):
    """Finding by what people have in hand."""

    def node(self, arn: str, /) -> NodeRef:
        """The node that an ARN names; NotFoundError, also for ARNs of what can be no node; InvalidValueError."""
        ...

    def arn_tags(self, arn: str, /) -> dict[str, str | None]:
        """Tags of something that is no node of this record (``edits.TagArn``), by its ARN without regard to case."""
        ...

    def page(self, query: Listing[V], /) -> Page[V]:
        """A page of experiments, trials, components, artifacts, actions, contexts or associations, from one query.

        Components come without tags and properties. Pages follow one another without gap or repeat, whatever
        is written meanwhile; a name that is not known filters everything.
        """
        ...

    def search(self, query: Search[V], /) -> Page[V]:
        """A page of the experiments, trials or components that an expression finds, and how many it finds in all.

        Components come without tags and properties. InvalidValueError for a property that there is not, a value
        that is no number or time where one is needed, and an expression that is too large.
        """
        ...

    def find_nodes(self, text: str, /, *, kinds: Sequence[NodeKind] = (), limit: int = 20) -> list[NodeRef]:
        """Nodes whose name, URI, content hash or orchestrator id is ``text`` or begins with it; exact matches first."""
        ...

    def counts(self) -> Mapping[str, int]:
        """How many experiments, trials, components, artifacts, associations, series and points there are."""
        ...


@runtime_checkable
class TrackingStore(ExperimentStore, ComponentStore, MetricStore, LineageStore, SearchStore, Protocol):
    """Everything the record is kept in."""

    url: str

    def apply(self, batch: Batch, /) -> bool:
        """Apply a batch and move its journal's watermark, in one transaction.

        Return False, and change nothing, if the watermark is past ``batch.start`` already (someone else
        drained it). Applying the same batch twice is the same as once. ConflictError if the batch
        begins after the watermark (a gap).
        """
        ...

    def write(self, changes: Iterable[Change | Edit], /) -> None:
        """Apply changes that come from no journal, and carry out edits, in one transaction, all or none of them.

        ConflictError for a change that says it is ``new`` and is not, also where two processes race to make
        it; NotFoundError for one that is to belong to what does not exist, and for an edit of it.
        """
        ...

    def watermark(self, journal: str, /) -> int:
        """The position up to which a journal was applied; 0 for one never seen."""
        ...

    def leases(self, journals: Sequence[str], /) -> dict[str, datetime]:
        """Until when each journal's owner counts as alive without being heard from, by journal; only those seen."""
        ...

    def close(self) -> None:
        """Release connections; using the store again opens new ones."""
        ...


class BlobStore(Protocol):
    """Content-addressed bytes. A digest is written ``sha256:<64 hex digits>``."""

    url: str

    def put_file(self, path: Path, /, *, progress: Progress | None = None) -> str:
        """Store a file's bytes and return their digest; storing the same bytes again is cheap.

        A file that changes while it is read is read once more; then InvalidValueError.
        """
        ...

    def put_bytes(self, data: bytes, /) -> str:
        """Store bytes and return their digest."""
        ...

    def open(self, digest: str, /) -> IO[bytes]:
        """Open for reading; NotFoundError. Reading verifies: ArtifactCorruptError at the end of wrong bytes."""
        ...

    def fetch(self, digest: str, target: Path, /, *, progress: Progress | None = None) -> None:
        """Copy to a file, verified before it appears under its name; NotFoundError, ArtifactCorruptError."""
        ...

    def part(self, digest: str, start: int, length: int, /) -> IO[bytes]:
        """Open a part for reading, from byte ``start`` of the blob on; NotFoundError.

        A part proves nothing: it is not verified. It ends with the blob.
        """
        ...

    def writing(self) -> AbstractContextManager[BlobWriter]:
        """Take bytes that come in pieces; what is not kept leaves nothing behind."""
        ...

    def size(self, digest: str, /) -> int | None:
        """Size in bytes, None if the bytes are not here."""
        ...


class BlobWriter(Protocol):
    """Takes the pieces of one blob, in order; for one thread."""

    def write(self, piece: bytes, /) -> None:
        """Add a piece."""
        ...

    def keep(self) -> str:
        """Store what was written and return its digest; nothing can be added then."""
        ...


class Progress(Protocol):
    """Told how far a long copy is."""

    def __call__(self, done_bytes: int, total_bytes: int | None, /) -> None:
        """Called after each piece."""
        ...
