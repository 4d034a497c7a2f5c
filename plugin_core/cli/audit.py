"""`flowtrail audit verify`: whether a server's audit is as it was written. Changes nothing."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from plugin_core.cli.session import JsonOption, ProfileOption, Session
from plugin_core.cli.statuses import FAILED
from plugin_core.errors import InvalidValueError

if TYPE_CHECKING:
    from plugin_core.server.audit import Verified

_SAID: Final[Mapping[str, str]] = {
    "changed": "is not what was written",
    "misplaced": "does not follow the line before it: lines are missing there, or stand elsewhere",
}


def verify(
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="FILE", help="Files of an audit; without any, the server's own."),
    ] = None,
    seal: Annotated[
        str | None, typer.Option("--seal", metavar="SEAL", help="A seal that was noted before: a line must have it.")
    ] = None,
    as_json: JsonOption = False,
    profile: ProfileOption = None,
) -> None:
    """Tell which lines of a server's audit were changed, or do not follow the line before them.

    Exits with 1 if there is one, or if no line has the noted seal.
    """
    from plugin_core.server.audit import FILE
    from plugin_core.server.secret import server_secret

    session = Session(profile=profile, as_json=as_json)
    folder = session.settings.server_dir
    secret = server_secret(folder, os.environ, make=False)
    found = {path: _verified(path, secret, seal) for path in files or [folder / FILE]}
    is_lacking = seal is not None and not any(each.has_noted for each in found.values())
    if as_json:
        session.print_json([_document(path, each) for path, each in found.items()])
    else:
        _print(session, found)
    if is_lacking:
        session.say("No line has the noted seal: lines were taken off the end, or it is of another file.")
    if is_lacking or any(each.flaws for each in found.values()):
        raise typer.Exit(FAILED)


def _verified(path: Path, secret: bytes, seal: str | None) -> Verified:
    from plugin_core.server.audit import verified

    try:
        return verified(path, secret, noted=seal)
    except OSError as error:
        raise InvalidValueError(
            f"{path} cannot be read: {error.strerror}.",
            hint="The audit lies in the server_dir of `flowtrail config show`, once a server has written to it.",
        ) from error


def _document(path: Path, found: Verified) -> dict[str, Any]:
    return {
        "path": path,
        "lines": found.lines,
        "broken": [{"line": line, "flaw": flaw.value} for line, flaw in found.flaws.items()],
        "last_seal": found.last_seal,
    }


def _print(session: Session, found: Mapping[Path, Verified]) -> None:
    from rich.text import Text

    from plugin_core.cli.terminal import GREEN, VERMILLION, clean, counted

    for path, each in found.items():
        word, style = ("broken", VERMILLION) if each.flaws else ("ok", GREEN)
        told = counted(each.lines, "lines")
        if each.last_seal is not None:
            told += f", the last sealed {each.last_seal}"
        session.terminal.print(Text.assemble((word, style), f"  {clean(str(path))}  ", (clean(told), "dim")))
        for line, flaw in each.flaws.items():
            session.terminal.print(Text(f"  line {line} {_SAID[flaw]}"))
