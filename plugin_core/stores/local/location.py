"""Where the file is: from URL to path, the folder around it, and file systems that cannot hold it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from plugin_core.errors import SettingsError, StoreReadOnlyError
from plugin_core.stores.mounts import file_system, is_network, read_mounts

OWN_FOLDER: Final = ".flowtrail"


def path_of(url: str) -> Path:
    """The absolute path that a URL means: ``sqlite:////absolute`` or ``sqlite:///relative``. SettingsError."""
    prefix, path = "sqlite:///", unquote(url.partition("?")[0])
    if not path.startswith(prefix) or path in {prefix, f"{prefix}:memory:"} or "\0" in path:
        raise SettingsError(
            f"{url!r} names no file.", hint="Use sqlite:///relative/path.db or sqlite:////absolute/path.db."
        )
    return Path(os.path.abspath(path.removeprefix(prefix)))  # noqa: PTH100 - resolve() would follow links


def make_folder(path: Path) -> None:
    """Create the folder of the file at ``path``; one named ``.flowtrail`` is kept out of git."""
    folder = path.parent
    folder.mkdir(parents=True, exist_ok=True)
    ignore = folder / ".gitignore"
    if folder.name == OWN_FOLDER and not ignore.exists():
        ignore.write_text("*\n", encoding="ascii")


def refuse_network(path: Path, mounts: str | None = None) -> None:
    """Raise StoreReadOnlyError for a path on a network file system, whose locks SQLite cannot trust."""
    kind = file_system(path, read_mounts() if mounts is None else mounts)
    if is_network(kind):
        raise StoreReadOnlyError(
            f"The store {path} is on a network file system ({kind}), where SQLite's locks cannot be trusted.",
            hint="Set FLOWTRAIL_STORE to a path on a local disk; or keep only the journal here "
            "(FLOWTRAIL_SPOOL_DIR) and run `flowtrail recover` on the machine that has the store.",
        )
