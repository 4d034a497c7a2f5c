"""Before anyone reads: what journals of this machine still hold comes into the store, and what its dead left open ends.

The command line and Python's readers both pass here, so that they see the same record.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from plugin_core.stores.protocol import TrackingStore


def has_journals(spool: Path) -> bool:
    """Whether anything waits in a spool, or in the folder that writers fall back to."""
    from plugin_core.journal import list_journals

    return bool(list_journals(spool))


def take_in(store: TrackingStore, spool: Path) -> None:
    """Bring in the journals of the dead, and what the living have written until now. StoreError."""
    from plugin_core.journal import drain_live, recover

    recover(spool, store)
    drain_live(spool, store)


def settle_dead(store: TrackingStore, spool: Path) -> None:
    """End the runs whose process is gone: whoever reads must not see them running. StoreError."""
    from plugin_core.tracking.reconcile import local_liveness, settle

    settle(store, now=datetime.now(UTC), alive=local_liveness(spool))
