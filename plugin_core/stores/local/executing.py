"""Runs statements with many rows, and asks for many things, at the driver's speed.

SQLAlchemy makes the SQL once; rows go to the driver as tuples, which costs a fraction of binding each
row's parameters by name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from operator import itemgetter
from typing import Any, Final, TypeAlias

from sqlalchemy import ColumnElement, Connection, CursorResult, Dialect, Select, literal_column
from sqlalchemy.sql.dml import UpdateBase

Row: TypeAlias = dict[str, Any]
AnySelect: TypeAlias = Select[*tuple[Any, ...]]  # of any number of columns

_Key: TypeAlias = tuple[UpdateBase, str, tuple[str, ...]]
_sql: dict[_Key, tuple[str, list[str]]] = {}  # as many as there are statements

IN_LIMIT: Final = 512  # names or ids asked for in one statement
_LIST: Final = "__listed__"
_queries: dict[tuple[AnySelect, str, str], str] = {}


def many(connection: Connection, statement: UpdateBase, rows: Iterable[Row]) -> None:
    """Run a statement, whose only parameters are the rows' columns, for each row, if there are any."""
    given = list(rows)
    if not given:
        return
    key = statement, connection.dialect.name, tuple(given[0])
    if key not in _sql:
        _sql[key] = _compiled(statement, connection.dialect, key[2])
    sql, names = _sql[key]
    # Two names at least make itemgetter return tuples.
    values = map(itemgetter(*names), given) if len(names) > 1 else ((row[names[0]],) for row in given)
    connection.exec_driver_sql(sql, list(values))


@cache  # as many as there are statements
def _compiled(statement: UpdateBase, dialect: Dialect, columns: tuple[str, ...]) -> tuple[str, list[str]]:
    compiled: Any = statement.compile(dialect=dialect, column_keys=list(columns))
    return str(compiled), list(compiled.positiontup)


def raw_rows(connection: Connection, query: AnySelect) -> Iterator[tuple[Any, ...]]:
    """Rows as the driver's own tuples, which cost a third of SQLAlchemy's, one by one."""
    return iter(_cursor(connection.execute(query)))


def rows_in(
    connection: Connection, query: AnySelect, column: ColumnElement[Any], values: Sequence[Any]
) -> Iterator[tuple[Any, ...]]:
    """Rows of a query, which has no parameters, for which ``column`` is one of ``values``, asked for in parts.

    The query is a module's constant: its SQL is kept for the life of the process.
    The list is written out here: SQLAlchemy takes longer to expand it than SQLite to answer.
    """
    key = query, str(column), connection.dialect.name
    if key not in _queries:
        listed = query.where(column.op("IN")(literal_column(f"({_LIST})")))
        _queries[key] = str(listed.compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True}))
    mark = "?" if connection.dialect.positional and connection.dialect.paramstyle == "qmark" else "%s"
    for start in range(0, len(values), IN_LIMIT):
        part = tuple(values[start : start + IN_LIMIT])
        # Padded to a power of two, so that the driver meets few different statements and keeps them prepared.
        padded = part + part[-1:] * ((1 << (len(part) - 1).bit_length()) - len(part))
        sql = _queries[key].replace(_LIST, ", ".join([mark] * len(padded)))
        yield from _cursor(connection.exec_driver_sql(sql, padded)).fetchall()


def _cursor(result: CursorResult[Any]) -> Any:
    return result.cursor
