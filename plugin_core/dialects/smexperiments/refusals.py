"""What callers of the API catch: our errors, with the code and the answer that boto3's ClientError has.

Where botocore is loaded, as it is in code that catches its ClientError, they are ClientErrors too.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Final

from plugin_core.errors import ConflictError, FlowtrailError, InvalidValueError, NotFoundError

_FORCE: Final = "--force"
_CODES: Final[dict[type[FlowtrailError], str]] = {
    NotFoundError: "ResourceNotFound",
    ConflictError: "ValidationException",
    InvalidValueError: "ValidationException",
}


class _Refusal:
    """What ClientError offers besides its text."""

    def __init__(self, error: FlowtrailError, operation: str, code: str) -> None:
        self.__dict__.update(vars(error))
        self.args = error.args
        self.operation_name = operation
        self.response: dict[str, Any] = {
            "Error": {"Code": code, "Message": error.message},
            "ResponseMetadata": {"HTTPStatusCode": 400},
        }
        self._error = error

    def __str__(self) -> str:
        return str(self._error)

    def __reduce__(self) -> tuple[Any, ...]:
        return _refusal, (self._error, self.operation_name)


@contextmanager
def refusing(operation: str) -> Generator[None]:
    """Turn what this record refuses in an operation (named as AWS names it) into what its callers catch."""
    try:
        yield
    except (NotFoundError, ConflictError, InvalidValueError) as error:
        raise _refusal(error, operation) from error


def _refusal(error: FlowtrailError, operation: str) -> Exception:
    known: Any = next(kind for kind in type(error).__mro__ if kind in _CODES)
    botocore = sys.modules.get("botocore.exceptions")
    refused: Exception = _class_of(known, getattr(botocore, "ClientError", None))(error, operation, _CODES[known])
    return refused


@functools.cache
def _class_of(kind: Any, client_error: Any) -> Any:
    bases = (_Refusal, kind) if client_error is None else (_Refusal, kind, client_error)
    return type(kind.__name__, bases, {"__module__": kind.__module__})


def check_confirmed(action: str, what: str) -> None:
    """InvalidValueError unless a deletion of all is confirmed."""
    if action != _FORCE:
        raise InvalidValueError(
            f"delete_all would delete {what}, and is not confirmed.", hint=f"Confirm it with {_FORCE!r}."
        )
