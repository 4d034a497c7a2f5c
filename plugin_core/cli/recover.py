"""`flowtrail recover`: bring what waits in journals of processes that are gone into the store."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from plugin_core.cli.progress import copying
from plugin_core.cli.session import JsonOption, ProfileOption, Session, StoreOption, has_journals
from plugin_core.cli.terminal import Column, size


def recover(
    spool: Annotated[
        Path | None,
        typer.Option("--spool", metavar="DIR", help="Journals of another folder, e.g. of a lost machine's volume."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what waits, and change nothing.")] = False,
    as_json: JsonOption = False,
    store: StoreOption = None,
    profile: ProfileOption = None,
) -> None:
    """Bring into the store what waits in journals.

    Those of living processes are left to them. Damaged ones are read around the damage and put aside.
    """
    session = Session(store=store, profile=profile, as_json=as_json)
    folder = spool if spool is not None else session.spool
    if dry_run:
        _list(session, folder)
        return
    from plugin_core import journal
    from plugin_core.stores import open_store

    if not has_journals(folder):
        session.print_json(asdict(journal.RecoveryReport())) if as_json else session.say("Nothing waits.")
        return
    with copying(session.terminal, "recovering") as progress:
        report = journal.recover(folder, open_store(session.settings.store), progress=progress)
    if as_json:
        session.print_json(asdict(report))
    else:
        session.say(_told(report))


def _list(session: Session, folder: Path) -> None:
    from plugin_core.journal import list_journals

    found = list_journals(folder) if folder.is_dir() else []
    if session.as_json:
        session.print_json(found)
        return
    columns = [Column("JOURNAL", keep=True), Column("SIZE", right=True, keep=True), Column("OWNER", keep=True)]
    rows = [
        [j.id, size(j.size_bytes), {True: "alive", False: "gone", None: "on another machine"}[j.alive]] for j in found
    ]
    session.terminal.print(session.terminal.table(columns, rows))


def _told(report: Any) -> str:
    return str(report)
