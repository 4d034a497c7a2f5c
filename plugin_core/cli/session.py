"""What commands share: the options that stand everywhere, the settings they make, and the store opened for reading."""

from __future__ import annotations

import sys
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeAlias

import typer

from plugin_core.errors import NotFoundError, StoreError, StoreReadOnlyError, StoreUnavailableError
from plugin_core.tracking.settings import Settings, configure, current_settings, redacted_url

if TYPE_CHECKING:
    from plugin_core.cli.terminal import Terminal
    from plugin_core.stores.protocol import BlobStore, TrackingStore

_HOW_TO_RECORD: Final = "Record something:  flowtrail run python my_flow.py"

JsonOption: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]
StoreOption: TypeAlias = Annotated[
    str | None, typer.Option("--store", metavar="URL", help="The record to use, e.g. sqlite:///record.db.")
]
ProfileOption: TypeAlias = Annotated[
    str | None, typer.Option("--profile", metavar="NAME", help="A profile of profiles.toml to take settings from.")
]


class NothingRecordedError(NotFoundError):
    """Something was asked for by its name, of a store that does not exist yet."""

    def __init__(self, kind: str, name: str, store_url: str) -> None:
        super().__init__(kind, name, hint=_HOW_TO_RECORD)
        self.cause = f"nothing is recorded yet in {redacted_url(store_url)}"


class Session:
    """One command's settings and terminal."""

    def __init__(self, *, store: str | None = None, profile: str | None = None, as_json: bool = False) -> None:
        given = {"store": store, "profile": profile}
        overrides = {name: value for name, value in given.items() if value is not None}
        self.settings: Settings = configure(**overrides) if overrides else current_settings()
        self.as_json = as_json

    @cached_property
    def terminal(self) -> Terminal:
        """Where the answer goes; made on use, since commands that print nothing need no rich."""
        from plugin_core.cli.terminal import Terminal

        return Terminal.of_process()

    def say(self, text: str) -> None:
        """Tell people something that is not the command's answer: on stderr, and not beside JSON."""
        if not self.as_json:
            print(text, file=sys.stderr)

    def print_json(self, value: Any) -> None:
        """Print the answer as JSON."""
        from plugin_core.cli.views import to_json

        print(to_json(value))

    @property
    def spool(self) -> Path:
        """Where journals wait."""
        return Path(self.settings.spool_dir)

    def is_empty(self) -> bool:
        """Whether nothing was recorded yet: no database file and no journal. Looking creates neither."""
        from plugin_core.tracking.intake import has_journals
        from plugin_core.tracking.settings_values import sqlite_path_text

        path = (sqlite_path_text(self.settings.store) or "").partition("?")[0]
        return path not in {"", ":memory:"} and not Path(path).exists() and not has_journals(self.spool)

    def say_empty(self) -> None:
        """Tell that there is nothing yet, and how there would be."""
        self.say(f"Nothing is recorded yet in {redacted_url(self.settings.store)}.\n{_HOW_TO_RECORD}")

    def require_record(self, kind: str, name: str) -> None:
        """NothingRecordedError if there cannot be what was asked for, since there is nothing."""
        if self.is_empty():
            raise NothingRecordedError(kind, name, self.settings.store)

    def reading_store(self) -> TrackingStore:
        """The store with all that was logged until now; without what waits in the spool if it cannot be written."""
        try:
            return self.store()
        except (StoreReadOnlyError, StoreUnavailableError) as error:
            store = self._read_only(error)
            self.say(f"Shown without what waits in the spool: {error.message}")
            return store

    def store(self, *, settled: bool = True) -> TrackingStore:
        """The store, after what waits in journals of this machine was brought in, and what its dead left open settled.

        StoreError.
        """
        from plugin_core.stores import open_store
        from plugin_core.tracking.intake import settle_dead, take_in

        store = open_store(self.settings.store)
        take_in(store, self.spool)
        if settled:
            settle_dead(store, self.spool)
        return store

    def blobs(self) -> BlobStore:
        """Where bytes are kept."""
        from plugin_core.stores import open_blobs

        return open_blobs(self.settings.blobs)

    def _read_only(self, error: StoreError) -> TrackingStore:
        from plugin_core.stores import open_store

        try:
            store = open_store(self.settings.store, read_only=True)
            store.counts()  # opening may be put off until something is asked
        except StoreError:
            raise error from error.__cause__
        return store
