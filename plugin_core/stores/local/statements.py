"""The statements that write, each idempotent and each deciding by time which of two writers wins.

They run once per batch with many rows.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import ColumnElement, Table, and_, bindparam, case, delete, func, literal_column, or_, select, update

from plugin_core.model.components import Status
from plugin_core.stores.local import schema as s
from plugin_core.stores.local.dialects import Insert, insert

FINAL_STATUSES: Final = tuple(status.value for status in Status if status.is_final)


def _least(old: ColumnElement[Any], new: ColumnElement[Any]) -> ColumnElement[Any]:
    return case((new < old, new), else_=old)


def _greatest(old: ColumnElement[Any], new: ColumnElement[Any]) -> ColumnElement[Any]:
    return case((new > old, new), else_=old)


def _put(table: Table, *fields: str, fills_only: bool = False) -> Insert:
    """Insert a node's row; where it exists, the later Put's fields win and an earlier one's fill what is null.

    With ``fills_only`` what is there stays, whichever is later.
    """
    statement = insert(table)
    old, new = table.c, statement.excluded
    is_later = new.put_us >= old.put_us

    def merged(name: str) -> ColumnElement[Any]:
        kept = func.coalesce(old[name], new[name])
        return kept if fills_only else case((is_later, func.coalesce(new[name], old[name])), else_=kept)

    values = {name: merged(name) for name in fields}
    values |= {"created_us": _least(old.created_us, new.created_us)}
    values |= {name: _greatest(old[name], new[name]) for name in ("modified_us", "put_us", "used_us") if name in old}
    if not fills_only:  # a name that a mere mention gave is replaced by the way the thing's own Put writes it
        named_only = and_(old.put_us < literal_column("0"), new.put_us >= literal_column("0"))
        values |= {"name": case((named_only, new.name), else_=old.name)}
    return statement.on_conflict_do_update(index_elements=[old.id], set_=values)


PUT_EXPERIMENT: Final = _put(s.experiments, "display_name", "description")
PUT_TRIAL: Final = _put(s.trials, "experiment_id", "display_name", "root_id")
PUT_COMPONENT: Final = _put(
    s.components,
    "display_name",
    "kind",
    "experiment_id",
    "trial_id",
    "run_name",
    "parent_id",
    "root_id",
    "attempt",
    "previous_id",
    "orchestrator",
    "execution_id",
    "step_id",
    "url",
    "source_arn",
)
PUT_ARTIFACT: Final = _put(
    s.artifacts, "type", "name", "source_types", "media_type", "size_bytes", "blob", fills_only=True
)
PUT_ACTION: Final = _put(s.actions, "type", "source_uri", "description", "status")
PUT_CONTEXT: Final = _put(s.contexts, "type", "source_uri", "description")

ADD_NODE: Final = insert(s.nodes).on_conflict_do_nothing()
ADD_MEMBER: Final = insert(s.trial_components).on_conflict_do_nothing()
ADD_PROPERTY: Final = insert(s.properties).on_conflict_do_nothing()


def _overwrite(table: Table, *fields: str) -> Insert:
    """Insert a value under its key; where there is one, the new one wins. A time only moves forward."""
    statement = insert(table)
    old, new = table.c, statement.excluded
    values: dict[str, ColumnElement[Any]] = {name: new[name] for name in fields}
    if "at_us" in old:
        values["at_us"] = _greatest(old.at_us, new.at_us)
    return statement.on_conflict_do_update(index_elements=list(table.primary_key.columns), set_=values)


SET_PROVENANCE: Final = _overwrite(s.provenance, "value")
OVERWRITE_PROPERTY: Final = _overwrite(s.properties, "value")
OVERWRITE_PARAMETER: Final = _overwrite(s.parameters, "text", "number")
OVERWRITE_ARTIFACT_VALUE: Final = _overwrite(s.artifact_values, "value", "media_type")
TAG_ARN: Final = _overwrite(s.foreign_tags, "value")


def _put_association() -> Insert:
    statement = insert(s.associations)
    old, new = s.associations.c, statement.excluded
    return statement.on_conflict_do_update(
        index_elements=[old.source_id, old.destination_id, old.type],
        set_={"at_us": new.at_us},
        where=new.at_us < old.at_us,
    )


PUT_ASSOCIATION: Final = _put_association()


def _set_by_time(table: Table, *fields: str) -> Insert:
    """Insert a value under its key; where there is one, the later ``at_us`` wins, whichever arrives last."""
    statement = insert(table)
    new = statement.excluded
    values = {name: new[name] for name in (*fields, "at_us")}
    return statement.on_conflict_do_update(
        index_elements=list(table.primary_key.columns), set_=values, where=new.at_us >= table.c.at_us
    )


SET_PARAMETER: Final = _set_by_time(s.parameters, "text", "number")
SET_ARTIFACT_VALUE: Final = _set_by_time(s.artifact_values, "value", "media_type")
SET_TAG: Final = _set_by_time(s.tags, "value", "removed")
REMEMBER_REMOVAL: Final = _set_by_time(s.removals)


def _put_journal() -> Insert:
    statement = insert(s.journals)
    new = statement.excluded
    values = {name: new[name] for name in ("host", "pid", "boot_id", "started")}
    return statement.on_conflict_do_update(index_elements=[s.journals.c.journal], set_=values)


PUT_JOURNAL: Final = _put_journal()
SEE_JOURNAL: Final = (
    update(s.journals)
    .where(
        s.journals.c.journal == bindparam("name"),
        func.coalesce(s.journals.c.seen_us, literal_column("-1")) <= bindparam("at"),
    )
    .values(seen_us=bindparam("at"), lease_until_us=bindparam("lease"))
)


def _set_watermark() -> Insert:
    statement = insert(s.journals)
    return statement.on_conflict_do_update(
        index_elements=[s.journals.c.journal], set_={"watermark": statement.excluded.watermark}
    )


SET_WATERMARK: Final = _set_watermark()
WATERMARK: Final = select(s.journals.c.watermark).where(s.journals.c.journal == bindparam("name"))
LEASES: Final = select(s.journals.c.journal, s.journals.c.lease_until_us).where(
    s.journals.c.lease_until_us.is_not(None)
)

# A reported status beats a guess if it is final, or later; a guess beats what was reported if that is not
# final, and earlier; else the later one wins.
_IS_FINAL: Final = s.components.c.status.in_([literal_column(f"'{status}'") for status in FINAL_STATUSES])
_INFERRED: Final = s.components.c.status_inferred
_ONE: Final[ColumnElement[Any]] = literal_column("1")
_ZERO: Final[ColumnElement[Any]] = literal_column("0")
SET_STATUS: Final = (
    update(s.components)
    .where(
        s.components.c.id == bindparam("component"),
        or_(bindparam("inferred") == _ZERO, _INFERRED == _ONE, ~_IS_FINAL),
        or_(
            bindparam("at") >= s.components.c.status_us,
            and_(bindparam("inferred") == _ZERO, bindparam("final") == _ONE, _INFERRED == _ONE),
        ),
    )
    .values(
        status=bindparam("new"),
        status_message=bindparam("message"),
        status_inferred=bindparam("inferred"),
        status_us=bindparam("at"),
        ended_us=bindparam("ended"),
    )
)
SET_STARTED: Final = (
    update(s.components)
    .where(s.components.c.id == bindparam("component"), s.components.c.started_us.is_(None))
    .values(started_us=bindparam("started"))
)
SET_OWNER: Final = (
    update(s.components)
    .where(s.components.c.id == bindparam("component"), s.components.c.owner_us <= bindparam("at"))
    .values(owner_id=bindparam("owner"), owner_us=bindparam("at"))
)
TOUCH_COMPONENT: Final = (
    update(s.components)
    .where(s.components.c.id == bindparam("component"), s.components.c.modified_us < bindparam("at"))
    .values(modified_us=bindparam("at"))
)
USE_EXPERIMENT: Final = (
    update(s.experiments)
    .where(s.experiments.c.id == bindparam("experiment"), s.experiments.c.used_us < bindparam("at"))
    .values(used_us=bindparam("at"))
)
SET_NUMBER: Final = (
    update(s.components).where(s.components.c.id == bindparam("component")).values(number=bindparam("given"))
)
SET_LAST_NUMBER: Final = (
    update(s.experiments).where(s.experiments.c.id == bindparam("experiment")).values(last_number=bindparam("given"))
)

ADD_SERIES: Final = insert(s.series).on_conflict_do_nothing()
ADD_CHUNK: Final = insert(s.chunks)
DELETE_CHUNKS: Final = delete(s.chunks).where(
    s.chunks.c.series_id == bindparam("series"), s.chunks.c.ordinal >= bindparam("first")
)
DELETE_NODE: Final = delete(s.nodes).where(s.nodes.c.id == bindparam("node"))
