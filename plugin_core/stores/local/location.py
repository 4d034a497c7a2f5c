"""Where the file is: from URL to path, the folder around it, and file systems that cannot hold it."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from plugin_core.errors import SettingsError, StoreReadOnlyError

OWN_FOLDER: Final = ".flowtrail"

_MOUNTS: Final = Path("/proc/self/mountinfo")
_NETWORK: Final = frozenset({
    "nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ceph", "glusterfs", "lustre", "gpfs", "beegfs", "ncpfs", "davfs",
})  # fmt: skip
_LOCAL_FUSE: Final = frozenset({"fuse.fuse-overlayfs", "fuse.lxcfs"})
_OCTAL: Final = re.compile(r"\\([0-7]{3})")


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
    kind = file_system(path, _read_mounts() if mounts is None else mounts)
    if kind in _NETWORK or (kind.startswith("fuse.") and kind not in _LOCAL_FUSE):
        raise StoreReadOnlyError(
            f"The store {path} is on a network file system ({kind}), where SQLite's locks cannot be trusted.",
            hint="Set FLOWTRAIL_STORE to a path on a local disk; or keep only the journal here "
            "(FLOWTRAIL_SPOOL_DIR) and run `flowtrail recover` on the machine that has the store.",
        )


def file_system(path: Path, mounts: str) -> str:
    """The type of the file system that holds ``path``, by the text of /proc/self/mountinfo; "" if it is not said."""
    real = os.path.realpath(path)
    found, length = "", -1
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        fields = before.split()
        if len(fields) < 5 or not after:  # noqa: PLR2004 - proc(5): the fifth field is the mount point
            continue
        point = _OCTAL.sub(lambda match: chr(int(match[1], 8)), fields[4])
        inside = real == point or real.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= length:
            found, length = after.split()[0], len(point)
    return found


def _read_mounts() -> str:
    try:
        return _MOUNTS.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return ""
