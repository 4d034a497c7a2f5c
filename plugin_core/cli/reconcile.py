"""`flowtrail reconcile`: settle runs that still count as running though their process is gone."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Annotated, Any

import typer
from rich.text import Text

from plugin_core.cli.adapters import OpenJudge, judges
from plugin_core.cli.session import JsonOption, ProfileOption, Session, StoreOption
from plugin_core.cli.terminal import Column
from plugin_core.model.changes import SetStatus
from plugin_core.tracking.reconcile import Judge, Truth, local_liveness, settle


def reconcile(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be concluded, and change nothing.")
    ] = False,
    ask: Annotated[
        bool, typer.Option("--ask/--no-ask", help="Ask the orchestrators for the true state of what is in doubt.")
    ] = True,
    as_json: JsonOption = False,
    store: StoreOption = None,
    profile: ProfileOption = None,
) -> None:
    """Settle runs whose process is gone.

    What is concluded is marked as inferred, and gives way to what is reported later.
    """
    session = Session(store=store, profile=profile, as_json=as_json)
    changes: list[SetStatus] = []
    if not session.is_empty():
        with ExitStack() as opened:
            changes = settle(
                session.store(settled=False),
                now=session.terminal.now,
                alive=local_liveness(session.spool),
                judges=_contained(judges(), opened) if ask else None,
                dry_run=dry_run,
            )
    if as_json:
        session.print_json([_document(change) for change in changes])
    elif changes:
        session.terminal.print(_table(session, changes))
    else:
        session.say("Nothing to settle: every run has ended or is alive.")


def _contained(found: Mapping[str, OpenJudge], opened: ExitStack) -> dict[str, Judge]:
    """Judges are opened when they are first asked; that fail once, are asked no more: they are out of reach."""
    silent: set[str] = set()
    known: dict[str, Judge] = {}

    def asked(system: str, execution_id: str | None, step_id: str | None) -> Truth | None:
        if system in silent:
            return None
        try:
            if system not in known:
                known[system] = opened.enter_context(found[system]())
            return known[system](system, execution_id, step_id)
        except Exception as error:  # noqa: BLE001 - without the orchestrator's word the rest is settled all the same
            silent.add(system)
            print(f"flowtrail: {system} cannot be asked ({type(error).__name__}: {error})", file=sys.stderr)
            return None

    return dict.fromkeys(found, asked)


def _document(change: SetStatus) -> dict[str, Any]:
    return {
        "component": change.component,
        "status": change.status,
        "message": change.message,
        "inferred": change.inferred,
    }


def _table(session: Session, changes: list[SetStatus]) -> Any:
    columns = [Column("STATUS", keep=True), Column("RUN", keep=True), Column("WHY")]
    rows: list[list[str | Text]] = [[session.terminal.status(c.status), c.component, c.message or ""] for c in changes]
    return session.terminal.table(columns, rows)
