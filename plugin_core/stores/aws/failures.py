"""What AWS's SDK raises becomes ours, in one place, with the cause kept; and which of it is worth another try."""

from __future__ import annotations

from typing import Any, Final

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    PartialCredentialsError,
)

from plugin_core.errors import (
    ConflictError,
    FlowtrailError,
    InvalidValueError,
    NotFoundError,
    StoreReadOnlyError,
    StoreUnavailableError,
)
from plugin_core.stores.aws.address import SageMakerAddress

_THROTTLED: Final = frozenset({
    "Throttling", "ThrottlingException", "ThrottledException", "RequestThrottled", "RequestLimitExceeded",
    "TooManyRequestsException", "SlowDown", "429",
})  # fmt: skip
_RACED: Final = frozenset({"ConflictException", "ResourceInUse"})
_ABSENT: Final = frozenset({"ResourceNotFound", "ResourceNotFoundException"})
_FORBIDDEN: Final = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "403"})
_CREDENTIALS: Final = frozenset({
    "ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "InvalidSignatureException",
    "MissingAuthenticationToken", "SignatureDoesNotMatch", "UnrecognizedClientException", "IncompleteSignature",
})  # fmt: skip
# What AWS will never take. All else that it may say is taken for its own trouble, and is tried again.
_INVALID: Final = frozenset({"ValidationException", "SerializationException", "ResourceLimitExceeded"})
_EXISTS: Final = ("already exists", "must be unique within", "Cannot create already existing")
_MISSING: Final = ("does not exist", "not found", "could not find")
_SERVER_FAILED: Final = 500
_THROTTLED_STATUS: Final = 429
_READS: Final = ("describe_", "list_", "batch_get_", "query_", "get_", "head_")
_SUBJECTS: Final = {
    "ExperimentName": "experiment",
    "TrialName": "trial",
    "TrialComponentName": "component",
    "ArtifactArn": "artifact",
    "ActionName": "action",
    "ContextName": "context",
    "ResourceArn": "resource",
    "SourceArn": "node",
}


def code_of(error: ClientError) -> str:
    """AWS's word for what went wrong."""
    return str(error.response.get("Error", {}).get("Code", ""))


def is_throttled(error: Exception) -> bool:
    """Whether AWS asks for fewer calls."""
    return isinstance(error, ClientError) and (code_of(error) in _THROTTLED or _status_of(error) == _THROTTLED_STATUS)


def is_worth_another_try(error: Exception, operation: str) -> bool:
    """Whether the same call may be answered a moment later."""
    if isinstance(error, ClientError):
        raced = code_of(error) in _RACED and operation.startswith("update_")
        return is_throttled(error) or raced or _status_of(error) >= _SERVER_FAILED
    given_up = (ParamValidationError, NoCredentialsError, PartialCredentialsError, NoRegionError)
    return isinstance(error, BotoCoreError) and not isinstance(error, given_up)


def translated(error: Exception, operation: str, members: dict[str, Any], address: SageMakerAddress) -> FlowtrailError:
    """Ours for what the SDK raised."""
    if isinstance(error, ClientError):
        return _of_answer(error, operation, members, address)
    if isinstance(error, ParamValidationError):
        return InvalidValueError(f"SageMaker takes no such {operation}: {error}.")
    if isinstance(error, NoCredentialsError | PartialCredentialsError):
        return StoreUnavailableError(
            f"There are no credentials for SageMaker in {address.region}.",
            hint="Set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
        )
    return StoreUnavailableError(f"SageMaker in {address.region} cannot be reached: {error}.", hint="Try again later.")


def _of_answer(
    error: ClientError, operation: str, members: dict[str, Any], address: SageMakerAddress
) -> FlowtrailError:
    code, told = code_of(error), str(error.response.get("Error", {}).get("Message") or code_of(error))
    kind, name = _subject(members)
    where = f"SageMaker in {address.region}"
    if code in _ABSENT or (code == "ValidationException" and any(words in told for words in _MISSING)):
        return NotFoundError(kind, name)
    if code in _RACED or any(words in told for words in _EXISTS):
        return ConflictError(told, kind=kind, name=name)
    if code in _CREDENTIALS:
        return StoreUnavailableError(
            f"{where} did not accept the credentials: {code}.", hint="Renew them, or check the machine's clock."
        )
    if code in _FORBIDDEN:
        return _forbidden(operation, where)
    refused = f"{where} refused {operation} of {kind} {name!r}: {code}, {told}"
    return InvalidValueError(refused) if code in _INVALID else StoreUnavailableError(refused, hint="Try again later.")


def _forbidden(operation: str, where: str) -> FlowtrailError:
    hint = "docs/aws.md has the policy that they need."
    words = f"{where} does not let these credentials do {operation}."
    if operation.startswith((*_READS, "search")):
        return StoreUnavailableError(words, hint=hint)
    return StoreReadOnlyError(words, hint=hint)


def _status_of(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _subject(members: dict[str, Any]) -> tuple[str, str]:
    """What a call was about, from the first member that says it."""
    for member, kind in reversed(_SUBJECTS.items()):
        if member in members and member != "SourceArn":
            return kind, str(members[member])
    if "Source" in members:
        return "artifact", str(members["Source"].get("SourceUri", ""))
    return "node", str(members.get("SourceArn", ""))
