"""Figures for Prometheus: how many requests, how they ended, how long they took. Nothing of their content."""

from __future__ import annotations

import os
from typing import Any, Final

CONTENT_TYPE: Final = b"text/plain; version=0.0.4; charset=utf-8"
SHARED_VARIABLE: Final = "PROMETHEUS_MULTIPROC_DIR"  # a folder in which the workers of one server add up
_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class Figures:
    """What one worker counts; ``text`` tells that of all workers where they share a folder."""

    def __init__(self) -> None:
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

        self._registry = CollectorRegistry()
        made: dict[str, Any] = {"registry": self._registry}
        self._requests = Counter("flowtrail_requests", "Requests by action and status.", ["action", "status"], **made)
        self._seconds = Histogram(
            "flowtrail_request_seconds", "Time to answer, by route.", ["route"], buckets=_SECONDS, **made
        )
        self._under_way = Gauge(
            "flowtrail_requests_under_way", "Requests being answered.", multiprocess_mode="livesum", **made
        )
        self._refused = Counter("flowtrail_refusals", "Requests that were not let in, by reason.", ["reason"], **made)
        self._unaudited = Gauge(
            "flowtrail_audit_failures", "Lines that the audit lost.", multiprocess_mode="sum", **made
        )

    def begun(self) -> None:
        """A request came."""
        self._under_way.inc()

    def ended(self, *, action: str, route: str, status: int, seconds: float) -> None:
        """A request was answered."""
        self._under_way.dec()
        self._requests.labels(action, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def refused(self, reason: str) -> None:
        """A request was not let in."""
        self._refused.labels(reason).inc()

    def unaudited(self, count: int) -> None:
        """So many lines of the audit were lost until now."""
        self._unaudited.set(count)

    def text(self) -> bytes:
        """All figures as Prometheus reads them."""
        from prometheus_client import CollectorRegistry, generate_latest
        from prometheus_client.multiprocess import MultiProcessCollector

        registry = self._registry
        if os.environ.get(SHARED_VARIABLE):
            registry = CollectorRegistry()
            collect: Any = MultiProcessCollector
            collect(registry)
        return generate_latest(registry)
