"""What edits have removed: an older write that arrives later does not bring it back.

Runs inside a write transaction that the caller has begun; nothing here commits.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Table, and_, bindparam, delete, select

from plugin_core.stores.local import schema as s
from plugin_core.stores.local.executing import execute, first_row, many, rows_in
from plugin_core.stores.local.fold import clean
from plugin_core.stores.local.statements import REMEMBER_REMOVAL

PARAMETER: Final = "parameter"
INPUT: Final = "input"
OUTPUT: Final = "output"
PROPERTY: Final = "property"

_REMOVED: Final = select(s.removals.c.node_id, s.removals.c.what, s.removals.c.name, s.removals.c.at_us)


def _rows_of(what: str) -> tuple[Table, Any]:
    """The table that holds what is removed, and the condition that names one node's row in it."""
    if what == PROPERTY:
        p = s.properties.c
        return s.properties, and_(p.node_id == bindparam("node"), p.key == bindparam("called"))
    if what == PARAMETER:
        q = s.parameters.c
        return s.parameters, and_(q.component_id == bindparam("node"), q.name == bindparam("called"))
    a = s.artifact_values.c
    here = and_(a.component_id == bindparam("node"), a.name == bindparam("called"))
    return s.artifact_values, and_(here, a.is_output == int(what == OUTPUT))


_ROWS: Final = {what: _rows_of(what) for what in (PARAMETER, INPUT, OUTPUT, PROPERTY)}
_DELETES: Final = {what: delete(table).where(where) for what, (table, where) in _ROWS.items()}
_TIMES: Final = {what: select(table.c.at_us).where(where) for what, (table, where) in _ROWS.items() if what != PROPERTY}


def remove(connection: Connection, node: int, what: str, names: Iterable[str], *, at: int) -> None:
    """Remove values of a node, and remember when: at ``at``, or when they were written if that is said to be later."""
    called = [clean(name) for name in names]
    times = [_written_at(connection, node, what, name, at) for name in called]
    many(
        connection,
        REMEMBER_REMOVAL,
        ({"node_id": node, "what": what, "name": name, "at_us": t} for name, t in zip(called, times, strict=True)),
    )
    for name in called:
        execute(connection, _DELETES[what], node=node, called=name)


def _written_at(connection: Connection, node: int, what: str, name: str, at: int) -> int:
    if what not in _TIMES:
        return at
    written = first_row(connection, _TIMES[what], node=node, called=name)
    return at if written is None else max(at, written[0])


class Removals:
    """What was removed from some nodes."""

    def __init__(self, connection: Connection, nodes: Sequence[int]) -> None:
        found = rows_in(connection, _REMOVED, s.removals.c.node_id, nodes)
        self._at = {(node, what, name): at for node, what, name, at in found}

    def are_before(self, at: int, node: int, what: str, name: str) -> bool:
        """Whether a value that was written at ``at`` was not removed then or later."""
        return not self._at or self._at.get((node, what, name), -1) < at
