"""Content-addressed files in a folder."""

from __future__ import annotations

from plugin_core.stores.blobs.folder import FolderBlobs

__all__ = ["FolderBlobs"]
