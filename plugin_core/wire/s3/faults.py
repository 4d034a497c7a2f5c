"""What a client of S3 is told when something cannot be done: AWS's codes, with the status that belongs to each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from plugin_core import errors

_STATUS: Final = {
    "AccessDenied": 403,
    "BadDigest": 400,
    "BucketAlreadyOwnedByYou": 409,
    "BucketNotEmpty": 409,
    "EntityTooLarge": 400,
    "IncompleteBody": 400,
    "InternalError": 500,
    "InvalidArgument": 400,
    "InvalidBucketName": 400,
    "InvalidDigest": 400,
    "InvalidPart": 400,
    "InvalidPartOrder": 400,
    "InvalidRange": 416,
    "InvalidRequest": 400,
    "InvalidURI": 400,
    "KeyTooLongError": 400,
    "MalformedXML": 400,
    "MetadataTooLarge": 400,
    "MethodNotAllowed": 405,
    "NoSuchBucket": 404,
    "NoSuchKey": 404,
    "NoSuchUpload": 404,
    "NotImplemented": 501,  # the one 5xx that AWS's clients do not try again
    "PreconditionFailed": 412,
    "ServiceUnavailable": 503,
    "XAmzContentSHA256Mismatch": 400,
}
_MISSING: Final = {"bucket": "NoSuchBucket", "object": "NoSuchKey", "upload": "NoSuchUpload"}

_SAID: Final[Mapping[type[errors.FlowtrailError], tuple[str, str]]] = {
    errors.NotFoundError: ("NoSuchKey", "The object's bytes are not in the blob store any more."),
    errors.ConflictError: ("PreconditionFailed", "At least one of the preconditions you specified did not hold."),
    errors.StoreUnavailableError: ("ServiceUnavailable", "The record cannot be reached at the moment. Try again."),
    errors.StoreReadOnlyError: ("AccessDenied", "This record cannot be written."),
}


class S3Error(Exception):
    """An answer that is an error. ``headers`` go with it."""

    def __init__(self, code: str, message: str, *, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.headers = code, message, headers or {}

    @property
    def status(self) -> int:
        """The HTTP status."""
        return _STATUS[self.code]


def not_implemented(what: str) -> S3Error:
    """The request asks for a part of S3 that is not here."""
    return S3Error("NotImplemented", f"This server does not do that: {what}.")


def failed() -> S3Error:
    """Nothing that a client could change."""
    return S3Error("InternalError", "The server failed.")


def from_error(error: errors.FlowtrailError) -> S3Error:
    """One of our errors as a client sees it. Messages of stores name files, and stay here."""
    if isinstance(error, errors.NotFoundError) and error.kind in _MISSING:
        return S3Error(_MISSING[error.kind], f"The specified {error.kind} does not exist.")
    if isinstance(error, errors.InvalidValueError):
        return S3Error("InvalidArgument", error.message)
    return next((S3Error(*said) for kind, said in _SAID.items() if isinstance(error, kind)), failed())
