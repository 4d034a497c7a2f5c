"""SQLAlchemy Core on SQLite, the default store, and on PostgreSQL."""

from __future__ import annotations

from plugin_core.stores.local.store import LocalStore

__all__ = ["LocalStore", "open_local_store"]


def open_local_store(url: str, /, *, read_only: bool = False) -> LocalStore:
    """Open ``sqlite:///path`` or ``postgresql://host/database``, creating or migrating it unless read-only.

    Raises SettingsError, StoreUnavailableError, StoreReadOnlyError, StoreVersionError.
    """
    return LocalStore(url, read_only=read_only)
