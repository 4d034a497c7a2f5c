"""Progress of what takes long, on stderr of a terminal; elsewhere nothing is drawn."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

from plugin_core.cli.terminal import Terminal, clean
from plugin_core.stores.protocol import Progress as Told


@contextmanager
def copying(terminal: Terminal, what: str) -> Generator[Told | None]:
    """Show a bar for bytes while the block runs; gives None where nothing is drawn."""
    if not _is_drawn(terminal):
        yield None
        return
    with _progress(terminal, DownloadColumn()) as progress:
        task = progress.add_task(clean(what), total=None)

        def told(done_bytes: int, total_bytes: int | None, /) -> None:
            progress.update(task, completed=done_bytes, total=total_bytes)

        yield told


@contextmanager
def counting(terminal: Terminal, what: str) -> Generator[Callable[[int, int], None]]:
    """Show a bar for a number of things while the block runs, where anything is drawn."""
    if not _is_drawn(terminal):
        yield lambda _done, _total: None
        return
    with _progress(terminal, MofNCompleteColumn()) as progress:
        task = progress.add_task(clean(what), total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def _is_drawn(terminal: Terminal) -> bool:
    return terminal.interactive and sys.stderr.isatty()


def _progress(terminal: Terminal, amount: ProgressColumn) -> Progress:
    bar = BarColumn() if terminal.unicode else TextColumn("{task.percentage:>3.0f}%")
    columns = (TextColumn("{task.description}", markup=False), bar, amount, TimeRemainingColumn())
    return Progress(*columns, console=Console(file=sys.stderr), transient=True)
