"""The server's own secret: what keys are sealed with. All hosts over one record must have the same.

It comes from FLOWTRAIL_SERVER_SECRET, or from a file that is made when it is first needed, for its owner alone.
"""

from __future__ import annotations

import hmac
import os
import secrets
import stat
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from plugin_core.errors import SettingsError

VARIABLE: Final = "FLOWTRAIL_SERVER_SECRET"
FILE: Final = "server.key"
_LEAST: Final = 32  # characters: a shorter one could be guessed


def server_secret(folder: Path, environ: Mapping[str, str], *, make: bool = True) -> bytes:
    """The secret of the servers whose files lie in ``folder``. SettingsError for one that is short or exposed.

    Without ``make`` one that is not there is a SettingsError, too.
    """
    given = environ.get(VARIABLE, "").strip()
    text = given or _kept(folder / FILE, make=make)
    if len(text) < _LEAST:
        raise SettingsError(
            f"The server's secret ({VARIABLE if given else folder / FILE}) has {len(text)} characters; {_LEAST} are "
            "the least.",
            hint='python -c "import secrets; print(secrets.token_urlsafe(48))" prints a good one.',
        )
    return text.encode("utf-8")


def derived(secret: bytes, purpose: str) -> bytes:
    """A key of 32 bytes for one purpose, which tells nothing of the others'."""
    return hmac.digest(secret, f"flowtrail {purpose}".encode(), "sha256")


def _kept(path: Path, *, make: bool) -> str:
    with suppress(FileExistsError):
        if make:
            _make(path)
    try:
        exposed = stat.S_IMODE(path.stat().st_mode) & 0o077
        text = path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"The server's secret {path} cannot be read.", hint=f"Or set {VARIABLE}.") from error
    if exposed:
        raise SettingsError(f"The server's secret {path} can be read by others.", hint=f"Run: chmod 600 {path}")
    return text


def _make(path: Path) -> None:
    """Whole or not at all: two that make it at once get the same one."""
    if path.exists():
        return
    begun = path.with_name(f"{path.name}.{os.getpid()}-{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(begun, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(f"{secrets.token_urlsafe(48)}\n")
        try:
            os.link(begun, path)
        finally:
            begun.unlink()
    except FileExistsError:
        raise
    except OSError as error:
        raise SettingsError(f"The server's secret {path} cannot be made.", hint=f"Or set {VARIABLE}.") from error
