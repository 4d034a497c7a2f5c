"""Progress of what takes long, on stderr of a terminal; elsewhere nothing is drawn."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from plugin_core.cli.terminal import Terminal, clean
from plugin_core.stores.protocol import Progress as Told


@contextmanager
def copying(terminal: Terminal, what: str) -> Generator[Told | None]:
    """Show a bar for bytes while the block runs; gives None where nothing is drawn."""
    if not (terminal.interactive and sys.stderr.isatty()):
        yield None
        return
    bar = BarColumn() if terminal.unicode else TextColumn("{task.percentage:>3.0f}%")
    columns = (TextColumn("{task.description}", markup=False), bar, DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(file=sys.stderr), transient=True) as progress:
        task = progress.add_task(clean(what), total=None)

        def told(done_bytes: int, total_bytes: int | None, /) -> None:
            progress.update(task, completed=done_bytes, total=total_bytes)

        yield told
