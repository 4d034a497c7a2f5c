"""`flowtrail show ID`: an experiment, an execution, a run or an artifact, whatever the id is of."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.console import RenderableType

from plugin_core.cli import reading, render
from plugin_core.cli.find import ANYTHING, Found, find
from plugin_core.cli.session import JsonOption, ProfileOption, Session, StoreOption
from plugin_core.errors import InvalidValueError, NotFoundError
from plugin_core.model.lineage import NodeKind
from plugin_core.stores.protocol import TrackingStore


def show(
    identifier: Annotated[
        str,
        typer.Argument(metavar="ID", help="A name or the beginning of one, an orchestrator's run id, a hash, a URI."),
    ],
    metrics: Annotated[
        str | None, typer.Option("--metrics", metavar="NAME", help="Print the points of this metric.")
    ] = None,
    as_json: JsonOption = False,
    store: StoreOption = None,
    profile: ProfileOption = None,
) -> None:
    """Show an experiment, execution, run or artifact."""
    session = Session(store=store, profile=profile, as_json=as_json)
    session.require_record(ANYTHING, identifier)
    opened = session.reading_store()
    found = find(opened, identifier)
    if metrics is not None:
        _show_points(session, opened, found, metrics)
        return
    kind, view, parts = _shown(session, opened, found)
    if as_json:
        from plugin_core.cli.views import jsonable

        session.print_json({"kind": kind, **jsonable(view)})
    else:
        session.terminal.print(*parts)


def _shown(session: Session, store: TrackingStore, found: Found) -> tuple[str, Any, list[RenderableType]]:
    terminal = session.terminal
    if found.kind is NodeKind.EXPERIMENT:
        experiment = reading.experiment_detail(store, found.key, terminal.now)
        return "experiment", experiment, render.experiment_detail(experiment, terminal)
    if found.kind is NodeKind.ARTIFACT:
        artifact = reading.artifact_detail(store, found.key, terminal.now)
        return "artifact", artifact, render.artifact_detail(artifact, terminal)
    if found.kind is NodeKind.TRIAL:  # a group of runs logged by hand
        group = reading.experiment_detail(store, store.trial(found.key).experiment, terminal.now)
        return "experiment", group, render.experiment_detail(group, terminal)
    run = reading.run_detail(store, found.key, terminal.now)
    return "run", run, render.run_detail(run, terminal)


def _show_points(session: Session, store: TrackingStore, found: Found, metric: str) -> None:
    if found.kind is not NodeKind.COMPONENT:
        raise InvalidValueError(f"{found.key!r} is not a run, so it has no metrics.", hint="Ask for one of its runs.")
    component = store.component(found.key)
    known = store.summaries([component.id])[component.id]
    if metric not in known:
        listed = ", ".join(known) or "none"
        raise NotFoundError("metric", metric, hint=f"{component.name} has: {listed}.")
    points = store.points(component.id, metric)
    if session.as_json:
        session.print_json({"component": component.name, "metric": metric, "points": list(points)})
    else:
        session.terminal.print(render.points(points, session.terminal))
