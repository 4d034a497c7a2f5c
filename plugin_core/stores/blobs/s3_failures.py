"""Errors of AWS's SDK become ours, in one place, with the cause kept and with what to do about them."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from plugin_core.errors import FlowtrailError, NotFoundError, StoreError, StoreReadOnlyError, StoreUnavailableError

T = TypeVar("T")

IS_THERE: Final = frozenset({"PreconditionFailed", "412"})
_ABSENT: Final = frozenset({"NoSuchKey", "404", "NotFound"})
_FORBIDDEN: Final = frozenset({"AccessDenied", "403", "Forbidden", "AllAccessDisabled"})
_CREDENTIALS: Final = frozenset(
    {"ExpiredToken", "InvalidAccessKeyId", "InvalidToken", "RequestTimeTooSkewed", "SignatureDoesNotMatch"}
)
# The bytes that arrived were not those that were sent, or two uploads met.
_WORTH_ANOTHER_SEND: Final = frozenset(
    {"BadDigest", "ConditionalRequestConflict", "IncompleteBody", "InvalidDigest", "XAmzContentSHA256Mismatch"}
)
_SENDS: Final = 3


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request was about."""

    url: str
    bucket: str
    key: str
    digest: str
    is_write: bool = False


def code_of(error: ClientError) -> str:
    """S3's word for what went wrong; a status where the answer had no body."""
    return str(error.response.get("Error", {}).get("Code", ""))


def is_forbidden(error: StoreError) -> bool:
    """Whether an error of ours is that the credentials do not permit what was asked."""
    return isinstance(error.__cause__, ClientError) and code_of(error.__cause__) in _FORBIDDEN


@contextmanager
def translated(asked: Asked) -> Generator[None]:
    """Raise ours for what the SDK raises inside."""
    try:
        yield
    except ClientError as error:
        raise _of_answer(error, asked) from error
    except BotoCoreError as error:
        raise _of_sdk(error, asked) from error


def sent(asked: Asked, request: Callable[[], T]) -> T | None:
    """Make a request that carries checksums, again if its bytes were damaged; None where something was there."""
    with translated(asked):
        for sends_left in reversed(range(_SENDS)):
            try:
                return request()
            except ClientError as error:
                if code_of(error) in IS_THERE:
                    return None
                if not sends_left or code_of(error) not in _WORTH_ANOTHER_SEND:
                    raise
    return None


def _of_answer(error: ClientError, asked: Asked) -> FlowtrailError:
    code = code_of(error)
    told: Any = error.response.get("Error", {}).get("Message") or code
    if code == "NoSuchBucket":
        return StoreUnavailableError(f"Bucket {asked.bucket} does not exist.", hint="Create it, or correct `blobs`.")
    if code in _ABSENT:
        return NotFoundError("blob", asked.digest)
    if code in _CREDENTIALS:
        return StoreUnavailableError(
            f"The blob store {asked.url} did not accept the credentials: {code}.",
            hint="Renew them, or check the machine's clock.",
        )
    if code in _FORBIDDEN:
        return _forbidden(asked)
    if code in _WORTH_ANOTHER_SEND:
        return StoreUnavailableError(
            f"Bytes for the blob store {asked.url} were damaged on their way, {_SENDS} times: {code}.",
            hint="Something between here and there changes them: a proxy, perhaps.",
        )
    return StoreUnavailableError(f"The blob store {asked.url} failed: {told}.", hint="Try again later.")


def _forbidden(asked: Asked) -> StoreError:
    if asked.is_write:
        return StoreReadOnlyError(
            f"The blob store {asked.url} cannot be written with these credentials.",
            hint="They need s3:PutObject, s3:GetObject, s3:ListBucket and s3:AbortMultipartUpload.",
        )
    return StoreUnavailableError(
        f"The blob store {asked.url} cannot be read with these credentials.",
        hint="They need s3:GetObject, and s3:ListBucket to tell absent from forbidden.",
    )


def _of_sdk(error: BotoCoreError, asked: Asked) -> StoreError:
    if isinstance(error, NoCredentialsError):
        return StoreUnavailableError(
            f"There are no credentials for the blob store {asked.url}.",
            hint="Set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
        )
    return StoreUnavailableError(f"The blob store {asked.url} cannot be reached: {error}.", hint="Try again later.")
