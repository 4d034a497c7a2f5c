"""`flowtrail doctor`: what is well, what is not, and how to put it right. Changes nothing."""

from __future__ import annotations

from dataclasses import asdict
from typing import Final

import typer

from plugin_core.cli import checkup
from plugin_core.cli.checkup import Check
from plugin_core.cli.session import JsonOption, ProfileOption, Session, StoreOption
from plugin_core.cli.statuses import FAILED
from plugin_core.cli.terminal import GREEN, ORANGE, VERMILLION, clean
from plugin_core.tracking.settings import origins

_MARKS: Final = {"ok": ("✓", "+", GREEN), "warn": ("!", "!", ORANGE), "fail": ("✕", "x", VERMILLION)}


def doctor(as_json: JsonOption = False, store: StoreOption = None, profile: ProfileOption = None) -> None:
    """Check settings, store, journals, disk and versions.

    Exits with 1 if a check fails. Changes nothing.
    """
    session = Session(store=store, profile=profile, as_json=as_json)
    checks = checkup.examine(session.settings, origins(), now=session.terminal.now)
    if as_json:
        session.print_json([asdict(check) for check in checks])
    else:
        _print(session, checks)
    if any(check.level == "fail" for check in checks):
        raise typer.Exit(FAILED)


def _print(session: Session, checks: list[Check]) -> None:
    from rich.text import Text

    terminal = session.terminal
    width = max(len(check.name) for check in checks)
    for check in checks:
        icon, plain, style = _MARKS[check.level]
        line = Text.assemble(
            (icon if terminal.unicode else plain, style), f" {check.name:{width}}  ", clean(check.message)
        )
        terminal.print(line)
        if check.fix:
            terminal.print(Text(f"  {'':{width}}  fix: {clean(check.fix)}", style))
