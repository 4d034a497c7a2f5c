"""The store in an SQLite file or a PostgreSQL database. Composes the topics; each method is one transaction."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import groupby
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection

from plugin_core.errors import ConflictError, SettingsError
from plugin_core.model.changes import Batch, Change
from plugin_core.model.components import ArtifactValue, Component
from plugin_core.model.edits import Edit
from plugin_core.model.experiments import Experiment, Trial
from plugin_core.model.lineage import Action, Artifact, Association, Context, NodeKind, NodeRef, Subgraph
from plugin_core.model.metrics import Json, MetricPoint, MetricSummary, MetricWindows
from plugin_core.model.provenance import Provenance
from plugin_core.model.queries import ComponentQuery, LineageQuery, Listing, Page, Search, WindowQuery
from plugin_core.stores.addresses import is_server, server_address
from plugin_core.stores.local import editing, finding, graph, listing, migrate, pages, searching, values
from plugin_core.stores.local import schema as s
from plugin_core.stores.local import statements as q
from plugin_core.stores.local.apply import apply_folded
from plugin_core.stores.local.deleting import delete_association, delete_node
from plugin_core.stores.local.dialects import LOCK_TIMEOUT_S, Connections
from plugin_core.stores.local.executing import AnySelect, execute, first_row, raw_rows, rows_in
from plugin_core.stores.local.fold import Folded, clean, fold
from plugin_core.stores.local.keys import LocalKeys
from plugin_core.stores.local.objects import LocalObjects
from plugin_core.stores.local.resolving import artifact_id, component_of_job, node_id, node_of_arn
from plugin_core.stores.local.windows import cut

V = TypeVar("V")


class LocalStore:
    """A TrackingStore in the file or database that ``url`` names. Safe to share between threads, and across a fork."""

    def __init__(self, url: str, *, read_only: bool = False, lock_timeout_s: float = LOCK_TIMEOUT_S) -> None:
        self.url = url
        self._connections = _connections(url, is_read_only=read_only, lock_timeout_s=lock_timeout_s)
        self._connections.follow()
        self.objects = LocalObjects(self._connections.read, self._writing)

    @contextmanager
    def _writing(self, about: Iterable[str] | None = None) -> Generator[Connection]:
        with self._connections.write(about) as connection:
            migrate.require_writable(connection, self._connections.name)
            yield connection

    @contextmanager
    def _asked_by_the_wire(self) -> Generator[Connection]:
        with self._connections.read() as connection:
            if self._connections.is_read_only:  # others are brought up to date when they are opened
                migrate.require_the_wire(connection, self._connections.name)
            yield connection

    # Writing

    def apply(self, batch: Batch, /) -> bool:
        """See TrackingStore."""
        journal = clean(batch.journal)
        folded = fold(batch.changes)
        with self._writing([*folded.about(), f"journal/{journal}"]) as connection:
            position = _watermark(connection, journal)
            if position > batch.start:
                return False
            if position < batch.start:
                raise ConflictError(
                    f"A batch of journal {batch.journal} begins at {batch.start}, but {position} was applied last.",
                    hint="Drain the journal from its watermark.",
                )
            apply_folded(connection, folded)
            execute(connection, q.SET_WATERMARK, journal=journal, watermark=batch.end)
        return True

    def write(self, changes: Iterable[Change | Edit], /) -> None:
        """See TrackingStore."""
        parts = [_part(is_edit, some) for is_edit, some in groupby(changes, _is_edit)]
        with self._writing(_about(parts)) as connection:
            for part in parts:
                if isinstance(part, Folded):
                    apply_folded(connection, part, may_refuse=True)
                else:
                    for edit in part:
                        editing.carry_out(connection, edit)

    def watermark(self, journal: str, /) -> int:
        """See TrackingStore."""
        with self._connections.read() as connection:
            return _watermark(connection, clean(journal))

    def leases(self, journals: Sequence[str], /) -> dict[str, datetime]:
        """See TrackingStore."""
        named = {clean(journal): journal for journal in journals}
        with self._connections.read() as connection:
            known = rows_in(connection, q.LEASES, s.journals.c.journal, [*named])
            return {named[name]: listing.moment(until) for name, until in known}

    def delete(self, node: NodeRef, /, *, cascade: bool = False, shared: bool = False) -> None:
        """See TrackingStore."""
        with self._writing() as connection:
            delete_node(connection, node, cascade=cascade, shared=shared)

    def delete_association(self, source: NodeRef, destination: NodeRef, /, *, type: str | None = None) -> None:
        """See TrackingStore."""
        with self._writing() as connection:
            delete_association(connection, source, destination, type)

    def about(self) -> str:
        """See TrackingStore."""
        with self._connections.read() as connection:
            return self._connections.about(connection)

    def close(self) -> None:
        """See TrackingStore."""
        self._connections.close()

    @property
    def keys(self) -> LocalKeys:
        """The keys of servers over this record; see KeyStore."""
        return LocalKeys(reading=self._connections.read, writing=self._writing, close=self.close)

    # Experiments and trials

    def experiment(self, name: str, /) -> Experiment:
        """See TrackingStore."""
        with self._connections.read() as connection:
            node = node_id(connection, NodeRef(NodeKind.EXPERIMENT, name))
            row = next(rows_in(connection, listing.EXPERIMENTS, s.experiments.c.id, [node]))
            return listing.experiment_of(row, *_extras(connection, node))

    def experiments(self) -> list[Experiment]:
        """See TrackingStore."""
        with self._connections.read() as connection:
            return _experiments(connection, listing.EXPERIMENTS)

    def trial(self, name: str, /) -> Trial:
        """See TrackingStore."""
        with self._connections.read() as connection:
            node = node_id(connection, NodeRef(NodeKind.TRIAL, name))
            row = next(rows_in(connection, listing.TRIALS, s.trials.c.id, [node]))
            return listing.trial_of(row, *_extras(connection, node))

    def trials(self, *, experiment: str | None = None, limit: int | None = None) -> list[Trial]:
        """See TrackingStore."""
        query = listing.TRIALS.limit(limit)
        with self._connections.read() as connection:
            if experiment is not None:
                query = query.where(s.trials.c.experiment_id == listing.named(NodeKind.EXPERIMENT, experiment))
            return _trials(connection, query)

    # Components

    def component(self, name: str, /) -> Component:
        """See TrackingStore."""
        with self._connections.read() as connection:
            node = node_id(connection, NodeRef(NodeKind.COMPONENT, name))
            return _component(connection, node)

    def component_of_job(self, name: str, /) -> Component:
        """See TrackingStore."""
        with self._connections.read() as connection:
            return _component(connection, component_of_job(connection, name))

    def components(self, query: ComponentQuery, /) -> list[Component]:
        """See TrackingStore."""
        with self._connections.read() as connection:
            with_guests = listing.has_guests(connection, query.experiment)
            found = raw_rows(connection, listing.components_query(query, with_guests=with_guests))
            return [listing.component_of(row) for row in found]

    def members(self, trials: Sequence[str], /) -> dict[str, list[Component]]:
        """See TrackingStore."""
        with self._connections.read() as connection:
            return listing.members(connection, trials)

    def parameters(self, components: Sequence[int], /) -> dict[int, dict[str, Json]]:
        """See TrackingStore."""
        with self._connections.read() as connection:
            return values.parameters(connection, components)

    def artifact_values(self, components: Sequence[int], /, *, is_output: bool) -> dict[int, dict[str, ArtifactValue]]:
        """See TrackingStore."""
        with self._connections.read() as connection:
            return values.artifact_values(connection, components, is_output=is_output)

    def parents(self, components: Sequence[int], /) -> dict[int, dict[str, str]]:
        """See TrackingStore."""
        with self._connections.read() as connection:
            return values.parents(connection, components)

    def tags(self, components: Sequence[int], /) -> dict[int, dict[str, str | None]]:
        """See TrackingStore."""
        with self._connections.read() as connection:
            return values.tags(connection, components)

    def properties(self, components: Sequence[int], /) -> dict[int, dict[str, str]]:
        """See TrackingStore."""
        with self._connections.read() as connection:
            return values.properties(connection, components)

    # ARNs

    def node(self, arn: str, /) -> NodeRef:
        """See TrackingStore."""
        with self._connections.read() as connection:
            return graph.node_refs(connection, [node := node_of_arn(connection, arn)])[node]

    def arn_tags(self, arn: str, /) -> dict[str, str | None]:
        """See TrackingStore."""
        with self._asked_by_the_wire() as connection:
            return editing.arn_tags(connection, arn)

    # Metrics

    def summaries(self, components: Sequence[int], /) -> dict[int, dict[str, MetricSummary]]:
        """See TrackingStore."""
        with self._connections.read() as connection:
            return values.summaries(connection, components)

    def points(self, component: int, metric: str, /) -> Iterator[MetricPoint]:
        """See TrackingStore. The series is read as it is when the first point is asked for."""
        return values.points(self._connections.read, component, clean(metric))

    def windows(self, component: int, metric: str, query: WindowQuery, /) -> MetricWindows:
        """See TrackingStore."""
        with self._connections.read() as connection:
            columns = values.columns(connection, component, clean(metric))
        return cut(columns, query)

    # Lineage

    def artifact(self, source_uri: str, /) -> Artifact:
        """See TrackingStore."""
        with self._connections.read() as connection:
            return _artifact(connection, node_id(connection, NodeRef(NodeKind.ARTIFACT, source_uri)))

    def artifact_by_digest(self, digest: str, /) -> Artifact:
        """See TrackingStore."""
        with self._connections.read() as connection:
            return _artifact(connection, artifact_id(connection, digest))

    def artifacts(
        self, *, source_uris: Sequence[str] = (), type: str | None = None, limit: int | None = None
    ) -> list[Artifact]:
        """See TrackingStore."""
        query = graph.ARTIFACTS.limit(limit)
        if source_uris:
            query = query.where(s.nodes.c.key.in_([clean(uri) for uri in source_uris]))
        if type is not None:
            query = query.where(s.artifacts.c.type == type)
        with self._connections.read() as connection:
            return _artifacts(connection, query)

    def action(self, name: str, /) -> Action:
        """See TrackingStore."""
        return self._node(NodeKind.ACTION, name, graph.ACTIONS, s.actions.c.id, graph.action_of)

    def context(self, name: str, /) -> Context:
        """See TrackingStore."""
        return self._node(NodeKind.CONTEXT, name, graph.CONTEXTS, s.contexts.c.id, graph.context_of)

    def _node(
        self, kind: NodeKind, name: str, query: AnySelect, column: ColumnElement[int], make: Callable[..., V]
    ) -> V:
        with self._connections.read() as connection:
            node = node_id(connection, NodeRef(kind, name))
            row = next(rows_in(connection, query, column, [node]))
            properties = values.properties(connection, [node])[node]
            return make(row, properties, *_extras(connection, node))

    def associations(
        self, *, source: NodeRef | None = None, destination: NodeRef | None = None, type: str | None = None
    ) -> list[Association]:
        """See TrackingStore."""
        with self._connections.read() as connection:
            return graph.associations(connection, source, destination, type)

    def lineage(self, start: NodeRef, query: LineageQuery, /) -> Subgraph:
        """See TrackingStore."""
        with self._connections.read() as connection:
            return graph.lineage(connection, start, query)

    def path(self, source: NodeRef, destination: NodeRef, /, *, max_depth: int = 100) -> Subgraph | None:
        """See TrackingStore."""
        with self._connections.read() as connection:
            return graph.path(connection, source, destination, max_depth)

    # Finding

    def page(self, query: Listing[V], /) -> Page[V]:
        """See TrackingStore."""
        with self._asked_by_the_wire() as connection:
            return pages.page(connection, query)

    def search(self, query: Search[V], /) -> Page[V]:
        """See TrackingStore."""
        with self._asked_by_the_wire() as connection:
            return searching.search(connection, query)

    def find_nodes(self, text: str, /, *, kinds: Sequence[NodeKind] = (), limit: int = 20) -> list[NodeRef]:
        """See TrackingStore."""
        with self._connections.read() as connection:
            return finding.find_nodes(connection, text, kinds, limit)

    def counts(self) -> Mapping[str, int]:
        """See TrackingStore."""
        with self._connections.read() as connection:
            return finding.counts(connection)


def _connections(url: str, *, is_read_only: bool, lock_timeout_s: float) -> Connections:
    if is_server(url):
        address = server_address(url)
        try:
            from plugin_core.stores.local.server import ServerConnections
        except ImportError as error:
            raise SettingsError(
                f"The store {address.name} needs a driver that cannot be imported: {error}.",
                hint='Install it: pip install "flowtrail[postgres]".',
            ) from error
        return ServerConnections(
            address, prepare=migrate.prepare, is_read_only=is_read_only, lock_timeout_s=lock_timeout_s
        )
    from plugin_core.stores.local.connection import FileConnections
    from plugin_core.stores.local.location import path_of

    path = path_of(url)
    return FileConnections(path, prepare=migrate.prepare, is_read_only=is_read_only, lock_timeout_s=lock_timeout_s)


def _is_edit(change: Change | Edit) -> bool:
    return isinstance(change, Edit)


def _part(is_edit: bool, some: Iterable[Any]) -> Folded | list[Edit]:
    return list(some) if is_edit else fold(some)


def _about(parts: Iterable[Folded | list[Edit]]) -> list[str] | None:
    """What is written of; None, for everything, where an edit changes what depends on what is there."""
    keys: list[str | None] = []
    for part in parts:
        keys += part.about() if isinstance(part, Folded) else map(editing.about, part)
    known = [key for key in keys if key is not None]
    return known if len(known) == len(keys) else None


def _watermark(connection: Connection, journal: str) -> int:
    found = first_row(connection, q.WATERMARK, name=journal)
    return 0 if found is None else found[0]


def _extras(connection: Connection, node: int) -> tuple[dict[str, str | None], Provenance]:
    return values.tags(connection, [node])[node], values.provenance(connection, node)


def _component(connection: Connection, node: int) -> Component:
    row = next(rows_in(connection, listing.COMPONENTS, s.components.c.id, [node]))
    tags, provenance = _extras(connection, node)
    return listing.component_of(row, tags, values.properties(connection, [node])[node], provenance)


def _artifact(connection: Connection, node: int) -> Artifact:
    row = next(rows_in(connection, graph.ARTIFACTS, s.artifacts.c.id, [node]))
    return graph.artifact_of(row, values.properties(connection, [node])[node], *_extras(connection, node))


def _experiments(connection: Connection, query: Any) -> list[Experiment]:
    rows = list(raw_rows(connection, query))
    tags = values.tags(connection, [row[0] for row in rows])
    return [listing.experiment_of(row, tags[row[0]]) for row in rows]


def _trials(connection: Connection, query: Any) -> list[Trial]:
    rows = list(raw_rows(connection, query))
    tags = values.tags(connection, [row[0] for row in rows])
    return [listing.trial_of(row, tags[row[0]]) for row in rows]


def _artifacts(connection: Connection, query: Any) -> list[Artifact]:
    rows = list(raw_rows(connection, query))
    ids = [row[0] for row in rows]
    properties, tags = values.properties(connection, ids), values.tags(connection, ids)
    return [graph.artifact_of(row, properties[row[0]], tags[row[0]]) for row in rows]
