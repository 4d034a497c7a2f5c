"""Calls of AWS's operations, tried again where that may help.

The SDK's own retries are off: they draw from the random generator that belongs to the user's code.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeAlias

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from plugin_core.errors import SettingsError, StoreError, StoreUnavailableError
from plugin_core.stores.aws import sessions
from plugin_core.stores.aws.address import SageMakerAddress
from plugin_core.stores.aws.failures import is_throttled, is_worth_another_try, translated
from plugin_core.stores.patience import Patience, Persistence, TryAgainError, full_jitter

Members: TypeAlias = dict[str, Any]

_THROTTLED_PAUSE_S: Final = 2.0
_PAGE: Final = 100
_METRICS: Final = frozenset({"batch_put_metrics", "batch_get_metrics"})


class Calls:
    """Makes calls. Safe to share between threads, and across a fork."""

    def __init__(self, address: SageMakerAddress, *, patience: Patience | None = None) -> None:
        self.address = address
        self._patience = patience or Patience()
        self._persistence = Persistence(self._patience)
        self._lock = threading.Lock()
        self._made: tuple[int, dict[str, Any]] = (0, {})

    def __call__(self, operation: str, **members: Any) -> Members:
        """The answer of an operation (in boto3's spelling); what is None is left out. Raises our errors."""
        given = {name: value for name, value in members.items() if value is not None}
        call = getattr(self.client("sagemaker-metrics" if operation in _METRICS else "sagemaker"), operation)
        return self.made(call, operation, given)

    def made(self, call: Callable[..., Members], operation: str, given: Members) -> Members:
        """The answer of a client's method, tried again where that may help."""
        return self._persistence.call(lambda _: self._tried(call, operation, given))

    def _tried(self, call: Callable[..., Members], operation: str, given: Members) -> Members:
        try:
            return call(**given)
        except (ClientError, BotoCoreError) as error:
            failure = translated(error, operation, given, self.address)
            if not is_worth_another_try(error, operation):
                self._persistence.answered()
                raise failure from error
            if not isinstance(failure, StoreError):
                failure = StoreUnavailableError(f"{failure.message} It changed at the same time.")
            pause = full_jitter(_THROTTLED_PAUSE_S) if is_throttled(error) else 0.0
            raise TryAgainError(failure, after_s=pause) from error

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
            connect_timeout=self._patience.connect_s,
            read_timeout=self._patience.answer_s,
            retries={"mode": "standard", "total_max_attempts": 1},
        )
        try:
            session = boto3.Session(region_name=self.address.region)
            return session.client(service, endpoint_url=self.address.endpoint, config=config)
        except (BotoCoreError, ValueError) as error:
            raise SettingsError(f"SageMaker cannot be used: {error}.") from error
