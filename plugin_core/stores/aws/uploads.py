"""Puts bytes under a key of a user's choice, as SageMaker's SDK does: what is there is replaced."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from boto3.exceptions import Boto3Error
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from plugin_core.errors import SettingsError, StoreUnavailableError
from plugin_core.stores.aws.address import sagemaker_address
from plugin_core.stores.aws.calls import Calls
from plugin_core.stores.aws.sessions import default_session

_CONNECT_TIMEOUT_S: Final = 2.0
_READ_TIMEOUT_S: Final = 10.0
_TRIES: Final = 2


def upload(store: str | None, bucket: str, key: str, source: Path | bytes, extra: Mapping[str, Any] | None) -> str:
    """Put bytes into a bucket, with the clients of a store in SageMaker or the environment's; their ETag.

    StoreUnavailableError where that fails. ``extra`` is what S3's clients take as ExtraArgs.
    """
    try:
        client = _client() if store is None else _calls(store).client("s3")
        if isinstance(source, Path):
            client.upload_file(str(source), bucket, key, ExtraArgs=dict(extra or {}))
            return str(client.head_object(Bucket=bucket, Key=key)["ETag"]).strip('"')
        return str(client.put_object(Bucket=bucket, Key=key, Body=source)["ETag"]).strip('"')
    except (ClientError, BotoCoreError, Boto3Error, SettingsError) as error:
        raise StoreUnavailableError(f"s3://{bucket}/{key} cannot be written: {error}.") from error


@functools.lru_cache(maxsize=16)
def _calls(store: str) -> Calls:
    return Calls(sagemaker_address(store))


def _client() -> Any:
    config = Config(
        connect_timeout=_CONNECT_TIMEOUT_S, read_timeout=_READ_TIMEOUT_S, retries={"total_max_attempts": _TRIES}
    )
    return default_session().client("s3", config=config)
