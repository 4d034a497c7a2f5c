"""Pytest fixtures for code that uses flowtrail: load with ``pytest_plugins = ["plugin_core.testing.fixtures"]``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from plugin_core.tracking.settings import configure, reset_configuration

if TYPE_CHECKING:
    from plugin_core.stores.protocol import TrackingStore


class Record:
    """The record of one test: a fresh embedded store in the test's own folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = f"sqlite:///{folder / 'record.db'}"
        self.spool = folder / "spool"

    @property
    def environment(self) -> dict[str, str]:
        """Variables that make another process use the same record."""
        return {
            "FLOWTRAIL_STORE": self.url,
            "FLOWTRAIL_BLOBS": (self.folder / "blobs").as_uri(),
            "FLOWTRAIL_SPOOL_DIR": str(self.spool),
        }

    @property
    def store(self) -> TrackingStore:
        """The store, holding all that was logged until now, by whichever process."""
        from plugin_core.tracking.engine import engine

        return engine().store


@pytest.fixture
def flowtrail_record(tmp_path: Path) -> Iterator[Record]:
    """Send all that this test records to a store of its own, in strict mode; the settings are put back after it."""
    record = Record(tmp_path / "flowtrail")
    configure(store=record.url, blobs=(record.folder / "blobs").as_uri(), spool_dir=record.spool, strict=True)
    yield record
    reset_configuration()
