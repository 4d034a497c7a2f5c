"""Names under which the server may be asked, and web pages that may ask it to change something.

A page of somebody else's can make a browser send requests to this machine, and a name of theirs can come to
mean this machine; neither gets an answer.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from plugin_core.server.refusals import Reason, RefusedError
from plugin_core.wire.signature import SignedRequest

LOOPBACK_NAMES: Final = ("localhost", "127.0.0.1", "[::1]")
SAFE_METHODS: Final = frozenset({"GET", "HEAD"})
_HOST: Final = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(:(?P<port>[0-9]{1,5}))?")
_FOREIGN_SITES: Final = frozenset({"cross-site", "same-site"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Origins:
    """Which hosts and origins are the server's own: loopback's names, and those that were set."""

    hosts: Sequence[str] = ()
    origins: Sequence[str] = ()

    def require_host(self, request: SignedRequest, *, with_buckets: bool) -> None:
        """RefusedError for another host; ``with_buckets`` takes names below the server's own for buckets."""
        given = [value for name, value in request.headers if name == "host"]
        if len(given) != 1 or not self._is_ours(given[0].lower(), with_buckets=with_buckets):
            raise RefusedError(Reason.HOST, "This server does not go by the name that it was asked under.")

    def require_origin(self, request: SignedRequest) -> None:
        """RefusedError where a browser says that a foreign page wants something changed."""
        if request.method in SAFE_METHODS:
            return
        values = dict(request.headers)
        origin, site = values.get("origin"), values.get("sec-fetch-site")
        if origin is not None and (origin in self.origins or self._is_own_page(origin, values.get("host", ""))):
            return
        if origin is not None or site in _FOREIGN_SITES:
            raise RefusedError(Reason.ORIGIN, "Pages of other sites may not change anything here.")

    def _is_ours(self, host: str, *, with_buckets: bool) -> bool:
        parts = _HOST.fullmatch(host)
        if parts is None:
            return False
        allowed = (*LOOPBACK_NAMES, *(name.lower() for name in self.hosts))
        candidates = {host, parts["name"]}
        if any(name in candidates for name in allowed):
            return True
        return with_buckets and any(
            candidate.endswith(f".{name}") for name in allowed for candidate in candidates if name[0].isalpha()
        )

    @staticmethod
    def _is_own_page(origin: str, host: str) -> bool:
        parts = urlsplit(origin)
        return parts.scheme in {"http", "https"} and parts.netloc.lower() == host.lower()
