"""From what a setting's source says to the setting's value, or a SettingsError that names value and alternatives.

Reads no source and no clock; relative paths are resolved against the folder that is passed in.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, unquote

from plugin_core.errors import SettingsError
from plugin_core.stores.addresses import (
    EXAMPLE,
    REMOTE_EXAMPLE,
    is_remote,
    is_server,
    remote_address,
    server_address,
)
from plugin_core.stores.aws import address as sagemaker
from plugin_core.stores.aws.address import is_sagemaker, sagemaker_address

_TRUE: Final = frozenset({"1", "true", "yes", "on"})
_FALSE: Final = frozenset({"0", "false", "no", "off"})
_SCHEME: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:")
_USER_INFO: Final = re.compile(r"(?<=://)([^/@:\s]*):\S*@")  # to the last @: passwords may hold any character
_SECRET_QUERY: Final = re.compile(r"(?i)([?&;][^=&;#\s]*(?:pass|secret|token|key|sig|cred|auth)[^=&;#\s]*=)[^&;#\s]*")


class RejectedError(Exception):
    """A value that a parser does not take; says what it would. Becomes a SettingsError where the field is known."""


@dataclass(frozen=True, slots=True)
class Parser:
    """Turns what a source says (text, or a TOML value) into a value; ``allowed`` is for error messages."""

    allowed: str
    parse: Callable[[Any, Path], Any]


def redacted_url(url: str) -> str:
    """The URL with passwords in it, and query values that look like secrets, replaced by ``***``."""
    return _SECRET_QUERY.sub(r"\1***", _USER_INFO.sub(r"\1:***@", url))


def has_credentials(url: str) -> bool:
    """Whether a URL holds a password or a query value that looks like a secret."""
    return redacted_url(url) != url


def check(field: str, parser: Parser, value: Any, folder: Path, where: str) -> Any:
    """Parse the value that ``where`` gives for ``field``; SettingsError."""
    try:
        return parser.parse(value, folder)
    except RejectedError as error:
        detail = f": {error}" if str(error) else ""
        shown = redacted_url(repr(value))
        raise SettingsError(
            f"The setting {field} has the value {shown} (from {where}), which cannot be used{detail}.",
            hint=f"Allowed: {parser.allowed}.",
        ) from None


def _text(value: Any, _: Path) -> str:
    if not isinstance(value, str) or not value.strip():
        raise RejectedError
    return value.strip()


def _flag(value: Any, _: Path) -> bool:
    word = str(value).strip().lower()
    if isinstance(value, bool | int | str) and word in _TRUE | _FALSE:
        return word in _TRUE
    raise RejectedError


def flag_of(text: str) -> bool | None:
    """What an environment variable says about a flag; None if it says nothing that can be understood."""
    word = text.strip().lower()
    return True if word in _TRUE else False if word in _FALSE else None


def _count(value: Any, _: Path) -> int:
    try:
        number = int(str(value).strip().replace("_", "")) if not isinstance(value, bool | float) else -1
    except ValueError:
        raise RejectedError from None
    if number < 0:
        raise RejectedError
    return number


def _seconds(value: Any, _: Path) -> float:
    try:
        number = float(value) if not isinstance(value, bool) else -1.0
    except (TypeError, ValueError):
        raise RejectedError from None
    if not math.isfinite(number) or number < 0:
        raise RejectedError
    return number


def _names(value: Any, _: Path) -> tuple[str, ...]:
    parts: Iterable[Any] = value.split(",") if isinstance(value, str) else value if _is_sequence(value) else ()
    names = tuple(part.strip() if isinstance(part, str) else part for part in parts)
    if not isinstance(value, str) and not _is_sequence(value):
        raise RejectedError
    if not all(isinstance(name, str) for name in names):
        raise RejectedError("each must be text")
    return tuple(name for name in names if name)


def _is_sequence(value: Any) -> bool:
    return isinstance(value, list | tuple)


def one_of(*words: str) -> Parser:
    """A parser that takes one of some words, whatever their case."""

    def parse(value: Any, _: Path) -> str:
        word = str(value).strip().lower()
        if word not in words:
            raise RejectedError
        return word

    return Parser(", ".join(words[:-1]) + " or " + words[-1], parse)


def _path(value: Any, folder: Path) -> Path:
    if not isinstance(value, str | os.PathLike) or not str(value):
        raise RejectedError
    return _absolute(os.fspath(value), folder)


def _absolute(text: str, folder: Path) -> Path:
    # Not resolve(): the path is shown to people, and a symlink in it is their own choice.
    return Path(os.path.abspath(folder / Path(text).expanduser()))  # noqa: PTH100


def _store_url(value: Any, folder: Path) -> str:
    url = _url(value, folder)
    if is_server(url):
        return _address(url, server_address)
    if is_remote(url):
        return _address(url, remote_address)
    if is_sagemaker(url):
        return _address(url, sagemaker_address)
    path = sqlite_path_text(url)
    if path is None or path in {"", ":memory:"}:
        return url
    name, question, query = path.partition("?")
    return sqlite_url(_absolute(name, folder)) + question + query


def _address(url: str, read: Callable[[str], object]) -> str:
    try:
        read(url)
    except SettingsError as error:
        raise RejectedError(f"{error.message} {error.hint or ''}".strip()) from None
    return url


def _blobs_url(value: Any, folder: Path) -> str:
    url = _url(value, folder)
    if is_remote(url):
        return _address(url, remote_address)
    if not url.startswith("file:"):
        return url
    rest = unquote(url.removeprefix("file:"))
    if rest.startswith("//") and not rest.startswith("///"):
        raise RejectedError("a file URL has three slashes, or none for a relative folder")
    return file_url(_absolute(rest.removeprefix("//"), folder))


def _url(value: Any, folder: Path) -> str:
    url = _text(value, folder)
    if not _SCHEME.match(url):
        raise RejectedError("it is not a URL")
    return url


def sqlite_path_text(url: str) -> str | None:
    """What stands behind ``sqlite:///`` ("" for a database in memory); None for another kind of store."""
    if not url.startswith("sqlite:"):
        return None
    rest = url.removeprefix("sqlite:")
    if rest in {"", "//", "///"}:
        return ""
    if not rest.startswith("///"):
        raise RejectedError("an SQLite URL has three slashes, then a relative path or a fourth slash")
    return rest[3:]


def sqlite_url(path: Path) -> str:
    """``sqlite:///`` with the path as it is: SQLAlchemy takes no percent signs there."""
    return f"sqlite:///{path}"


def file_url(path: Path) -> str:
    """``file://`` with the path, percent-encoded."""
    return f"file://{quote(str(path))}"


TEXT: Final = Parser("text", _text)
FLAG: Final = Parser("true or false (also 1 and 0, yes and no, on and off)", _flag)
COUNT: Final = Parser("a whole number of bytes, 0 or more", _count)
NUMBER: Final = Parser("a whole number, 0 or more", _count)
SECONDS: Final = Parser("a number of seconds, 0 or more", _seconds)
NAMES: Final = Parser("names divided by commas, or a list of them", _names)
PATH: Final = Parser("a folder", _path)
STORE_URL: Final = Parser(
    f"sqlite:///relative/path.db, sqlite:////absolute/path.db, {EXAMPLE}, {REMOTE_EXAMPLE} or {sagemaker.EXAMPLE}",
    _store_url,
)
BLOBS_URL: Final = Parser(
    f"file:///absolute/folder, file:relative/folder, s3://bucket/prefix or {REMOTE_EXAMPLE}", _blobs_url
)
