"""Segments that hold what only a newer flowtrail can read: they stay, with a list of those frames beside them.

A version that can read them applies them (changes may be applied late: that is what makes them changes) and deletes
the segment.
"""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

from plugin_core.journal import codec, frames
from plugin_core.journal.reader import SegmentReader
from plugin_core.model.changes import Change

if TYPE_CHECKING:
    from plugin_core.journal.delivery import Delivered
    from plugin_core.stores.protocol import TrackingStore


def stays(outcome: Delivered, store: TrackingStore) -> bool:
    """Whether a segment that is otherwise done with must stay for a newer version."""
    listing = outcome.segment.path.with_name(f"{outcome.segment.path.name}.kept")
    if outcome.damage.unknown:
        listing.write_text(json.dumps(sorted({*_listed(listing), *outcome.damage.unknown})), encoding="ascii")
        return True
    positions = _listed(listing)
    if not positions:
        return False
    changes = _readable(outcome, positions)
    if changes is None:
        return True
    store.write(changes)
    with contextlib.suppress(FileNotFoundError):
        listing.unlink()
    return False


def _listed(listing: Path) -> list[int]:
    try:
        return [int(position) for position in json.loads(listing.read_text(encoding="ascii"))]
    except (OSError, ValueError, TypeError):
        return []


def _readable(outcome: Delivered, positions: list[int]) -> list[Change] | None:
    """The changes at these positions; None if this version cannot read them all either."""
    found: list[Change] = []
    with contextlib.suppress(OSError), SegmentReader(outcome.segment) as reader:
        for position in positions:
            frame = reader.frame_at(position)
            if frame is None or frame.type != frames.CHANGE:
                return None
            try:
                found.append(codec.decode(frame.payload))
            except codec.UnknownChangeError:
                return None
    return found
