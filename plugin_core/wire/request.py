"""What an operation is given: a checked request, the store to answer it from, and who asks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from plugin_core.wire.caller import Caller
from plugin_core.wire.tokens import Pages

if TYPE_CHECKING:
    from plugin_core.stores.protocol import BlobStore, TrackingStore


@dataclass(frozen=True, kw_only=True, slots=True)
class WireSettings:
    """How the wire behaves. ``limits``: AWS's limits hold. ``strict_artifacts``: an artifact of a source that has
    one already is refused, as AWS does, instead of answered with the one there is.
    """

    limits: bool = True
    strict_artifacts: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """A checked request. ``members`` has no nulls; timestamps in it are aware datetimes."""

    members: dict[str, Any]
    store: TrackingStore
    blobs: BlobStore
    caller: Caller
    now: datetime
    settings: WireSettings
    pages: Pages

    @property
    def at(self) -> int:
        """Now, in the microseconds that changes carry."""
        return micros(self.now)


def micros(moment: datetime) -> int:
    """Microseconds since the epoch, exactly."""
    since = moment - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
