"""Before anyone reads: what journals of this machine still hold comes into the store, and what its dead left open ends.

The command line and Python's readers both pass here, so that they see the same record.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from plugin_core.errors import StoreError

if TYPE_CHECKING:
    from plugin_core.stores.protocol import BlobStore, TrackingStore

_log: Final = logging.getLogger("flowtrail")


def has_journals(spool: Path) -> bool:
    """Whether anything waits in a spool, or in the folder that writers fall back to."""
    from plugin_core.journal import list_journals

    return bool(list_journals(spool))


def take_in(store: TrackingStore, spool: Path) -> None:
    """Bring in the journals of the dead, and what the living have written until now. StoreError."""
    from plugin_core.journal import drain_live, recover

    recover(spool, store)
    drain_live(spool, store)


def send_bytes(url: str, spool: Path, opened: Callable[[], BlobStore]) -> None:
    """Send bytes that wait here for the server at ``url``. Those that it does not take go on waiting."""
    from plugin_core.stores.addresses import is_remote

    if not is_remote(url) or not (spool / "blobs").is_dir():
        return
    from plugin_core.stores.remote.blobs import RemoteBlobs, has_waiting

    blobs = opened() if has_waiting(url, spool) else None
    if isinstance(blobs, RemoteBlobs):
        try:
            blobs.send_waiting()
        except StoreError as error:
            _log.debug("flowtrail keeps bytes in the spool: %s", error)


def settle_dead(store: TrackingStore, spool: Path) -> None:
    """End the runs whose process is gone: whoever reads must not see them running. StoreError."""
    from plugin_core.tracking.reconcile import local_liveness, settle

    settle(store, now=datetime.now(UTC), alive=local_liveness(spool))
