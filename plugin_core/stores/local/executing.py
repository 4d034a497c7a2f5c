"""Runs statements at the driver's speed.

SQLAlchemy makes the SQL of a statement once; after that the driver is given the SQL and a tuple, and gives
tuples. Having SQLAlchemy run it takes many times as long as SQLite needs for a row. So statements run here are
constants, whose SQL is kept for the life of the process; one made for a single use is SQLAlchemy's to run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from operator import itemgetter
from typing import Any, Final, NamedTuple, TypeAlias

from sqlalchemy import ColumnElement, Connection, CursorResult, Dialect, Select, Tuple, literal_column
from sqlalchemy.sql.dml import UpdateBase

Row: TypeAlias = dict[str, Any]
AnySelect: TypeAlias = Select[*tuple[Any, ...]]  # of any number of columns

IN_LIMIT: Final = 512  # names or ids asked for in one statement
_LIST: Final = "__listed__"


class _Sql(NamedTuple):
    """A statement as the driver takes it: the names of its parameters in order, and those that it brings itself."""

    text: str
    names: tuple[str, ...]
    own: Mapping[str, Any]


_statements: dict[tuple[AnySelect | UpdateBase, str, tuple[str, ...]], _Sql] = {}
_list_queries: dict[tuple[AnySelect, ColumnElement[Any], str, int], str] = {}


def all_rows(connection: Connection, query: AnySelect, /, **values: Any) -> list[tuple[Any, ...]]:
    """All rows of a constant query with values for its parameters."""
    found: list[tuple[Any, ...]] = _run(connection, query, values).fetchall()
    return found


def first_row(connection: Connection, query: AnySelect, /, **values: Any) -> tuple[Any, ...] | None:
    """The first row of a constant query, None if there is none."""
    found: tuple[Any, ...] | None = _run(connection, query, values).fetchone()
    return found


def execute(connection: Connection, statement: UpdateBase, /, **values: Any) -> int:
    """Run a constant statement that writes, and count the rows that it wrote."""
    count: int = _run(connection, statement, values).rowcount
    return count


def _run(connection: Connection, statement: AnySelect | UpdateBase, values: Mapping[str, Any]) -> Any:
    sql = _sql(connection, statement, tuple(values))
    given = {**sql.own, **values} if sql.own else values
    return _on_driver(connection, sql.text, tuple([given[name] for name in sql.names]))


def many(connection: Connection, statement: UpdateBase, rows: Iterable[Row]) -> None:
    """Run a statement, whose only parameters are the rows' columns, for each row, if there are any."""
    given = list(rows)
    if not given:
        return
    sql = _sql(connection, statement, tuple(given[0]))
    if len(sql.names) > 1:  # only then does itemgetter return tuples
        values = list(map(itemgetter(*sql.names), given))
    else:
        values = [tuple(row[name] for name in sql.names) for row in given]
    driver: Any = connection.connection.driver_connection
    try:
        driver.cursor().executemany(sql.text, values) if len(values) > 1 else driver.execute(sql.text, values[0])
    except connection.dialect.loaded_dbapi.Error as error:
        _forget_if_broken(connection, error)
        raise


def _sql(connection: Connection, statement: AnySelect | UpdateBase, names: tuple[str, ...]) -> _Sql:
    key = statement, connection.dialect.name, names
    if key not in _statements:
        compiled: Any = statement.compile(dialect=connection.dialect, column_keys=[*names])
        own = {name: value for name, value in compiled.params.items() if name not in names}
        _statements[key] = _Sql(str(compiled), tuple(compiled.positiontup), own)
    return _statements[key]


def _on_driver(connection: Connection, sql: str, values: tuple[Any, ...]) -> Any:
    """A cursor of the driver, which has run the SQL; inside a transaction that the caller has begun."""
    driver: Any = connection.connection.driver_connection
    try:
        return driver.execute(sql, values)
    except connection.dialect.loaded_dbapi.Error as error:
        _forget_if_broken(connection, error)
        raise


def _forget_if_broken(connection: Connection, error: Any) -> None:
    """SQLAlchemy did not see the error, and would take a connection that broke for a good one."""
    driver: Any = connection.connection.driver_connection
    if connection.dialect.is_disconnect(error, driver, None):
        connection.invalidate(error)


def raw_rows(connection: Connection, query: AnySelect) -> Iterator[tuple[Any, ...]]:
    """Rows as the driver's own tuples, which cost a third of SQLAlchemy's, one by one; of any query."""
    return iter(_cursor(connection.execute(query)))


def rows_in(
    connection: Connection, query: AnySelect, column: ColumnElement[Any], values: Sequence[Any]
) -> Iterator[tuple[Any, ...]]:
    """Rows of a query, which has no parameters, for which ``column`` is one of ``values``, asked for in parts.

    Both are constants. The list is written out here: SQLAlchemy takes longer to expand it than SQLite to answer.
    """
    for start in range(0, len(values), IN_LIMIT):
        part = tuple(values[start : start + IN_LIMIT])
        yield from _on_driver(connection, *_listed(connection, query, column, part, 1)).fetchall()


def rows_in_pairs(
    connection: Connection, query: AnySelect, columns: Tuple, values: Sequence[tuple[Any, Any]]
) -> Iterator[tuple[Any, ...]]:
    """The same for pairs: those rows for which two columns are one of ``values``."""
    for start in range(0, len(values), IN_LIMIT // 2):
        part = tuple(chain.from_iterable(values[start : start + IN_LIMIT // 2]))
        yield from _on_driver(connection, *_listed(connection, query, columns, part, 2)).fetchall()


def _listed(
    connection: Connection, query: AnySelect, column: ColumnElement[Any], values: tuple[Any, ...], width: int
) -> tuple[str, tuple[Any, ...]]:
    """The SQL with a list that is as long as its values, and the values: ``width`` of them are one of the list.

    The list is padded to a power of two: the driver meets few different statements, and keeps them prepared.
    """
    count = len(values) // width
    padding = (1 << (count - 1).bit_length()) - count
    key = query, column, connection.dialect.name, count + padding
    if key not in _list_queries:
        _list_queries[key] = _list_sql(connection.dialect, query, column, count + padding, width)
    return _list_queries[key], values + values[-width:] * padding if padding else values


def _list_sql(dialect: Dialect, query: AnySelect, column: ColumnElement[Any], count: int, width: int) -> str:
    mark = "?" if dialect.paramstyle == "qmark" else "%s"
    if width > 1:
        mark = f"({', '.join([mark] * width)})"
    before = "VALUES " if width > 1 and dialect.tuple_in_values else ""
    listed = query.where(column.op("IN")(literal_column(f"({_LIST})")))
    sql = str(listed.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))
    return sql.replace(_LIST, before + ", ".join([mark] * count))


def _cursor(result: CursorResult[Any]) -> Any:
    return result.cursor
