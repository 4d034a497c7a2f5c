"""Numbers for names, as this process's ids of components: AWS has none, and they leave no process."""

from __future__ import annotations

import threading


class Numbers:
    """Gives each name a number, the first one seen the lowest. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._numbers: dict[str, int] = {}
        self._names: list[str] = []

    def of(self, name: str) -> int:
        """The number of a name, without regard to case."""
        with self._lock:
            number = self._numbers.get(name.casefold())
            if number is None:
                self._names.append(name)
                number = self._numbers[name.casefold()] = len(self._names)
            return number

    def name(self, number: int) -> str | None:
        """The name that has a number; None for one that was not given."""
        return self._names[number - 1] if 0 < number <= len(self._names) else None

    def forget(self, name: str) -> None:
        """A thing is gone: another of its name is another."""
        with self._lock:
            self._numbers.pop(name.casefold(), None)
