"""Reads what was logged of components: parameters, artifact entries, tags, properties, summaries and points."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from heapq import merge
from operator import itemgetter
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, bindparam, select

from plugin_core.model.components import ArtifactValue
from plugin_core.model.metrics import Json, MetricPoint, MetricSummary
from plugin_core.model.parameters import from_text
from plugin_core.model.provenance import NO_PROVENANCE, Provenance
from plugin_core.stores.local import migrate
from plugin_core.stores.local import schema as s
from plugin_core.stores.local.executing import AnySelect, all_rows, first_row, rows_in
from plugin_core.stores.local.listing import moment
from plugin_core.stores.local.points import Columns, by_step, unpack

T = TypeVar("T")

_PARAMETERS: Final = select(s.parameters.c.component_id, s.parameters.c.name, s.parameters.c.text).order_by(
    s.parameters.c.component_id, s.parameters.c.name
)
_ENTRY: Final = select(
    s.artifact_values.c.component_id,
    s.artifact_values.c.name,
    s.artifact_values.c.value,
    s.artifact_values.c.media_type,
).order_by(s.artifact_values.c.component_id, s.artifact_values.c.name)
_ENTRIES: Final = {
    is_output: _ENTRY.where(s.artifact_values.c.is_output == int(is_output)) for is_output in (True, False)
}
_PARENTS: Final = (
    select(s.trial_components.c.component_id, s.trials.c.name, s.experiments.c.name)
    .join_from(s.trial_components, s.trials, s.trials.c.id == s.trial_components.c.trial_id)
    .outerjoin(s.experiments, s.experiments.c.id == s.trials.c.experiment_id)
    .order_by(s.trial_components.c.component_id, s.trials.c.created_us, s.trials.c.id)
)
_TAGS: Final = (
    select(s.tags.c.node_id, s.tags.c.key, s.tags.c.value)
    .where(s.tags.c.removed == 0)
    .order_by(s.tags.c.node_id, s.tags.c.key)
)
_PROPERTIES: Final = select(s.properties.c.node_id, s.properties.c.key, s.properties.c.value).order_by(
    s.properties.c.node_id, s.properties.c.key
)
_PROVENANCE: Final = select(s.provenance.c.key, s.provenance.c.value, s.provenance.c.node_id)
_SUMMARIES: Final = select(
    s.series.c.component_id,
    s.series.c.name,
    s.series.c.count,
    s.series.c.last,
    s.series.c.last_step,
    s.series.c.last_us,
    s.series.c.minimum,
    s.series.c.maximum,
    s.series.c.mean,
    s.series.c.std_dev,
).order_by(s.series.c.component_id, s.series.c.name)


def _by_node(
    connection: Connection, query: AnySelect, ids: Sequence[int], value: Callable[[tuple[Any, ...]], T]
) -> dict[int, dict[str, T]]:
    """Rows of (id, name, ...) as a map of maps; an id without rows has an empty one."""
    found: dict[int, dict[str, T]] = {node: {} for node in ids}
    for row in rows_in(connection, query, query.selected_columns[0], ids):
        found[row[0]][row[1]] = value(row)
    return found


def parameters(connection: Connection, ids: Sequence[int]) -> dict[int, dict[str, Json]]:
    """Parameters by component and name."""
    return _by_node(connection, _PARAMETERS, ids, lambda row: from_text(row[2]))


def artifact_values(
    connection: Connection, ids: Sequence[int], *, is_output: bool
) -> dict[int, dict[str, ArtifactValue]]:
    """Artifact entries by component and name."""
    return _by_node(connection, _ENTRIES[is_output], ids, lambda row: ArtifactValue(value=row[2], media_type=row[3]))


def tags(connection: Connection, ids: Sequence[int]) -> dict[int, dict[str, str | None]]:
    """Tags by node and key."""
    return _by_node(connection, _TAGS, ids, itemgetter(2))


def parents(connection: Connection, ids: Sequence[int]) -> dict[int, dict[str, str]]:
    """Experiments by component and trial."""
    return _by_node(connection, _PARENTS, ids, lambda row: row[2] or "")


def properties(connection: Connection, ids: Sequence[int]) -> dict[int, dict[str, str]]:
    """Properties by node and key."""
    return _by_node(connection, _PROPERTIES, ids, itemgetter(2))


def provenance(connection: Connection, node: int) -> Provenance:
    """What is known of a node's origin."""
    if not migrate.knows_the_wire(connection):
        return NO_PROVENANCE
    known = {key: value for key, value, _ in rows_in(connection, _PROVENANCE, s.provenance.c.node_id, [node])}
    return Provenance(**known) if known else NO_PROVENANCE


def summaries(connection: Connection, ids: Sequence[int]) -> dict[int, dict[str, MetricSummary]]:
    """Summaries by component and metric."""
    return _by_node(connection, _SUMMARIES, ids, _summary)


def _summary(row: tuple[Any, ...]) -> MetricSummary:
    _, name, count, last, last_step, last_us, minimum, maximum, mean, std_dev = row
    return MetricSummary(
        name=name,
        count=count,
        last=math.nan if last is None else last,
        last_step=last_step,
        last_time=moment(last_us),
        minimum=minimum,
        maximum=maximum,
        mean=mean,
        std_dev=std_dev,
    )


_SERIES: Final = select(s.series.c.id, s.series.c.open_ordinal).where(
    s.series.c.component_id == bindparam("component"), s.series.c.name == bindparam("metric")
)
_CHUNKS: Final = (
    select(s.chunks.c.min_step, s.chunks.c.ordinal, s.chunks.c.max_step)
    .where(s.chunks.c.series_id == bindparam("series"))
    .order_by(s.chunks.c.min_step, s.chunks.c.ordinal)
)
_OPEN_PAYLOADS: Final = select(s.chunks.c.ordinal, s.chunks.c.payload).where(
    s.chunks.c.series_id == bindparam("series"), s.chunks.c.ordinal >= bindparam("first")
)
_PAYLOAD: Final = select(s.chunks.c.payload).where(
    s.chunks.c.series_id == bindparam("series"), s.chunks.c.ordinal == bindparam("place")
)


def points(
    reading: Callable[[], AbstractContextManager[Connection]], component: int, metric: str
) -> Iterator[MetricPoint]:
    """One series by step, then arrival, as it was at the start; at most the chunks that overlap are in memory.

    Full chunks never change, and are read one at a time; the rest is read at once, at the start.
    """
    with reading() as connection:
        found = first_row(connection, _SERIES, component=component, metric=metric)
        if found is None:
            return
        series, first_open = found
        spans = [(low, ordinal, high) for low, ordinal, high in all_rows(connection, _CHUNKS, series=series)]
        open_chunks = all_rows(connection, _OPEN_PAYLOADS, series=series, first=first_open)
        payloads: dict[int, bytes] = {ordinal: payload for ordinal, payload in open_chunks}  # noqa: C416 - as above

    def chunk(ordinal: int) -> Iterator[tuple[int, int, float, Json]]:
        payload = payloads.pop(ordinal, None)
        if payload is None:
            with reading() as connection:
                found = first_row(connection, _PAYLOAD, series=series, place=ordinal)
                payload = None if found is None else found[0]
        return iter(()) if payload is None else by_step(unpack(payload))

    for ordinals in _overlapping(spans):
        for step, time, value, data in merge(*map(chunk, ordinals), key=itemgetter(0)):
            yield MetricPoint(step, moment(time), value, data)


_PAYLOADS: Final = (
    select(s.chunks.c.payload)
    .join(s.series, s.series.c.id == s.chunks.c.series_id)
    .where(s.series.c.component_id == bindparam("component"), s.series.c.name == bindparam("metric"))
    .order_by(s.chunks.c.ordinal)
)


def columns(connection: Connection, component: int, metric: str) -> Columns:
    """One series as it was logged, all of it."""
    whole = Columns()
    for (payload,) in all_rows(connection, _PAYLOADS, component=component, metric=metric):
        part = unpack(payload)
        whole.extend(part.steps, part.times, part.values, part.data)
    return whole


def _overlapping(spans: Sequence[tuple[int, int, int]]) -> Iterator[list[int]]:
    """Groups of chunks whose steps overlap, in order; spans are (least step, ordinal, highest step), sorted."""
    group: list[int] = []
    highest = latest = -1
    for low, ordinal, high in spans:
        if group and (low > highest or (low == highest and ordinal > latest)):
            yield sorted(group)
            group = []
        group.append(ordinal)
        highest, latest = max(highest, high), max(latest, ordinal)
    if group:
        yield sorted(group)
