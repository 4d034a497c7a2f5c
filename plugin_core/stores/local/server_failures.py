"""Errors of PostgreSQL and its driver become ours, in one place, with the cause kept."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

from psycopg import Error as DriverError
from psycopg import OperationalError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from plugin_core.errors import FlowtrailError, InvalidValueError, StoreError, StoreReadOnlyError, StoreUnavailableError
from plugin_core.stores.local.failures import locked, no_text

_WAITS: Final = "What was logged waits in the journal."
_LOCKED: Final = frozenset({"55P03", "40P01", "40001"})  # lock not available, deadlock, serialization failure
_LOGIN: Final = "Check the user and the password: in the URL, in ~/.pgpass or in PGPASSWORD."
_DATABASE: Final = "Create the database: `createdb`, or CREATE DATABASE."
_GRANT: Final = "docs/stores.md says what the role needs."
_OUT_OF_REACH: Final = {
    "53100": ("has no room: the disk is full", f"Free some space on the server. {_WAITS}"),
    "53300": ("has too many connections", "Raise max_connections, or lower pool_size in the store's URL."),
    "57014": ("took too long", f"Look at what the server is busy with. {_WAITS}"),
    "3D000": ("cannot be opened", _DATABASE),
    "28000": ("lets nobody in", _LOGIN),
    "28P01": ("lets nobody in", _LOGIN),
    "42P01": ("has lost its tables", "They are made again when it is next used."),
    "3F000": ("has lost its tables", "They are made again when it is next used."),
}
_AT_THE_DOOR: Final = (
    ('database "', "3D000"),
    ("password", "28P01"),
    ('role "', "28000"),
    ("pg_hba.conf", "28000"),
    ("too many", "53300"),
)
_UNAVAILABLE: Final = ("08", "53", "57", "58")  # connection, resources, the operator's doing, the system
_REFUSED: Final = ("22", "23", "54")  # a value out of range, a constraint, a limit of the program
_READ_ONLY: Final = frozenset({"25006", "42501"})
_LOST_TABLES: Final = frozenset({"42P01", "3F000"})


@contextmanager
def translated(name: str) -> Generator[None]:
    """Raise ours for what the driver and SQLAlchemy raise inside.

    StoreError and its kin are about the store; InvalidValueError is about what it was given.
    """
    try:
        yield
    except DBAPIError as error:
        raise _translation(error.orig or error, name) from error
    except PoolTimeoutError as error:
        raise StoreUnavailableError(
            f"The store {name} is busy: this process has no connection left.",
            hint="Raise pool_size in the store's URL.",
        ) from error
    except (DriverError, OSError) as error:
        raise _translation(error, name) from error
    except UnicodeEncodeError as error:
        raise no_text(error) from error


def _translation(error: BaseException, name: str) -> FlowtrailError:
    code = getattr(error, "sqlstate", None) or ""
    said = next(iter(str(error).strip().splitlines()), type(error).__name__).rstrip(".:")
    if code in _LOCKED:
        return locked(name, None)
    if code in _READ_ONLY:
        return StoreReadOnlyError(f"The store {name} may not be written: {said}.", hint=_GRANT)
    if code in _OUT_OF_REACH or code.startswith(_UNAVAILABLE) or (not code and _is_outside(error)):
        what, hint = _OUT_OF_REACH.get(code or _guessed(said), ("cannot be reached", _WAITS))
        return StoreUnavailableError(f"The store {name} {what}: {said}.", hint=hint)
    if code.startswith(_REFUSED) or not code:  # without a code: what the driver cannot send at all
        return InvalidValueError(f"The store {name} cannot hold a value: {said}.")
    if code.startswith("XX"):
        return StoreError(
            f"The store {name} is damaged: {said}.", hint="Look at the server's log, or restore a backup."
        )
    return StoreError(f"The store {name} failed: {said}.", hint="`flowtrail doctor` checks the store.")


def _guessed(said: str) -> str:
    """The code of what a server says while it lets nobody in: the driver keeps the words alone."""
    return next((code for words, code in _AT_THE_DOOR if words in said), "")


def _is_outside(error: BaseException) -> bool:
    return isinstance(error, OperationalError | OSError)


def has_lost_tables(error: BaseException | None) -> bool:
    """Whether the tables are gone: the schema or the database was removed and made anew."""
    return getattr(error, "sqlstate", None) in _LOST_TABLES
