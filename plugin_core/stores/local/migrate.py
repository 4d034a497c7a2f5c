"""Brings a store to this flowtrail's schema: once, by one process, whoever opens it first.

Whether there is something to do costs one SELECT; alembic is imported only if there is.
"""

from __future__ import annotations

import logging
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, select

from plugin_core.errors import StoreUnavailableError, StoreVersionError
from plugin_core.stores.local import schema as s
from plugin_core.stores.local.dialects import Connections, insert
from plugin_core.stores.local.executing import first_row


@dataclass(frozen=True, slots=True)
class Version:
    """A store's schema, and which schemas' readers and writers get along with it."""

    version: int
    min_reader: int
    min_writer: int


_SCHEMA: Final = "flowtrail schema"
_VERSION: Final = select(s.schema_info.c.version, s.schema_info.c.min_reader, s.schema_info.c.min_writer)


def prepare(connections: Connections) -> None:
    """Make or migrate the tables if need be. Raises StoreVersionError for one that this flowtrail cannot even read."""
    version = _seen(connections)
    if version is None or version.version < s.SCHEMA_VERSION:
        version = _readable(version, connections.name) if connections.is_read_only else _upgraded(connections)
    if version.min_reader > s.SCHEMA_VERSION:
        raise _newer(connections.name, version, "read")


def require_writable(connection: Connection, name: str) -> None:
    """Raise StoreVersionError if a newer flowtrail has made the store one that this one must not write to.

    Asked in each write transaction, since it may have happened since the store was opened.
    """
    version = _version(connection)
    if version is not None and version.min_writer > s.SCHEMA_VERSION:
        raise _newer(name, version, "write to")


def has_digests(connection: Connection) -> bool:
    """Whether artifacts can be found by their digests: not in an older file, opened for reading only."""
    return _is_since(connection, 2)  # `0002_artifact_digests`


def knows_the_wire(connection: Connection) -> bool:
    """Whether it has what SageMaker's clients ask for: provenance, guests of trials, names of jobs; as above."""
    return _is_since(connection, 3)  # `0003_what_the_wire_asks`


def require_the_wire(connection: Connection, name: str) -> None:
    """Raise StoreVersionError for an older file, opened for reading only, that cannot answer what the wire asks."""
    if not knows_the_wire(connection):
        raise StoreVersionError(
            f"The store {name} was made by an older flowtrail and cannot be searched as it is.",
            hint="Open it once for writing, which brings it up to date.",
        )


def _is_since(connection: Connection, schema: int) -> bool:
    """Asked once in a connection's life, if it is: no schema becomes an older one."""
    known: int = connection.info.get(_SCHEMA, 0)
    if known < schema:
        version = _version(connection)
        known = connection.info[_SCHEMA] = 0 if version is None else version.version
    return known >= schema


def _newer(name: str, version: Version, what: str) -> StoreVersionError:
    return StoreVersionError(
        f"The store {name} has schema {version.version}, made by a newer flowtrail; this one has {s.SCHEMA_VERSION} "
        f"and cannot {what} it.",
        hint="Upgrade flowtrail; what was logged meanwhile waits in the journal.",
    )


def _readable(version: Version | None, name: str) -> Version:
    if version is None:
        error = StoreUnavailableError(f"There is no record at {name}.", hint="It is made when something is recorded.")
        error.is_new = True
        raise error
    return version


def _seen(connections: Connections) -> Version | None:
    """The version of a store that is ready, without any lock; None for a new one."""
    if connections.is_blank():
        return None
    with connections.looking() as connection:
        return _version_if_any(connections, connection)


def _version_if_any(connections: Connections, connection: Connection) -> Version | None:
    return _version(connection) if connections.has_tables(connection) else None


def _version(connection: Connection) -> Version | None:
    row = first_row(connection, _VERSION)
    return None if row is None else Version(*row)


def _upgraded(connections: Connections) -> Version:
    with connections.upgrading() as connection:
        with connection.begin():
            version = _version_if_any(connections, connection)
        if version is None or version.version < s.SCHEMA_VERSION:
            if version is not None:
                connections.back_up(connection, version.version)
            version = _migrate(connections, connection)
    return version


def _migrate(connections: Connections, connection: Connection) -> Version:
    with _quiet(), connection.begin():
        _run_scripts(connection)
        connections.finish_migration(connection)
        row = {"version": s.SCHEMA_VERSION, "min_reader": s.MIN_READER, "min_writer": s.MIN_WRITER}
        statement = insert(s.schema_info).values(id=1, **row)
        connection.execute(statement.on_conflict_do_update(index_elements=[s.schema_info.c.id], set_=row))
    return Version(**row)


def _run_scripts(connection: Connection) -> None:
    """Run the migrations that a file lacks, with none of alembic's proxies.

    Its commands and ``alembic.op`` set module globals, and an orchestrator in this process may be migrating
    its own database with them at this moment: the scripts get their operations as an argument instead.
    """
    from alembic.operations import Operations
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory(str(Path(__file__).with_name("migrations")))
    context = MigrationContext.configure(connection)
    lacking = list(scripts.iterate_revisions("head", context.get_current_revision() or "base"))
    for script in reversed(lacking):
        script.module.upgrade(Operations(context))
    context.stamp(scripts, "head")


@contextmanager
def _quiet() -> Generator[None]:
    """Alembic tells the log of each step at INFO; a user's log is not ours to write to."""
    logger = logging.getLogger("alembic")
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)
