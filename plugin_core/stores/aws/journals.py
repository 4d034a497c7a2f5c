"""How far each journal was brought in: a property of a context ``flowtrail-journal-<id>``, set after the rest.

AWS has no transactions: between what a batch brings and its watermark a process may die, and the batch comes again.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from plugin_core.errors import ConflictError, NotFoundError
from plugin_core.model.changes import JournalSeen
from plugin_core.model.names import short_digest
from plugin_core.stores.aws.calls import Calls
from plugin_core.stores.aws.listing import JOURNAL_TYPE
from plugin_core.stores.aws.state import moment

_PREFIX: Final = "flowtrail-journal-"
_WATERMARK: Final = "watermark"
_LEASE: Final = "lease-until"
_SEEN: Final = "seen"
_NAME: Final = re.compile(r"[a-zA-Z0-9]([-_]*[a-zA-Z0-9]){0,100}")
_SOURCE: Final = "flowtrail:journal"


class Journals:
    """Watermarks and leases; writing is for one thread at a time."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._there: set[str] = set()

    def watermark(self, journal: str) -> int:
        """See TrackingStore."""
        return int(self._properties(journal).get(_WATERMARK, "0"))

    def leases(self, journals: Sequence[str]) -> dict[str, datetime]:
        """See TrackingStore: one call for each journal."""
        found = {journal: self._properties(journal).get(_LEASE) for journal in journals}
        return {journal: moment(int(until)) for journal, until in found.items() if until is not None}

    def _properties(self, journal: str) -> dict[str, str]:
        try:
            found: dict[str, Any] = self._calls("describe_context", ContextName=_context(journal))
        except NotFoundError:
            return {}
        self._there.add(journal)
        return dict(found.get("Properties") or {})

    def move(self, journal: str, end: int, seen: Sequence[JournalSeen]) -> None:
        """Set a watermark, and what journals said of themselves."""
        self._set(journal, {_WATERMARK: str(end)} | _said(journal, seen))

    def see(self, seen: Sequence[JournalSeen]) -> None:
        """Note what journals said of themselves."""
        for journal in {each.owner.journal for each in seen}:
            self._set(journal, _said(journal, seen))

    def _set(self, journal: str, properties: dict[str, str]) -> None:
        if journal not in self._there and self._made(journal, properties):
            return
        self._calls("update_context", ContextName=_context(journal), Properties=properties)

    def _made(self, journal: str, properties: dict[str, str]) -> bool:
        source = {"SourceUri": f"{_SOURCE}/{journal}"}
        try:
            self._calls(
                "create_context",
                ContextName=_context(journal),
                ContextType=JOURNAL_TYPE,
                Source=source,
                Properties=properties,
            )
        except ConflictError:
            return False
        finally:
            self._there.add(journal)
        return True


def _context(journal: str) -> str:
    name = journal if _NAME.fullmatch(journal) else short_digest(journal)
    return _PREFIX + name


def _said(journal: str, seen: Sequence[JournalSeen]) -> dict[str, str]:
    own = [each for each in seen if each.owner.journal == journal]
    if not own:
        return {}
    latest = max(own, key=lambda each: each.at)
    return {_LEASE: str(latest.lease_until), _SEEN: str(latest.at)}
