"""The settings of this process, and where each came from.

``configure()`` > a recording parent process > FLOWTRAIL_* variables > the project's .env > flowtrail.toml
> [tool.flowtrail] in pyproject.toml > a profile > defaults. Values are checked by hand-written parsers:
importing a settings framework would cost each step process more CPU than all else that recording imports.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from plugin_core.errors import SettingsError
from plugin_core.stores.addresses import is_remote
from plugin_core.stores.aws.address import is_sagemaker, sagemaker_address
from plugin_core.tracking import settings_values as values
from plugin_core.tracking.settings_sources import (
    Layer,
    Origin,
    Surroundings,
    carrier_layer,
    did_you_mean,
    dotenv_layer,
    environment_layer,
    profile_layer,
    project_folder,
    project_layers,
)
from plugin_core.tracking.settings_values import has_credentials, redacted_url

__all__ = [
    "CaptureLevel",
    "Durability",
    "Origin",
    "Settings",
    "configure",
    "current_settings",
    "has_credentials",
    "is_disabled",
    "on_configure",
    "origins",
    "read_settings",
    "redacted_url",
    "reset_configuration",
]

CaptureLevel: TypeAlias = Literal["off", "params", "meta", "full"]
Durability: TypeAlias = Literal["process", "1s", "every"]
LogLevel: TypeAlias = Literal["debug", "info", "warning", "error"]

_DEFAULT: Final = Origin("default", "default")


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """What can be set. Each field ``x`` is the variable FLOWTRAIL_X and the key ``x`` of the files.

    ``store`` and ``blobs`` are URLs with absolute paths. Times are in seconds, sizes in bytes.
    """

    store: str
    blobs: str
    spool_dir: Path
    ui_url: str | None = None
    dagster_url: str | None = None
    experiment: str | None = None
    profile: str | None = None
    capture: CaptureLevel = "full"
    capture_max_bytes: int = 10_000_000
    redact: tuple[str, ...] = ()
    strict: bool = False
    disabled: bool = False
    log_level: LogLevel = "warning"
    flush_timeout_s: float = 2.0
    exit_flush_timeout_s: float = 5.0
    durability: Durability = "1s"
    wire_limits: bool = True
    wire_strict_artifacts: bool = False
    sagemaker_jobs: bool = False
    server_dir: Path
    server_hosts: tuple[str, ...] = ()
    server_origins: tuple[str, ...] = ()
    server_clock_window_s: float = 900.0
    server_requests_per_s: int = 500
    server_max_object_bytes: int = 5 << 30
    tenant_store: str | None = None
    tenant_blobs: str | None = None

    def __repr__(self) -> str:
        shown = (
            f"{name}={redacted_url(value) if name in {'store', 'blobs'} else value!r}"
            for name, value in ((field.name, getattr(self, field.name)) for field in fields(self))
        )
        return f"Settings({', '.join(shown)})"


_PARSERS: Final[Mapping[str, values.Parser]] = {
    "store": values.STORE_URL,
    "blobs": values.BLOBS_URL,
    "spool_dir": values.PATH,
    "ui_url": values.TEXT,
    "dagster_url": values.TEXT,
    "experiment": values.TEXT,
    "profile": values.TEXT,
    "capture": values.one_of("off", "params", "meta", "full"),
    "capture_max_bytes": values.COUNT,
    "redact": values.NAMES,
    "strict": values.FLAG,
    "disabled": values.FLAG,
    "log_level": values.one_of("debug", "info", "warning", "error"),
    "flush_timeout_s": values.SECONDS,
    "exit_flush_timeout_s": values.SECONDS,
    "durability": values.one_of("process", "1s", "every"),
    "wire_limits": values.FLAG,
    "wire_strict_artifacts": values.FLAG,
    "sagemaker_jobs": values.FLAG,
    "server_dir": values.PATH,
    "server_hosts": values.NAMES,
    "server_origins": values.NAMES,
    "server_clock_window_s": values.SECONDS,
    "server_requests_per_s": values.NUMBER,
    "server_max_object_bytes": values.COUNT,
    "tenant_store": values.TEXT,
    "tenant_blobs": values.TEXT,
}

_lock = threading.RLock()
_arguments: dict[str, Any] = {}
_loaded: tuple[Settings, Mapping[str, Origin]] | None = None
_listeners: list[Callable[[], None]] = []


def _after_fork() -> None:
    global _lock  # noqa: PLW0603 - another thread may have held it at the fork
    _lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def current_settings() -> Settings:
    """The settings of this process, read on first need and again after ``configure()``. SettingsError."""
    return _load()[0]


def origins() -> Mapping[str, Origin]:
    """Where each field of ``current_settings()`` came from. SettingsError."""
    return _load()[1]


def configure(**overrides: Any) -> Settings:
    """Set fields of Settings for this process, over every other source; None takes an override back.

    All sources are read again. What was logged before goes where it was headed: the engine in use is
    closed first if anything changed. SettingsError for unknown names and bad values; then nothing changed.
    """
    global _arguments, _loaded
    _refuse_unknown(overrides)
    with _lock:
        merged = {k: v for k, v in {**_arguments, **overrides}.items() if v is not None}
        before, after = _loaded, read_settings(merged, Surroundings.of_process())
        _arguments, _loaded = merged, after
    _apply_log_level(after)
    if before is None or before[0] != after[0]:
        _tell_listeners()
    return after[0]


def reset_configuration() -> None:
    """Take back all that ``configure()`` set; the sources are read again when the settings are next needed."""
    global _loaded  # noqa: PLW0603 - as above
    with _lock:
        _arguments.clear()
        _loaded = None
    _tell_listeners()


def _tell_listeners() -> None:
    for listener in tuple(_listeners):
        listener()


def on_configure(listener: Callable[[], None]) -> None:
    """Have ``listener`` called after each change by ``configure()`` or ``reset_configuration()``."""
    if listener not in _listeners:
        _listeners.append(listener)


def is_disabled() -> bool:
    """Whether flowtrail is switched off. Costs a microsecond; never raises: unreadable settings do not disable."""
    given = _arguments.get("disabled")
    if given is not None:
        return values.flag_of(str(given)) is True
    # Asked for first: to look up what is not there makes an exception.
    text = "FLOWTRAIL_DISABLED" in os.environ and os.environ.get("FLOWTRAIL_DISABLED")
    if text and (flag := values.flag_of(text)) is not None:
        return flag
    loaded = _loaded
    if loaded is not None:
        return loaded[0].disabled
    try:
        return current_settings().disabled
    except SettingsError:
        return False


def _load() -> tuple[Settings, Mapping[str, Origin]]:
    global _loaded  # noqa: PLW0603 - as above
    loaded = _loaded
    if loaded is None:
        with _lock:
            loaded = _loaded
            if loaded is None:
                loaded = _loaded = read_settings(_arguments, Surroundings.of_process())
                _apply_log_level(loaded)
    return loaded


def _apply_log_level(loaded: tuple[Settings, Mapping[str, Origin]]) -> None:
    if loaded[1]["log_level"] is not _DEFAULT:
        logging.getLogger("flowtrail").setLevel(loaded[0].log_level.upper())


def _refuse_unknown(names: Mapping[str, Any]) -> None:
    unknown = [name for name in names if name not in _PARSERS]
    if unknown:
        raise SettingsError(
            f"configure() knows no setting {unknown[0]}{did_you_mean(unknown[0], _PARSERS)}.",
            hint=f"Settings: {', '.join(_PARSERS)}.",
        )


def read_settings(arguments: Mapping[str, Any], surroundings: Surroundings) -> tuple[Settings, Mapping[str, Origin]]:
    """Read all sources and return the settings and their origins; nothing is cached. SettingsError."""
    project = project_folder(surroundings.cwd)
    layers = _layers(arguments, surroundings, project)
    found: dict[str, Any] = {}
    places: dict[str, Origin] = dict.fromkeys(_PARSERS, _DEFAULT)
    for layer in reversed(layers):  # the strongest last; weaker values are checked too: a typo shows at once
        for field, (value, origin) in layer.values.items():
            found[field] = values.check(field, _PARSERS[field], value, layer.folder, str(origin))
            places[field] = origin
    home = project / ".flowtrail" if project else None
    return Settings(**_with_places(found, home, surroundings)), places


def _layers(arguments: Mapping[str, Any], surroundings: Surroundings, project: Path | None) -> list[Layer]:
    names = _PARSERS.keys()
    given = {k: (v, Origin("argument", f"the argument {k}")) for k, v in arguments.items()}
    layers = [
        Layer(given, surroundings.cwd),
        carrier_layer(surroundings.environ, surroundings.cwd),
        environment_layer(surroundings.environ, names, surroundings.cwd),
    ]
    if project is not None:
        layers += [dotenv_layer(project, names), *project_layers(project, names)]
    chosen = next((layer.values["profile"] for layer in layers if "profile" in layer.values), None)
    if chosen is not None:
        value, origin = chosen
        name = values.check("profile", values.TEXT, value, surroundings.cwd, str(origin))
        layers.append(profile_layer(name, origin, surroundings.config_home(), names))
    return layers


def _with_places(found: dict[str, Any], home: Path | None, surroundings: Surroundings) -> dict[str, Any]:
    """Fill in the default places: the project's .flowtrail or the user's data; blobs and spool beside the database.

    What is recorded at a server has its bytes there, too.
    """
    if "store" not in found:
        home = home or surroundings.data_home()
        found["store"] = values.sqlite_url(home / "record.db")
    database = (values.sqlite_path_text(found["store"]) or "").partition("?")[0]
    if database in {"", ":memory:"}:
        beside, prefix = home or surroundings.data_home(), ""
    else:
        path = Path(database)
        # Two databases in one folder share no files; the usual name needs no prefix.
        beside, prefix = path.parent, "" if path.name == "record.db" else f"{path.stem}."
    found.setdefault("blobs", _blobs_with(found["store"]) or values.file_url(beside / f"{prefix}blobs"))
    found.setdefault("spool_dir", beside / f"{prefix}spool")
    found.setdefault("server_dir", beside / f"{prefix}server")
    return found


def _blobs_with(store: str) -> str | None:
    """Where bytes are kept if a store's URL says it."""
    if is_sagemaker(store):
        return sagemaker_address(store).blobs_url or store
    return store if is_remote(store) else None
