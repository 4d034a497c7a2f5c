"""A store that keeps batches by the protocol's rule, and can be told to fail."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from plugin_core.errors import ConflictError, StoreUnavailableError
from plugin_core.journal import Drainer, Journal
from plugin_core.model.changes import AppendPoints, Batch, Change, JournalSeen

URL = "sqlite:////nowhere/record.db"


class RecordingStore:
    """Keeps what is applied, exactly once, and in order."""

    def __init__(self, url: str = URL) -> None:
        self.url = url
        self.marks: dict[str, int] = {}
        self.batches: list[Batch] = []
        self.written: list[Change] = []
        self.problem: Exception | None = None
        self.refuses: Any = None  # a predicate of changes
        self.gate = threading.Event()
        self.gate.set()
        self.applied_calls = 0

    def apply(self, batch: Batch) -> bool:
        self.applied_calls += 1
        self.gate.wait(20)
        if self.problem is not None:
            raise self.problem
        mark = self.marks.get(batch.journal, 0)
        if batch.end <= mark or batch.start < mark:
            return False
        if batch.start > mark:
            raise ConflictError(f"A gap: {mark} to {batch.start}.")
        if self.refuses is not None and any(map(self.refuses, batch.changes)):
            raise ValueError("This store does not take that.")
        self.batches.append(batch)
        self.marks[batch.journal] = batch.end
        return True

    def write(self, changes: Iterable[Change]) -> None:
        if self.problem is not None:
            raise self.problem
        self.written.extend(changes)

    def watermark(self, journal: str) -> int:
        if self.problem is not None:
            raise self.problem
        return self.marks.get(journal, 0)

    def break_down(self) -> None:
        self.problem = StoreUnavailableError("The store does not answer.")

    def come_back(self) -> None:
        self.problem = None

    @property
    def changes(self) -> list[Change]:
        return [c for b in self.batches for c in b.changes if not isinstance(c, JournalSeen)]

    @property
    def seen(self) -> list[JournalSeen]:
        return [c for c in (*(c for b in self.batches for c in b.changes), *self.written) if isinstance(c, JournalSeen)]

    def points(self, component: str = "c", metric: str = "m") -> list[tuple[int, float]]:
        return [
            (step, value)
            for c in self.changes
            if isinstance(c, AppendPoints) and (c.component, c.metric) == (component, metric)
            for step, value in zip(c.steps, c.values, strict=True)
        ]

    def steps(self, component: str = "c", metric: str = "m") -> list[int]:
        return [step for step, _ in self.points(component, metric)]

    @property
    def others(self) -> list[Change]:
        return [c for c in self.changes if not isinstance(c, AppendPoints)]

    def twice(self) -> list[Any]:
        counts = Counter(
            (c.component, c.metric, s) for c in self.changes if isinstance(c, AppendPoints) for s in c.steps
        )
        return [key for key, n in counts.items() if n > 1]


class Place:
    """A spool, a fallback folder, and what tests make in them."""

    def __init__(self, folder: Path) -> None:
        self.spool = folder / "spool"
        self.fallback = folder / "fallback"
        self.store = RecordingStore()
        self._drainers: list[Drainer] = []
        self._journals: list[Journal] = []

    def journal(self, **options: Any) -> Journal:
        defaults: dict[str, Any] = {"store_url": URL, "durability": "process", "fallback": self.fallback}
        journal = Journal(self.spool, **{**defaults, **options})
        self._journals.append(journal)
        return journal

    def drainer(self, journal: Journal, **options: Any) -> Drainer:
        drainer = Drainer(journal, lambda: self.store, **{"interval_s": 0.01, **options})  # type: ignore[arg-type,return-value]
        self._drainers.append(drainer)
        return drainer

    @property
    def files(self) -> list[Path]:
        return sorted(self.spool.glob("*.jrn"))

    def close(self) -> None:
        self.store.gate.set()
        self.store.come_back()
        for drainer in self._drainers:
            drainer.close(0.0)
        for journal in self._journals:
            journal.close()


@pytest.fixture
def place(tmp_path: Path):
    place = Place(tmp_path)
    yield place
    place.close()
