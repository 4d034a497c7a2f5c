"""What SQLite and PostgreSQL say differently, and the seam behind which their connections differ.

PostgreSQL's part of SQLAlchemy is imported where a PostgreSQL store is opened, and nowhere else: importing it
costs as much again as opening an SQLite store.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Any, Final, Protocol, Self, TypeVar

from sqlalchemy import Connection, Table
from sqlalchemy.dialects.sqlite import Insert as SqliteInsert

LOCK_TIMEOUT_S: Final = 30.0

S = TypeVar("S", bound=SqliteInsert)


class Connections(Protocol):
    """The way of one process to one database. Safe to share between threads, and across a fork.

    Everything inside its contexts raises the errors of ``plugin_core.errors`` alone.
    """

    name: str  # for people: without a password
    is_read_only: bool

    def follow(self) -> None:
        """Have the tables made or migrated on first use, and again if the database was replaced since."""
        ...

    def read(self) -> AbstractContextManager[Connection]:
        """A connection on one snapshot of the store."""
        ...

    def write(self, about: Iterable[str] | None = None) -> AbstractContextManager[Connection]:
        """A connection in a write transaction: committed at the end, rolled back on any exception.

        Whoever else writes waits. With ``about``, keys of all that is going to be written or relied on, only
        those wait who write about one of them as well, where the database can tell them apart.
        """
        ...

    def is_blank(self) -> bool:
        """Whether it is certain, without a connection, that nothing is there yet."""
        ...

    def looking(self) -> AbstractContextManager[Connection]:
        """A connection to what may have no tables yet, or those of another version."""
        ...

    def upgrading(self) -> AbstractContextManager[Connection]:
        """A connection, in no transaction, of the only process that writes; for making and migrating the tables."""
        ...

    def has_tables(self, connection: Connection) -> bool:
        """Whether there is a record, of whatever version."""
        ...

    def back_up(self, connection: Connection, version: int) -> None:
        """Keep what is there before it is migrated."""
        ...

    def finish_migration(self, connection: Connection) -> None:
        """Do to the tables what migrations do not say, since it is about this database alone."""
        ...

    def about(self, connection: Connection) -> str:
        """What the record is kept in, in words: the product, its version, the size."""
        ...

    def close(self) -> None:
        """Close what is idle; using it again opens new connections."""
        ...


class Insert(SqliteInsert):
    """An INSERT whose ON CONFLICT both compile."""

    inherit_cache = SqliteInsert.inherit_cache  # before SQLAlchemy 2.1 an ON CONFLICT has no key to be cached by

    def on_conflict_do_update(self, *arguments: Any, **options: Any) -> Self:
        """See SQLAlchemy's."""
        return _for_both(super().on_conflict_do_update(*arguments, **options))

    def on_conflict_do_nothing(self, *arguments: Any, **options: Any) -> Self:
        """See SQLAlchemy's."""
        return _for_both(super().on_conflict_do_nothing(*arguments, **options))


def _for_both(statement: S) -> S:
    """PostgreSQL's compiler asks for a constraint's name, which SQLite's clause has not: here always none."""
    clause: Any = statement._post_values_clause  # noqa: SLF001 - there is no public way
    clause.constraint_target = None
    return statement


def insert(table: Table) -> Insert:
    """INSERT into a table, which does not ask for the new rows' ids."""
    return Insert(table).inline()
