"""Connections of one process to a PostgreSQL database, and all that is said to PostgreSQL alone.

Writers wait for one another on advisory locks, by what they write about; readers wait for nobody, each on a
snapshot. A connection that is idle is asked whether it still works before it is used. No connection is used by
two processes: a child of a fork forgets its parent's, unclosed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager, suppress
from typing import Any, Final
from weakref import WeakSet, finalize
from zlib import crc32

import psycopg
from psycopg.conninfo import make_conninfo
from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool

from plugin_core.errors import SettingsError, StoreError, StoreReadOnlyError
from plugin_core.stores.addresses import ServerAddress
from plugin_core.stores.local import server_tables
from plugin_core.stores.local.dialects import LOCK_TIMEOUT_S
from plugin_core.stores.local.server_failures import has_lost_tables, translated

_STRIPES: Final = 64
_SPACE: Final = 0x666C6F77  # "flow": the first half of our advisory locks' keys
_EVERYTHING: Final = 0
_LOCK_ALL: Final = "SELECT pg_advisory_xact_lock(%s, %s)"
_LOCK_SOME: Final = (
    "SELECT pg_advisory_xact_lock_shared(%s, %s) "
    "UNION ALL SELECT pg_advisory_xact_lock(%s, stripe) FROM unnest(%s::int[]) AS stripe"
)
_HOLD: Final = "SELECT pg_advisory_lock(%s, %s)"
_LET_GO: Final = "SELECT pg_advisory_unlock(%s, %s)"
_STATEMENT_TIMEOUT_S: Final = 60
_LIBPQ: Final = {
    "application_name": "flowtrail",
    "client_encoding": "UTF8",
    "connect_timeout": "5",
    # A server that is gone without a word is noticed in a minute, not in hours.
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
}


class ServerConnections:
    """The way to the database at ``address``. ``prepare`` is called with this before first use."""

    def __init__(
        self,
        address: ServerAddress,
        *,
        prepare: Callable[[ServerConnections], None],
        is_read_only: bool = False,
        lock_timeout_s: float = LOCK_TIMEOUT_S,
    ) -> None:
        self.name = address.name
        self.is_read_only = is_read_only
        self.schema = address.schema
        self._prepare = prepare
        self._is_prepared = False
        self._engine = _engine(address, lock_timeout_s)
        self._reading = self._engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        self._ended = finalize(self, self._engine.dispose)  # nobody has to close a store
        _living.add(self)

    def follow(self) -> None:
        """See Connections."""
        if self._is_prepared:
            return
        try:
            with translated(self.name):
                self._prepare(self)
        except StoreError:
            self.close()
            raise
        self._is_prepared = True

    @contextmanager
    def read(self) -> Generator[Connection]:
        """See Connections."""
        self.follow()
        with self._watched(), self._reading.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self, about: Iterable[str] | None = None) -> Generator[Connection]:
        """See Connections."""
        self._refuse_read_only()
        self.follow()
        with self._watched(), self._engine.connect() as connection, connection.begin():
            if about is None:
                connection.exec_driver_sql(_LOCK_ALL, (_SPACE, _EVERYTHING))
            else:  # in order, so that no two wait for each other
                stripes = sorted({1 + crc32(key.encode("utf-8", "replace")) % _STRIPES for key in about})
                connection.exec_driver_sql(_LOCK_SOME, (_SPACE, _EVERYTHING, _SPACE, stripes))
            yield connection

    @contextmanager
    def _watched(self) -> Generator[None]:
        try:
            with translated(self.name):
                yield
        except StoreError as error:
            cause = error.__cause__
            if has_lost_tables(cause.orig if isinstance(cause, DBAPIError) else cause):
                self._is_prepared = False
            raise

    def _refuse_read_only(self) -> None:
        if self.is_read_only:
            raise StoreReadOnlyError(f"The store {self.name} was opened for reading only.")

    def is_blank(self) -> bool:
        """See Connections."""
        return False

    @contextmanager
    def looking(self) -> Generator[Connection]:
        """See Connections."""
        with self._reading.connect() as connection:
            yield connection

    @contextmanager
    def upgrading(self) -> Generator[Connection]:
        """See Connections."""
        self._refuse_read_only()
        with translated(self.name), self._engine.connect() as connection:
            _say(connection, _HOLD, (_SPACE, _EVERYTHING))
            try:
                server_tables.make_schema(connection, self.schema)
                yield connection
            finally:
                with suppress(DBAPIError):  # a connection that broke has let go of it
                    _say(connection, _LET_GO, (_SPACE, _EVERYTHING))

    def has_tables(self, connection: Connection) -> bool:
        """See Connections."""
        return server_tables.has_tables(connection, self.schema)

    def back_up(self, connection: Connection, version: int) -> None:
        """See Connections: a server's backups are its owner's, and a migration is one transaction."""

    def finish_migration(self, connection: Connection) -> None:
        """See Connections."""
        server_tables.settle(connection, self.schema)

    def about(self, connection: Connection) -> str:
        """See Connections."""
        return server_tables.about(connection, self.schema)

    def close(self) -> None:
        """See Connections."""
        self._engine.dispose()

    def after_fork_in_child(self) -> None:
        """Begin anew. The parent's connections are kept, so that nothing closes them."""
        _abandoned.append(self._engine.pool)
        self._engine.dispose(close=False)


def _say(connection: Connection, sql: str, parameters: tuple[Any, ...]) -> None:
    with connection.begin():
        connection.exec_driver_sql(sql, parameters)


def _engine(address: ServerAddress, lock_timeout_s: float) -> Engine:
    options = {**_LIBPQ, **address.options}
    given = {
        "search_path": address.schema,
        "lock_timeout": f"{lock_timeout_s:.3f}s",
        "statement_timeout": f"{max(_STATEMENT_TIMEOUT_S, 2 * lock_timeout_s):.3f}s",
        # Whoever hangs in a transaction must not keep all others from writing.
        "idle_in_transaction_session_timeout": f"{_STATEMENT_TIMEOUT_S}s",
    }
    words = [f"-c {name}={value}" for name, value in given.items()]
    options["options"] = " ".join([*words, address.options.get("options", "")]).strip()
    try:
        target = make_conninfo(**options)
    except psycopg.ProgrammingError as error:
        raise SettingsError(
            f"The URL of the store {address.name} has an option that cannot be used: {error}."
        ) from None

    def connect() -> psycopg.Connection[Any]:
        return psycopg.connect(target)

    return create_engine(
        "postgresql+psycopg://",
        creator=connect,
        paramstyle="format",
        use_native_hstore=False,
        poolclass=QueuePool,
        pool_size=address.pool_size,
        max_overflow=0,
        pool_timeout=lock_timeout_s,
        pool_pre_ping=True,
        pool_use_lifo=True,
        execution_options={"preserve_rowcount": True},  # of an INSERT too: it says whether there was a conflict
    )


_living: WeakSet[ServerConnections] = WeakSet()
_abandoned: list[Any] = []


def _after_fork_in_child() -> None:
    for connections in list(_living):
        connections.after_fork_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
