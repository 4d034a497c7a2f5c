"""The one place where a failure of ours is turned into a counted warning, logged once per site and type."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from types import TracebackType

from plugin_core.errors import FlowtrailError

_log = logging.getLogger("flowtrail")
_passed_on: tuple[type[BaseException], ...] = (KeyboardInterrupt, GeneratorExit)


def pass_on(*signals: type[BaseException]) -> None:
    """Never swallow these: an orchestrator stops or cancels user code with them, wherever it happens to be."""
    global _passed_on  # noqa: PLW0603 - one per process, added to by adapters
    _passed_on = (*_passed_on, *(signal for signal in signals if signal not in _passed_on))


class Guard:
    """``with guard("site"):`` swallows what our own code raises, and what users' objects raise at our touch.

    SystemExit raised by a hostile ``__repr__`` is contained as well; KeyboardInterrupt passes. In strict
    mode our own errors (FlowtrailError) are raised.
    """

    def __init__(self, *, strict: bool = False) -> None:
        self.strict = strict
        self.failures: Counter[tuple[str, str]] = Counter()
        self._lock = threading.Lock()
        self._sites: dict[str, _Guarded] = {}

    def __call__(self, site: str) -> _Guarded:
        """Guard a block; ``site`` names it in the warning."""
        guarded = self._sites.get(site)
        if guarded is None:
            guarded = self._sites[site] = _Guarded(self, site)
        return guarded

    def failed(self, site: str, error: BaseException) -> None:
        """Count a failure; the first of its kind is logged as a warning, without a traceback."""
        kind = (site, type(error).__name__)
        with self._lock:
            self.failures[kind] += 1
            first = self.failures[kind] == 1
        if first:
            _log.warning(
                "flowtrail failed at %s and goes on without that part of the record: %s: %s",
                site,
                kind[1],
                _text(error),
            )
            _log.debug("flowtrail failed at %s", site, exc_info=error)


class _Guarded:
    __slots__ = ("_guard", "_site")

    def __init__(self, guard: Guard, site: str) -> None:
        self._guard = guard
        self._site = site

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        if error is None or isinstance(error, _passed_on):
            return False
        if self._guard.strict and isinstance(error, FlowtrailError):
            return False
        self._guard.failed(self._site, error)
        return True


def _text(error: BaseException) -> str:
    """The text of our own errors; of foreign ones nothing, since it may quote a value that must not be logged."""
    return str(error) if isinstance(error, FlowtrailError | OSError) else "(its text is shown at log level debug)"
