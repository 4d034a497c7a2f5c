"""Where a store on a server is, from its URL: what to tell the driver, and what may be told to people.

Reads no environment; a password, user or host that the URL does not give is the driver's to find.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final
from urllib.parse import parse_qsl, quote, unquote, urlencode

from plugin_core.errors import SettingsError

SCHEMES: Final = frozenset({"postgresql", "postgres", "postgresql+psycopg"})
EXAMPLE: Final = "postgresql://user:password@host/database"

_DEFAULT_PORT: Final = "5432"
_DEFAULT_SCHEMA: Final = "flowtrail"
_DEFAULT_POOL: Final = 5
_SCHEMA: Final = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_POOL: Final = re.compile(r"[1-9][0-9]{0,2}")
_PLACE: Final = frozenset({"dbname", "host", "hostaddr", "port", "service"})  # of the query, what says which database


def is_server(url: str) -> bool:
    """Whether a URL is one of a PostgreSQL database."""
    return url.partition(":")[0] in SCHEMES


@dataclass(frozen=True, slots=True, repr=False)
class ServerAddress:
    """A database, and how to get in.

    ``name`` is the same for all URLs that mean the same place, and holds neither user nor password;
    ``options`` are libpq's connection parameters, the password among them.
    """

    name: str
    options: Mapping[str, str]
    schema: str
    pool_size: int

    def __repr__(self) -> str:
        return f"ServerAddress({self.name!r})"


def server_address(url: str) -> ServerAddress:
    """Read ``postgresql://user:password@host:port/database?option=value``. SettingsError, which quotes no password."""
    _, slashes, rest = url.partition("://")
    if not is_server(url) or not slashes:
        raise SettingsError("The store's URL names no PostgreSQL database.", hint=f"Use {EXAMPLE}.")
    before, _, query = rest.partition("?")
    options = _authority(before) | dict(parse_qsl(query, keep_blank_values=True))
    schema = _taken(options, "schema", _SCHEMA, _DEFAULT_SCHEMA, "a lower-case name")
    pool_size = int(_taken(options, "pool_size", _POOL, str(_DEFAULT_POOL), "a number from 1 to 999"))
    return ServerAddress(_name(options, schema), MappingProxyType(options), schema, pool_size)


def _authority(before: str) -> dict[str, str]:
    """The part up to the query. A password may hold an unescaped @: the last one ends it."""
    login, _, place = before.rpartition("@")
    hosts, _, database = place.partition("/")
    user, _, password = login.partition(":")
    parts = [_host_and_port(host) for host in hosts.split(",")] if hosts else []
    found = {
        "user": unquote(user),
        "password": unquote(password),
        "host": ",".join(unquote(host).lower() for host, _ in parts),
        "port": ",".join(port for _, port in parts).strip(","),
        "dbname": unquote(database),
    }
    return {name: value for name, value in found.items() if value}


def _host_and_port(text: str) -> tuple[str, str]:
    host, colon, port = text.rpartition(":")
    if not colon or port.endswith("]"):  # an IPv6 address in brackets has colons of its own
        host, port = text, ""
    return host.removeprefix("[").removesuffix("]"), port


def _taken(options: dict[str, str], name: str, allowed: re.Pattern[str], default: str, words: str) -> str:
    value = options.pop(name, default)
    if not allowed.fullmatch(value):
        raise SettingsError(f"The option {name} in the store's URL is {value!r}.", hint=f"It has to be {words}.")
    return value


def _name(options: Mapping[str, str], schema: str) -> str:
    """The URL that means the same place, with no more than it takes to find it."""
    place = {name: value for name, value in options.items() if name in _PLACE}
    host, port, database = (place.pop(name, "") for name in ("host", "port", "dbname"))
    if host.startswith("/") or "," in host:
        place |= {"host": host} | ({"port": port} if port else {})
        host = port = ""
    if schema != _DEFAULT_SCHEMA:
        place["schema"] = schema
    shown = f"[{host}]" if ":" in host else quote(host)
    query = urlencode(sorted(place.items()), safe="/,")
    return (
        f"postgresql://{shown}"
        + (f":{port}" if port not in {"", _DEFAULT_PORT} else "")
        + f"/{quote(database)}"
        + (f"?{query}" if query else "")
    )


# Of a record behind flowtrail's own server

REMOTE_SCHEMES: Final = frozenset({"flowtrail+http", "flowtrail+https"})
REMOTE_EXAMPLE: Final = "flowtrail+https://host"
REMOTE_BUCKET: Final = "flowtrail"  # every server has it

_REMOTE_OPTIONS: Final = frozenset({"profile"})
_HOST: Final = re.compile(r"[a-z0-9_.:-]+")


def is_remote(url: str) -> bool:
    """Whether a URL is one of a record behind a flowtrail server."""
    return url.partition(":")[0] in REMOTE_SCHEMES


@dataclass(frozen=True, slots=True)
class RemoteAddress:
    """A flowtrail server. ``name`` is the same for all URLs that mean the same record; ``endpoint`` is its HTTP URL."""

    name: str
    host: str
    port: int
    is_tls: bool
    profile: str | None = None

    @property
    def authority(self) -> str:
        """Host and port as the Host header has them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _http_port(is_tls=self.is_tls) else f"{host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether it is on this machine, where it may do without keys."""
        return self.host in {"localhost", "::1"} or self.host.startswith("127.")

    @property
    def endpoint(self) -> str:
        """Where clients of HTTP find it."""
        return f"http{'s' if self.is_tls else ''}://{self.authority}"


def remote_address(url: str) -> RemoteAddress:
    """Read ``flowtrail+https://host:port?profile=name``. SettingsError, which quotes nothing that may be a secret."""
    scheme, slashes, rest = url.partition("://")
    before, _, query = rest.partition("?")
    place, _, path = before.partition("/")
    options = dict(parse_qsl(query, keep_blank_values=True))
    if not is_remote(url) or not slashes or path or "#" in rest:
        raise SettingsError("The store's URL names no flowtrail server.", hint=f"Use {REMOTE_EXAMPLE}, without a path.")
    if "@" in place:
        raise SettingsError(
            "A key does not belong into the URL of a flowtrail server.",
            hint="Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE.",
        )
    if unknown := options.keys() - _REMOTE_OPTIONS:
        raise SettingsError(f"The URL of a flowtrail server has no option {min(unknown)!r}.", hint="It has: profile.")
    is_tls = scheme.endswith("s")
    host, port = _host_and_port(place)
    if not _HOST.fullmatch(host.lower()) or not (port or "1").isdecimal() or not 0 < int(port or 1) < _PORTS:
        raise SettingsError("The store's URL names no host.", hint=f"Use {REMOTE_EXAMPLE} or {REMOTE_EXAMPLE}:port.")
    found = RemoteAddress(
        "", host.lower(), int(port or _http_port(is_tls=is_tls)), is_tls, options.get("profile") or None
    )
    chosen = f"?{urlencode({'profile': found.profile})}" if found.profile else ""
    return replace(found, name=f"{scheme}://{found.authority}{chosen}")


_PORTS: Final = 1 << 16


def _http_port(*, is_tls: bool) -> int:
    return 443 if is_tls else 80
