"""What is done for each operation: one file for each group, one function for each operation."""

from __future__ import annotations

from importlib import import_module
from typing import Final

_GROUPS: Final = (
    "experiments",
    "trials",
    "components",
    "metrics",
    "artifacts",
    "actions",
    "contexts",
    "associations",
    "lineage",
    "tags",
    "groups",
    "jobs",
    "packages",
    "pipelines",
    "search",
)


def load() -> None:
    """Import every group, which registers its operations."""
    for group in _GROUPS:
        import_module(f"{__name__}.{group}")
