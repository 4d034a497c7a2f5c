"""What a client is told when something cannot be done: codes that clients look for, and our errors as them."""

from __future__ import annotations

from typing import Final

from plugin_core import errors

VALIDATION: Final = "ValidationException"
NOT_FOUND: Final = "ResourceNotFound"
CONFLICT: Final = "ConflictException"
LIMIT: Final = "ResourceLimitExceeded"
SERIALIZATION: Final = "SerializationException"
UNKNOWN_OPERATION: Final = "UnknownOperationException"
TOO_LARGE: Final = "RequestEntityTooLargeException"
DENIED: Final = "AccessDeniedException"
UNAVAILABLE: Final = "ServiceUnavailable"
INTERNAL: Final = "InternalFailure"


class WireError(Exception):
    """An answer that is an error: AWS's code, the words, and the HTTP status (5xx is what clients try again)."""

    def __init__(self, code: str, message: str, *, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.message, self.status = code, message, status


def invalid(message: str) -> WireError:
    """The request breaks a rule."""
    return WireError(VALIDATION, message)


def not_found(kind: str, name: str) -> WireError:
    """There is no such thing."""
    return WireError(NOT_FOUND, f"{kind} with name ({name}) does not exist.")


def already_exists(kind: str, name: str) -> WireError:
    """There is one of that name; in words that every generation of clients takes for that."""
    unique = f"{kind} names must be unique within an AWS account and region."
    return WireError(VALIDATION, f"{unique} {kind} with name ({name}) already exists.")


def conflict(message: str) -> WireError:
    """The thing is in a state that forbids it."""
    return WireError(CONFLICT, message)


def from_error(error: errors.FlowtrailError) -> WireError:
    """One of our errors as a client sees it. Messages of stores name files, and stay here."""
    if isinstance(error, errors.NotFoundError):
        return not_found(error.kind, error.name)
    if isinstance(error, errors.ConflictError):
        return conflict(error.message)
    if isinstance(error, errors.StoreUnavailableError):
        return WireError(UNAVAILABLE, "The record cannot be reached at the moment. Try again.", status=503)
    if isinstance(error, errors.StoreReadOnlyError):
        return WireError(DENIED, "This record cannot be written.")
    if isinstance(error, errors.InvalidValueError):
        return invalid(error.message)
    return WireError(INTERNAL, "The server failed.", status=500)
