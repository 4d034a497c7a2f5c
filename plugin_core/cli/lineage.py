"""`flowtrail lineage ID`: what a run or artifact came from, and what came of it."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from plugin_core.cli import graph, reading
from plugin_core.cli.find import find
from plugin_core.cli.session import JsonOption, ProfileOption, Session, StoreOption
from plugin_core.errors import InvalidValueError
from plugin_core.model.lineage import NodeKind, NodeRef
from plugin_core.model.queries import Direction
from plugin_core.stores.protocol import TrackingStore


class Form(StrEnum):
    """How a graph is printed."""

    TREE = "tree"
    MERMAID = "mermaid"
    JSON = "json"


def lineage(
    identifier: Annotated[
        str,
        typer.Argument(metavar="ID", help="A run or artifact, as for show. Of an execution: the graph of its steps."),
    ],
    up: Annotated[bool, typer.Option("--up", help="Only what it came from.")] = False,
    down: Annotated[bool, typer.Option("--down", help="Only what came of it.")] = False,
    depth: Annotated[
        int | None,
        typer.Option("--depth", min=1, max=1000, metavar="N", help="How many edges to follow; 10 by default."),
    ] = None,
    form: Annotated[Form, typer.Option("--format", help="How to print it.")] = Form.TREE,
    as_json: JsonOption = False,
    store: StoreOption = None,
    profile: ProfileOption = None,
) -> None:
    """Show what a run or artifact came from and went into."""
    wanted = Form.JSON if as_json else form
    session = Session(store=store, profile=profile, as_json=wanted is Form.JSON)
    session.require_record("run or artifact", identifier)
    direction = Direction.BOTH if up == down else Direction.ASCENDANTS if up else Direction.DESCENDANTS
    opened = session.reading_store()
    starts = _starts(session, opened, identifier)
    # Of a whole execution its own graph is meant, unless a direction or depth was asked for.
    limit = depth or (1 if len(starts) > 1 and not (up or down) else 10)
    found = graph.read(opened, starts, direction, limit)
    if wanted is Form.JSON:
        session.print_json(graph.document(found))
    elif wanted is Form.MERMAID:
        print(graph.mermaid(graph.condensed(found)))
    else:
        session.terminal.print(*graph.trees(graph.condensed(found), direction, session.terminal))


def _starts(session: Session, store: TrackingStore, identifier: str) -> list[NodeRef]:
    found = find(store, identifier)
    if found.kind is NodeKind.ARTIFACT:
        return [NodeRef(NodeKind.ARTIFACT, found.key)]
    if found.kind is not NodeKind.COMPONENT:
        raise InvalidValueError(
            f"{found.key!r} is a whole {found.kind.value}.", hint=f"Ask for an execution: flowtrail ls -e {found.key}"
        )
    head = store.component(found.key)
    below = reading.steps(store, head, session.terminal.now)
    return [NodeRef(NodeKind.COMPONENT, name) for name in (head.name, *(row.run.component for row in below))]
