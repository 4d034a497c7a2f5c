"""`flowtrail recover`: bring what waits in a spool, of processes that are gone, into the stores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from plugin_core.cli.progress import copying
from plugin_core.cli.session import JsonOption, ProfileOption, Session, StoreOption
from plugin_core.cli.terminal import Column, counted, size
from plugin_core.tracking.intake import has_journals
from plugin_core.tracking.settings import redacted_url

if TYPE_CHECKING:
    from plugin_core.journal import Parcel, RecoveryReport, UploadReport


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
    """Bring into the store what waits in journals, and into the blob store the files that wait to be sent.

    Journals of living processes are left to them. Damaged ones are read around the damage and put aside.
    """
    session = Session(store=store, profile=profile, as_json=as_json)
    folder = spool if spool is not None else session.spool
    if dry_run:
        _list(session, folder)
        return
    from plugin_core import journal
    from plugin_core.stores import open_blobs, open_store

    report, uploads = journal.RecoveryReport(), journal.UploadReport()
    if has_journals(folder):
        with copying(session.terminal, "recovering") as progress:
            report = journal.recover(folder, open_store(session.settings.store), progress=progress)
    if journal.waiting(folder):
        with copying(session.terminal, "sending") as progress:
            uploads = journal.send_waiting(folder, open_store(session.settings.store), open_blobs, progress=progress)
    if as_json:
        session.print_json({**asdict(report), "uploads": uploads})
    else:
        session.terminal.print(*told(report), *told_of_uploads(uploads))
    if uploads.problems:
        raise typer.Exit(1)


def _list(session: Session, folder: Path) -> None:
    from plugin_core.journal import list_journals, waiting

    found, parcels = list_journals(folder), waiting(folder)
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
    if parcels:
        session.terminal.print(told_of_parcels(parcels))
    if not rows and not parcels:
        session.say("Nothing waits.")


def told_of_parcels(parcels: Sequence[Parcel]) -> str:
    """How much waits, and for which blob stores."""
    total = size(sum(parcel.size_bytes for parcel in parcels))
    places = ", ".join(sorted({redacted_url(parcel.blobs) for parcel in parcels}))
    return f"{counted(len(parcels), 'files')} ({total}) to be sent to {places}"


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


def told_of_uploads(report: UploadReport) -> list[str]:
    """What became of files that waited to be sent, for people."""
    notes = (
        (report.sent, f"sent to the blob store ({size(report.sent_bytes)})."),
        (report.waiting, "still to be sent."),
        (report.other_stores, "to be sent, of another record: flowtrail recover --store URL"),
    )
    return [*(f"{counted(count, 'files')} {what}" for count, what in notes if count), *report.problems]
