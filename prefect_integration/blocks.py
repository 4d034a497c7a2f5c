"""The Prefect block that holds where flows record to, for deployments that share it by name."""

from __future__ import annotations

from typing import Any

from prefect.blocks.core import Block
from pydantic import Field, SecretStr


class FlowtrailStore(Block):
    """Where flows record to.

    ``FlowtrailStore.load("team").activate()`` at the top of a flow's module sends the records of this
    process there. URLs are secrets, since they may hold a password.
    """

    _block_type_name = "Flowtrail Store"
    _block_type_slug = "flowtrail-store"
    _description = "Where flowtrail records what flows and tasks do."

    store_url: SecretStr = Field(description="The store, for example sqlite:////srv/flowtrail/record.db.")
    blobs_url: SecretStr | None = Field(default=None, description="Where files are kept; beside the store if left out.")
    ui_url: str | None = Field(default=None, description="The address of the pages that show the record.")

    def settings(self) -> dict[str, Any]:
        """The settings that the block stands for, by the names of ``plugin_core.configure``."""
        given = {
            "store": self.store_url.get_secret_value(),
            "blobs": None if self.blobs_url is None else self.blobs_url.get_secret_value(),
            "ui_url": self.ui_url,
        }
        return {name: value for name, value in given.items() if value is not None}

    def activate(self) -> None:
        """Record there, from now on, in this process and in those that it sends tasks to. SettingsError."""
        from plugin_core import configure

        configure(**self.settings())
