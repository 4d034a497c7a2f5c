"""Asks a record's server: signs, sends, tries again where that does no harm, and tells refusals apart.

What cannot be sent because it is too large is an InvalidValueError: the journal is then delivered in smaller parts.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final

from plugin_core import errors
from plugin_core.model.portable import MAX_BYTES
from plugin_core.stores.addresses import RemoteAddress
from plugin_core.stores.patience import Persistence, TryAgainError, wish_of
from plugin_core.stores.remote import calls
from plugin_core.stores.remote.connections import Connections, NotSentError, Response
from plugin_core.stores.remote.keys import KeyChain
from plugin_core.stores.remote.signing import signed

_REGION: Final = "us-east-1"  # a signature needs one; the server has no regions
_SLOWEST_BYTES_S: Final = 250_000  # what a line must carry, for what is long to come through at all
_OK: Final = 200
_PASSING: Final = frozenset({500, 502, 503, 504})
_WAIT: Final = 429
_TOO_LARGE: Final = 413
_THROTTLED: Final = "ThrottlingException"
_LATE: Final = "RequestExpired"
_UNSIGNED: Final = "MissingAuthenticationTokenException"
_KEY_REFUSED: Final = frozenset({
    _UNSIGNED, "IncompleteSignatureException", "InvalidSignatureException",
    "ExpiredTokenException", _LATE,
})  # fmt: skip
_UNKNOWN: Final = "UnknownOperationException"
_DENIED: Final = "AccessDeniedException"
_MISDIRECTED: Final = "MisdirectedRequest"


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """A request: ``is_repeatable`` says that doing it twice is the same as once, ``is_write`` whether it changes."""

    operation: str
    body: bytes
    is_repeatable: bool
    is_write: bool
    journal: str | None = None


class Transport:
    """One server. Safe to share between threads, and across a fork."""

    def __init__(
        self,
        address: RemoteAddress,
        *,
        persistence: Persistence | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._address = address
        self._persistence = persistence or Persistence()
        self._patience = self._persistence.patience
        self._connections = Connections(address, connect_s=self._patience.connect_s, most_bytes=MAX_BYTES)
        self._keys = KeyChain(address.profile, may_be_open=address.is_loopback)
        self._clock = clock
        self._ahead = timedelta()  # of the server's clock, before ours

    def ask(self, question: Question) -> bytes:
        """The answer to a question. StoreError, or what the server's store raised."""
        response = self._persistence.call(lambda seconds: self._attempt(question, seconds))
        if response.status == _OK:
            return response.body
        raise self._refusal(response, question)

    def close(self) -> None:
        """Close connections; asking again opens them."""
        self._connections.close()

    def _attempt(self, question: Question, seconds: float) -> Response:
        within_s = min(seconds, self._patience.answer_s) + len(question.body) / _SLOWEST_BYTES_S
        try:
            response = self._post(question, within_s)
            if self._was_late(response) or (_is_unsigned(response) and self._keys.is_asked_for()):
                response = self._post(question, within_s)
        except NotSentError as error:
            raise TryAgainError(self._unreachable(error)) from error
        except (OSError, http.client.HTTPException) as error:
            raise TryAgainError(self._unreachable(error), at_once=question.is_repeatable) from error
        self._require_answer(response, question)
        return response

    def _post(self, question: Question, within_s: float) -> Response:
        headers = {
            "host": self._address.authority,
            "content-type": calls.MEDIA_TYPE,
            calls.OPERATION: question.operation,
        }
        if question.journal is not None:
            headers[calls.JOURNAL] = question.journal
        key = self._keys.key()
        if key is not None:
            at = self._clock() + self._ahead
            headers = signed(key, calls.PATH, headers, question.body, at=at, region=_REGION)
        return self._connections.post(calls.PATH, headers, question.body, within_s=within_s)

    def _was_late(self, response: Response) -> bool:
        """Whether the server's clock differs from ours; from then on requests bear its time."""
        told = response.headers.get("Date")
        if response.status == _OK or told is None or _code_of(_content(response)) != _LATE:
            return False
        self._ahead = parsedate_to_datetime(told) - self._clock()
        return True

    def _require_answer(self, response: Response, question: Question) -> None:
        """Nothing for what another attempt would not change. TryAgainError."""
        if response.status == _OK:
            return
        content = _content(response)
        after_s = wish_of(response.headers.get("Retry-After"))
        if response.status == _WAIT or _code_of(content) == _THROTTLED:
            slow = errors.StoreUnavailableError(f"The server {self._name} has too many requests.")
            raise TryAgainError(slow, after_s=after_s)
        if response.status in _PASSING:
            failure = calls.failure_from(content, self._name)
            known = failure if isinstance(failure, errors.StoreError) else self._odd(response)
            raise TryAgainError(known, after_s=after_s, at_once=question.is_repeatable)

    # What to say

    @property
    def _name(self) -> str:
        return self._address.endpoint

    def _unreachable(self, error: Exception) -> errors.StoreUnavailableError:
        return errors.StoreUnavailableError(f"The server {self._name} cannot be reached: {error or 'it hung up'}.")

    def _odd(self, response: Response) -> errors.StoreUnavailableError:
        return errors.StoreUnavailableError(
            f"The server {self._name} answered {response.status}.", hint="Something else than flowtrail may be there."
        )

    def _refusal(self, response: Response, question: Question) -> errors.FlowtrailError:
        content = _content(response)
        ours = calls.failure_from(content, self._name)
        if ours is not None:
            return ours
        if response.status == _TOO_LARGE:
            return errors.InvalidValueError(f"The server {self._name} takes no {len(question.body)} bytes at once.")
        code = _code_of(content)
        if code in _KEY_REFUSED:
            said = f"{content.get('message') or code}"
            return errors.StoreUnavailableError(
                f"The server {self._name} does not accept the key. {said}",
                hint="Check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, and this machine's clock.",
            )
        if code == _DENIED:
            return self._denied(question)
        return self._misplaced(code, response)

    def _denied(self, question: Question) -> errors.StoreError:
        cls = errors.StoreReadOnlyError if question.is_write else errors.StoreUnavailableError
        return cls(
            f"The key may not {question.operation} at the server {self._name}.",
            hint="Make one of another role there: `flowtrail keys create`.",
        )

    def _misplaced(self, code: str, response: Response) -> errors.StoreError:
        if code == _MISDIRECTED:
            return errors.StoreUnavailableError(
                f"The server {self._name} does not go by this name.", hint="Add it to server_hosts there."
            )
        if code == _UNKNOWN or response.status == http.client.UNSUPPORTED_MEDIA_TYPE:
            return errors.StoreVersionError(
                f"The server {self._name} does not know what was asked.", hint="Update flowtrail there."
            )
        return self._odd(response)


def _is_unsigned(response: Response) -> bool:
    return response.status != _OK and _code_of(_content(response)) == _UNSIGNED


def _content(response: Response) -> Mapping[str, Any]:
    try:
        content = json.loads(response.body)
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _code_of(content: Mapping[str, Any]) -> str:
    return str(content.get("__type", ""))
