"""Page tokens: where a listing goes on, in a form that a client can neither read meaning into nor forge.

A token holds a keyset, what it belongs to (operation, filters and tenant, as a hash) and when it ends,
under an HMAC of the server's secret, so that any worker of any host that has the secret can go on.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from plugin_core.wire.faults import WireError, invalid

_LIFETIME_S: Final = 24 * 3_600
_MAC_BYTES: Final = 16
_PURPOSE: Final = b"flowtrail page tokens 1"


def token_key(secret: bytes) -> bytes:
    """The key of page tokens, derived from the server's secret."""
    return hmac.digest(secret, _PURPOSE, "sha256")


@dataclass(frozen=True, slots=True)
class Pages:
    """Makes and reads the tokens of one request."""

    key: bytes
    now_s: int
    about: Callable[[], str]  # operation, filters and tenant: few requests ask for a page

    def seal(self, after: Any) -> str:
        """The token of a listing that goes on after a keyset (of what JSON can hold)."""
        content = [1, after, self._hash(), self.now_s + _LIFETIME_S]
        body = json.dumps(content, separators=(",", ":")).encode()
        return base64.urlsafe_b64encode(self._mac(body) + body).decode()

    def open(self, token: str) -> Any:
        """The keyset of a token; WireError for one that is forged, too old or of another listing."""
        body = self._verified(token)
        version, after, about, ends = json.loads(body)
        if version != 1 or about != self._hash() or ends < self.now_s:
            raise _refused()
        return after

    def _verified(self, token: str) -> bytes:
        try:
            raw = base64.b64decode(token.encode("ascii"), altchars=b"-_", validate=True)
        except ValueError:
            raise _refused() from None
        mac, body = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
        if not hmac.compare_digest(mac, self._mac(body)):
            raise _refused()
        return body

    def _mac(self, body: bytes) -> bytes:
        return hmac.digest(self.key, body, "sha256")[:_MAC_BYTES]

    def _hash(self) -> str:
        return hashlib.sha256(self.about().encode()).hexdigest()[:16]


def _refused() -> WireError:
    return invalid("The NextToken is not one of this listing, or too old. Start again without it.")
