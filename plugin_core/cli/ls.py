"""`flowtrail ls`: the latest executions, experiments, runs or artifacts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.console import RenderableType

from plugin_core.cli import reading, render
from plugin_core.cli.session import JsonOption, ProfileOption, Session, StoreOption
from plugin_core.cli.terminal import Terminal
from plugin_core.stores.protocol import TrackingStore


class Listing(StrEnum):
    """What can be listed."""

    EXECUTIONS = "executions"
    EXPERIMENTS = "experiments"
    RUNS = "runs"
    ARTIFACTS = "artifacts"


_RENDER: dict[Listing, Callable[[Sequence[Any], Terminal], RenderableType]] = {
    Listing.EXECUTIONS: render.executions,
    Listing.EXPERIMENTS: render.experiments,
    Listing.RUNS: render.runs,
    Listing.ARTIFACTS: render.artifacts,
}


def ls(
    what: Annotated[
        Listing, typer.Argument(metavar="WHAT", help="What to list.", show_default=True)
    ] = Listing.EXECUTIONS,
    experiment: Annotated[
        str | None,
        typer.Option("--experiment", "-e", metavar="NAME", help="Only executions or runs of this experiment."),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, metavar="N", help="How many, newest first.")] = 20,
    as_json: JsonOption = False,
    store: StoreOption = None,
    profile: ProfileOption = None,
) -> None:
    """List executions, experiments, runs or artifacts."""
    session = Session(store=store, profile=profile, as_json=as_json)
    if session.is_empty():
        if as_json:
            session.print_json([])
        session.say_empty()
        return
    rows = _rows(session.reading_store(), session.terminal, what, experiment, limit)
    if as_json:
        session.print_json(rows)
    elif rows:
        session.terminal.print(_RENDER[what](rows, session.terminal))
    else:
        session.say(f"There are no {what}" + (f" in {experiment}." if experiment else " yet."))


def _rows(store: TrackingStore, terminal: Terminal, what: Listing, experiment: str | None, limit: int) -> Sequence[Any]:
    name = None if experiment is None else experiment_name(store, experiment)
    if what is Listing.EXPERIMENTS:
        return reading.experiments(store, limit=limit)
    if what is Listing.RUNS:
        return reading.runs(store, terminal.now, experiment=name, limit=limit)
    if what is Listing.ARTIFACTS:
        return reading.artifacts(store, limit=limit)
    return reading.executions(store, terminal.now, experiment=name, limit=limit)


def experiment_name(store: TrackingStore, text: str) -> str:
    """The experiment that was meant, by its name or as its author wrote it; NotFoundError."""
    from plugin_core.cli.find import find
    from plugin_core.model.lineage import NodeKind

    return find(store, text, kinds=(NodeKind.EXPERIMENT,)).key
