"""How long a server is waited for, and how often it is asked again: one rule for all stores behind a network.

A call is tried a few times with growing random pauses, never past its deadline. A server that failed several times
in a row is left alone for a while: who asks meanwhile is told so at once, and one call then tries it for all.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from plugin_core.errors import StoreError, StoreUnavailableError

T = TypeVar("T")

LONGEST_WISH_S: Final = 60.0  # what a server's Retry-After may ask for


@dataclass(frozen=True, kw_only=True, slots=True)
class Patience:
    """Seconds and counts. ``deadline_s`` is for a call with all its attempts and pauses."""

    connect_s: float = 3.0
    answer_s: float = 10.0
    deadline_s: float = 15.0
    first_pause_s: float = 0.2
    longest_pause_s: float = 30.0
    failures: int = 3  # in a row, after which the server is left alone
    rest_s: float = 5.0  # for so long


class TryAgainError(Exception):
    """An attempt failed for a reason that may pass. ``failure`` is what to raise if there is no other one.

    ``after_s`` is for how long the server asked to be left alone. ``at_once`` is False where the same call must not
    be made again unasked: the server may have done what it was about.
    """

    def __init__(self, failure: StoreError, *, after_s: float = 0.0, at_once: bool = True) -> None:
        super().__init__(failure.message)
        self.failure, self.after_s, self.at_once = failure, min(after_s, LONGEST_WISH_S), at_once


class Persistence:
    """Makes calls of one server and remembers how it fares. Safe to share between threads, and holds no lock."""

    def __init__(
        self,
        patience: Patience | None = None,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[float], float] | None = None,
    ) -> None:
        self.patience = patience or Patience()
        self._monotonic, self._sleep, self._jitter = monotonic, sleep, jitter or full_jitter
        self._failures = 0
        self._rests_until = float("-inf")
        self._latest: StoreError | None = None

    def call(self, attempt: Callable[[float], T]) -> T:
        """What ``attempt`` returns, which is told how many seconds it has. StoreError; what else it raises passes."""
        deadline = self._monotonic() + self.patience.deadline_s
        pause_s = self.patience.first_pause_s
        while True:
            self._require_hope()
            try:
                answer = attempt(max(0.0, deadline - self._monotonic()))
            except TryAgainError as problem:
                self._failed(problem)
                pause = max(problem.after_s, self._jitter(min(pause_s, self.patience.longest_pause_s)))
                if not problem.at_once or self._is_resting or self._monotonic() + pause >= deadline:
                    raise problem.failure from problem.__cause__
            else:
                self.answered()
                return answer
            self._sleep(pause)
            pause_s *= 2

    def answered(self) -> None:
        """The server answered, whatever it said."""
        self._failures = 0
        self._latest = None

    def _failed(self, problem: TryAgainError) -> None:
        self._failures += 1
        self._latest = problem.failure
        if self._failures >= self.patience.failures:
            self._rests_until = self._monotonic() + max(self.patience.rest_s, problem.after_s)

    @property
    def _is_resting(self) -> bool:
        return self._failures >= self.patience.failures and self._monotonic() < self._rests_until

    def _require_hope(self) -> None:
        """StoreUnavailableError while the server is left alone; after that, who comes first tries it."""
        if self._is_resting:
            told = self._latest.message if self._latest is not None else ""
            raise StoreUnavailableError(f"{told} It failed several times and is tried again soon.".lstrip())
        if self._failures >= self.patience.failures:
            self._rests_until = self._monotonic() + self.patience.deadline_s


def full_jitter(longest_s: float) -> float:
    """A random pause: who failed together does not come again together."""
    from random import SystemRandom  # the module's own generator is the user's, who may have seeded it

    return SystemRandom().uniform(0.0, longest_s)


def wish_of(retry_after: str | None) -> float:
    """The seconds that a Retry-After header asks for; 0 where it gives a date or nothing."""
    text = (retry_after or "").strip()
    return float(text) if text.isdecimal() and len(text) < 10 else 0.0  # noqa: PLR2004 - no number of seconds is longer
