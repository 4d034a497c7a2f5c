"""An IO manager that keeps outputs in flowtrail's blob store, by their content, and verifies what it loads."""

from __future__ import annotations

from typing import Any, Final

from dagster import ConfigurableIOManager, InputContext, OutputContext
from pydantic import Field

from dagster_integration import formats
from dagster_integration.instrumentor import own_guard
from dagster_integration.translate import asset_uri
from plugin_core.errors import InvalidValueError, NotFoundError
from plugin_core.model.lineage import ArtifactType
from plugin_core.tracking import kept

_TABULAR: Final = ("parquet", "npy")


class FlowtrailIOManager(ConfigurableIOManager):
    """Stores outputs as content-addressed artifacts and loads them back with their checksum verified.

    Tables, arrays, bytes and what JSON holds exactly are stored in formats that are safe to read. Of an
    asset the latest value is loaded, of each partition its own; several partitions come as a mapping.
    """

    allow_pickle: bool = Field(
        default=False,
        description="Store other values as pickles, and load them. A pickle runs code when it is read: only for "
        "stores that nobody can write to who is not trusted.",
    )

    def handle_output(self, context: OutputContext, obj: Any) -> None:
        """Store an output. InvalidValueError for a value that no allowed format holds; StoreError."""
        form, data = formats.encode(obj, allow_pickle=self.allow_pickle)
        uri, title = _place(context, _only_partition(context))
        notes = {"format": form.name, "run": context.run_id, "step": context.step_key}
        if form is formats.PICKLE:
            notes["untrusted"] = "pickle"
        kind = ArtifactType.DATA_SET if form.name.endswith(_TABULAR) else ArtifactType.VALUE
        digest = kept.keep(uri, data, title=title, type=kind, media_type=form.media_type, notes=notes)
        context.add_output_metadata(
            {"flowtrail/blob": digest, "flowtrail/format": form.name, "flowtrail/size": len(data)}
        )

    def load_input(self, context: InputContext) -> Any:
        """Load what was stored. NotFoundError if nothing was; ArtifactCorruptError if it is not what was stored."""
        if not context.has_asset_partitions:
            return self._load(context, None)
        keys = list(context.asset_partition_keys)
        if len(keys) == 1:
            return self._load(context, keys[0])
        lenient = bool(context.definition_metadata.get("allow_missing_partitions"))
        found: dict[str, Any] = {}
        for key in keys:
            try:
                found[key] = self._load(context, key)
            except NotFoundError:
                if not lenient:
                    raise
        return found

    def _load(self, context: InputContext, partition: str | None) -> Any:
        uri, title = _place(context, partition)
        try:
            stored = kept.find(uri)
            data = kept.read(stored, what=f"{title}, made by run {stored.notes.get('run')}")
        except NotFoundError as error:
            raise NotFoundError(
                "The stored value of", title, hint="Materialize it with FlowtrailIOManager, into this store, first."
            ) from error
        with own_guard("an input's origin"):
            kept.note_use(stored)
        return formats.decode(stored.notes.get("format") or "", data, allow_pickle=self.allow_pickle)


def _only_partition(context: OutputContext) -> str | None:
    if not context.has_asset_partitions:
        return None
    keys = list(context.asset_partition_keys)
    if len(keys) != 1:
        raise InvalidValueError(
            f"A step made {len(keys)} partitions of {context.asset_key.to_user_string()} as one value.",
            hint="FlowtrailIOManager keeps each partition for itself: use a backfill policy of one run per partition.",
        )
    return keys[0]


def _place(context: InputContext | OutputContext, partition: str | None) -> tuple[str, str]:
    """The name that a value is kept under, and what people call it."""
    if context.has_asset_key:
        name = context.asset_key.to_user_string() + ("" if partition is None else f"[{partition}]")
        return asset_uri(context.asset_key, version=None, partition=partition), f"asset {name}"
    where = list(context.get_identifier())  # the run, the step, the output, and a mapping key if there is one
    return "/".join(["dagster:run", *where]), f"output {'/'.join(where[1:])}"
