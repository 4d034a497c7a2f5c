"""Which versions of assets a step has read that other runs made.

The events name the version that was read of an asset without partitions. Of one with partitions they name
a hash over many: there, the partition mapping tells which were read and the instance which version each had,
asked once for an asset and a set of partitions, however many steps read it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

from dagster_integration import _compat
from dagster_integration.translate import asset_product
from plugin_core.capture.events import Product

if TYPE_CHECKING:
    from dagster import AssetKey, DagsterInstance, DagsterRun, JobDefinition

MOST: Final = 500  # partitions of one asset that a step is said to have read each; of more, the asset as a whole


@dataclass(slots=True)
class Read:
    """What events tell of one asset that a step has read."""

    version: str | None = None
    pointer: int | None = None  # no event after this one counts; without one there was none, or it is now
    by: Any = None  # the key of the asset or check that it was read for
    partitions: set[str] = field(default_factory=set[str])  # of the reader


class PartitionsRead(Protocol):
    """Tells which partitions of an asset were read; None if it has none."""

    def __call__(self, asset: AssetKey, read: Read) -> Collection[str] | None:
        """The keys of the partitions."""
        ...


class AssetReads:
    """Names what was read, for one run."""

    def __init__(self, instance: DagsterInstance, partitions_read: PartitionsRead) -> None:
        self._instance = instance
        self._partitions_read = partitions_read
        self._versions: dict[tuple[AssetKey, tuple[str, ...]], Mapping[str, str | None]] = {}
        self._latest: dict[tuple[AssetKey, int | None], str | None] = {}
        self._made: dict[AssetKey, dict[str | None, Product]] = {}

    def made(self, asset: AssetKey, partition: str | None, product: Product) -> None:
        """A step of this run has made a version: what reads the asset from now on reads that."""
        self._made.setdefault(asset, {})[partition] = product

    def products_of(self, asset: AssetKey, read: Read) -> list[Product]:
        """The versions that a step has read."""
        made = self._made.get(asset, {})
        if None in made:
            return [made[None]]
        partitions = self._partitions_read(asset, read)
        if partitions is None:
            return [asset_product(asset, version=self._version_of(asset, read))]
        wanted = tuple(sorted(partitions))
        if not wanted or len(wanted) > MOST:
            return [asset_product(asset)]
        return [self._product_of(asset, key, made, read, wanted) for key in wanted]

    def _product_of(
        self, asset: AssetKey, key: str, made: Mapping[str | None, Product], read: Read, wanted: tuple[str, ...]
    ) -> Product:
        if key in made:
            return made[key]
        return asset_product(asset, version=self._versions_of(asset, wanted, read).get(key), partition=key)

    def _version_of(self, asset: AssetKey, read: Read) -> str | None:
        """That which the events name; else, where a step did not get as far as to tell, the latest."""
        if read.version is not None:
            return None if read.pointer is None else read.version
        at = (asset, read.pointer)
        if at not in self._latest:
            self._latest[at] = _compat.latest_version(self._instance, asset, until=read.pointer)
        return self._latest[at]

    def _versions_of(self, asset: AssetKey, partitions: tuple[str, ...], read: Read) -> Mapping[str, str | None]:
        known = self._versions.get((asset, partitions))
        if known is None:
            known = _compat.versions_of_partitions(self._instance, asset, partitions, until=read.pointer)
            self._versions[asset, partitions] = known
        return known


def partitions_by_mapping(job: JobDefinition, run: DagsterRun, instance: DagsterInstance) -> PartitionsRead:
    """What the job's own partition mappings say."""
    graph = _compat.asset_graph_of(job)

    def partitions_read(asset: AssetKey, read: Read) -> Collection[str] | None:
        upstream = graph.get(asset).partitions_def if graph.has(asset) else None
        if upstream is None or read.by is None or not graph.has(read.by):
            return None if upstream is None else ()
        reader = graph.get(read.by).partitions_def
        keys = read.partitions or (set() if reader is None else _compat.partition_keys_of(run, reader))
        mapped = graph.get_partition_mapping(read.by, asset).get_upstream_mapped_partitions_result_for_partitions(
            None if reader is None else reader.subset_with_partition_keys(keys),
            reader,
            upstream,
            dynamic_partitions_store=instance,
        )
        found: Collection[str] = mapped.partitions_subset.get_partition_keys()
        return found

    return partitions_read


def partitions_by_events(instance: DagsterInstance) -> PartitionsRead:
    """What can be concluded without definitions: the reader's own partition, or all where it has none."""
    known: dict[tuple[AssetKey, int], frozenset[str]] = {}

    def partitions_read(asset: AssetKey, read: Read) -> Collection[str] | None:
        if read.pointer is None:
            return None
        at = (asset, read.pointer)
        if at not in known:
            known[at] = frozenset(_compat.versions_of_partitions(instance, asset, None, until=read.pointer))
        if not known[at]:
            return None
        return known[at] & read.partitions if read.partitions else known[at]

    return partitions_read
