"""`flowtrail serve`: the record for SageMaker's clients, over HTTP."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from plugin_core.cli.session import ProfileOption, Session, StoreOption
from plugin_core.errors import SettingsError
from plugin_core.tracking.settings import redacted_url
from plugin_core.tracking.settings_values import sqlite_path_text

if TYPE_CHECKING:
    from plugin_core.server.serve import Serving

DEFAULT_PORT: Final = 8460


def serve(
    host: Annotated[str, typer.Option("--host", help="Where to listen.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", "-p", min=0, max=65_535, help="0 takes any free one.")] = DEFAULT_PORT,
    workers: Annotated[int, typer.Option("--workers", min=1, max=64, help="Processes that answer.")] = 1,
    print_env: Annotated[
        bool, typer.Option("--print-env", help="Print what a client's shell needs, and serve nothing.")
    ] = False,
    store: StoreOption = None,
    profile: ProfileOption = None,
) -> None:
    """Answer SageMaker's clients, unmodified, from this record.

    In the client's shell: eval "$(flowtrail serve --print-env)"
    """
    session = Session(store=store, profile=profile)
    _require_server()
    from plugin_core.server import client_setup
    from plugin_core.server.serve import bind, run, url_of

    config = client_setup.write_config(_folder(session))
    if print_env:
        shown = f"[{host}]" if ":" in host else host
        for line in client_setup.shell_lines(client_setup.client_environment(f"http://{shown}:{port}", config)):
            print(line)
        return
    with bind(host, port) as listening:
        url = url_of(listening)
        session.say(f"Serving {redacted_url(session.settings.store)} at {url}. {_how_to(host, url)}")
        run(_serving(session), listening, workers=workers)


def _serving(session: Session) -> Serving:
    from plugin_core.server.serve import Serving
    from plugin_core.wire.request import WireSettings

    settings = session.settings
    wire = WireSettings(limits=settings.wire_limits, strict_artifacts=settings.wire_strict_artifacts)
    return Serving(store_url=settings.store, blobs_url=settings.blobs, wire=wire)


def _how_to(host: str, url: str) -> str:
    port = url.rpartition(":")[2]
    options = "" if host == "127.0.0.1" else f" --host {host}"
    options += "" if port == str(DEFAULT_PORT) else f" --port {port}"
    return f'In a client\'s shell: eval "$(flowtrail serve --print-env{options})"'


def _folder(session: Session) -> Path:
    """Where the client's configuration lies: beside the record, or beside the spool of one that is no file."""
    path = sqlite_path_text(session.settings.store)
    return Path(path).parent if path and path != ":memory:" else session.spool.parent


def _require_server() -> None:
    missing = [name for name in ("uvicorn", "botocore") if find_spec(name) is None]
    if missing:
        raise SettingsError(f"Serving needs {' and '.join(missing)}.", hint="pip install 'flowtrail[server]'")
