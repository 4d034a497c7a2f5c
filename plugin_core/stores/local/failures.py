"""Errors of SQLite, SQLAlchemy and the file system become ours, in one place, with the cause kept."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from errno import EACCES, EPERM, EROFS
from pathlib import Path
from typing import Final

from sqlalchemy.exc import DBAPIError

from plugin_core.errors import FlowtrailError, InvalidValueError, StoreError, StoreReadOnlyError, StoreUnavailableError

_LOCKED: Final = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_READ_ONLY: Final = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH}
_DAMAGED: Final = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_OUT_OF_REACH: Final = {
    sqlite3.SQLITE_CANTOPEN: ("cannot be opened", "Check that its folder exists and that this user may write there."),
    sqlite3.SQLITE_FULL: ("has no room: the disk is full", "Free some space; what was logged waits in the journal."),
    sqlite3.SQLITE_IOERR: ("cannot be read or written", "Check the disk; what was logged waits in the journal."),
}


@contextmanager
def translated(path: Path, *, holder: str | None = None) -> Generator[None]:
    """Raise ours for what SQLite, SQLAlchemy and the file system raise inside.

    StoreError and its kin are about the store; InvalidValueError is about what it was given.
    """
    try:
        yield
    except DBAPIError as error:
        raise _translation(error.orig or error, path, holder) from error
    except (sqlite3.Error, OSError) as error:
        raise _translation(error, path, holder) from error
    except OverflowError as error:  # what sqlite3 says to an integer that it cannot hold
        raise InvalidValueError(f"The store {path} cannot hold an integer of more than 64 bits.") from error
    except UnicodeEncodeError as error:  # what is kept is cleaned of these before, what is looked for need not be
        raise no_text(error) from error


def no_text(error: UnicodeEncodeError) -> InvalidValueError:
    """The error for a text that no database takes: one with half of a surrogate pair."""
    return InvalidValueError(f"{error.object!a:.80} is no text: it has half of a surrogate pair.")


def _translation(error: BaseException, path: Path, holder: str | None) -> FlowtrailError:
    if isinstance(error, OSError):
        return _of_file_system(error, path)
    if isinstance(error, sqlite3.DataError | sqlite3.IntegrityError) or str(error).startswith("Error binding"):
        return InvalidValueError(f"The store {path} cannot hold a value: {error}.")
    return _of_sqlite(error, path, holder)


def _of_sqlite(error: BaseException, path: Path, holder: str | None) -> StoreError:
    code = getattr(error, "sqlite_errorcode", None)
    primary = code & 0xFF if isinstance(code, int) else None
    if primary in _LOCKED:
        return locked(path, holder)
    if primary in _READ_ONLY:
        return read_only(path)
    if primary in _OUT_OF_REACH:
        what, hint = _OUT_OF_REACH[primary]
        return StoreUnavailableError(f"The store {path} {what}: {error}.", hint=hint)
    if primary in _DAMAGED:
        return StoreError(
            f"The store {path} is damaged or no flowtrail store: {error}.",
            hint="Move it away and run `flowtrail recover`, or restore a backup.",
        )
    return StoreError(f"The store {path} failed: {error}.", hint="`flowtrail doctor` checks the store.")


def _of_file_system(error: OSError, path: Path) -> StoreError:
    if error.errno in {EACCES, EPERM, EROFS}:
        return read_only(path)
    return StoreUnavailableError(
        f"The store {path} cannot be reached: {error}.", hint="What was logged waits in the journal."
    )


def locked(path: Path | str, holder: str | None) -> StoreUnavailableError:
    """The error for a store that another process did not let go of in time."""
    who = f"by process {holder}" if holder else "by another process"
    return StoreUnavailableError(
        f"The store {path} is locked {who}.", hint="What was logged waits in the journal and is drained later."
    )


def read_only(path: Path) -> StoreReadOnlyError:
    """The error for a write to what may only be read."""
    return StoreReadOnlyError(
        f"The store {path} is read-only.", hint="Check the permissions of the file and of its folder."
    )
