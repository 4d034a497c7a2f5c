"""Calls of AWS's operations: one try with short time-outs, and again after a random pause where that may help.

The SDK's own retries are off: they draw from the random generator that belongs to the user's code.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from random import SystemRandom
from typing import Any, Final, TypeAlias

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from plugin_core.errors import SettingsError
from plugin_core.stores.aws import sessions
from plugin_core.stores.aws.address import SageMakerAddress
from plugin_core.stores.aws.failures import is_throttled, is_worth_another_try, translated

Members: TypeAlias = dict[str, Any]

_CONNECT_TIMEOUT_S: Final = 3.0
_READ_TIMEOUT_S: Final = 10.0
_TRIES: Final = 5
_FIRST_PAUSE_S: Final = 0.1
_FIRST_THROTTLED_PAUSE_S: Final = 0.5
_LONGEST_PAUSE_S: Final = 4.0
_PAGE: Final = 100
_METRICS: Final = frozenset({"batch_put_metrics", "batch_get_metrics"})


class Calls:
    """Makes calls. Safe to share between threads, and across a fork."""

    def __init__(self, address: SageMakerAddress, *, pause: Callable[[float], None] = time.sleep) -> None:
        self.address = address
        self._pause = pause
        self._lock = threading.Lock()
        self._made: tuple[int, dict[str, Any]] = (0, {})

    def __call__(self, operation: str, **members: Any) -> Members:
        """The answer of an operation (in boto3's spelling); what is None is left out. Raises our errors."""
        given = {name: value for name, value in members.items() if value is not None}
        call = getattr(self.client("sagemaker-metrics" if operation in _METRICS else "sagemaker"), operation)
        return self.made(call, operation, given)

    def made(self, call: Callable[..., Members], operation: str, given: Members) -> Members:
        """The answer of a client's method, tried again where that may help."""
        for tries_left in reversed(range(_TRIES)):
            try:
                return call(**given)
            except (ClientError, BotoCoreError) as error:
                if not tries_left or not is_worth_another_try(error, operation):
                    raise translated(error, operation, given, self.address) from error
                self._pause(_pause_s(_TRIES - 1 - tries_left, throttled=is_throttled(error)))
        raise AssertionError(operation)

    def pages(self, operation: str, member: str, **members: Any) -> Iterator[Members]:
        """The items of a listing, page after page."""
        token: str | None = None
        while True:
            answer = self(operation, **{"MaxResults": _PAGE, **members, "NextToken": token})
            yield from answer.get(member, ())
            token = answer.get("NextToken")
            if not token:
                return

    def client(self, service: str) -> Any:
        """The process's client of a service: given, or made on first use, again in the child of a fork."""
        pid, clients = self._made
        if pid == os.getpid() and service in clients:
            return clients[service]
        with self._lock:
            if self._made[0] != os.getpid():
                self._made = (os.getpid(), {})
            return self._made[1].setdefault(service, self._make(service))

    def _make(self, service: str) -> Any:
        if self.address.clients is not None:
            return sessions.given_client(self.address.clients, service)
        config = Config(
            connect_timeout=_CONNECT_TIMEOUT_S,
            read_timeout=_READ_TIMEOUT_S,
            retries={"mode": "standard", "total_max_attempts": 1},
        )
        try:
            session = boto3.Session(region_name=self.address.region)
            return session.client(service, endpoint_url=self.address.endpoint, config=config)
        except (BotoCoreError, ValueError) as error:
            raise SettingsError(f"SageMaker cannot be used: {error}.") from error


def _pause_s(tries_made: int, *, throttled: bool) -> float:
    """Full jitter, from a generator that nobody seeds."""
    first = _FIRST_THROTTLED_PAUSE_S if throttled else _FIRST_PAUSE_S
    return SystemRandom().uniform(0.0, min(_LONGEST_PAUSE_S, first * 2.0**tries_made))
