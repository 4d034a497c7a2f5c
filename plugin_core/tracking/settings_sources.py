"""Where settings are read: environment, .env, flowtrail.toml, pyproject.toml and profiles, strongest first.

Gives what each source says, as it says it; knows no field's type. Refuses keys that no field has.
"""

from __future__ import annotations

import difflib
import logging
import os
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from plugin_core.errors import SettingsError
from plugin_core.tracking.carrier import RUN_CONTEXT_VARIABLE, from_env

PREFIX: Final = "FLOWTRAIL_"
# Written by us for children; and the server's secrets, which are no settings: `config show` prints those.
RESERVED: Final = frozenset(
    {RUN_CONTEXT_VARIABLE, "FLOWTRAIL_AUTOLOG", "FLOWTRAIL_SERVER_SECRET", "FLOWTRAIL_SERVER_METRICS_TOKEN"}
)
PROJECT_FILE: Final = "flowtrail.toml"
_MARKERS: Final = (PROJECT_FILE, "pyproject.toml", ".git")
_log = logging.getLogger("flowtrail")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a setting's value came from: ``kind`` is the source, ``where`` the variable, file or call.

    Kinds, strongest first: argument, parent, environment, .env, flowtrail.toml, pyproject.toml, profile, default.
    """

    kind: str
    where: str

    def __str__(self) -> str:
        return self.where if self.kind != "default" else "default"


@dataclass(frozen=True, slots=True)
class Layer:
    """What one source says: raw values by field, where each stands, and the folder its relative paths start from."""

    values: Mapping[str, tuple[Any, Origin]]
    folder: Path


@dataclass(frozen=True, kw_only=True, slots=True)
class Surroundings:
    """What settings are read from besides arguments; passed in so that tests need no patches."""

    environ: Mapping[str, str]
    cwd: Path

    @classmethod
    def of_process(cls) -> Surroundings:
        """The environment and working directory of this process."""
        return cls(environ=os.environ, cwd=_working_directory())

    def config_home(self) -> Path:
        """The folder of the user's own configuration of flowtrail."""
        given = self.environ.get("XDG_CONFIG_HOME")
        if given:
            return Path(given) / "flowtrail"
        from platformdirs import user_config_path

        return user_config_path("flowtrail", appauthor=False)

    def data_home(self) -> Path:
        """The folder of the user's records outside any project."""
        given = self.environ.get("XDG_DATA_HOME")
        if given:
            return Path(given) / "flowtrail"
        from platformdirs import user_data_path

        return user_data_path("flowtrail", appauthor=False)


def _working_directory() -> Path:
    try:
        return Path.cwd()
    except OSError:  # it was deleted under us
        return Path(os.sep)


def project_folder(cwd: Path) -> Path | None:
    """The nearest folder, upward from ``cwd``, with a flowtrail.toml, pyproject.toml or .git."""
    for folder in (cwd, *cwd.parents):
        if any(os.path.exists(folder / marker) for marker in _MARKERS):  # noqa: PTH110 - False, not an error, if unreadable
            return folder
    return None


def environment_layer(environ: Mapping[str, str], fields: Collection[str], cwd: Path) -> Layer:
    """FLOWTRAIL_* variables; an empty one is as good as unset, an unknown one gets a warning."""
    found = {name: text for name, text in environ.items() if name.startswith(PREFIX) and text.strip()}
    known, unknown = _by_field(found, fields)
    if unknown:
        _warn_unknown(unknown, fields, "the environment")
    return Layer({field: (text, Origin("environment", name)) for field, name, text in known}, cwd)


def carrier_layer(environ: Mapping[str, str], cwd: Path) -> Layer:
    """Where the parent process records, so that a child in another folder finds the same store."""
    address = from_env(environ)
    if address is None:
        return Layer({}, cwd)
    given = {"store": address.store, "blobs": address.blobs, "spool_dir": address.spool}
    origin = Origin("parent", f"the parent process ({RUN_CONTEXT_VARIABLE})")
    return Layer({field: (value, origin) for field, value in given.items() if value is not None}, cwd)


def dotenv_layer(folder: Path, fields: Collection[str]) -> Layer:
    """FLOWTRAIL_* lines of the project's .env; nothing else in it is looked at."""
    path = folder / ".env"
    try:
        if not path.is_file() or PREFIX not in path.read_text("utf-8", "replace"):
            return Layer({}, folder)
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}.") from error
    from dotenv import dotenv_values

    lines = dotenv_values(path, interpolate=False, encoding="utf-8")
    found = {name: text for name, text in lines.items() if name.startswith(PREFIX) and text}
    known, unknown = _by_field(found, fields)
    if unknown:
        _warn_unknown(unknown, fields, str(path))
    return Layer({field: (text, Origin(".env", f"{name} in {path}")) for field, name, text in known}, folder)


def _by_field(found: Mapping[str, str], fields: Collection[str]) -> tuple[list[tuple[str, str, str]], list[str]]:
    known = [(name[len(PREFIX) :].lower(), name, text) for name, text in found.items()]
    unknown = [name for field, name, _ in known if field not in fields and name not in RESERVED]
    return [entry for entry in known if entry[0] in fields], sorted(unknown)


def _warn_unknown(names: list[str], fields: Collection[str], where: str) -> None:
    shown = ", ".join(name + did_you_mean(name[len(PREFIX) :].lower(), fields, as_variable=True) for name in names)
    _log.warning("flowtrail knows no setting for %s (in %s)", shown, where)


def did_you_mean(word: str, words: Iterable[str], *, as_variable: bool = False) -> str:
    """``" (did you mean ...?)"`` if one of the words is close, else nothing."""
    close = difflib.get_close_matches(word, list(words), n=1, cutoff=0.6)
    if not close:
        return ""
    return f" (did you mean {PREFIX + close[0].upper() if as_variable else close[0]}?)"


def project_layers(folder: Path, fields: Collection[str]) -> list[Layer]:
    """flowtrail.toml, then [tool.flowtrail] of pyproject.toml; SettingsError for keys that no setting has."""
    own = _read_toml(folder / PROJECT_FILE)
    tools = _read_toml(folder / "pyproject.toml", strict=False).get("tool", {})
    tool = tools.get("flowtrail", {}) if isinstance(tools, dict) else {}
    pyproject = folder / "pyproject.toml"
    return [
        _table_layer(own, "flowtrail.toml", str(folder / PROJECT_FILE), folder, fields),
        _table_layer(tool, "pyproject.toml", f"[tool.flowtrail] in {pyproject}", folder, fields),
    ]


def profile_layer(name: str, origin: Origin, config_home: Path, fields: Collection[str]) -> Layer:
    """The table ``[name]`` of profiles.toml in the user's configuration folder; SettingsError if there is none."""
    path = config_home / "profiles.toml"
    profiles = _read_toml(path)
    if name not in profiles:
        listed = ", ".join(sorted(profiles)) or "none"
        raise SettingsError(
            f"The profile {name!r} (from {origin}) is not in {path}{did_you_mean(name, profiles)}. It holds: {listed}.",
            hint=f"Add a table [{name}] there, or leave the profile out.",
        )
    return _table_layer(profiles[name], "profile", f"profile {name} in {path}", config_home, set(fields) - {"profile"})


def _read_toml(path: Path, *, strict: bool = True) -> dict[str, Any]:
    """A file's content, empty if there is none; not ``strict``: also if it is not TOML (someone else's file)."""
    try:
        content = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        if not strict:
            return {}
        raise SettingsError(f"{path} cannot be read: {error.strerror}.") from error
    if not strict and b"flowtrail" not in content:
        return {}
    import tomllib

    try:
        return tomllib.loads(content.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        if not strict:
            return {}
        raise SettingsError(f"{path} is not valid TOML: {error}.") from error


def _table_layer(table: Any, kind: str, where: str, folder: Path, fields: Collection[str]) -> Layer:
    if not isinstance(table, dict):
        raise SettingsError(f"{where} must be a table of settings.")
    names = {key: key.replace("-", "_") for key in table}
    unknown = [key for key, field in names.items() if field not in fields]
    if unknown:
        raise SettingsError(
            f"{where} has a key that no setting has: {unknown[0]}{did_you_mean(unknown[0], fields)}.",
            hint=f"Settings: {', '.join(sorted(fields))}.",
        )
    return Layer({field: (table[key], Origin(kind, where)) for key, field in names.items()}, folder)
