"""`flowtrail ls`: the latest executions, experiments, runs or artifacts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.console import RenderableType

from plugin_core.cli import reading, render
from plugin_core.cli.reading import Tag
from plugin_core.cli.session import JsonOption, ProfileOption, Session, StoreOption
from plugin_core.cli.terminal import Terminal
from plugin_core.errors import InvalidValueError
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
    tag: Annotated[
        str | None,
        typer.Option("--tag", "-t", metavar="KEY=VALUE", help="Only executions or runs with this tag."),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, metavar="N", help="How many, newest first.")] = 20,
    as_json: JsonOption = False,
    store: StoreOption = None,
    profile: ProfileOption = None,
) -> None:
    """List executions, experiments, runs or artifacts."""
    session = Session(store=store, profile=profile, as_json=as_json)
    wanted = _tag(what, tag)
    if session.is_empty():
        if as_json:
            session.print_json([])
        session.say_empty()
        return
    rows = _rows(session.reading_store(), session.terminal, what, experiment, wanted, limit)
    if as_json:
        session.print_json(rows)
    elif rows:
        session.terminal.print(_RENDER[what](rows, session.terminal))
    else:
        session.say(
            f"There are no {what}" + (f" in {experiment}." if experiment else " with this tag." if tag else " yet.")
        )


def _tag(what: Listing, text: str | None) -> Tag | None:
    """What was meant by KEY=VALUE, or by KEY for a tag that is a word of its own."""
    if text is None:
        return None
    if what not in {Listing.EXECUTIONS, Listing.RUNS}:
        raise InvalidValueError(f"--tag does not go with {what}.", hint="It chooses executions or runs.")
    key, has_value, value = text.partition("=")
    return key, value if has_value else None


def _rows(
    store: TrackingStore, terminal: Terminal, what: Listing, experiment: str | None, tag: Tag | None, limit: int
) -> Sequence[Any]:
    name = None if experiment is None else experiment_name(store, experiment)
    if what is Listing.EXPERIMENTS:
        return reading.experiments(store, limit=limit)
    if what is Listing.RUNS:
        return reading.runs(store, terminal.now, experiment=name, tag=tag, limit=limit)
    if what is Listing.ARTIFACTS:
        return reading.artifacts(store, limit=limit)
    return reading.executions(store, terminal.now, experiment=name, tag=tag, limit=limit)


def experiment_name(store: TrackingStore, text: str) -> str:
    """The experiment that was meant, by its name or as its author wrote it; NotFoundError."""
    from plugin_core.cli.find import find
    from plugin_core.model.lineage import NodeKind

    return find(store, text, kinds=(NodeKind.EXPERIMENT,)).key
