"""Connections of one process to one SQLite file, and all that is said to SQLite alone.

Writers take the file lock, then ``BEGIN IMMEDIATE``; whoever holds the lock also checkpoints. Readers
have connections of their own, each a snapshot. No connection crosses a fork: the parent closes idle ones
before it, the child forgets the rest unclosed, since closing would end the parent's locks.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote
from weakref import WeakSet

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import NullPool

from plugin_core.errors import FlowtrailError, StoreError
from plugin_core.stores.local.dialects import LOCK_TIMEOUT_S
from plugin_core.stores.local.failures import locked, read_only, translated
from plugin_core.stores.local.filelock import FileLock

_WAL_LIMIT: Final = 8 << 20  # bytes after which the lock's holder checkpoints
_HAS_TABLES: Final = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'schema_info'"
_FORK_WAIT_S: Final = 1.0
_IDLE_READERS: Final = 4
_PRAGMAS: Final = (
    "PRAGMA foreign_keys=ON",
    "PRAGMA trusted_schema=OFF",
    "PRAGMA cell_size_check=ON",
    "PRAGMA mmap_size=0",
    "PRAGMA temp_store=MEMORY",
)
_WRITER_PRAGMAS: Final = ("PRAGMA synchronous=NORMAL", "PRAGMA wal_autocheckpoint=0")


class FileConnections:
    """The way to the file at ``path``. ``prepare`` is called with this on a file not seen before."""

    def __init__(
        self,
        path: Path,
        *,
        prepare: Callable[[FileConnections], None],
        is_read_only: bool = False,
        lock_timeout_s: float = LOCK_TIMEOUT_S,
    ) -> None:
        self.path = path
        self.name = str(path)
        self._wal = f"{path}-wal"
        self.is_read_only = is_read_only
        self.lock_timeout_s = lock_timeout_s
        self._prepare = prepare
        self._reading = _engine(self._connect_reader, "BEGIN")
        self._writing = _engine(self._connect_writer, "BEGIN IMMEDIATE")
        self._reset()
        _living.add(self)

    def _reset(self) -> None:
        self._write_mutex = threading.RLock()
        self._pool_mutex = threading.Lock()
        self._file_lock = FileLock(self.path.with_name(f"{self.path.name}.lock"))
        self._writer: Connection | None = None
        self._idle: list[Connection] = []
        self._file: tuple[int, int] | None = None
        self._wal_tried = 0
        self._gate = _Gate()

    @contextmanager
    def read(self) -> Generator[Connection]:
        """See Connections."""
        self.follow()
        with translated(self.path), self._gate.entered():
            connection = self._take_reader()
            try:
                with connection.begin():
                    yield connection
            except FlowtrailError:
                self._give_back(connection)
                raise
            except BaseException:
                connection.close()
                raise
            self._give_back(connection)

    @contextmanager
    def write(self, about: Iterable[str] | None = None) -> Generator[Connection]:  # noqa: ARG002 - a file has one writer
        """See Connections."""
        self.follow()
        with self.locked(), self._gate.entered():
            connection = self._open_writer()
            try:
                with connection.begin():
                    yield connection
                self._checkpoint_if_long(connection)
            except BaseException:
                self._drop_writer()
                raise

    @contextmanager
    def locked(self) -> Generator[None]:
        """Be the only writer, of all threads and processes. Reentrant within a thread."""
        if self.is_read_only:
            raise read_only(self.path)
        if not self._write_mutex.acquire(timeout=self.lock_timeout_s):
            raise locked(self.path, str(os.getpid()))
        try:
            with translated(self.path), self._file_lock.held(self.lock_timeout_s):
                yield
        finally:
            self._write_mutex.release()

    def follow(self) -> None:
        """See Connections."""
        if self._file is not None and self._file == _identity(self.path):
            return
        with self._write_mutex, self._gate.entered():
            if self._file is not None and self._file != _identity(self.path):
                self._close_all()
            if self._file is None:
                with translated(self.path):
                    self._prepare(self)
                    self._file = _identity(self.path)

    def is_blank(self) -> bool:
        """See Connections."""
        return _size(self.path) == 0

    @contextmanager
    def looking(self) -> Generator[Connection]:
        """See Connections."""
        with self._reading.connect() as connection:
            yield connection

    @contextmanager
    def upgrading(self) -> Generator[Connection]:
        """See Connections."""
        from plugin_core.stores.local.location import make_folder, refuse_network

        make_folder(self.path)
        refuse_network(self.path)
        with self.locked(), self._writing.connect() as connection:
            _driver(connection).execute("PRAGMA journal_mode=WAL")
            yield connection

    def has_tables(self, connection: Connection) -> bool:
        """See Connections."""
        return connection.exec_driver_sql(_HAS_TABLES).first() is not None

    def back_up(self, connection: Connection, version: int) -> None:
        """See Connections: a copy beside the file."""
        target = self.path.with_name(f"backup-{version}-{self.path.name}")
        with suppress(FileNotFoundError):
            target.unlink()
        _driver(connection).execute("VACUUM INTO ?", (str(target),))

    def finish_migration(self, connection: Connection) -> None:
        """See Connections: nothing is left to do."""

    def about(self, connection: Connection) -> str:  # noqa: ARG002 - the files say it
        """See Connections."""
        size, waiting = (_size(Path(f"{self.path}{suffix}")) for suffix in ("", "-wal"))
        told = f"SQLite {sqlite3.sqlite_version}, {size / 1e6:.1f} MB"
        return f"{told} and {waiting / 1e6:.1f} MB in the WAL" if waiting else told

    def close(self) -> None:
        """See Connections. Checkpoints first."""
        with self._write_mutex, self._gate.entered():
            if self._writer is not None and self._file == _identity(self.path):
                with suppress(StoreError), self.locked():
                    _driver(self._writer).execute("PRAGMA wal_checkpoint(PASSIVE)")
            self._close_all()
            self._file_lock.forget()

    def _close_all(self) -> None:
        self._drop_writer()
        with self._pool_mutex:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()
        self._file = None

    def _take_reader(self) -> Connection:
        with self._pool_mutex:
            if self._idle:
                return self._idle.pop()
        return self._reading.connect()

    def _give_back(self, connection: Connection) -> None:
        with self._pool_mutex:
            if len(self._idle) < _IDLE_READERS and self._file is not None:
                self._idle.append(connection)
                return
        connection.close()

    def _open_writer(self) -> Connection:
        if self._writer is None:
            self._writer = self._writing.connect()
        return self._writer

    def _drop_writer(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()

    def _checkpoint_if_long(self, connection: Connection) -> None:
        """Move the WAL's pages into the file, waiting for no reader; when one is in the way, later."""
        size = _size(self._wal)
        if size < self._wal_tried:
            self._wal_tried = 0
        if size < self._wal_tried + _WAL_LIMIT:
            return
        raw = _driver(connection)
        raw.execute("PRAGMA busy_timeout=0")
        busy, _, _ = raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        raw.execute(f"PRAGMA busy_timeout={self._busy_ms}")
        self._wal_tried = size if busy else 0

    @property
    def _busy_ms(self) -> int:
        return int(self.lock_timeout_s * 1000)

    def _connect_reader(self) -> sqlite3.Connection:
        connection = self._connect(_reading_uri(self.path, is_read_only=self.is_read_only))
        connection.execute("PRAGMA query_only=ON")
        return connection

    def _connect_writer(self) -> sqlite3.Connection:
        connection = self._connect(f"{_uri(self.path)}?mode=rwc")
        for pragma in _WRITER_PRAGMAS:
            connection.execute(pragma)
        return connection

    def _connect(self, uri: str) -> sqlite3.Connection:
        connection = sqlite3.connect(
            uri, uri=True, timeout=self.lock_timeout_s, isolation_level=None, check_same_thread=False
        )
        for pragma in _PRAGMAS:
            connection.execute(pragma)
        return connection

    def before_fork(self) -> None:
        """Close what a child must not inherit, once no thread is in a transaction."""
        if self._gate.shut(_FORK_WAIT_S):
            self._close_all()

    def after_fork_in_parent(self) -> None:
        """Go on."""
        self._gate.open()

    def after_fork_in_child(self) -> None:
        """Begin anew. The copy of the lock's file must go, or it keeps the lock alive after the parent's death."""
        _abandoned.extend(c for c in (self._writer, *self._idle) if c is not None)
        with suppress(OSError):
            self._file_lock.forget()
        self._reset()


class _Gate:
    """Lets threads into transactions, and none while a fork is about to happen.

    SQLite keeps locks and state per process, so that a child forked in the midst of a transaction may hang
    or believe that a lock is its own.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._inside = 0
        self._is_shut = False
        self._depth = threading.local()

    @contextmanager
    def entered(self) -> Generator[None]:
        """Be inside; a thread that is may enter again."""
        depth: int = getattr(self._depth, "value", 0)
        if depth == 0:
            with self._changed:
                self._changed.wait_for(lambda: not self._is_shut)
                self._inside += 1
        self._depth.value = depth + 1
        try:
            yield
        finally:
            self._depth.value = depth
            if depth == 0:
                with self._changed:
                    self._inside -= 1
                    self._changed.notify_all()

    def shut(self, timeout_s: float) -> bool:
        """Let nobody in any more, and wait until all are out; whether they are, in time."""
        with self._changed:
            self._is_shut = True
            return self._changed.wait_for(lambda: self._inside == 0, timeout_s)

    def open(self) -> None:
        """Let threads in again."""
        with self._changed:
            self._is_shut = False
            self._changed.notify_all()


def _engine(connect: Callable[[], sqlite3.Connection], begin: str) -> Engine:
    engine = create_engine("sqlite://", creator=connect, poolclass=NullPool)

    def begin_explicitly(connection: Connection) -> None:
        _driver(connection).execute(begin)

    event.listen(engine, "begin", begin_explicitly)
    return engine


def _driver(connection: Connection) -> Any:
    return connection.connection.driver_connection


def _uri(path: Path) -> str:
    return f"file:{quote(str(path))}"


def _reading_uri(path: Path, *, is_read_only: bool) -> str:
    """Reading a WAL file needs its shared memory; where none can be made, and no writer left any, none is needed."""
    if not is_read_only:
        return f"{_uri(path)}?mode=rw"
    has_wal = path.with_name(f"{path.name}-wal").exists()
    frozen = not has_wal and not os.access(path.parent, os.W_OK)
    return f"{_uri(path)}?mode=ro{'&immutable=1' if frozen else ''}"


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _size(path: Path | str) -> int:
    try:
        return os.stat(path).st_size  # noqa: PTH116 - asked after each transaction: a Path costs more than the rest
    except OSError:
        return 0


_living: WeakSet[FileConnections] = WeakSet()
_abandoned: list[Connection] = []  # kept, so that nothing closes them


def _before_fork() -> None:
    for connections in list(_living):
        connections.before_fork()


def _after_fork_in_parent() -> None:
    for connections in list(_living):
        connections.after_fork_in_parent()


def _after_fork_in_child() -> None:
    for connections in list(_living):
        connections.after_fork_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)
