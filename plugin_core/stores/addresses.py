"""Where a store on a server is, from its URL: what to tell the driver, and what may be told to people.

Reads no environment; a password, user or host that the URL does not give is the driver's to find.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
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
