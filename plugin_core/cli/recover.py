"""`flowtrail recover`: bring what waits in journals of processes that are gone into the store."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from plugin_core.cli.progress import copying
from plugin_core.cli.session import JsonOption, ProfileOption, Session, StoreOption
from plugin_core.cli.terminal import Column, counted, size
from plugin_core.tracking.intake import has_journals, send_bytes
from plugin_core.tracking.settings import redacted_url

if TYPE_CHECKING:
    from plugin_core.journal import RecoveryReport


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
    from plugin_core.stores import open_blobs, open_store

    report = journal.RecoveryReport()
    if has_journals(folder):
        with copying(session.terminal, "recovering") as progress:
            report = journal.recover(folder, open_store(session.settings.store), progress=progress)
    send_bytes(session.settings.blobs, folder, lambda: open_blobs(session.settings.blobs, spool=folder))
    if as_json:
        session.print_json(report)
    else:
        session.terminal.print(*told(report))


def _list(session: Session, folder: Path) -> None:
    from plugin_core.journal import list_journals

    found = list_journals(folder)
    if session.as_json:
        session.print_json(found)
        return
    words = {True: "alive", False: "gone", None: "on another machine"}
    columns = [
        Column("JOURNAL", keep=True),
        Column("SIZE", right=True, keep=True),
        Column("OWNER", keep=True),
        Column("STORE"),
    ]
    rows = [
        [j.journal, size(j.size_bytes), words[j.is_alive], redacted_url(j.store_url) if j.store_url else ""]
        for j in found
    ]
    if rows:
        session.terminal.print(session.terminal.table(columns, rows))
    else:
        session.say("Nothing waits.")


def told(report: RecoveryReport) -> list[str]:
    """What a recovery found, for people: one line, and one for each thing that is not as it should be."""
    brought = f"Brought in {counted(report.events, 'events')} of {counted(report.journals, 'journals')}."
    notes = (
        (report.live, "journals", "of living processes, which drain their own."),
        (report.other_stores, "journals", "for another store: flowtrail recover --store URL"),
        (report.newer, "journals", "for a newer flowtrail to read, left in place."),
        (report.bad_regions, "damaged places", f"({size(report.skipped_bytes)}), read around."),
        (report.missing_bytes, "bytes", "missing: files of journals are gone."),
        (report.lost_events, "events", "lost to the damage."),
        (report.nameless_points, "points", "lost: what they belong to stood in the damaged part."),
        (report.dead_letters, "events", "set aside, since the store cannot hold them."),
        (len(report.unreadable), "files", "unreadable."),
    )
    lines = [brought if report.journals else "Nothing waited."]
    lines += [f"{counted(count, things)} {what}" for count, things, what in notes if count]
    return [*lines, *(f"Put aside with a report: {path}" for path in report.quarantined)]
