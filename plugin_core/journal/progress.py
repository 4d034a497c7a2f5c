"""How far the store holds a journal, and so which of its files have done their duty. Its owner's lock is held."""

from __future__ import annotations

from pathlib import Path


class Progress:
    """Of a journal: the position up to which the store holds it, the events before that, and its sealed segments."""

    def __init__(self) -> None:
        self.position = self.events = 0
        self._taken: list[tuple[int, int]] = []  # positions that were taken, and the events before them
        self._sealed: list[tuple[Path, int]] = []  # segments and the positions where they end, oldest first

    @property
    def files(self) -> list[Path]:
        """The sealed segments that the store does not hold as a whole. May be asked without the lock."""
        return [path for path, _ in list(self._sealed)]

    def seal(self, path: Path, end: int) -> None:
        """Note a segment that nothing will be added to."""
        self._sealed.append((path, end))

    def take(self, position: int, events: int) -> None:
        """Note that the drain has taken all up to a position."""
        self._taken.append((position, events))

    def reach(self, position: int) -> list[Path]:
        """Note that the store holds all up to a position; the segments that end before it, which may go."""
        done: list[Path] = []
        if position > self.position:
            self.position = position
            while self._taken and self._taken[0][0] <= position:
                self.events = self._taken.pop(0)[1]
            while self._sealed and self._sealed[0][1] <= position:
                done.append(self._sealed.pop(0)[0])
        return done
