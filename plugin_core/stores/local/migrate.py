"""Brings a file to this flowtrail's schema: once, by one process, whoever opens it first.

Whether there is something to do costs one SELECT; alembic is imported only if there is.
"""

from __future__ import annotations

import logging
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.exc import OperationalError

from plugin_core.errors import StoreUnavailableError, StoreVersionError
from plugin_core.stores.local import schema as s
from plugin_core.stores.local.connection import Connections


@dataclass(frozen=True, slots=True)
class Version:
    """A file's schema, and which schemas' readers and writers get along with it."""

    version: int
    min_reader: int
    min_writer: int


def prepare(connections: Connections) -> None:
    """Make or migrate the file if need be. Raises StoreVersionError for one that this flowtrail cannot even read."""
    version = _seen(connections)
    if version is None or version.version < s.SCHEMA_VERSION:
        version = _readable(version, connections.path) if connections.is_read_only else _upgraded(connections)
    if version.min_reader > s.SCHEMA_VERSION:
        raise _newer(connections.path, version, "read")


def require_writable(connection: Connection, path: Path) -> None:
    """Raise StoreVersionError if a newer flowtrail has made the file one that this one must not write to.

    Asked in each write transaction, since it may have happened since the file was opened.
    """
    version = _version(connection)
    if version is not None and version.min_writer > s.SCHEMA_VERSION:
        raise _newer(path, version, "write to")


def has_digests(connection: Connection) -> bool:
    """Whether artifacts can be found by their digests: not in an older file, opened for reading only."""
    return _is_since(connection, 2)  # `0002_artifact_digests`


def knows_the_wire(connection: Connection) -> bool:
    """Whether it has what SageMaker's clients ask for: provenance, guests of trials, names of jobs; as above."""
    return _is_since(connection, 3)  # `0003_what_the_wire_asks`


def _is_since(connection: Connection, schema: int) -> bool:
    version = _version(connection)
    return version is not None and version.version >= schema


def _newer(path: Path, version: Version, what: str) -> StoreVersionError:
    return StoreVersionError(
        f"The store {path} has schema {version.version}, made by a newer flowtrail; this one has {s.SCHEMA_VERSION} "
        f"and cannot {what} it.",
        hint="Upgrade flowtrail; what was logged meanwhile waits in the journal.",
    )


def _readable(version: Version | None, path: Path) -> Version:
    if version is None:
        raise StoreUnavailableError(f"There is no record at {path}.", hint="It is made when something is recorded.")
    return version


def _seen(connections: Connections) -> Version | None:
    """The version of a file that is ready, without any lock; None for a new file."""
    path = connections.path
    if not path.exists() or path.stat().st_size == 0:
        return None
    with connections.open_reader() as connection:
        return _version(connection)


def _version(connection: Connection) -> Version | None:
    columns = s.schema_info.c
    try:
        row = connection.execute(select(columns.version, columns.min_reader, columns.min_writer)).first()
    except OperationalError as error:
        if "no such table" in str(error.orig):
            return None
        raise
    return None if row is None else Version(*row)


def _upgraded(connections: Connections) -> Version:
    from plugin_core.stores.local.location import make_folder, refuse_network

    make_folder(connections.path)
    refuse_network(connections.path)
    with connections.locked(), connections.open_writer() as connection:
        raw: Any = connection.connection.driver_connection
        raw.execute("PRAGMA journal_mode=WAL")
        with connection.begin():
            version = _version(connection)
        if version is None or version.version < s.SCHEMA_VERSION:
            if version is not None:
                _back_up(raw, connections.path, version.version)
            version = _migrate(connection)
    return version


def _back_up(raw: Any, path: Path, version: int) -> None:
    target = path.with_name(f"backup-{version}-{path.name}")
    with suppress(FileNotFoundError):
        target.unlink()
    raw.execute("VACUUM INTO ?", (str(target),))


def _migrate(connection: Connection) -> Version:
    with _quiet(), connection.begin():
        _run_scripts(connection)
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
