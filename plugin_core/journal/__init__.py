"""The write path's first stop: an append-only file of one process, and the drain that empties it into the store."""

from plugin_core.journal.drain import Drainer
from plugin_core.journal.outbox import Outbox, Parcel, UploadReport, deliver, send_waiting, waiting
from plugin_core.journal.recovery import JournalInfo, RecoveryReport, drain_live, is_alive, list_journals, recover
from plugin_core.journal.series import Series
from plugin_core.journal.writer import Journal

__all__ = [
    "Drainer",
    "Journal",
    "JournalInfo",
    "Outbox",
    "Parcel",
    "RecoveryReport",
    "Series",
    "UploadReport",
    "deliver",
    "drain_live",
    "is_alive",
    "list_journals",
    "recover",
    "send_waiting",
    "waiting",
]
