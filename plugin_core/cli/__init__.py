"""The `flowtrail` command: parses, calls, prints. Importing it imports neither typer nor rich."""

from __future__ import annotations

from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status; ``arguments`` default to those of this process."""
    from plugin_core.cli.edge import run_guarded

    return run_guarded(arguments)
