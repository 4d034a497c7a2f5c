"""Puts bytes under a key of a user's choice, as SageMaker's SDK does: what is there is replaced.

A thread does it, so that whoever asked can go on when nothing comes from the bucket; it may succeed later.
"""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future, wait
from pathlib import Path
from typing import Any, Final

from boto3.exceptions import Boto3Error
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError, HTTPClientError

from plugin_core.errors import SettingsError, StoreUnavailableError
from plugin_core.stores.aws.address import sagemaker_address
from plugin_core.stores.aws.calls import Calls
from plugin_core.stores.aws.sessions import default_session

SILENCE_S: Final = 2.0  # how long a step waits while no byte moves
_CONNECT_TIMEOUT_S: Final = 2.0
_READ_TIMEOUT_S: Final = 10.0
_TRIES: Final = 2
# The SDK's own threads would be waited for when the process ends.
_IN_THIS_THREAD: Final = TransferConfig(use_threads=False)


class NoAnswerError(StoreUnavailableError):
    """The bucket has said neither yes nor no."""


def upload(store: str | None, bucket: str, key: str, source: Path | bytes, extra: Mapping[str, Any] | None) -> str:
    """Put bytes into a bucket, with the clients of a store in SageMaker or the environment's; their ETag.

    StoreUnavailableError where that fails, NoAnswerError where no byte moves for ``SILENCE_S``. ``extra`` is what S3's
    clients take as ExtraArgs.
    """
    sending = _Sending(store, bucket, key, source, dict(extra or {}))
    threading.Thread(target=sending.send, name="flowtrail-upload", daemon=True).start()
    try:
        return sending.etag()
    except (EndpointConnectionError, HTTPClientError) as error:
        raise NoAnswerError(f"s3://{bucket}/{key} cannot be reached: {error}.") from error
    except (ClientError, BotoCoreError, Boto3Error, SettingsError) as error:
        raise StoreUnavailableError(f"s3://{bucket}/{key} cannot be written: {error}.") from error


class _Sending:
    """One upload, between the thread that does it and the one that waits."""

    def __init__(
        self, store: str | None, bucket: str, key: str, source: Path | bytes, extra: Mapping[str, Any]
    ) -> None:
        self._store, self._source, self._extra = store, source, extra
        self._place = {"Bucket": bucket, "Key": key}
        self._etag: Future[str] = Future()
        self._moved_at = time.monotonic()

    def send(self) -> None:
        """Do it."""
        try:
            self._etag.set_result(self._sent())
        except Exception as error:  # noqa: BLE001 - the edge of a thread: who waits gets it
            self._etag.set_exception(error)

    def etag(self) -> str:
        """What came of it. NoAnswerError, and what the SDK raises."""
        while not self._etag.done():
            left = self._moved_at + SILENCE_S - time.monotonic()
            if left <= 0:
                raise NoAnswerError(f"s3://{self._place['Bucket']} has not answered for {SILENCE_S:g} s.")
            wait([self._etag], timeout=left)
        return self._etag.result()

    def _sent(self) -> str:
        client = _client() if self._store is None else _calls(self._store).client("s3")
        if isinstance(self._source, bytes):
            return str(client.put_object(**self._place, Body=self._source)["ETag"]).strip('"')
        client.upload_file(
            str(self._source), **self._place, ExtraArgs=self._extra, Callback=self._moved, Config=_IN_THIS_THREAD
        )
        return str(client.head_object(**self._place)["ETag"]).strip('"')

    def _moved(self, _bytes: int) -> None:
        self._moved_at = time.monotonic()


@functools.lru_cache(maxsize=16)
def _calls(store: str) -> Calls:
    return Calls(sagemaker_address(store))


def _client() -> Any:
    config = Config(
        connect_timeout=_CONNECT_TIMEOUT_S, read_timeout=_READ_TIMEOUT_S, retries={"total_max_attempts": _TRIES}
    )
    return default_session().client("s3", config=config)
