"""Deletes nodes with all that is their own, and associations.

Runs inside a write transaction that the caller has begun; nothing here commits.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from sqlalchemy import BindParameter, Connection, bindparam, delete, select

from plugin_core.errors import ConflictError, NotFoundError
from plugin_core.model.lineage import NodeKind, NodeRef
from plugin_core.stores.local import schema as s
from plugin_core.stores.local import statements as q
from plugin_core.stores.local.executing import all_rows, many
from plugin_core.stores.local.fold import clean
from plugin_core.stores.local.membership import rehome
from plugin_core.stores.local.resolving import node_id

_t: Final = s.components.c
_m: Final = s.trial_components.c
_node: Final[BindParameter[int]] = bindparam("node")
_TRIALS: Final = select(s.trials.c.id).where(s.trials.c.experiment_id == _node)
_AT_HOME: Final = select(_t.id).where(_t.experiment_id == _node)
_TRIALS_IN: Final = select(_m.trial_id).where(_m.component_id == _node)
_one = s.trial_components.alias("one")
_other = s.trial_components.alias("other")
_SHARED: Final = select(_other.c.component_id).join_from(_one, _other, _other.c.component_id == _one.c.component_id)
# Members of what is deleted, and those of them that are in a trial that stays.
_MEMBERS: Final = {
    NodeKind.TRIAL: select(_m.component_id).where(_m.trial_id == _node),
    NodeKind.EXPERIMENT: select(_m.component_id).where(_m.trial_id.in_(_TRIALS)),
}
_STAYING: Final = {
    NodeKind.TRIAL: _SHARED.where(_one.c.trial_id == _node, _other.c.trial_id != _node),
    NodeKind.EXPERIMENT: _SHARED.where(_one.c.trial_id.in_(_TRIALS), _other.c.trial_id.not_in(_TRIALS)),
}


def delete_node(connection: Connection, ref: NodeRef, *, cascade: bool, shared: bool) -> None:
    """Delete a node; ConflictError if others hold it or belong to it and ``cascade`` is not given.

    Components that are in a trial that stays, stay, unless what is ``shared`` is to go, too.
    """
    node = node_id(connection, ref)
    trials = _ids(connection, _TRIALS, node) if ref.kind is NodeKind.EXPERIMENT else []
    components = list(_components(connection, node, ref.kind))
    held = _ids(connection, _TRIALS_IN, node) if ref.kind is NodeKind.COMPONENT else []
    if not cascade and (trials or components or held):
        raise _in_use(ref, len(trials) + len(components), len(held))
    staying = set(_ids(connection, _STAYING[ref.kind], node)) if components and not shared else set[int]()
    gone = [*trials, *(component for component in components if component not in staying), node]
    many(connection, q.DELETE_NODE, ({"node": one} for one in gone))
    if staying:
        rehome(connection, sorted(staying))


def _in_use(ref: NodeRef, belonging: int, holding: int) -> ConflictError:
    what = f"is in {holding} trials" if holding else f"has {belonging} others that belong to it"
    hint = "Take it out of these" if holding else "Delete these before, or all at once"
    return ConflictError(
        f"{ref.kind} {ref.key!r} {what}.", kind=str(ref.kind), name=ref.key, hint=f"{hint}, or use cascade=True."
    )


def _components(connection: Connection, node: int, kind: NodeKind) -> Iterable[int]:
    """Components that belong to a node: members of its trials, and what is at home in it."""
    if kind not in _MEMBERS:
        return ()
    at_home = _ids(connection, _AT_HOME, node) if kind is NodeKind.EXPERIMENT else []
    return dict.fromkeys([*_ids(connection, _MEMBERS[kind], node), *at_home])


def _ids(connection: Connection, query: Any, node: int) -> list[int]:
    return [found for (found,) in all_rows(connection, query, node=node)]


def delete_association(connection: Connection, source: NodeRef, destination: NodeRef, type_: str | None) -> None:
    """Delete the edges between two nodes; NotFoundError if there is none."""
    edges = s.associations.c
    between = delete(s.associations).where(
        edges.source_id == node_id(connection, source), edges.destination_id == node_id(connection, destination)
    )
    if type_ is not None:
        between = between.where(edges.type == clean(type_))
    if not connection.execute(between).rowcount:
        raise NotFoundError("association", f"{source.key} -> {destination.key}")
