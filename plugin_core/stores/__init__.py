"""What remembers. ``open_store`` and its like turn a URL into a store; a scheme's module is imported on use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plugin_core.errors import SettingsError, StoreUnavailableError
from plugin_core.stores.addresses import EXAMPLE, REMOTE_EXAMPLE, is_remote, is_server
from plugin_core.stores.aws import address as sagemaker
from plugin_core.stores.aws.address import is_sagemaker

if TYPE_CHECKING:
    from plugin_core.stores.keys import KeyStore
    from plugin_core.stores.protocol import BlobStore, TrackingStore


def open_store(url: str, /, *, read_only: bool = False) -> TrackingStore:
    """Open the store at ``url`` (``sqlite:////absolute/record.db``), creating or migrating it unless read-only.

    Raises SettingsError for a URL that means no store, StoreUnavailableError, StoreVersionError.
    """
    scheme = url.partition(":")[0]
    if scheme == "sqlite" or is_server(url):
        from plugin_core.stores.local import open_local_store

        return open_local_store(url, read_only=read_only)
    if is_sagemaker(url):
        return _open_sagemaker(url)
    if is_remote(url):
        from plugin_core.stores.remote import RemoteStore

        return RemoteStore(url, read_only=read_only)
    raise SettingsError(
        f"{scheme}: is no kind of store that this flowtrail knows.",
        hint=f"Use sqlite:///relative/path.db, sqlite:////absolute/path.db, {EXAMPLE}, {REMOTE_EXAMPLE} or "
        f"{sagemaker.EXAMPLE}.",
    )


def open_blobs(url: str, /) -> BlobStore:
    """Open the blob store at ``url`` (``file:///absolute/folder``, ``s3://bucket/prefix``, a flowtrail server).

    Raises SettingsError.
    """
    scheme = url.partition(":")[0]
    if scheme == "file":
        from plugin_core.stores.blobs import FolderBlobs

        return FolderBlobs.from_url(url)
    if scheme == "s3" or is_remote(url):
        return _open_s3(url)
    if is_sagemaker(url):
        raise StoreUnavailableError(
            "A record in SageMaker has no place for files, since no bucket is set.",
            hint="Add ?bucket=NAME to the store's URL, or set `blobs`.",
        )
    raise SettingsError(
        f"{url!r} is not a blob store URL that this flowtrail knows.",
        hint=f"Use file:///absolute/folder, s3://bucket/prefix or {REMOTE_EXAMPLE}.",
    )


def open_keys(url: str, /) -> KeyStore:
    """Open the keys of servers over the record at ``url``. Raises SettingsError, StoreError."""
    from plugin_core.stores.local import LocalStore

    store = open_store(url)
    if not isinstance(store, LocalStore):
        raise SettingsError("Keys are kept in the record of a server, not at its clients.", hint="Use its store URL.")
    return store.keys


def _open_sagemaker(url: str) -> TrackingStore:
    try:
        from plugin_core.stores.aws.store import SageMakerStore
    except ImportError as error:
        raise SettingsError(
            "A store in SageMaker needs boto3, which is not installed.", hint="pip install 'flowtrail[aws]'"
        ) from error
    return SageMakerStore(url)


def _open_s3(url: str) -> BlobStore:
    try:
        from plugin_core.stores.blobs.s3 import S3Blobs
    except ImportError as error:
        raise SettingsError(
            "A blob store in S3 or at a flowtrail server needs boto3, which is not installed.",
            hint="pip install 'flowtrail[s3]'",
        ) from error
    return S3Blobs(url)
