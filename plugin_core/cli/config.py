"""`flowtrail config show`: each setting's value and where it came from; passwords are never printed."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any

import typer

from plugin_core.cli.session import JsonOption, ProfileOption, Session, StoreOption
from plugin_core.tracking.settings import Settings, origins, redacted_url

_URLS = ("store", "blobs", "ui_url", "dagster_url", "tenant_store", "tenant_blobs")


def show(
    origin: Annotated[bool, typer.Option("--origin", help="Tell where each value came from.")] = False,
    as_json: JsonOption = False,
    store: StoreOption = None,
    profile: ProfileOption = None,
) -> None:
    """Print the settings that are in force here."""
    session = Session(store=store, profile=profile, as_json=as_json)
    values = shown_values(session.settings)
    places = origins()
    if as_json:
        content: dict[str, Any] = dict(values)
        if origin:
            content = {k: {"value": v, "source": places[k].kind, "origin": str(places[k])} for k, v in values.items()}
        session.print_json(content)
        return
    from plugin_core.cli.terminal import Column

    columns = [Column("SETTING", keep=True), Column("VALUE", keep=not origin)]
    rows = [[name, _text(value)] for name, value in values.items()]
    if origin:
        columns.append(Column("FROM"))
        rows = [[*row, str(places[row[0]])] for row in rows]
    session.terminal.print(session.terminal.table(columns, rows))


def shown_values(settings: Settings) -> dict[str, Any]:
    """The settings' values with passwords masked."""
    values = {f.name: getattr(settings, f.name) for f in dataclasses.fields(settings)}
    return {k: redacted_url(v) if k in _URLS and v is not None else v for k, v in values.items()}


def _text(value: Any) -> str:
    if value is None or value == ():
        return "-"
    if isinstance(value, bool):
        return str(value).lower()
    return ", ".join(value) if isinstance(value, tuple) else str(value)
