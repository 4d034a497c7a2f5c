"""Carries out edits: what the wire asks of things that exist, in the order it asks, each at once.

Runs inside a write transaction that the caller has begun; nothing here commits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final

from sqlalchemy import BindParameter, ColumnElement, Connection, Table, Update, bindparam, case, delete, select, update

from plugin_core.model import changes as c
from plugin_core.model import edits as e
from plugin_core.model.components import ArtifactValue
from plugin_core.model.lineage import NodeKind, NodeRef
from plugin_core.model.provenance import Provenance
from plugin_core.stores.local import rows as r
from plugin_core.stores.local import schema as s
from plugin_core.stores.local import statements as q
from plugin_core.stores.local.creating import TABLES
from plugin_core.stores.local.executing import all_rows, execute, many, rows_in
from plugin_core.stores.local.fold import clean, key_of
from plugin_core.stores.local.membership import add_to_trial, remove_from_trial
from plugin_core.stores.local.removals import INPUT, OUTPUT, PARAMETER, PROPERTY, remove
from plugin_core.stores.local.resolving import node_id

_UNTAG_ARN: Final = delete(s.foreign_tags).where(
    s.foreign_tags.c.arn == bindparam("of"), s.foreign_tags.c.key == bindparam("name")
)
_MODIFIED: Final = {table: select(table.c.modified_us) for table in (s.artifacts, s.actions, s.contexts)}


_ONE_NODE: Final = {
    e.UpdateExperiment: NodeKind.EXPERIMENT,
    e.UpdateTrial: NodeKind.TRIAL,
    e.UpdateComponent: NodeKind.COMPONENT,
    e.UpdateArtifact: NodeKind.ARTIFACT,
    e.UpdateAction: NodeKind.ACTION,
    e.UpdateContext: NodeKind.CONTEXT,
}


def about(edit: Any) -> str | None:
    """The key of the only thing that an edit changes and relies on; None where that depends on what is there."""
    kind = _ONE_NODE.get(type(edit))
    if kind is None:
        return None
    return "/".join(key_of(kind, edit.source_uri if kind is NodeKind.ARTIFACT else edit.name))


def carry_out(connection: Connection, edit: e.Edit) -> None:
    """Change the record as an edit asks; NotFoundError for what does not exist."""
    _EDITORS[type(edit)](connection, edit)


def _update(connection: Connection, ref: NodeRef, edit: Any, values: Mapping[str, Any], *, put: bool = True) -> int:
    """Set columns of a node's row, those that are not None, and its times and changer; the node's id."""
    node = node_id(connection, ref)
    given: dict[str, Any] = {name: value for name, value in values.items() if value is not None}
    # No Put of a journal that is older overwrites a Put.
    statement = _setting(TABLES[str(ref.kind)], tuple(given), ("modified_us", "put_us") if put else ("modified_us",))
    execute(connection, statement, node=node, at=edit.at, **given)
    if edit.by is not None:
        many(connection, q.SET_PROVENANCE, r.provenance(node, Provenance(modified_by=edit.by)))
    return node


@cache  # of as many as there are kinds of edits
def _setting(table: Table, columns: tuple[str, ...], times: tuple[str, ...]) -> Update:
    """Set columns of a node's row, and those of its times that lie before ``at`` to that."""
    at: BindParameter[int] = bindparam("at")
    values: dict[str, ColumnElement[Any]] = {name: bindparam(name) for name in columns}
    values |= {name: case((table.c[name] < at, at), else_=table.c[name]) for name in times}
    return update(table).where(table.c.id == bindparam("node")).values(values)


def _text(value: str | None) -> str | None:
    return None if value is None else clean(value)


def _experiment(connection: Connection, edit: e.UpdateExperiment) -> None:
    values = {"display_name": _text(edit.display_name), "description": _text(edit.description)}
    _update(connection, NodeRef(NodeKind.EXPERIMENT, edit.name), edit, values)


def _trial(connection: Connection, edit: e.UpdateTrial) -> None:
    _update(connection, NodeRef(NodeKind.TRIAL, edit.name), edit, {"display_name": _text(edit.display_name)})


def _component(connection: Connection, edit: e.UpdateComponent) -> None:
    values: dict[str, Any] = {
        "display_name": _text(edit.display_name),
        "started_us": edit.started_at,
        "ended_us": edit.ended_at,
    }
    ref = NodeRef(NodeKind.COMPONENT, edit.name)
    # A display name alone is a Put's; status and times have rules and times of their own.
    node = _update(connection, ref, edit, values, put=edit.display_name is not None)
    if edit.status is not None or edit.status_message is not None:
        _set_status(connection, node, edit)
    _edit_parameters(connection, node, edit)
    _edit_artifacts(connection, node, edit, edit.inputs, edit.removed_inputs, is_output=False)
    _edit_artifacts(connection, node, edit, edit.outputs, edit.removed_outputs, is_output=True)


def _set_status(connection: Connection, node: int, edit: e.UpdateComponent) -> None:
    values: dict[str, Any] = {"status_message": _text(edit.status_message)}
    if edit.status is not None:
        values |= {"status": str(edit.status), "status_inferred": 0}
    times = () if edit.status is None else ("status_us",)
    execute(connection, _setting(s.components, tuple(values), times), node=node, at=edit.at, **values)


def _edit_parameters(connection: Connection, node: int, edit: e.UpdateComponent) -> None:
    remove(connection, node, PARAMETER, edit.removed_parameters, at=edit.at)
    change = c.SetParameters(at=edit.at, component=edit.name, parameters=edit.parameters)
    many(connection, q.OVERWRITE_PARAMETER, r.parameters(change, _ids(edit.name, node)))


def _edit_artifacts(
    connection: Connection,
    node: int,
    edit: e.UpdateComponent,
    values: Mapping[str, ArtifactValue],
    removed: tuple[str, ...],
    *,
    is_output: bool,
) -> None:
    remove(connection, node, OUTPUT if is_output else INPUT, removed, at=edit.at)
    change = c.SetArtifactValues(at=edit.at, component=edit.name, is_output=is_output, values=values)
    many(connection, q.OVERWRITE_ARTIFACT_VALUE, r.artifact_values(change, _ids(edit.name, node)))


def _ids(component: str, node: int) -> dict[tuple[str, str], int]:
    return {key_of(NodeKind.COMPONENT, component): node}


def _artifact(connection: Connection, edit: e.UpdateArtifact) -> None:
    ref = NodeRef(NodeKind.ARTIFACT, edit.source_uri)
    _edit_properties(connection, s.artifacts, _update(connection, ref, edit, {"name": _text(edit.name)}), edit)


def _action(connection: Connection, edit: e.UpdateAction) -> None:
    values = {"description": _text(edit.description), "status": _text(edit.status)}
    node = _update(connection, NodeRef(NodeKind.ACTION, edit.name), edit, values)
    _edit_properties(connection, s.actions, node, edit)


def _context(connection: Connection, edit: e.UpdateContext) -> None:
    values = {"description": _text(edit.description)}
    node = _update(connection, NodeRef(NodeKind.CONTEXT, edit.name), edit, values)
    _edit_properties(connection, s.contexts, node, edit)


def _edit_properties(
    connection: Connection, table: Table, node: int, edit: e.UpdateArtifact | e.UpdateAction | e.UpdateContext
) -> None:
    if edit.removed_properties:  # these have no times of their own: none is from later than what is known of the node
        [(at,)] = rows_in(connection, _MODIFIED[table], table.c.id, [node])
        remove(connection, node, PROPERTY, edit.removed_properties, at=at)
    many(connection, q.OVERWRITE_PROPERTY, r.properties(node, edit))


def _tag_arn(connection: Connection, edit: e.TagArn) -> None:
    arn = clean(edit.arn).casefold()
    many(connection, _UNTAG_ARN, ({"of": arn, "name": clean(key)} for key in edit.removed))
    rows = ({"arn": arn, "key": clean(key), "value": _text(value)} for key, value in edit.tags.items())
    many(connection, q.TAG_ARN, rows)


_EDITORS: Final[dict[type, Callable[[Connection, Any], None]]] = {
    e.UpdateExperiment: _experiment,
    e.UpdateTrial: _trial,
    e.UpdateComponent: _component,
    e.UpdateArtifact: _artifact,
    e.UpdateAction: _action,
    e.UpdateContext: _context,
    e.AddToTrial: lambda connection, edit: add_to_trial(connection, edit.component, edit.trial, edit.at),
    e.RemoveFromTrial: lambda connection, edit: remove_from_trial(connection, edit.component, edit.trial, edit.at),
    e.TagArn: _tag_arn,
}


_FOREIGN_TAGS: Final = (
    select(s.foreign_tags.c.key, s.foreign_tags.c.value)
    .where(s.foreign_tags.c.arn == bindparam("of"))
    .order_by(s.foreign_tags.c.key)
)


def arn_tags(connection: Connection, arn: str) -> dict[str, str | None]:
    """Tags of what is no node, by its ARN."""
    found = all_rows(connection, _FOREIGN_TAGS, of=clean(arn).casefold())
    return {key: value for key, value in found}  # noqa: C416 - rows are of any length to a type checker
