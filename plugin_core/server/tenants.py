"""Each tenant has a record and blobs of its own, found by the tenant's name alone, which only a key gives.

Nothing that serves a tenant holds a way to another's record: what is another's is absent, not forbidden.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from plugin_core.errors import SettingsError
from plugin_core.server.keys import require_tenant
from plugin_core.tracking.settings import Settings
from plugin_core.tracking.settings_values import file_url, sqlite_path_text, sqlite_url
from plugin_core.wire.caller import DEFAULT_TENANT

MARK: Final = "{tenant}"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a tenant's things are: URLs of a store and of blobs."""

    store: str
    blobs: str


def place_of(tenant: str, settings: Settings) -> Place:
    """Where a tenant's things are. InvalidValueError for what names none, SettingsError where no place is set."""
    if tenant == DEFAULT_TENANT:
        return Place(settings.store, settings.blobs)
    require_tenant(tenant)
    return Place(
        _template("tenant_store", settings.tenant_store, _beside_database(settings)).replace(MARK, tenant),
        _template("tenant_blobs", settings.tenant_blobs, _beside_blobs(settings)).replace(MARK, tenant),
    )


def _template(name: str, given: str | None, default: str | None) -> str:
    found = given or default
    if found is None or MARK not in found:
        raise SettingsError(
            f"The setting {name} must say where each tenant's part is, with {MARK} in place of its name.",
            hint=f"For example postgresql://db.internal/flowtrail_{MARK} or s3://bucket/{MARK}.",
        )
    return found


def _beside_database(settings: Settings) -> str | None:
    path = (sqlite_path_text(settings.store) or "").partition("?")[0]
    return sqlite_url(Path(path).parent / "tenants" / MARK / "record.db") if path not in {"", ":memory:"} else None


def _beside_blobs(settings: Settings) -> str | None:
    if not settings.blobs.startswith("file://"):
        return None
    beside = Path(unquote(settings.blobs.removeprefix("file://"))).parent
    return unquote(file_url(beside / "tenants" / MARK / "blobs")) if MARK not in str(beside) else None
