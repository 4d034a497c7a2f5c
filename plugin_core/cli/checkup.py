"""The checks of `flowtrail doctor`. Each looks at one thing, and says ok, warn or fail and what to do."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib import metadata
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Final, Literal
from urllib.parse import unquote, urlsplit

from plugin_core.cli.terminal import counted, number, size
from plugin_core.errors import FlowtrailError, StoreUnavailableError
from plugin_core.stores.mounts import file_system, is_network, read_mounts
from plugin_core.tracking.settings import Origin, Settings, redacted_url
from plugin_core.tracking.settings_values import sqlite_path_text

_PASSING: Final = frozenset({"tmpfs", "ramfs", "overlay"})  # gone with the machine or the container
_LOW_BYTES: Final = 1_000_000_000
_NO_BYTES: Final = 100_000_000
_BLOBS_COUNTED: Final = 100_000
_FASTAPI_LIMIT: Final = (0, 151)
_PREFECT_RANGE: Final = ((3, 4), (4,))


@dataclass(frozen=True, slots=True)
class Check:
    """What one check found; ``fix`` says what to do, empty if nothing is."""

    name: str
    level: Literal["ok", "warn", "fail"]
    message: str
    fix: str = ""


def examine(settings: Settings, origins: Mapping[str, Origin], *, now: datetime) -> list[Check]:
    """Every check that applies here."""
    database = sqlite_path_text(settings.store)
    places = {"store": Path(database).parent} if database and database != ":memory:" else {}
    places["spool"] = Path(settings.spool_dir)
    return [
        check_settings(settings, origins),
        *check_store(settings, now),
        check_spool(Path(settings.spool_dir)),
        check_quarantine(Path(settings.spool_dir)),
        check_blobs(settings.blobs),
        *(check_disk(name, place) for name, place in places.items()),
        *(check_file_system(name, place) for name, place in places.items()),
        *check_versions(_version_of),
        check_compiled(_compiled_files()),
    ]


def check_settings(settings: Settings, origins: Mapping[str, Origin]) -> Check:
    """Where the record goes and who says so; whether recording is off."""
    told = f"store {redacted_url(settings.store)} (from {origins['store']})"
    if settings.disabled:
        return Check(
            "settings", "warn", f"{told}; recording is switched off (by {origins['disabled']})", "set disabled to 0"
        )
    if settings.capture != "full":
        told += f"; capture is {settings.capture} (from {origins['capture']})"
    return Check("settings", "ok", told)


# The store


def check_store(settings: Settings, now: datetime) -> Iterator[Check]:
    """Whether the store opens and answers, how large it is, and what is unsettled in it."""
    from plugin_core.stores import open_store
    from plugin_core.tracking.reconcile import local_liveness, settle

    try:
        store = open_store(settings.store, read_only=True)
        counts, about = store.counts(), store.about()
        stale = settle(store, now=now, alive=local_liveness(Path(settings.spool_dir)), dry_run=True)
        store.close()
    except FlowtrailError as error:
        if isinstance(error, StoreUnavailableError) and error.is_new:
            yield Check("store", "ok", "not made yet; the first recorded run makes it")
            return
        yield Check("store", "fail", f"{error.message} [{error.code}]", error.hint or "see docs/durability.md")
        return
    shown = ", ".join(counted(count, what) for what, count in counts.items())
    yield Check("store", "ok", f"opens; {about}; {shown}")
    if stale:
        yield Check(
            "runs", "warn", f"{len(stale)} count as running though their process is gone", "flowtrail reconcile"
        )


# Journals and blobs


def check_spool(spool: Path) -> Check:
    """Whether journals can be written, and what waits in those that are there."""
    from plugin_core.cli.recover import told_of_parcels
    from plugin_core.journal import list_journals, waiting

    states = {True: "of living processes", False: "of processes that are gone", None: "of other machines"}
    found = list_journals(spool)
    told = ", ".join(
        f"{counted(len(sizes), 'journals')} {words} ({size(sum(sizes))})"
        for state, words in states.items()
        if (sizes := [journal.size_bytes for journal in found if journal.is_alive is state])
    )
    parcels = waiting(spool)
    if parcels:
        told = f"{told}, {told_of_parcels(parcels)}" if told else told_of_parcels(parcels)
    if parcels or any(journal.is_alive is not True for journal in found):
        return Check("spool", "warn", f"{spool}: {told}", "flowtrail recover")
    return _writable("spool", spool, told or "empty")


def _writable(name: str, folder: Path, told: str) -> Check:
    nearest = next(place for place in (folder, *folder.parents) if place.exists())
    if os.access(nearest, os.W_OK | os.X_OK):
        return Check(name, "ok", f"{folder}: {told}")
    return Check(name, "fail", f"{nearest} may not be written", "set FLOWTRAIL_SPOOL_DIR to a folder that may")


def check_quarantine(spool: Path) -> Check:
    """Damaged journals: all that could be read of them is in the store already."""
    reports = list((spool / "quarantine").glob("*")) if (spool / "quarantine").is_dir() else []
    if not reports:
        return Check("quarantine", "ok", "no damaged journals")
    fix = f"read the reports in {spool / 'quarantine'}, then delete it"
    return Check("quarantine", "warn", f"{len(reports)} files of damaged journals", fix)


def check_blobs(url: str) -> Check:
    """How many bytes are kept."""
    folder = Path(unquote(urlsplit(url).path))
    if not url.startswith("file:"):
        return Check("blobs", "ok", redacted_url(url))
    if not folder.is_dir():
        return Check("blobs", "ok", f"{folder}: empty")
    found = list(islice((entry for entry in folder.rglob("*") if entry.is_file()), _BLOBS_COUNTED + 1))
    total = size(sum(entry.stat().st_size for entry in found))
    many = f"more than {_BLOBS_COUNTED}" if len(found) > _BLOBS_COUNTED else str(len(found))
    return Check("blobs", "ok", f"{folder}: {many} files, {total}")


# The machine


def check_disk(name: str, folder: Path) -> Check:
    """Whether there is room."""
    nearest = next(place for place in (folder, *folder.parents) if place.exists())
    return judge_space(name, shutil.disk_usage(nearest).free)


def judge_space(name: str, free: int) -> Check:
    """What so many free bytes mean."""
    label, told = f"disk ({name})", f"{size(free)} free"
    if free < _NO_BYTES:
        return Check(label, "fail", told, "make room: what is logged waits in memory, and then is lost")
    if free < _LOW_BYTES:
        return Check(label, "warn", told, "make room")
    return Check(label, "ok", told)


def check_file_system(name: str, folder: Path, mounts: str | None = None) -> Check:
    """Whether locks work there, and whether it outlives the container. ``mounts`` is /proc/self/mountinfo's text."""
    label = f"file system ({name})"
    kind = file_system(folder, read_mounts() if mounts is None else mounts)
    if is_network(kind):
        return Check(
            label, "fail", f"{folder} is on {kind}, where locks do not work", f"move the {name} to a local disk"
        )
    if kind in _PASSING and name == "spool":
        fix = "in a container, put FLOWTRAIL_SPOOL_DIR on a volume"
        return Check(label, "warn", f"{folder} is on {kind}: it may be gone when the container is", fix)
    return Check(label, "ok", kind or "unknown")


def check_versions(version_of: Callable[[str], str | None]) -> Iterator[Check]:
    """Whether what is installed goes together."""
    python = ".".join(number(part) for part in sys.version_info[:3])
    yield Check("versions", "ok", f"flowtrail {version_of('flowtrail')}, Python {python}")
    prefect, fastapi = version_of("prefect"), version_of("fastapi")
    if prefect is None:
        yield Check("prefect", "ok", "not installed")
        return
    low, high = _PREFECT_RANGE
    if not low <= _numbers(prefect) < high:
        yield Check("prefect", "warn", f"{prefect} is not one that is tested", 'pip install "prefect>=3.4,<4"')
    elif fastapi is not None and _numbers(fastapi) >= _FASTAPI_LIMIT:
        told = f"{prefect} with fastapi {fastapi}: Prefect's own server does not start with it"
        yield Check("prefect", "fail", told, 'pip install "fastapi<0.151"')
    else:
        yield Check("prefect", "ok", f"{prefect}" + (f", fastapi {fastapi}" if fastapi else ""))


def _version_of(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def check_compiled(files: Mapping[str, str | None]) -> Check:
    """Whether Python keeps what it compiles, by package: if not, each process compiles all that it imports anew."""
    missing = [package for package, file in files.items() if file is not None and not Path(file).exists()]
    if not missing:
        return Check("bytecode", "ok", "kept")
    told = f"none of {' and '.join(missing)}: each process spends up to half a second on compiling them"
    return Check("bytecode", "warn", told, "unset PYTHONDONTWRITEBYTECODE, or run python -m compileall once")


def _compiled_files() -> dict[str, str | None]:
    specs = {package: find_spec(package) for package in ("plugin_core", "sqlalchemy")}
    return {package: spec.cached for package, spec in specs.items() if spec is not None}


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])
