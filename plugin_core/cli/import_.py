"""`flowtrail import`: past runs of an orchestrator, from what it has kept of them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from plugin_core.capture.importing import Importer, ImportReport, ImportRequest
from plugin_core.cli.adapters import importers
from plugin_core.cli.progress import counting
from plugin_core.cli.session import JsonOption, ProfileOption, Session, StoreOption
from plugin_core.errors import InvalidValueError


def import_runs(
    orchestrator: Annotated[str, typer.Argument(metavar="ORCHESTRATOR", help="Whose runs, e.g. dagster.")],
    instance: Annotated[
        str | None,
        typer.Option("--instance", metavar="DIR", help="Where it keeps them; for Dagster, DAGSTER_HOME."),
    ] = None,
    run_id: Annotated[
        list[str] | None, typer.Option("--run-id", metavar="ID", help="Only this run; may be given again.")
    ] = None,
    since: Annotated[
        datetime | None, typer.Option("--since", metavar="TIME", help="Only runs created since then, e.g. 2026-01-31.")
    ] = None,
    as_json: JsonOption = False,
    store: StoreOption = None,
    profile: ProfileOption = None,
) -> None:
    """Record past runs from what an orchestrator has kept of them.

    What is in the record already stays as it is. Runs that still go on are left out.
    """
    session = Session(store=store, profile=profile, as_json=as_json)
    request = ImportRequest(
        source=instance, ids=tuple(run_id or ()), since=None if since is None else since.astimezone()
    )
    importer = _importer(orchestrator)
    with counting(session.terminal, "importing") as counted:
        report = importer(request, counted)
    if as_json:
        session.print_json(report)
    else:
        session.terminal.print(*_told(report))
    if report.failed or report.not_found:
        raise typer.Exit(1)


def _importer(orchestrator: str) -> Importer:
    found = importers()
    if orchestrator not in found:
        raise InvalidValueError(
            f"Runs of {orchestrator!r} cannot be imported.",
            hint=f"Known are: {', '.join(found) or 'none; install flowtrail[dagster]'}.",
        )
    return found[orchestrator]


def _told(report: ImportReport) -> list[str]:
    lines = [f"Imported {_runs(report.imported)}."]
    lines += [
        f"{_runs(count)} {words}"
        for count, words in (
            (report.recorded_before, "in the record already, left as recorded."),
            (report.unfinished, "not finished yet, left out: import again later."),
            (report.not_found, "not found in this instance."),
            (report.failed, "could not be read: see the warnings."),
        )
        if count
    ]
    return lines


def _runs(count: int) -> str:
    return f"{count} run" if count == 1 else f"{count} runs"
