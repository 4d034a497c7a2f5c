"""Runs that are kept elsewhere than the settings say: with AWS clients that were given, or with files in a bucket.

Such clients have a write path of their own in this process: a journal, a drain, a store over them. Files of such
runs go where SageMaker's SDK puts them, ``s3://bucket/prefix/component/name``, before the call returns, if the
bucket answers.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plugin_core.errors import InvalidValueError, StoreError, StoreUnavailableError
from plugin_core.stores.aws.address import SageMakerAddress, sagemaker_address
from plugin_core.tracking.engine import engine, engine_at
from plugin_core.tracking.files import Stored, store_bytes, store_file

if TYPE_CHECKING:
    from collections.abc import Mapping

    from plugin_core.tracking.engine import Engine

_log = logging.getLogger("flowtrail")


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Where. ``store`` is the URL of the store over given clients, ``bucket`` the one that was named."""

    store: str | None
    bucket: str | None
    session: Any

    @property
    def engine(self) -> Engine:
        """The write path."""
        return engine() if self.store is None else engine_at(self.store)

    @property
    def address_of_store(self) -> str | None:
        """The store's URL for other processes, which have no such clients."""
        return None if self.store is None else sagemaker_address(self.store).place

    def put(self, key: str, source: Path | bytes, extra: Mapping[str, Any] | None) -> Stored:
        """Put bytes under a key; where that cannot be done, as without a bucket. In strict mode StoreError.

        A file that a bucket refuses is recorded by where it is; one that it does not answer for is kept by its content.
        """
        from plugin_core.stores.aws.uploads import NoAnswerError, upload

        try:
            bucket = self.bucket or self._default_bucket()
            etag = upload(self.store, bucket, key, source, extra)
        except StoreError as error:
            if self.engine.settings.strict:
                raise
            _log.warning("flowtrail could not put %s into its bucket: %s", key, error)
            if isinstance(source, Path) and not isinstance(error, NoAnswerError):
                return Stored(source.absolute().as_uri(), None)
            return _by_content(self.engine, source)
        return Stored(f"s3://{bucket}/{key}", None, etag=etag)

    def _default_bucket(self) -> str:
        """What the session uses where none is named, as SageMaker's SDK does."""
        find = getattr(self.session, "default_bucket", None)
        if find is None:
            raise StoreUnavailableError("There is no bucket for files.", hint="Pass artifact_bucket.")
        try:
            return str(find())
        except Exception as error:
            raise StoreUnavailableError(f"The session has no bucket: {error}.", hint="Pass artifact_bucket.") from error


def elsewhere(session: Any, bucket: str | None) -> Elsewhere | None:
    """Where a session's runs are kept; None for what the settings say. InvalidValueError, SettingsError."""
    if session is None and bucket is None:
        return None
    if bucket is not None and not (isinstance(bucket, str) and bucket):
        raise InvalidValueError(f"artifact_bucket must be the name of a bucket, not {bucket!r}.")
    return Elsewhere(None if session is None else _store_over(session, bucket), bucket, session)


def _store_over(session: Any, bucket: str | None) -> str:
    client = getattr(session, "sagemaker_client", None)
    if client is None:
        raise InvalidValueError(
            f"sagemaker_session is a {type(session).__name__} without sagemaker_client.",
            hint="Pass a sagemaker.Session, or anything that has its clients.",
        )
    from plugin_core.stores.aws.sessions import give

    return SageMakerAddress(region=client.meta.region_name, bucket=bucket, clients=give(session)).url


def stored(place: Elsewhere | None, key: str, source: Path | bytes, extra: Mapping[str, Any] | None = None) -> Stored:
    """Store a run's bytes: elsewhere under a key, else by their content."""
    if place is not None:
        return place.put(key, source, extra)
    return _by_content(engine(), source)


def _by_content(engine: Engine, source: Path | bytes) -> Stored:
    return store_file(engine, source) if isinstance(source, Path) else store_bytes(engine, source)
