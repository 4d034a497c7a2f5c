"""The record behind a team's flowtrail server, over HTTP: ``flowtrail+http://host:port``, ``flowtrail+https://host``."""

from __future__ import annotations

from plugin_core.stores.remote.store import RemoteStore

__all__ = ["RemoteStore"]
